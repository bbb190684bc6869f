import { withBecause } from '../../failures.ts';
import type { CallClass, ClosedReason, Closure, GateState } from './gate.ts';

/** A closure as users read it; JSON of it has `because` too. */
export interface ClosureReport {
  reason: ClosedReason;
  /** ISO 8601. */
  until: string;
}

/** How the day's calls and the gate stand, by Redis's clock; what `dpf quota` and the API show. */
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

/** @param shares the part of the day's calls that each class may use up to */
export function quotaReport(state: GateState, shares: Record<CallClass, number>): QuotaReport {
  const report = (closure: Closure | undefined): ClosureReport | null =>
    closure === undefined
      ? null
      : withBecause({ reason: closure.reason, until: new Date(closure.until).toISOString() });
  const { limit, used, remaining, reset, intervalMs, closed, circuit, classes } = state;
  const classReport = (callClass: CallClass): ClassReport => {
    const upTo = Math.floor(limit * shares[callClass]);
    return { upTo, remaining: Math.max(0, upTo - used), closed: report(classes[callClass]) };
  };
  return {
    limit,
    used,
    remaining,
    reset: new Date(reset).toISOString(),
    interval: intervalMs / 1000,
    closed: report(closed),
    circuit,
    classes: {
      interactive: classReport('interactive'),
      scheduled: classReport('scheduled'),
      backfill: classReport('backfill'),
    },
  };
}
