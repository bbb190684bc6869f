import type { TrackVerdict } from '../product/track.ts';
import { pack, unpack } from './packing.ts';

interface Stored extends Omit<TrackVerdict, 'marks'> {
  marks: Array<[string, ReturnType<TrackVerdict['marks']['get']>]>;
}

export function packVerdict(verdict: TrackVerdict): Buffer {
  return pack({ ...verdict, marks: [...verdict.marks] });
}

export function readVerdict(packed: Buffer): TrackVerdict {
  const { marks, ...verdict } = unpack<Stored>(packed);
  return { ...verdict, marks: new Map(marks.map(([itemId, mark]) => [itemId, mark ?? null])) };
}
