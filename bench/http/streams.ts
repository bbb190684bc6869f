import { readFileSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';

export interface StreamFigures {
  products: number;
  bytes: number;
  streams: number;
  /** Resident memory of the server before, and the most while all streams are open, MB. */
  before: number;
  most: number;
  /** What one open stream takes, MB; the list itself would take `bytes` and more. */
  perStream: number;
}

/** Reads one list with many readers at once, all of them slow, and watches the server's memory meanwhile. */
export async function readSlowly(
  pid: number,
  { url, headers, streams }: { url: string; headers: Record<string, string>; streams: number },
): Promise<StreamFigures> {
  // The first ones warm up what stays.
  for (let n = 0; n < 3; n++) await count(await open(url, headers), 0);
  const before = residentMb(pid);
  let most = before;
  const watch = setInterval(() => {
    most = Math.max(most, residentMb(pid));
  }, 20);
  const answers = await Promise.all(Array.from({ length: streams }, () => open(url, headers)));
  const [first] = await Promise.all(answers.map((answer) => count(answer, 20)));
  clearInterval(watch);
  const { lines = 0, bytes = 0 } = first ?? {};
  return { products: lines, bytes, streams, before, most, perStream: (most - before) / streams };
}

function open(url: string, headers: Record<string, string>): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    get(url, { headers }, resolve).once('error', reject);
  });
}

async function count(answer: IncomingMessage, pauseMs: number) {
  let [lines, bytes] = [0, 0];
  for await (const part of answer as AsyncIterable<Buffer>) {
    bytes += part.length;
    for (const byte of part) if (byte === 10) lines += 1;
    if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  return { lines, bytes };
}

function residentMb(pid: number): number {
  const kb = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Math.round(Number(kb) / 102.4) / 10;
}
