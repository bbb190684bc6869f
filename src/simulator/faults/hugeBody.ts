import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { createGzip } from 'node:zlib';
import type { Answer } from '../answer.ts';
import type { Fault } from './fault.ts';

export interface HugeBodyParameters {
  /** Decoded size in bytes. Default 64 MiB. */
  readonly bytes?: number;
  /** Sent compressed about a thousandfold. */
  readonly gzip?: boolean;
}

const BLOCK = Buffer.alloc(65_536, 0x20);

/** Valid JSON behind an enormous run of spaces. */
export const hugeBody: Fault<HugeBodyParameters> = ({ bytes = 64 * 1024 * 1024, gzip = false }) => ({
  deliver: (response, answer) => {
    response.writeHead(answer.status, {
      ...answer.headers,
      ...(gzip && { 'content-encoding': 'gzip' }),
    });
    void pour(response, answer, bytes, gzip);
  },
});

async function pour(response: ServerResponse, answer: Answer, bytes: number, gzip: boolean): Promise<void> {
  const target = gzip ? createGzip() : response;
  if (target !== response) target.pipe(response);
  const closed = new AbortController();
  response.once('close', () => closed.abort());
  try {
    for (let sent = 0; sent < bytes && !closed.signal.aborted; sent += BLOCK.length) {
      if (!target.write(BLOCK)) await once(target, 'drain', { signal: closed.signal });
    }
    target.end(answer.body);
  } catch {
    // The client has had enough, which is what this fault is for.
    target.destroy();
  }
}
