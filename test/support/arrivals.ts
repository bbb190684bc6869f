import type { LogEntry } from '../../src/simulator/log.ts';
import { gapsOf } from './gates.ts';

/** What the network and the simulator's own loop may take from a gap; the gate itself keeps a margin of 1 %. */
export const TOLERANCE_MS = 5;

/** Times between neighbouring arrivals, ms. */
export function gaps(calls: readonly LogEntry[]): number[] {
  return gapsOf(calls.map(({ at }) => at));
}

/** Those below the interval, the tolerance left aside. */
export function shortGaps(calls: readonly LogEntry[], intervalMs: number): number[] {
  return gaps(calls).filter((gap) => gap < intervalMs - TOLERANCE_MS);
}

/**
 * Stretches of calls, one gap or several, that took less time than their slots do: proof of a call without a slot, which
 * takes a whole interval from a stretch. A busy machine stamps arrivals late, which proves nothing; the exact figures
 * are the bench's.
 */
export function rushed(calls: readonly LogEntry[], intervalMs: number): string[] {
  const lateMs = Math.min(150, intervalMs * 0.9);
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
