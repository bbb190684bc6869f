import type { Sample } from './run.ts';
import { average, byMinute, type Point, type Slope, slopeOf } from './slope.ts';

/** `allKeys` is told beside `keys` and not judged: on a busy machine what comes and goes with every search hides a percent. */
export type Growth = Record<'heap' | 'handles' | 'keys' | 'allKeys', Slope>;

/** Upper ends of the intervals, an hour; that of keys as a share of all keys. */
const LIMITS = { heapBytes: 1_000_000, handles: 0.1, keysShare: 0.01 };

/** What grows while no fault's turmoil holds anything. */
export function growthOf(samples: readonly Sample[], cycleMs: number): Growth {
  const settled = samples.filter((sample) => sample.settled);
  const minutes = (value: (sample: Sample) => number, choose: (values: number[]) => number) =>
    byMinute(
      settled.map((sample): Point => [sample.at, value(sample)]),
      choose,
    );
  const least = (values: number[]) => Math.min(...values);
  return {
    // What a leak holds is in every sample of a minute, a search under way is not.
    heap: slopeOf(
      minutes(({ heap }) => heap, least),
      cycleMs,
    ),
    handles: slopeOf(neverGivenBack(minutes(({ handles }) => handles, least)), cycleMs),
    // What is left behind for good stays beyond its time.
    keys: slopeOf(
      minutes(({ overdue }) => overdue, least),
      cycleMs,
    ),
    allKeys: slopeOf(
      minutes(({ keys }) => keys, average),
      cycleMs,
    ),
  };
}

/**
 * Each minute's value, or a later one that is less: where two calls to eBay overlapped, the second connection is kept open
 * for another minute and more, which is no leak. What is left only rises.
 */
function neverGivenBack(points: readonly Point[]): Point[] {
  return points.map(([at], index) => [at, Math.min(...points.slice(index).map(([, value]) => value))]);
}

export function isWithinLimits({ heap, handles, keys, allKeys }: Growth): boolean {
  return (
    heap.high < LIMITS.heapBytes &&
    handles.high < LIMITS.handles &&
    keys.high < LIMITS.keysShare * allKeys.mean
  );
}
