import { PassThrough, type Readable } from 'node:stream';
import type { QuotaReport } from '../../ebay/gate/quota.ts';
import { Failure, withBecause } from '../../failures.ts';
import { Type } from '../../product/type.ts';
import type { SearchProducer } from '../../queue/producer.ts';
import type { SearchReport } from '../../queue/searchReader.ts';
import { callerOf, keyed, payerOf, type Routes } from '../access.ts';
import type { HeldAnswers } from '../heldAnswers.ts';
import { Problem } from '../problem.ts';
import { sayAllowance } from './rateLimit.ts';
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
  held: HeldAnswers;
}

/** The state of a search: at once, held until it has ended, or as a stream of events. The calls of the day. */
export function reportRoutes({ producerOf, quotaOf, held }: ReportOptions): Routes {
  return (app) => {
    app.addHook('preClose', async () => held.close());

    app.get(
      '/v1/searches/:id',
      keyed(['read'], 'searches', 'State, progress and summary', {
        params: SearchId,
        querystring: Wait,
        response: { 200: SearchState },
      }),
      async (request, reply) => {
        const { params, query } = request;
        const producer = producerOf(callerOf(request).tenant);
        let report = await producer.get(params.id);
        if (query.wait && report.state !== 'done')
          report = await heldReport(producer, params.id, query.wait, held.hold(request, reply));
        const estimate = await producer.remaining(report, payerOf(callerOf(request)));
        const asked = estimate ? undefined : await producer.request(params.id);
        await sayAllowance(request, reply, producer, estimate?.class ?? asked?.priority);
        return { ...reportJson(report), estimate };
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
        const producer = producerOf(callerOf(request).tenant);
        const report = await producer.get(id);
        // A standard client connects again after every end, with the last id; a 204 is how it learns not to.
        if (report.state === 'done' && request.headers['last-event-id'] === endId(report))
          return reply.code(204).send();
        return reply
          .header('content-type', 'text/event-stream; charset=utf-8')
          .header('x-accel-buffering', 'no')
          .send(progressStream(producer, id, held.hold(request, reply)));
      },
    );

    app.get(
      '/v1/quota',
      keyed(['read', 'operate'], 'operations', 'Calls of the day, used and left', {
        response: { 200: Quota },
      }),
      async (request, reply) => {
        const { tenant } = callerOf(request);
        await sayAllowance(request, reply, producerOf(tenant));
        return quotaOf(tenant);
      },
    );
  };
}

/** The report once the search has ended, or as it is after the time. @throws Problem where the key ends meanwhile */
export function heldReport(producer: SearchProducer, id: string, seconds: number, signal: AbortSignal) {
  return producer.waitFor(id, { timeoutMs: seconds * 1000, signal }).catch((error) => {
    if (!(error instanceof Failure) || error.code !== 'interrupted') throw error;
    if (signal.reason instanceof Problem) throw signal.reason;
    return producer.get(id);
  });
}

function reportJson({ progress, ...rest }: SearchReport) {
  return { ...rest, progress: progress && withBecause(progress) };
}

/** Proxies close a connection that is silent for a minute. */
const HEARTBEAT_MS = 15_000;

/** Of the event `end`; another one after a retry. */
function endId({ summary, error }: SearchReport): string {
  return `end ${summary?.finishedAt ?? error?.code}`;
}

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
      (report) => stream.end(`id: ${endId(report)}\n${event('end', reportJson(report))}`),
      (error) => {
        const code = error instanceof Failure ? error.code : 'internal';
        if (code !== 'interrupted') stream.end(event('error', { code }));
        else if (signal.reason instanceof Problem) stream.end(event('error', { code: signal.reason.code }));
        // The server closes or the reader has left. The search continues.
        else stream.end();
      },
    );
  return stream;
}
