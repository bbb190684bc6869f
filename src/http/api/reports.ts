import { Readable } from 'node:stream';
import type { FastifyRequest } from 'fastify';
import Type from 'typebox';
import { Failure } from '../../failures.ts';
import type { SearchProducer } from '../../queue/producer.ts';
import type { SearchReport } from '../../queue/searchReader.ts';
import type { Caller } from '../auth/authenticator.ts';
import { problem } from '../problem.ts';
import type { Section } from '../section.ts';
import { SearchStanding } from './schemas.ts';
import { type ProducerOf, SearchId } from './searches.ts';

const Wait = Type.Object(
  {
    wait: Type.Optional(
      Type.Number({
        minimum: 0,
        maximum: 60,
        description: 'seconds that the answer is held until the search has ended, or for so long',
      }),
    ),
  },
  { additionalProperties: false },
);

/** How a search stands: at once, held until it has ended, or told as it goes on. */
export function reportRoutes({ producerOf, held }: { producerOf: ProducerOf; held: HeldAnswers }): Section {
  return {
    rules: [
      { method: 'GET', url: '/v1/searches/:id', access: ['read'] },
      { method: 'GET', url: '/v1/searches/:id/events', access: ['read'] },
    ],
    register(app, closing) {
      const tags = ['searches'];

      app.get(
        '/v1/searches/:id',
        {
          schema: {
            tags,
            summary: 'How it stands',
            params: SearchId,
            querystring: Wait,
            response: { 200: SearchStanding },
          },
        },
        async (request) => {
          const { params, query, caller } = request;
          const producer = producerOf((caller as Caller).tenant);
          const report = await producer.get(params.id);
          const { wait = 0 } = query;
          if (wait === 0 || report.state === 'done') return withEstimate(producer, report);
          const leave = held.enter((caller as Caller).id);
          try {
            return await withEstimate(
              producer,
              await heldReport(producer, report, wait, ending(request, closing)),
            );
          } finally {
            leave();
          }
        },
      );

      app.get(
        '/v1/searches/:id/events',
        {
          schema: {
            tags,
            summary: 'Its progress as server-sent events (`progress`, one `end`)',
            params: SearchId,
            querystring: Type.Object({}, { additionalProperties: false }),
            produces: ['text/event-stream'],
          },
        },
        async (request, reply) => {
          const { params, caller } = request;
          const producer = producerOf((caller as Caller).tenant);
          await producer.get(params.id);
          const leave = held.enter((caller as Caller).id);
          reply.raw.once('close', leave);
          const text = progressStream(producer, params.id, ending(request, closing));
          return reply
            .header('content-type', 'text/event-stream; charset=utf-8')
            .header('x-accel-buffering', 'no')
            .send(Readable.from(text, { objectMode: true, highWaterMark: 1 }));
        },
      );
    },
  };
}

/** Aborts when nobody listens any more or the server closes. */
function ending({ raw }: FastifyRequest, closing: AbortSignal): AbortSignal {
  const gone = new AbortController();
  raw.socket.once('close', () => gone.abort());
  return AbortSignal.any([closing, gone.signal]);
}

async function heldReport(
  producer: SearchProducer,
  { searchId }: SearchReport,
  seconds: number,
  signal: AbortSignal,
) {
  try {
    return await producer.waitFor(searchId, { timeoutMs: seconds * 1000, signal });
  } catch (error) {
    if (error instanceof Failure && error.code === 'interrupted') return producer.get(searchId);
    throw error;
  }
}

async function withEstimate(producer: SearchProducer, report: SearchReport) {
  return { ...report, estimate: await producer.remaining(report) };
}

/** Proxies end a connection that says nothing for a minute. */
const HEARTBEAT_MS = 15_000;

/** How a search gets on as server-sent events: `progress` whenever it changes, one `end`. */
export async function* progressStream(
  producer: SearchProducer,
  searchId: string,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const waiting: string[] = ['retry: 3000\n\n'];
  let wake = () => {};
  const say = (text: string) => {
    waiting.push(text);
    wake();
  };
  const heartbeat = setInterval(() => say(': still there\n\n'), HEARTBEAT_MS);
  const onProgress = (report: SearchReport) => {
    if (report.state !== 'done') say(eventOf('progress', report));
  };
  let over = false;
  const watching = producer
    .waitFor(searchId, { onProgress, signal })
    .then((report) => say(eventOf('end', report)))
    .catch((error) => sayFailure(error, say))
    .finally(() => {
      over = true;
      wake();
    });
  try {
    while (!over || waiting.length > 0) {
      // Only the latest matters to a reader that lags behind: the state is whole each time.
      const next = waiting.length > 100 ? waiting.splice(0).at(-1) : waiting.shift();
      if (next !== undefined) yield next;
      else
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    }
    await watching;
  } finally {
    clearInterval(heartbeat);
  }
}

/** The server closes or the reader left: nothing is wrong with the search. */
function sayFailure(error: unknown, say: (text: string) => void): void {
  if (error instanceof Failure && error.code === 'interrupted') return;
  const code = error instanceof Failure ? error.code : 'internal';
  say(eventOf('error', { code }));
}

function eventOf(event: string, data: object): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** Of one key, of all that may be held. */
const SHARE_OF_ONE = 0.5;

/** Answers that stay open, event streams and waits: each asks Redis again and again, so there is a most of them. */
export class HeldAnswers {
  readonly #most: number;
  readonly #open = new Map<string, number>();
  #total = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** Returns what to call at its end, once or more often. @throws Problem 429 or 503 when there are too many */
  enter(keyId: string): () => void {
    const own = this.#open.get(keyId) ?? 0;
    if (this.#total >= this.#most)
      throw problem(503, 'too_many_streams', 'too many answers are held open here', { retryAfter: 5 });
    if (own >= Math.max(1, this.#most * SHARE_OF_ONE))
      throw problem(429, 'too_many_streams', 'this key holds too many answers open', { retryAfter: 5 });
    this.#change(keyId, 1);
    let left = false;
    return () => {
      if (!left) this.#change(keyId, -1);
      left = true;
    };
  }

  #change(keyId: string, by: 1 | -1): void {
    const own = (this.#open.get(keyId) ?? 0) + by;
    this.#total += by;
    if (own === 0) this.#open.delete(keyId);
    else this.#open.set(keyId, own);
  }
}
