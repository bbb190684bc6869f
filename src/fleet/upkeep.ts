import type { Redis } from 'ioredis';
import type { Config } from '../config/config.ts';
import type { CallGate } from '../ebay/gate/gate.ts';
import { countQueue } from '../queue/bullmq/counts.ts';
import { Schedules } from '../queue/schedules/schedules.ts';
import type { QueueContext } from '../queue/search/context.ts';
import { markOverdue } from '../queue/search/plan.ts';
import { publishLoss } from '../queue/search/summary.ts';
import { Lease } from '../redis/lease.ts';
import { type Logger, throttled } from '../telemetry/logger.ts';
import type { FleetMetrics } from '../telemetry/metrics.ts';
import { Sweep } from './sweep.ts';

/** How often the queues are counted, s. */
const COUNT_EVERY = 10;

/** How long the sweep waits for another process that changes schedules, ms: the next round tries again. */
const SCHEDULES_MS = 5000;

/** How long a count is shown, ms: without successors, another process counts by now, or none can. */
const COUNT_TTL_MS = 3 * COUNT_EVERY * 1000;

/** The duties that one process of the fleet has for one tenant's queues. */
export function startUpkeep(context: QueueContext, config: Config, ebay: QuotaSource, fleet: FleetMetrics) {
  const { tenant, redis, searches, calls, log } = context;
  const { prefix } = config.queue;
  const { minInterval } = config.schedule;
  const schedules = new Schedules({
    ...context,
    prefix,
    minInterval,
    defaults: context,
    deadlineMs: SCHEDULES_MS,
  });
  const sweep = new Sweep({
    ...context,
    maxRestarts: config.worker.maxRestarts,
    searchLost: (searchId, timestamp, why) => publishLoss(context, { searchId, timestamp }, why),
    markOverdue: (searchId, timestamp) => markOverdue(context, { tenant, searchId, timestamp }),
    expelForeign: () => schedules.expelForeign(),
  });
  const logFailedInspection = throttled<{ queue: string; error: Error }>(
    LOG_EVERY_MS,
    ({ queue, error }, suppressed) =>
      log.warn('inspection failed', { queue, reason: error.message, suppressed }),
  );
  const count = async () => {
    const counts = await Promise.all([searches, calls].map((queue) => countQueue(redis, queue)));
    fleet.queues(tenant, counts, COUNT_TTL_MS);
  };
  const duty = (name: string, everySeconds: number, work: DutySettings['work']) =>
    startDuty({ name: `${calls.name}:${name}`, redis, prefix, everyMs: everySeconds * 1000, work, log });
  const duties = [
    duty('quota', config.pace.reconcileInterval, quotaRound(ebay)),
    duty('sweep', config.worker.sweepInterval, (signal) => sweep.round(signal)),
    duty('gauges', COUNT_EVERY, count),
  ];
  return {
    /** Checks a queue's keys and active jobs at once: a worker met something unreadable. The next round checks them too. */
    inspect: (queue: string) =>
      sweep.active(queue).catch((error: Error) => logFailedInspection({ queue, error })),
    /** Ends all duties of this process; other processes take them over. */
    stop: () => Promise.all(duties.map((each) => each.stop())),
  };
}

interface QuotaSource {
  gate: Pick<CallGate, 'read'>;
  reconcile(options: { signal: AbortSignal }): Promise<boolean>;
}

/**
 * A round that compares the ledger with eBay's own count: the first one always, later ones only when calls were made
 * since, because each costs a call of eBay's Analytics quota.
 */
export function quotaRound(ebay: QuotaSource): (signal: AbortSignal) => Promise<void> {
  let last = '';
  return async (signal) => {
    const { mark } = await ebay.gate.read();
    const now = JSON.stringify(mark);
    if (now === last) return;
    // Stored only after a success, so that a failed comparison is made again.
    if (await ebay.reconcile({ signal })) last = now;
  };
}

interface DutySettings {
  /** Also the lease's name, `PREFIX:lease:NAME`. */
  name: string;
  redis: Redis;
  prefix: string;
  /** Least time between the beginnings of two rounds, ms. */
  everyMs: number;
  /** Life of the lease, ms: how long no process has the duty after its holder died. Default 15,000. */
  leaseMs?: number;
  /** One round. Must be safe to do twice: two holders may overlap for a moment. Should end soon after `signal` aborts. */
  work: (signal: AbortSignal) => Promise<unknown>;
  log: Logger;
}

const LEASE_MS = 15_000;
const LOG_EVERY_MS = 60_000;

/**
 * Work that one process of the fleet does at a time, every so often: each tries for the lease, and its holder renews it
 * and works when a round is due. Rounds never overlap; one that fails is logged and tried again next time.
 */
export function startDuty(settings: DutySettings) {
  const { name, redis, prefix, everyMs, leaseMs = LEASE_MS, work, log } = settings;
  const lease = new Lease(redis, { key: `${prefix}:lease:${name}`, ttlMs: leaseMs });
  const stopping = new AbortController();
  const logFailure = throttled<unknown>(LOG_EVERY_MS, (error, suppressed) => {
    const reason = error instanceof Error ? error.message : String(error);
    log.warn('duty failed', { duty: name, reason, suppressed });
  });
  let due = 0;
  let timer: NodeJS.Timeout | undefined;

  const round = async (): Promise<void> => {
    if ((await lease.hold()) && !stopping.signal.aborted && performance.now() >= due) {
      due = performance.now() + everyMs;
      const renewing = setInterval(() => lease.hold(), leaseMs / 3);
      await work(stopping.signal).catch(logFailure);
      clearInterval(renewing);
    }
    // The lease is renewed well before it ends, and not needlessly often where rounds are rare.
    if (!stopping.signal.aborted) timer = setTimeout(begin, Math.min(everyMs, leaseMs / 3));
  };
  let current = Promise.resolve();
  const begin = () => {
    current = round();
  };
  begin();

  return {
    /** Ends the duty, lets a round under way finish and releases the lease. May be called again. */
    async stop(): Promise<void> {
      stopping.abort();
      clearTimeout(timer);
      await current;
      await lease.release();
    },
  };
}
