import type { CallClass, ClosedReason, Closure, GateState } from './gate.ts';

/** eBay's quota day ends at midnight Pacific time: `reset` was seen at 08:00Z in winter and 07:00Z in summer. */
const pacific = new Intl.DateTimeFormat('en-US', {
  timeZone: 'America/Los_Angeles',
  hourCycle: 'h23',
  year: 'numeric',
  month: 'numeric',
  day: 'numeric',
  hour: 'numeric',
});

const HOUR_MS = 3_600_000;

/** The end of the quota day that `now` is in, ms since the epoch: always later than `now`. */
export function quotaDayEnd(now: number): number {
  const today = partsOf(now);
  // 08:00Z is midnight in winter and 01:00 in summer; the clocks change at 02:00, so midnight exists once on every day.
  const winterMidnight = Date.UTC(today.year, today.month - 1, today.day + 1, 8);
  return winterMidnight - partsOf(winterMidnight).hour * HOUR_MS;
}

/** This quota day's end and the next one's, computed anew only when a day has ended. */
export class QuotaDays {
  readonly #clock: () => number;
  #ends: [number, number] = [0, 0];

  constructor(clock: () => number = Date.now) {
    this.#clock = clock;
  }

  ends(): [number, number] {
    const now = this.#clock();
    if (this.#ends[0] <= now || this.#ends[0] > now + 26 * HOUR_MS) {
      const end = quotaDayEnd(now);
      this.#ends = [end, quotaDayEnd(end)];
    }
    return this.#ends;
  }
}

function partsOf(instant: number): { year: number; month: number; day: number; hour: number } {
  const parts = pacific.formatToParts(instant);
  const value = (type: string) => Number(parts.find((part) => part.type === type)?.value);
  return { year: value('year'), month: value('month'), day: value('day'), hour: value('hour') };
}

/** A closure as it is told outside. */
export interface ClosureReport {
  reason: ClosedReason;
  /** ISO 8601. */
  until: string;
}

/** How the day's calls and the gate stand, in this machine's clock; what `dpf quota` and the API show. */
export interface QuotaReport {
  limit: number;
  used: number;
  remaining: number;
  /** When the quota day ends, ISO 8601. */
  reset: string;
  /** Seconds between two calls of the fleet; 0 for none. */
  interval: number;
  /** Set while nobody may call. */
  closed: ClosureReport | null;
  circuit: GateState['circuit'];
  classes: Record<CallClass, ClassReport>;
}

export interface ClassReport {
  /** Calls of the day that this class may use up to, and what is left of them. */
  upTo: number;
  remaining: number;
  /** Set while this class may not call. */
  closed: ClosureReport | null;
}

const SAME_CLOCK_MS = 1000;

/** @param shares the part of the day's calls that each class may use up to */
export function quotaReport(
  state: GateState,
  shares: Record<CallClass, number>,
  clock: () => number = Date.now,
): QuotaReport {
  // The gate runs on Redis time; what an answer takes on its way is no difference between two clocks.
  const difference = clock() - state.now;
  const toHere = Math.abs(difference) < SAME_CLOCK_MS ? 0 : difference;
  const told = (closure: Closure | undefined): ClosureReport | null =>
    closure === undefined
      ? null
      : { reason: closure.reason, until: new Date(closure.until + toHere).toISOString() };
  const { limit, used, remaining, reset, intervalMs, closed, circuit, classes } = state;
  const classReport = (callClass: CallClass): ClassReport => {
    const upTo = Math.floor(limit * shares[callClass]);
    return { upTo, remaining: Math.max(0, upTo - used), closed: told(classes[callClass]) };
  };
  return {
    limit,
    used,
    remaining,
    reset: new Date(reset + toHere).toISOString(),
    interval: intervalMs / 1000,
    closed: told(closed),
    circuit,
    classes: {
      interactive: classReport('interactive'),
      scheduled: classReport('scheduled'),
      backfill: classReport('backfill'),
    },
  };
}
