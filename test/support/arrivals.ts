import type { LogEntry } from '../../src/simulator/log.ts';
import { gapsOf } from './gates.ts';

/** What the network and the simulator's own loop may take from a gap; the gate itself keeps a margin of 0.5 %. */
export const TOLERANCE_MS = 5;

/** Times between neighbouring arrivals, ms. */
export function gaps(calls: readonly LogEntry[]): number[] {
  return gapsOf(calls.map(({ at }) => at));
}

/** Those below the interval, the tolerance left aside. */
export function shortGaps(calls: readonly LogEntry[], intervalMs: number): number[] {
  return gaps(calls).filter((gap) => gap < intervalMs - TOLERANCE_MS);
}

/** Seen on two cores beside other suites: an arrival stamped this late proves nothing. */
const LATE_STAMP_MS = 200;

/**
 * Stretches of calls, one gap or several, that took less time than their slots do: proof of calls without a slot. At
 * short intervals it takes several such calls; the exact figures are the bench's.
 */
export function rushed(calls: readonly LogEntry[], intervalMs: number, lateMs = LATE_STAMP_MS): string[] {
  return calls.flatMap((first, from) =>
    calls.slice(from + 1).flatMap((last, between) => {
      const took = last.at - first.at;
      const gapsBetween = between + 1;
      const missing = gapsBetween * intervalMs - TOLERANCE_MS - took;
      return missing > lateMs ? [`${gapsBetween} gaps in ${Math.round(took)} ms from call ${from + 1}`] : [];
    }),
  );
}

/** How many calls of this latency were under way when each arrived, itself counted. */
export function inFlight(calls: readonly LogEntry[], latencyMs: number): number[] {
  return calls.map(({ at }) => calls.filter((other) => other.at <= at && other.at + latencyMs > at).length);
}
