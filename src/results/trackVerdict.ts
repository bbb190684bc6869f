import type { Money } from '../product/money.ts';
import type { TrackVerdict } from '../product/track.ts';
import { pack, unpack } from './packing.ts';

interface Stored extends Omit<TrackVerdict, 'marks' | 'formerTotals'> {
  marks: Array<[string, ReturnType<TrackVerdict['marks']['get']>]>;
  /** Missing in what an earlier release wrote. */
  formerTotals?: Array<[string, Money]>;
}

export function packVerdict({ marks, formerTotals, ...verdict }: TrackVerdict): Buffer {
  return pack({ ...verdict, marks: [...marks], formerTotals: [...formerTotals] } satisfies Stored);
}

export function readVerdict(packed: Buffer): TrackVerdict {
  const { marks, formerTotals = [], ...verdict } = unpack<Stored>(packed);
  return {
    ...verdict,
    marks: new Map(marks.map(([itemId, mark]) => [itemId, mark ?? null])),
    formerTotals: new Map(formerTotals),
  };
}
