import { PassThrough, type Readable } from 'node:stream';
import type { FastifyRequest } from 'fastify';
import Type from 'typebox';
import type { QuotaReport } from '../../ebay/gate/quota.ts';
import { Failure, withBecause } from '../../failures.ts';
import type { SearchProducer } from '../../queue/producer.ts';
import type { SearchReport } from '../../queue/searchReader.ts';
import { callerOf, keyed, type Routes } from '../access.ts';
import { problem } from '../problem.ts';
import { Quota, SearchId, SearchState } from './schemas.ts';
import type { ProducerOf } from './searches.ts';

const NoQuery = Type.Object({}, { additionalProperties: false });
const waiting = 'seconds that the answer is held at most until the search has ended';
const Wait = Type.Object(
  { wait: Type.Optional(Type.Number({ minimum: 0, maximum: 60, description: waiting })) },
  { additionalProperties: false },
);

interface ReportOptions {
  producerOf: ProducerOf;
  quotaOf: (tenant: string) => Promise<QuotaReport>;
  /** Answers that this process holds open at most. */
  maxHeld: number;
}

/** The state of a search: at once, held until it has ended, or as a stream of events. The calls of the day. */
export function reportRoutes({ producerOf, quotaOf, maxHeld }: ReportOptions): Routes {
  const enter = holdAtMost(maxHeld);
  const closing = new AbortController();
  /** Aborts when the client disconnects or the server closes. */
  const ending = ({ raw }: FastifyRequest): AbortSignal => {
    const gone = new AbortController();
    raw.socket.once('close', () => gone.abort());
    return AbortSignal.any([closing.signal, gone.signal]);
  };
  return (app) => {
    app.addHook('preClose', async () => closing.abort());

    app.get(
      '/v1/searches/:id',
      keyed(['read'], 'searches', 'State, progress and summary', {
        params: SearchId,
        querystring: Wait,
        response: { 200: SearchState },
      }),
      async (request) => {
        const { params, query } = request;
        const { id: keyId, tenant } = callerOf(request);
        const producer = producerOf(tenant);
        let report = await producer.get(params.id);
        if (query.wait && report.state !== 'done') {
          const leave = enter(keyId);
          try {
            report = await heldReport(producer, params.id, query.wait, ending(request));
          } finally {
            leave();
          }
        }
        return { ...reportJson(report), estimate: await producer.remaining(report) };
      },
    );

    app.get(
      '/v1/searches/:id/events',
      keyed(['read'], 'searches', 'Its progress as server-sent events (`progress`, one `end`)', {
        params: SearchId,
        querystring: NoQuery,
        produces: ['text/event-stream'],
      }),
      async (request, reply) => {
        const { id } = request.params;
        const { id: keyId, tenant } = callerOf(request);
        const producer = producerOf(tenant);
        await producer.get(id);
        reply.raw.once('close', enter(keyId));
        return reply
          .header('content-type', 'text/event-stream; charset=utf-8')
          .header('x-accel-buffering', 'no')
          .send(progressStream(producer, id, ending(request)));
      },
    );

    app.get(
      '/v1/quota',
      keyed(['read', 'operate'], 'operations', 'Calls of the day, used and left', {
        response: { 200: Quota },
      }),
      (request) => quotaOf(callerOf(request).tenant),
    );
  };
}

function heldReport(producer: SearchProducer, id: string, seconds: number, signal: AbortSignal) {
  return producer.waitFor(id, { timeoutMs: seconds * 1000, signal }).catch((error) => {
    if (error instanceof Failure && error.code === 'interrupted') return producer.get(id);
    throw error;
  });
}

function reportJson({ progress, ...rest }: SearchReport) {
  return { ...rest, progress: progress && withBecause(progress) };
}

/** Proxies close a connection that is silent for a minute. */
const HEARTBEAT_MS = 15_000;

/** Server-sent events: `progress` at each change, one `end`. A reader that lags behind misses states between. */
function progressStream(producer: SearchProducer, searchId: string, signal: AbortSignal): Readable {
  const stream = new PassThrough();
  const event = (name: string, data: object) => `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
  const writeUnlessFull = (text: string) => {
    if (!stream.writableNeedDrain) stream.write(text);
  };
  stream.write('retry: 3000\n\n');
  const heartbeat = setInterval(() => writeUnlessFull(': still there\n\n'), HEARTBEAT_MS);
  stream.once('close', () => clearInterval(heartbeat));
  producer
    .waitFor(searchId, {
      signal,
      onProgress: (report) => {
        if (report.state !== 'done') writeUnlessFull(event('progress', reportJson(report)));
      },
    })
    .then(
      (report) => stream.end(event('end', reportJson(report))),
      (error) => {
        const code = error instanceof Failure ? error.code : 'internal';
        // Interrupted: the server closes or the reader has left. The search continues.
        stream.end(code === 'interrupted' ? '' : event('error', { code }));
      },
    );
  return stream;
}

/**
 * Limits the answers that stay open (event streams and waits), since each polls Redis; half of them may be of one key. The
 * result enters one of a key and returns what to call once at its end; it throws Problem 429 or 503 above the limits.
 */
function holdAtMost(limit: number): (keyId: string) => () => void {
  const open = new Set<{ keyId: string }>();
  return (keyId) => {
    if (open.size >= limit)
      throw problem(503, 'too_many_streams', 'too many answers are held open here', { retryAfter: 5 });
    const own = [...open].filter((each) => each.keyId === keyId);
    if (own.length >= Math.max(1, limit / 2))
      throw problem(429, 'too_many_streams', 'this key holds too many answers open', { retryAfter: 5 });
    const held = { keyId };
    open.add(held);
    return () => void open.delete(held);
  };
}
