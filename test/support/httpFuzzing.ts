import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { Redis } from 'ioredis';
import { startServeApp } from '../../src/app/serve.ts';
import { ApiKeys, ROLES } from '../../src/http/auth/apiKeys.ts';
import { SearchRequestSchema } from '../../src/product/requestSchema.ts';
import { ScheduleSchema } from '../../src/product/scheduleSchema.ts';
import { LogRoot } from '../../src/telemetry/logRoot.ts';
import { testConfig } from './config.ts';
import { rawCorpus } from './httpCorpus.ts';
import { anyCall, type FuzzCall } from './httpFuzz.ts';
import { HttpLine, type Reply } from './httpLine.ts';
import { sendRaw } from './rawHttp.ts';

/** What may be answered to anything at all. */
const DOCUMENTED = new Set([
  200, 202, 204, 302, 400, 401, 403, 404, 405, 406, 408, 409, 413, 415, 417, 422, 429, 431, 503,
]);
/** Connections, and what each asks in one write. */
const LINES = 40;
const AT_ONCE = 12;

/** Where calls go, and with which key. */
export interface FuzzTarget {
  url: string;
  key: string;
}

/** What a server of fuzzed calls is started with: its limits out of the way, so that calls meet more than them. */
export const FUZZ_ENV = { HTTP_PORT: '0', HTTP_RATE_LIMIT: '1000000', BACKLOG_LIMIT: '1000000' };

/** A key that may do everything, in this Redis. */
export async function fuzzKey(redisUrl: string): Promise<string> {
  const redis = new Redis(redisUrl);
  const wanted = { name: 'fuzz', tenant: 'default', roles: ROLES, expiresAt: null };
  const { key } = await new ApiKeys(redis, '{ebay}').add(wanted);
  redis.disconnect();
  return key;
}

/** The server in this process, as `dpf serve` starts it. */
export async function openFuzzServer(redisUrl: string): Promise<FuzzTarget & { close(): Promise<unknown> }> {
  const log = new LogRoot({ level: 'error', levels: '', format: 'json' }, new PassThrough().resume());
  const key = await fuzzKey(redisUrl);
  const app = await startServeApp(testConfig({ REDIS_URL: redisUrl, ...FUZZ_ENV }), log);
  return { url: app.url, key, close: () => app.stop() };
}

export interface Tally {
  inputs: number;
  /** Status → how many. */
  statuses: Record<string, number>;
  /** Code of an answer 503 → how many. */
  unavailable: Record<string, number>;
  /** What was answered wrongly, with the input that did it; the first ten. */
  wrong: string[];
}

/** Sends generated calls over sockets that stay open. The same seed makes the same calls. */
export async function fuzzCalls({ url, key }: FuzzTarget, count: number, seed: number): Promise<Tally> {
  const tally = emptyTally();
  const schemas = { request: SearchRequestSchema, schedule: ScheduleSchema } as never;
  const arbitrary = anyCall(schemas, `Bearer ${key}`);
  const lines = Array.from({ length: LINES }, () => new HttpLine(url));
  let underWay: Promise<unknown> = Promise.resolve();
  for (let done = 0; done < count; done += LINES * AT_ONCE) {
    const numRuns = Math.min(LINES * AT_ONCE, count - done);
    // Made while the server answers those before.
    const calls = fc.sample(arbitrary, { numRuns, seed: seed + done });
    await underWay;
    underWay = Promise.all(
      lines.map((line, index) =>
        judgeAll(tally, line, calls.slice(index * AT_ONCE, (index + 1) * AT_ONCE), key),
      ),
    );
    // Written before the next are made.
    await new Promise((resolve) => setImmediate(resolve));
  }
  await underWay;
  for (const line of lines) line.close();
  return tally;
}

async function judgeAll(
  tally: Tally,
  line: HttpLine,
  calls: readonly FuzzCall[],
  key: string,
): Promise<void> {
  const questions = calls.map((call) => ({ method: call.method, bytes: bytesOf(call) }));
  const replies = await line.ask(questions).catch((error: Error) => error);
  calls.forEach((call, index) => {
    const reply = replies instanceof Error ? undefined : replies[index];
    count(tally, reply?.status ?? 'none');
    if (reply?.status === 503) add(tally.unavailable, whyUnavailable(call, reply));
    const wrong = replies instanceof Error ? replies.message : flaw(call, reply as Reply, key);
    if (wrong !== undefined) blame(tally, wrong, JSON.stringify(call), key);
  });
}

function bytesOf({ method, url, headers, payload }: FuzzCall): Buffer {
  const body = Buffer.from(payload ?? '');
  const framed = payload === undefined ? headers : { ...headers, 'content-length': body.length };
  const fields = Object.entries(framed).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.concat([Buffer.from(`${method} ${url} HTTP/1.1\r\n${fields.join('')}\r\n`, 'latin1'), body]);
}

function emptyTally(): Tally {
  return { inputs: 0, statuses: {}, unavailable: {}, wrong: [] };
}

function count(tally: Tally, status: number | string): void {
  tally.inputs += 1;
  add(tally.statuses, String(status));
}

function add(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1;
}

/** The code, or the route where it is health that says so; an answer to HEAD has no words. */
function whyUnavailable(call: FuzzCall, { body }: Reply): string {
  if (tellsHealth(call)) return '/livez';
  if (body === '') return call.method;
  if (body.startsWith('<')) return 'a page';
  return (JSON.parse(body) as { errors?: Array<{ code: string }> }).errors?.[0]?.code ?? 'no code';
}

function tellsHealth({ url }: FuzzCall): boolean {
  return /^\/livez(\?|$)/.test(url);
}

function blame(tally: Tally, what: string, input: string, key: string): void {
  if (tally.wrong.length < 10) tally.wrong.push(`${what}: ${input.replaceAll(key, 'KEY').slice(0, 2000)}`);
}

/** What is wrong with an answer; undefined when it is one of those that are documented. */
function flaw(call: FuzzCall, { status, headers, body }: Reply, key: string): string | undefined {
  if (!DOCUMENTED.has(status)) return `${status} is not documented: ${body.slice(0, 300)}`;
  if (body.includes(key)) return 'the key was repeated';
  if (status < 400 || body === '' || (status === 503 && tellsHealth(call))) return undefined;
  // A browser gets a page that says what to do.
  const isPage = call.headers.accept === 'text/html' && headers['content-type']?.startsWith('text/html');
  if (!isPage && !headers['content-type']?.startsWith('application/problem+json'))
    return `${status} is no problem+json`;
  if ((status === 503 || status === 429) && headers['retry-after'] === undefined)
    return `${status} without Retry-After`;
  if (isPage) return undefined;
  const answer = JSON.parse(body) as { status: number; errors: unknown[] };
  return answer.status === status && answer.errors.length > 0 ? undefined : `${status} names no error`;
}

/** Sends the corpus, and mutations of it, over sockets; each must be answered or its connection closed. */
export async function fuzzSockets({ url, key }: FuzzTarget, rounds: number, seed: number): Promise<Tally> {
  const tally = emptyTally();
  const corpus = rawCorpus(key);
  const mutated = fc
    .tuple(fc.constantFrom(...corpus), fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }))
    .map(([bytes, changes]) => {
      const buffer = Buffer.from(bytes, 'latin1');
      for (const [at, byte] of changes) buffer[at % buffer.length] = byte;
      return buffer;
    });
  const inputs = [
    ...corpus.map((bytes) => Buffer.from(bytes, 'latin1')),
    ...fc.sample(mutated, { numRuns: rounds, seed }),
  ];
  for (let at = 0; at < inputs.length; at += AT_ONCE)
    await Promise.all(
      inputs.slice(at, at + AT_ONCE).map(async (bytes) => {
        // Cut off where a mutation made the server wait for more: a client that has said all it will.
        const { status } = await sendRaw(url, bytes, { half: true });
        count(tally, status);
        // 303: the page leads to its sign-in.
        if (![0, 100, 303, 304].includes(status) && !DOCUMENTED.has(status))
          blame(tally, String(status), JSON.stringify(bytes.toString('latin1')), key);
      }),
    );
  return tally;
}
