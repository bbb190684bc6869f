import { deflateRawSync, inflateRawSync, type ZlibOptions } from 'node:zlib';

/**
 * Level 1: a page of 200 products shrinks to a ninth in less than a millisecond. Handing so little work to another thread
 * and waiting for it costs more than doing it. Output in one piece, and for small values a window and tables of their size:
 * zlib's own sizes are for streams, and setting them up costs as much as packing a page's head.
 */
const LARGE: ZlibOptions = { level: 1, chunkSize: 65_536 };
const SMALL: ZlibOptions = { level: 1, chunkSize: 4096, windowBits: 12, memLevel: 4 };
const SMALL_LENGTH = 16_384;

/** A JSON value in the form in which results are kept. */
export function pack(value: unknown): Buffer {
  const json = JSON.stringify(value);
  return deflateRawSync(json, json.length > SMALL_LENGTH ? LARGE : SMALL);
}

/** What `pack` was given; the caller names its type. */
export function unpack<Value>(packed: Buffer): Value {
  return JSON.parse(inflateRawSync(packed).toString('utf8'));
}
