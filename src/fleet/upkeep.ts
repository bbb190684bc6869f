import type { Redis } from 'ioredis';
import type { Config } from '../config/config.ts';
import type { CallGate } from '../ebay/gate/gate.ts';
import { countQueue } from '../queue/bullmq/counts.ts';
import type { QueueContext } from '../queue/search/context.ts';
import { publishLoss } from '../queue/search/summary.ts';
import { Lease } from '../redis/lease.ts';
import type { Logger } from '../telemetry/logger.ts';
import { throttled } from '../telemetry/logger.ts';
import type { FleetMetrics } from '../telemetry/metrics.ts';
import { Sweep } from './sweep.ts';

export interface Upkeep {
  /** A worker received something that it could not read: looks at once at what is being worked on. Never rejects. */
  inspect(queue: string): Promise<void>;
  /** Hands every duty to others. */
  stop(): Promise<void>;
}

/** The duties that one process of the fleet has for one tenant's queues. */
export function startUpkeep(
  context: QueueContext,
  config: Config,
  ebay: QuotaSource,
  fleet: FleetMetrics,
): Upkeep {
  const { redis, searches, calls, metrics, log } = context;
  const { prefix } = config.queue;
  const sweep = new Sweep({
    redis,
    searches,
    calls,
    searchLost: (searchId, timestamp, why) => publishLoss(context, { searchId, timestamp }, why),
    maxRestarts: config.worker.maxRestarts,
    metrics,
    log,
  });
  const duty = (name: string, everySeconds: number, work: (signal: AbortSignal) => Promise<void>): Duty =>
    startDuty({ name: `${calls.name}:${name}`, redis, prefix, everyMs: everySeconds * 1000, work, log });
  const duties = [
    duty('quota', config.pace.reconcileInterval, quotaRound(ebay)),
    duty('sweep', config.worker.sweepInterval, (signal) => sweep.round(signal)),
    duty('gauges', COUNT_EVERY, countRound(context, fleet)),
  ];
  return {
    inspect: (queue) => sweep.active(queue).catch(() => undefined), // Redis is away: the next round will find it.
    async stop() {
      await Promise.all(duties.map((each) => each.stop()));
    },
  };
}

export interface DutySettings {
  /** Also the lease's name, `PREFIX:lease:NAME`. */
  name: string;
  redis: Redis;
  prefix: string;
  /** Least time between two beginnings of the work, ms. */
  everyMs: number;
  /** Life of the lease, ms: how long the duty rests after its holder died. Default 15,000. */
  leaseMs?: number;
  /** One round. Must be safe to do twice: two holders may overlap for a moment. Should end soon after `signal` aborts. */
  work: (signal: AbortSignal) => Promise<unknown>;
  log: Logger;
}

export interface Duty {
  /** Ends the duty, lets a round under way finish and hands the lease to others. May be called again. */
  stop(): Promise<void>;
}

const LEASE_MS = 15_000;
const COMPLAIN_EVERY_MS = 60_000;

/**
 * Work that one process of the fleet does at a time, now and then: everybody tries for the lease, its holder renews it
 * and works when a round is due. A round never overlaps itself; one that fails is told in the log and tried again next time.
 */
export function startDuty({
  name,
  redis,
  prefix,
  everyMs,
  leaseMs = LEASE_MS,
  work,
  log,
}: DutySettings): Duty {
  const lease = new Lease(redis, { key: `${prefix}:lease:${name}`, ttlMs: leaseMs });
  // Renewed well before it ends, and not needlessly often where rounds are rare.
  const lookEveryMs = Math.min(everyMs, leaseMs / 3);
  const stopping = new AbortController();
  const complain = throttled<unknown>(COMPLAIN_EVERY_MS, (error, suppressed) =>
    log.warn('duty failed', { duty: name, reason: reasonOf(error), suppressed }),
  );
  let due = 0;
  let timer: NodeJS.Timeout | undefined;

  const look = async (): Promise<void> => {
    if ((await lease.hold()) && !stopping.signal.aborted && Date.now() >= due) {
      due = Date.now() + everyMs;
      const renewing = setInterval(() => lease.hold(), leaseMs / 3);
      await work(stopping.signal).catch(complain);
      clearInterval(renewing);
    }
    if (!stopping.signal.aborted) timer = setTimeout(go, lookEveryMs);
  };
  let looking = Promise.resolve();
  const go = () => {
    looking = look();
  };
  go();

  return {
    async stop() {
      stopping.abort();
      clearTimeout(timer);
      await looking;
      await lease.release();
    },
  };
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** How often the queues are counted, s. */
export const COUNT_EVERY = 5;

/** A count that has missed its successors says nothing any more: another process counts by now, or nobody can. */
const FRESH_FOR_MS = 3 * COUNT_EVERY * 1000;

/** A round of counting both queues of a tenant: a duty, so that the fleet's figures are shown once. */
export function countRound(
  { tenant, redis, searches, calls }: QueueContext,
  fleet: FleetMetrics,
): () => Promise<void> {
  return async () => {
    const counts = await Promise.all([searches, calls].map((queue) => countQueue(redis, queue)));
    fleet.queues(tenant, counts, FRESH_FOR_MS);
  };
}

export interface QuotaSource {
  gate: Pick<CallGate, 'read'>;
  reconcile(signal?: AbortSignal): Promise<boolean>;
}

/**
 * A round of comparing the ledger with eBay's own count: the first one always, later ones only when calls were made
 * since, because a question costs a call of eBay's Analytics quota.
 */
export function quotaRound(ebay: QuotaSource): (signal: AbortSignal) => Promise<void> {
  let last = '';
  return async (signal) => {
    const { mark } = await ebay.gate.read();
    const now = JSON.stringify(mark);
    if (now === last) return;
    // Remembered only when eBay told its figures, so that a question that failed is asked again.
    if (await ebay.reconcile(signal)) last = now;
  };
}
