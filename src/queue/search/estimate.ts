import type { CallEstimate } from '../../collector/query.ts';
import type { CallClass, CallGate } from '../../ebay/gate/gate.ts';
import type { BudgetState } from '../../failures.ts';
import type { Priority } from '../../product/requestSchema.ts';
import { tightest } from '../budgets.ts';
import type { Admission } from './context.ts';

/** What the fleet's gate and queue look like now, for one class. */
export interface Outlook {
  intervalMs: number;
  /** Calls of the day that this class may use up to. */
  upTo: number;
  /** Calls left today for this class, its share considered. */
  remaining: number;
  /** When the quota day ends, ms since the epoch. */
  reset: number;
  /** Until when this class may not call, ms since the epoch; undefined: it may. */
  closedUntil: number | undefined;
  /** Calls that are queued before this search's. */
  ahead: number;
  now: number;
}

export interface SearchEstimate {
  /** Browse calls. */
  calls: CallEstimate;
  class: Priority;
  /** Calls that this class has left today. */
  remaining: number;
  /** What part of them `calls.total` is; above 1 it goes on after the reset. Null when nothing is left. */
  shareOfRemaining: number | null;
  /** When the next day's calls begin, ISO 8601. */
  reset: string;
  /** Of the budgets that its calls are charged to the one with the least left; null: it has none. */
  budget: BudgetState | null;
  /** Calls waiting before this search's first one. */
  ahead: number;
  /** ISO 8601: at the present pace and queue, with nothing going wrong and nobody of a higher class coming. */
  earliestFinish: string;
}

/** What a search would cost and when it could be done. */
export function estimate(
  calls: CallEstimate,
  callClass: Priority,
  outlook: Outlook,
  budgets: readonly BudgetState[] = [],
): SearchEstimate {
  const { remaining, reset, closedUntil, now } = outlook;
  const start = Math.max(now, closedUntil ?? now);
  return {
    calls,
    class: callClass,
    remaining,
    shareOfRemaining: remaining > 0 ? calls.total / remaining : null,
    reset: new Date(reset).toISOString(),
    budget: tightest(budgets) ?? null,
    ahead: outlook.ahead,
    earliestFinish: new Date(finishOf(outlook.ahead + calls.total, start, outlook)).toISOString(),
  };
}

const DAY_MS = 24 * 3600 * 1000;

/** When so many calls are made that may begin at `start`: what does not fit into a day begins with the next one. */
function finishOf(calls: number, start: number, { intervalMs, remaining, upTo, reset }: Outlook): number {
  // Closed until the reset, all of them are tomorrow's; a pause leaves the day's calls as they are.
  const today = start >= reset ? 0 : remaining;
  if (calls <= today) return start + calls * intervalMs;
  const later = calls - today;
  const fullDays = upTo > 0 ? Math.ceil(later / upTo) - 1 : 0;
  return Math.max(start, reset) + fullDays * DAY_MS + (later - fullDays * upTo) * intervalMs;
}

/** The gate as the queue asks it: by class, and in this machine's clock, for the gate itself runs on Redis time. */
export function admissionBy(gate: CallGate): Admission {
  return {
    async closedFor(callClass) {
      const { classes, now } = await gate.read();
      const closed = classes[callClass];
      return closed && { reason: closed.reason, until: closed.until - now + Date.now() };
    },
  };
}

/** The gate as an estimate needs it, by Redis's clock. @param shares the part of the day's calls that each class may use up to */
export function outlookBy(gate: CallGate, shares: Record<CallClass, number>) {
  return async (callClass: CallClass): Promise<Omit<Outlook, 'ahead'>> => {
    const { intervalMs, limit, used, reset, now, classes } = await gate.read();
    const closed = classes[callClass];
    const upTo = Math.floor(limit * shares[callClass]);
    return {
      intervalMs,
      upTo,
      remaining: Math.max(0, upTo - used),
      reset,
      closedUntil: closed?.until,
      now,
    };
  };
}
