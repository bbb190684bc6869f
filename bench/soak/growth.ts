import type { Sample } from './run.ts';
import { average, byMinute, type Point, type Slope, slopeOf } from './slope.ts';

export type Growth = Record<'heap' | 'handles' | 'keys', Slope>;

/** Upper ends of the intervals, an hour. */
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
    // They come and go with every search.
    keys: slopeOf(
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

export function isWithinLimits({ heap, handles, keys }: Growth): boolean {
  return (
    heap.high < LIMITS.heapBytes && handles.high < LIMITS.handles && keys.high / keys.mean < LIMITS.keysShare
  );
}
