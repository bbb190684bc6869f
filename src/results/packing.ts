import { promisify } from 'node:util';
import { deflateRaw, inflateRaw } from 'node:zlib';

const compress = promisify(deflateRaw);
const decompress = promisify(inflateRaw);

/** Level 1: a page of 200 products shrinks to about a sixth; higher levels cost several times the CPU for little more. */
const FAST = { level: 1 };

/** A JSON value in the form in which results are kept. */
export function pack(value: unknown): Promise<Buffer> {
  return compress(JSON.stringify(value), FAST);
}

/** What `pack` was given; the caller names its type. */
export async function unpack<Value>(packed: Buffer): Promise<Value> {
  return JSON.parse((await decompress(packed)).toString('utf8'));
}
