import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { EbayAuthService } from '../auth/service.ts';
import { EbayProductCollector } from '../collector/collector.ts';
import type { Config } from '../config/config.ts';
import { secretsOf } from '../config/secrets.ts';
import { EbayClient } from '../ebay/client.ts';
import type { CallGate } from '../ebay/gate.ts';
import { EventStream } from '../events/stream.ts';
import { Lifecycle, type StopReport } from '../lifecycle.ts';
import { setPace } from '../queue/callsQueue.ts';
import type { QueueContext } from '../queue/context.ts';
import { admissionBy } from '../queue/gateViews.ts';
import { houseRules, runsTtlMs } from '../queue/houseRules.ts';
import { callsQueueName } from '../queue/names.ts';
import { applySchedules } from '../queue/schedules/file.ts';
import { Schedules } from '../queue/schedules/schedules.ts';
import { scrubbedCollector } from '../queue/scrubbedCollector.ts';
import { openSearchQueue } from '../queue/searchQueue.ts';
import { type RunningWorker, startWorker } from '../queue/worker.ts';
import { openRedis } from '../redis/connection.ts';
import { IdenticalSearches } from '../results/identicalSearches.ts';
import { ResultStore } from '../results/resultStore.ts';
import { RunStates } from '../results/runState.ts';
import { Tracks } from '../results/tracks.ts';
import type { LogRoot } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { startUpkeep } from '../upkeep/upkeep.ts';
import { CALLER_DEADLINE_MS, callGate } from './gate.ts';

const SECOND = 1000;

export interface TenantOptions {
  tenant: string;
  /** The settings of this tenant, its keyset included. */
  config: Config;
  /** A connection of the `caller` profile; any number of tenants may share it. */
  redis: Redis;
  log: LogRoot;
  metrics: Metrics;
  /** Stops waiting for Redis. */
  signal?: AbortSignal | undefined;
  /** Changes what the jobs work with, e.g. to watch or to disturb a part of it. */
  adapt: (context: QueueContext) => QueueContext;
}

/** One tenant's work in this process: token, gate, queues, duties, and a worker of its own. */
export interface RunningTenant {
  readonly tenant: string;
  readonly gate: CallGate;
  readonly running: boolean;
  /** Finishes or hands back what is under way, within `SHUTDOWN_GRACE`; may be called again. */
  stop(): Promise<StopReport>;
}

/**
 * Starts to work for one tenant. Nothing that can be exhausted is shared with other tenants: each has worker slots, a
 * gate and a line of waiting calls of its own.
 */
export async function startTenant(options: TenantOptions): Promise<RunningTenant> {
  const { tenant, config, log } = options;
  log.scrubber.learn(secretsOf(config));
  const lifecycle = new Lifecycle();
  const stop = () => lifecycle.stop(config.worker.shutdownGrace * SECOND);
  try {
    const client = await openEbay(lifecycle, options);
    const context = options.adapt(await openQueues(lifecycle, options, client));
    const upkeep = lifecycle.opened(
      'duties',
      startUpkeep(context, config, client, options.metrics.fleet),
      (duties) => duties.stop(),
    );
    await applyScheduleFile(context, options);
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
        connect: () => openRedis(config.redis, 'worker', log.component('worker')),
        inspect: (queue) => void upkeep.inspect(queue),
      }),
      (opened) => opened.close(),
    );
    return {
      tenant,
      gate: client.gate,
      get running() {
        return worker.running;
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function applyScheduleFile(
  context: QueueContext,
  { config: { schedule, queue }, log, signal }: TenantOptions,
): Promise<void> {
  const { file, minInterval } = schedule;
  if (file === '') return;
  const { prefix } = queue;
  const schedules = new Schedules({ ...context, prefix, minInterval, deadlineMs: CALLER_DEADLINE_MS });
  await applySchedules(schedules, file, log.component('worker'), signal);
}

/** eBay behind the tenant's token and the tenant's gate. */
async function openEbay(
  lifecycle: Lifecycle,
  { tenant, redis, config, log, metrics }: TenantOptions,
): Promise<EbayClient> {
  const auth = new EbayAuthService({
    tenant,
    config,
    redis,
    log: log.component('auth'),
    metrics: metrics.auth,
    scrubber: log.scrubber,
  });
  lifecycle.opened('token service', auth, (opened) => opened.close());
  const calls = metrics.calls(tenant);
  const gate = callGate(redis, config, tenant, { log: log.component('gate'), metrics: calls });
  await gate.configure({
    intervalMs: config.pace.minApiCallInterval * SECOND,
    dailyLimit: config.pace.dailyCallLimit,
  });
  const client = new EbayClient({
    config,
    gate,
    tokens: auth,
    log: log.component('ebay'),
    metrics: calls,
  });
  return lifecycle.opened('eBay connections', client, (opened) => opened.close());
}

async function openQueues(
  lifecycle: Lifecycle,
  { tenant, redis, config, log, metrics }: TenantOptions,
  client: EbayClient,
): Promise<QueueContext> {
  const { prefix } = config.queue;
  const calls = lifecycle.opened(
    'calls',
    new Queue(callsQueueName(tenant), { connection: redis, prefix }),
    (opened) => opened.close(),
  );
  await setPace(calls, config.pace.minApiCallInterval);
  const searches = lifecycle.opened('searches', openSearchQueue(redis, prefix, tenant), (opened) =>
    opened.close(),
  );
  // BullMQ prints what nobody listens to; the connection itself tells of its errors.
  for (const each of [searches, calls]) each.on('error', () => undefined);
  return {
    tenant,
    redis,
    searches,
    calls,
    results: new ResultStore({ redis, prefix, ttlMs: config.search.resultsTtl * SECOND }),
    runs: new RunStates({ redis, prefix, ttlMs: runsTtlMs(config) }),
    tracks: new Tracks({ redis, prefix, ttlMs: config.search.trackTtl * SECOND }),
    identical: new IdenticalSearches({ redis, prefix, ttlMs: runsTtlMs(config) }),
    events: new EventStream({
      redis,
      prefix,
      kept: config.events.kept,
      cooldownMs: config.events.cooldown * SECOND,
      memoryMs: runsTtlMs(config),
    }),
    collector: scrubbedCollector(
      new EbayProductCollector({ browse: client.browse, log: log.component('collector') }),
      log.scrubber,
    ),
    admission: admissionBy(client.gate),
    rules: houseRules(config),
    marketplace: config.ebay.marketplace,
    intervalMs: () => client.gate.intervalMs,
    deadlineMs: config.search.deadline * SECOND,
    metrics: metrics.queue(tenant),
    scrubber: log.scrubber,
    log: log.component('worker'),
  };
}
