import type { Sample } from './run.ts';
import { average, byMinute, type Point, type Slope, slopeOf } from './slope.ts';

export type Growth = Record<'heap' | 'handles' | 'keys', Slope>;

/** Upper ends of the intervals, an hour. */
const LIMITS = { heapBytes: 1_000_000, handles: 0.1, keysShare: 0.01 };

/**
 * What grows while no fault's turmoil holds anything. Of heap and handles each minute's least counts: what a leak holds is
 * in every sample of a minute, a search under way or a connection on its way is not. Keys go up and down with every search,
 * so their mean counts.
 */
export function growthOf(samples: readonly Sample[], cycleMs: number): Growth {
  const settled = samples.filter((sample) => sample.settled);
  const slope = (values: (sample: Sample) => number, choose: (values: number[]) => number) => {
    const points = settled.map((sample): Point => [sample.at, values(sample)]);
    return slopeOf(byMinute(points, choose), cycleMs);
  };
  const least = (values: number[]) => Math.min(...values);
  return {
    heap: slope(({ heap }) => heap, least),
    handles: slope(({ handles }) => handles, least),
    keys: slope(({ keys }) => keys, average),
  };
}

export function isWithinLimits({ heap, handles, keys }: Growth): boolean {
  return (
    heap.high < LIMITS.heapBytes && handles.high < LIMITS.handles && keys.high / keys.mean < LIMITS.keysShare
  );
}
