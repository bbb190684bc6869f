import { isDeepStrictEqual } from 'node:util';
import type { Redis } from 'ioredis';
import type { EbayAuthService } from '../auth/service.ts';
import type { Config } from '../config/config.ts';
import { secretsOf } from '../config/secrets.ts';
import type { CallGate } from '../ebay/gate.ts';
import { Lifecycle, type StopReport } from '../lifecycle.ts';
import type { QueueContext } from '../queue/context.ts';
import { applySchedules } from '../queue/schedules/file.ts';
import { Schedules } from '../queue/schedules/schedules.ts';
import { type RunningWorker, startWorker } from '../queue/worker.ts';
import { openRedis } from '../redis/connection.ts';
import { type Logger, type Logs, withFields } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { DEFAULT_TENANT } from '../tenants/declaration.ts';
import type { Tenant } from '../tenants/snapshot.ts';
import { startUpkeep } from '../upkeep/upkeep.ts';
import { CALLER_DEADLINE_MS } from './gate.ts';
import { openEbay, openQueues, setTenantPace, type TenantOpening } from './tenantContext.ts';

const SECOND = 1000;

export interface TenantOptions {
  tenant: Tenant;
  /** A connection of the `caller` profile; any number of tenants may share it. */
  redis: Redis;
  log: Logs;
  metrics: Metrics;
  /** Stops waiting for Redis. */
  signal?: AbortSignal | undefined;
  /** Lets this tenant's searches begin when it is their turn among all tenants of the process. */
  inTurn: <T>(work: () => Promise<T>) => Promise<T>;
  /** Changes what the jobs work with, e.g. to watch or to disturb a part of it. */
  adapt: (context: QueueContext) => QueueContext;
}

/** One tenant's work in this process: token, gate, queues, duties, and a worker of its own. */
export interface RunningTenant {
  readonly name: string;
  readonly gate: CallGate;
  readonly auth: EbayAuthService;
  readonly running: boolean;
  /** Goes on with other settings; false where that takes a new start, as with another keyset. */
  change(tenant: Tenant): Promise<boolean>;
  /** Finishes or hands back what is under way, within `SHUTDOWN_GRACE`; may be called again. */
  stop(): Promise<StopReport>;
}

/**
 * Starts to work for one tenant. Nothing that can be exhausted is shared with other tenants: each has worker slots, a
 * gate and a line of waiting calls of its own.
 */
export async function startTenant(options: TenantOptions): Promise<RunningTenant> {
  let { tenant } = options;
  // What Redis has of it; a change that it could not take is made up for by the next one.
  let applied = tenant;
  const { config, name } = tenant;
  const { signal } = options;
  const log = name === DEFAULT_TENANT ? options.log : withFields(options.log, { tenant: name });
  log.scrubber.learn(secretsOf(config));
  const lifecycle = new Lifecycle();
  const stop = () => lifecycle.stop(config.worker.shutdownGrace * SECOND);
  const opening: TenantOpening = { ...options, log, name, config, current: () => tenant.config };
  try {
    const { client, auth } = await openEbay(lifecycle, opening);
    const context = options.adapt(await openQueues(lifecycle, opening, client));
    const upkeep = lifecycle.opened(
      'duties',
      startUpkeep(context, config, client, options.metrics.fleet),
      (duties) => duties.stop(),
    );
    await setSchedules(context, tenant, log.component('worker'), signal);
    const worker = lifecycle.opened<RunningWorker>(
      'worker',
      startWorker(context, {
        ...workerSettings(config),
        connect: () => openRedis(config.redis, 'worker', log.component('worker')),
        inspect: (queue) => void upkeep.inspect(queue),
        inTurn: options.inTurn,
      }),
      (opened) => opened.close(),
    );
    return {
      name,
      gate: client.gate,
      auth,
      get running() {
        return worker.running;
      },
      async change(next) {
        if (needsNewStart(tenant.config, next.config)) return false;
        tenant = next;
        if (!isDeepStrictEqual(applied.config.pace, next.config.pace))
          await setTenantPace(client.gate, context.calls, next.config);
        if (!isDeepStrictEqual(applied.schedules, next.schedules))
          await setSchedules(context, next, log.component('worker'), signal);
        applied = next;
        return true;
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** What a token, a connection or a worker's size is made from. */
function needsNewStart(before: Config, after: Config): boolean {
  const { marketplace: _was, ...ebay } = before.ebay;
  const { marketplace: _is, ...others } = after.ebay;
  return !isDeepStrictEqual([ebay, before.worker], [others, after.worker]);
}

async function setSchedules(
  context: QueueContext,
  { config, schedules: wanted }: Tenant,
  log: Logger,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (wanted === undefined) return;
  const { prefix } = config.queue;
  const { minInterval } = config.schedule;
  const schedules = new Schedules({ ...context, prefix, minInterval, deadlineMs: CALLER_DEADLINE_MS });
  await applySchedules(schedules, wanted, log, signal);
}

function workerSettings({ worker, queue }: Config) {
  return {
    concurrency: worker.concurrency,
    lockDurationMs: worker.lockDuration * SECOND,
    stalledIntervalMs: worker.stalledInterval * SECOND,
    blockingRead: worker.blockingRead,
    // What is left of the grace after it is for handing back.
    finishWithinMs: worker.shutdownGrace * SECOND * 0.75,
    prefix: queue.prefix,
    stuckAfterMs: worker.stuckAfter * SECOND,
  };
}
