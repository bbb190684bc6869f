import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { EbayAuthService } from '../auth/service.ts';
import { EbayProductCollector } from '../collector/collector.ts';
import { credentialProblems } from '../config/checks.ts';
import { type Config, ConfigError } from '../config/config.ts';
import { EbayClient } from '../ebay/client.ts';
import { serveOperations } from '../http/operations.ts';
import { Lifecycle, type StopReport } from '../lifecycle.ts';
import { setPace } from '../queue/callsQueue.ts';
import type { QueueContext } from '../queue/context.ts';
import { admissionBy } from '../queue/gateViews.ts';
import { houseRules, runsTtlMs } from '../queue/houseRules.ts';
import { callsQueueName } from '../queue/names.ts';
import { applySchedules } from '../queue/schedules/file.ts';
import { Schedules } from '../queue/schedules/schedules.ts';
import { openSearchQueue } from '../queue/searchQueue.ts';
import { type RunningWorker, startWorker } from '../queue/worker.ts';
import { bootChecks } from '../redis/bootChecks.ts';
import { openRedis, waitForRedis } from '../redis/connection.ts';
import { IdenticalSearches } from '../results/identicalSearches.ts';
import { ResultStore } from '../results/resultStore.ts';
import { RunStates } from '../results/runState.ts';
import { Tracks } from '../results/tracks.ts';
import type { Logger, LogRoot } from '../telemetry/logger.ts';
import { createMetrics, type Metrics } from '../telemetry/metrics.ts';
import { startUpkeep } from '../upkeep/upkeep.ts';

import { CALLER_DEADLINE_MS, callGate, TENANT } from './gate.ts';

/** What waiting cannot mend: this Redis must not be used. One sentence for each reason, with the remedy. */
export class BootError extends Error {
  override readonly name = 'BootError';
}

const SECOND = 1000;

export interface WorkerApp {
  /** Finishes or hands back what is under way, within `SHUTDOWN_GRACE`; may be called again. */
  stop(): Promise<StopReport>;
}

export interface WorkerAppOptions {
  /** Stops waiting for Redis. */
  signal?: AbortSignal;
  /** Changes what the jobs work with, e.g. to watch or to disturb a part of it. */
  adapt?: (context: QueueContext) => QueueContext;
}

/**
 * A worker of both queues. Waits for Redis as long as it takes, with a log line a second.
 * @throws ConfigError without a usable keyset; BootError when this Redis would lose jobs.
 */
export async function startWorkerApp(
  config: Config,
  log: LogRoot,
  { signal, adapt = (context) => context }: WorkerAppOptions = {},
): Promise<WorkerApp> {
  const problems = credentialProblems(config);
  if (problems.length > 0) throw new ConfigError(problems);
  const lifecycle = new Lifecycle();
  const logger = log.component('worker');
  const redis = lifecycle.opened('Redis', openRedis(config.redis, 'caller', logger), (r) => r.disconnect());
  try {
    await redisIsFit(redis, config, log, signal);
    const metrics = createMetrics();
    const client = await openEbay(lifecycle, { redis, config, log, metrics });
    const context = adapt(await openQueues(lifecycle, { redis, config, log, client, metrics }));
    const upkeep = lifecycle.opened('duties', startUpkeep(context, config, client), (duties) =>
      duties.stop(),
    );
    await applyScheduleFile(context, config, logger, signal);
    const { worker: settings } = config;
    const worker = lifecycle.opened<RunningWorker>(
      'worker',
      startWorker(context, {
        concurrency: settings.concurrency,
        lockDurationMs: settings.lockDuration * SECOND,
        stalledIntervalMs: settings.stalledInterval * SECOND,
        blockingRead: settings.blockingRead,
        // What is left of the grace after it is for handing back.
        finishWithinMs: settings.shutdownGrace * SECOND * 0.75,
        prefix: config.queue.prefix,
        stuckAfterMs: settings.stuckAfter * SECOND,
        connect: () => openRedis(config.redis, 'worker', logger),
        inspect: (queue) => void upkeep.inspect(queue),
      }),
      (opened) => opened.close(),
    );
    await openOperations(lifecycle, { redis, config, client, metrics, worker });
  } catch (error) {
    await lifecycle.stop(config.worker.shutdownGrace * SECOND);
    throw error;
  }
  return { stop: () => lifecycle.stop(config.worker.shutdownGrace * SECOND) };
}

async function applyScheduleFile(
  context: QueueContext,
  { schedule: { file, minInterval }, queue: { prefix } }: Config,
  log: Logger,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (file === '') return;
  const schedules = new Schedules({ ...context, prefix, minInterval, deadlineMs: CALLER_DEADLINE_MS });
  await applySchedules(schedules, file, log, signal);
}

/** `/metrics`, `/livez` and `/readyz` of this worker, where `METRICS_PORT` asks for them. */
async function openOperations(
  lifecycle: Lifecycle,
  parts: { redis: Redis; config: Config; client: EbayClient; metrics: Metrics; worker: RunningWorker },
): Promise<void> {
  const { redis, config, client, metrics, worker } = parts;
  if (config.worker.metricsPort === '') return;
  const server = await serveOperations({
    host: config.http.host,
    port: Number(config.worker.metricsPort),
    registry: metrics.registry,
    refresh: async () => metrics.calls.gate(await client.gate.read()),
    isAlive: () => worker.running,
    obstacles: async () => [
      ...(worker.running ? [] : ['the worker does not run']),
      ...((await redis.ping().catch(() => '')) === 'PONG' ? [] : ['Redis does not answer']),
    ],
  });
  lifecycle.opened('operations server', server, (opened) => opened.close());
}

async function redisIsFit(redis: Redis, config: Config, log: LogRoot, signal?: AbortSignal): Promise<void> {
  await waitForRedis(redis, config.redis.url, Number.POSITIVE_INFINITY, signal);
  const { fatal, warnings } = await bootChecks(redis);
  if (fatal.length > 0) throw new BootError(fatal.join('\n'));
  for (const warning of warnings) log.component('worker').warn(warning);
}

interface Parts {
  redis: Redis;
  config: Config;
  log: LogRoot;
}

/** eBay behind the fleet's token and the fleet's gate. */
async function openEbay(
  lifecycle: Lifecycle,
  { redis, config, log, metrics }: Parts & { metrics: Metrics },
): Promise<EbayClient> {
  const auth = new EbayAuthService({ config, redis, log: log.component('auth'), metrics: metrics.auth });
  lifecycle.opened('token service', auth, (opened) => opened.close());
  const gate = callGate(redis, config, TENANT, { log: log.component('gate'), metrics: metrics.calls });
  await gate.configure({
    intervalMs: config.pace.minApiCallInterval * SECOND,
    dailyLimit: config.pace.dailyCallLimit,
  });
  const client = new EbayClient({
    config,
    gate,
    tokens: auth,
    log: log.component('ebay'),
    metrics: metrics.calls,
  });
  return lifecycle.opened('eBay connections', client, (opened) => opened.close());
}

async function openQueues(
  lifecycle: Lifecycle,
  { redis, config, log, client, metrics }: Parts & { client: EbayClient; metrics: Metrics },
): Promise<QueueContext> {
  const { prefix } = config.queue;
  const queue = (name: string) =>
    lifecycle.opened(name, new Queue(name, { connection: redis, prefix }), (opened) => opened.close());
  const calls = queue(callsQueueName(TENANT));
  await setPace(calls, config.pace.minApiCallInterval);
  const searches = lifecycle.opened('searches', openSearchQueue(redis, prefix, TENANT), (opened) =>
    opened.close(),
  );
  // BullMQ prints what nobody listens to; the connection itself tells of its errors.
  for (const each of [searches, calls]) each.on('error', () => undefined);
  return {
    tenant: TENANT,
    redis,
    searches,
    calls,
    results: new ResultStore({ redis, prefix, ttlMs: config.search.resultsTtl * SECOND }),
    runs: new RunStates({ redis, prefix, ttlMs: runsTtlMs(config) }),
    tracks: new Tracks({ redis, prefix, ttlMs: config.search.trackTtl * SECOND }),
    identical: new IdenticalSearches({ redis, prefix, ttlMs: runsTtlMs(config) }),
    collector: new EbayProductCollector({ browse: client.browse, log: log.component('collector') }),
    admission: admissionBy(client.gate),
    rules: houseRules(config),
    marketplace: config.ebay.marketplace,
    intervalMs: () => client.gate.intervalMs,
    deadlineMs: config.search.deadline * SECOND,
    metrics: metrics.queue,
    log: log.component('worker'),
  };
}
