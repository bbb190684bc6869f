import type { Readable } from 'node:stream';

/** All that a stream holds now. One `read()` gives a single chunk from Node 26 on. */
export function readAll(stream: Readable): string {
  let text = '';
  for (let chunk = stream.read(); chunk !== null; chunk = stream.read()) text += chunk;
  return text;
}
