import type { Redis } from 'ioredis';
import { Lease } from '../redis/lease.ts';
import type { Logger } from '../telemetry/logger.ts';
import { seldom } from '../telemetry/seldom.ts';

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
  const complain = seldom<unknown>(COMPLAIN_EVERY_MS, (error, suppressed) =>
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
