import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { Redis } from 'ioredis';
import { type ServeApp, startServeApp } from '../../src/app/serve.ts';
import { ApiKeys, ROLES } from '../../src/http/apiKeys.ts';
import { SearchRequestSchema } from '../../src/product/requestSchema.ts';
import { ScheduleSchema } from '../../src/product/scheduleSchema.ts';
import { LogRoot } from '../../src/telemetry/logger.ts';
import { testConfig } from './config.ts';
import { rawCorpus } from './httpCorpus.ts';
import { anyCall, type FuzzCall } from './httpFuzz.ts';
import { sendRaw } from './rawHttp.ts';

/** What may be answered to anything at all. */
const DOCUMENTED = new Set([
  200, 202, 204, 302, 400, 401, 403, 404, 405, 406, 408, 409, 413, 415, 417, 422, 429, 431, 503,
]);
const TOGETHER = 25;

export interface FuzzServer {
  app: ServeApp;
  key: string;
  /** Forgets every search and schedule; makes a new key. */
  empty(): Promise<void>;
  close(): Promise<void>;
}

/** The server as `dpf serve` starts it, its limits out of the way. */
export async function openFuzzServer(redisUrl: string): Promise<FuzzServer> {
  const redis = new Redis(redisUrl);
  const keys = new ApiKeys(redis, '{ebay}');
  const newKey = async () =>
    (await keys.add({ name: 'fuzz', tenant: 'default', roles: ROLES, expiresAt: null })).key;
  const log = new LogRoot({ level: 'error', levels: '', format: 'json' }, new PassThrough().resume());
  let key = await newKey();
  const config = testConfig({ REDIS_URL: redisUrl, HTTP_PORT: '0', HTTP_RATE_LIMIT: '1000000' });
  const app = await startServeApp(config, log);
  return {
    app,
    get key() {
      return key;
    },
    async empty() {
      await redis.flushall();
      key = await newKey();
    },
    async close() {
      redis.disconnect();
      await app.stop();
    },
  };
}

export interface Tally {
  inputs: number;
  /** Status → how many. */
  statuses: Record<string, number>;
  /** What was answered wrongly, with the input that did it; the first ten. */
  wrong: string[];
}

/** Sends generated calls through the whole server but the socket. The same seed makes the same calls. */
export async function fuzzCalls({ app, key }: FuzzServer, count: number, seed: number): Promise<Tally> {
  const tally: Tally = { inputs: 0, statuses: {}, wrong: [] };
  const schemas = { request: SearchRequestSchema, schedule: ScheduleSchema } as never;
  const arbitrary = anyCall(schemas, `Bearer ${key}`);
  for (let done = 0; done < count; done += 500) {
    const calls = fc.sample(arbitrary, { numRuns: Math.min(500, count - done), seed: seed + done });
    for (let at = 0; at < calls.length; at += TOGETHER)
      await Promise.all(calls.slice(at, at + TOGETHER).map((call) => judge(tally, call, app, key)));
  }
  return tally;
}

async function judge(tally: Tally, call: FuzzCall, { server }: ServeApp, key: string): Promise<void> {
  const answer = await inTime(server.inject(call)).catch((error: Error) => error);
  tally.inputs += 1;
  const status = answer instanceof Error ? 'none' : String(answer.statusCode);
  tally.statuses[status] = (tally.statuses[status] ?? 0) + 1;
  const wrong =
    answer instanceof Error
      ? answer.message
      : flaw(answer.statusCode, answer.headers as Record<string, string>, answer.body, key);
  if (wrong !== undefined && tally.wrong.length < 10)
    tally.wrong.push(`${wrong}: ${JSON.stringify(call).replaceAll(key, 'KEY').slice(0, 2000)}`);
}

function inTime<T>(answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(reject, 30_000, new Error('no answer within 30 s'));
  });
  return Promise.race([answer, late]).finally(() => clearTimeout(timer));
}

/** What is wrong with an answer; undefined when it is one of those that are documented. */
function flaw(
  status: number,
  headers: Record<string, string>,
  body: string,
  key: string,
): string | undefined {
  if (!DOCUMENTED.has(status)) return `${status} is not documented: ${body.slice(0, 300)}`;
  if (body.includes(key)) return 'the key was repeated';
  if (status < 400 || body === '') return undefined;
  if (!headers['content-type']?.startsWith('application/problem+json')) return `${status} is no problem+json`;
  if ((status === 503 || status === 429) && headers['retry-after'] === undefined)
    return `${status} without Retry-After`;
  const told = JSON.parse(body) as { status: number; errors: unknown[] };
  return told.status === status && told.errors.length > 0 ? undefined : `${status} tells no error`;
}

/** Sends the corpus, and mutations of it, over sockets; each must be answered or its connection closed. */
export async function fuzzSockets({ app, key }: FuzzServer, rounds: number, seed: number): Promise<Tally> {
  const tally: Tally = { inputs: 0, statuses: {}, wrong: [] };
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
  for (let at = 0; at < inputs.length; at += TOGETHER)
    await Promise.all(
      inputs.slice(at, at + TOGETHER).map(async (bytes) => {
        // Cut off where a mutation made the server wait for more: a client that has said all it will.
        const { status } = await sendRaw(app.url, bytes, { half: true });
        tally.inputs += 1;
        tally.statuses[status] = (tally.statuses[status] ?? 0) + 1;
        if (
          status !== 0 &&
          status !== 100 &&
          status !== 304 &&
          !DOCUMENTED.has(status) &&
          tally.wrong.length < 10
        )
          tally.wrong.push(
            `${status}: ${JSON.stringify(bytes.toString('latin1')).replaceAll(key, 'KEY').slice(0, 500)}`,
          );
      }),
    );
  return tally;
}
