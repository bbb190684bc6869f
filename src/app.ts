import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { EbayAuthService } from './auth/service.ts';
import { EbayProductCollector } from './collector/collector.ts';
import { credentialProblems } from './config/checks.ts';
import { type Config, ConfigError } from './config/config.ts';
import { loadConfig } from './config/load.ts';
import { EbayClient } from './ebay/client.ts';
import type { CallGate } from './ebay/gate.ts';
import { gateSettings } from './ebay/gateSettings.ts';
import { redisGate } from './ebay/redisGate.ts';
import { Lifecycle, type StopReport } from './lifecycle.ts';
import { setPace } from './queue/callsQueue.ts';
import type { QueueContext } from './queue/context.ts';
import { admissionBy, outlookBy } from './queue/gateViews.ts';
import { houseRules, runsTtlMs } from './queue/houseRules.ts';
import { callsQueueName } from './queue/names.ts';
import { SearchProducer } from './queue/producer.ts';
import { applySchedules } from './queue/schedules/file.ts';
import { Schedules } from './queue/schedules/schedules.ts';
import { openSearchQueue } from './queue/searchQueue.ts';
import { type RunningWorker, startWorker } from './queue/worker.ts';
import { bootChecks } from './redis/bootChecks.ts';
import { openRedis, waitForRedis } from './redis/connection.ts';
import { IdenticalSearches } from './results/identicalSearches.ts';
import { ResultStore } from './results/resultStore.ts';
import { RunStates } from './results/runState.ts';
import { Tracks } from './results/tracks.ts';
import { type Logger, LogRoot } from './telemetry/logger.ts';
import { createMetrics, type Metrics } from './telemetry/metrics.ts';
import { startUpkeep } from './upkeep/upkeep.ts';

/** What waiting cannot mend: this Redis must not be used. One sentence for each reason, with the remedy. */
export class BootError extends Error {
  override readonly name = 'BootError';
}

const SECOND = 1000;

/** Longest that a caller waits for Redis, in any call of the producer. */
const CALLER_DEADLINE_MS = 2000;

export interface ProducerSettings {
  tenant?: string;
  log?: LogRoot;
}

/** A producer on a connection of its own, which its `close` ends. Connects by itself; calls refuse until it has. */
export function openProducer(
  config: Config,
  { tenant = 'default', log }: ProducerSettings = {},
): SearchProducer {
  const logger = (log ?? new LogRoot(config.log)).component('producer');
  const redis = openRedis(config.redis, 'caller', logger);
  const gate = callGate(redis, config, tenant, { log: logger });
  return new SearchProducer({
    redis,
    prefix: config.queue.prefix,
    tenant,
    rules: houseRules(config),
    marketplace: config.ebay.marketplace,
    resultsTtlMs: config.search.resultsTtl * SECOND,
    runsTtlMs: runsTtlMs(config),
    minScheduleInterval: config.schedule.minInterval,
    limits: {
      backlog: config.search.backlogLimit,
      backfillMemory: config.memory.backfillShare,
      memory: config.memory.share,
    },
    deadlineMs: CALLER_DEADLINE_MS,
    admission: admissionBy(gate),
    outlook: outlookBy(gate, gateSettings(config).shares),
    reachRedis: () => waitForRedis(redis, config.redis.url, CALLER_DEADLINE_MS),
    onClose: () => redis.disconnect(),
  });
}

export interface ConnectOptions {
  /** Default: `REDIS_URL`, else `redis://localhost:6379/0`. */
  redisUrl?: string;
  /** Default: `QUEUE_PREFIX`, else `{ebay}`. */
  prefix?: string;
  tenant?: string;
  /** All settings; default: files and environment as `loadConfig` reads them. */
  config?: Config;
}

/**
 * A producer that is ready: the way in for other services.
 * @throws ConfigError, or Failure `redis-unavailable` when Redis does not answer within 2 s.
 */
export async function connect(options: ConnectOptions = {}): Promise<SearchProducer> {
  const { redisUrl, prefix, tenant } = options;
  const loaded = options.config ?? loadConfig();
  const config: Config = {
    ...loaded,
    redis: { ...loaded.redis, ...(redisUrl === undefined ? {} : { url: redisUrl }) },
    queue: { ...loaded.queue, ...(prefix === undefined ? {} : { prefix }) },
  };
  const producer = openProducer(config, tenant === undefined ? {} : { tenant });
  try {
    await producer.ready();
    return producer;
  } catch (error) {
    await producer.close();
    throw error;
  }
}

/** The token service of the default tenant on a connection of its own. */
export function openAuth(
  config: Config,
  log: LogRoot,
): { auth: EbayAuthService; redis: Redis; close(): void } {
  const redis = openRedis(config.redis, 'caller', log.component('auth'));
  const auth = new EbayAuthService({ config, redis, log: log.component('auth') });
  return {
    auth,
    redis,
    close() {
      auth.close();
      redis.disconnect();
    },
  };
}

/** The call gate of the default tenant on a connection of its own, and the way to bring it in line with eBay's count. */
export function openGate(config: Config, root: LogRoot) {
  const { auth, redis, close } = openAuth(config, root);
  const log = root.component('gate');
  const gate = callGate(redis, config, TENANT, { log });
  const client = new EbayClient({ config, gate, tokens: auth, log });
  return {
    gate,
    redis,
    /** Whether eBay told its count. @throws Failure `redis-unavailable`, and what getting a token throws. */
    reconcileNow: () => client.reconcile(),
    close() {
      client.close();
      close();
    },
  };
}

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
    lifecycle.opened<RunningWorker>(
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
      (worker) => worker.close(),
    );
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

const TENANT = 'default';

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

function callGate(
  redis: Redis,
  config: Config,
  tenant: string,
  telemetry: { log: Logger; metrics?: Metrics['calls'] },
): CallGate {
  return redisGate({
    redis,
    prefix: config.queue.prefix,
    tenant,
    settings: gateSettings(config),
    ...telemetry,
  });
}
