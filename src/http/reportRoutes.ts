import { Readable } from 'node:stream';
import type { FastifyRequest } from 'fastify';
import Type from 'typebox';
import { Failure } from '../failures.ts';
import type { SearchProducer } from '../queue/producer.ts';
import type { SearchReport } from '../queue/report.ts';
import type { Caller } from './authenticator.ts';
import type { HeldAnswers } from './heldAnswers.ts';
import { progressStream } from './progressStream.ts';
import { SearchStanding } from './schemas.ts';
import { type ProducerOf, SearchId } from './searchRoutes.ts';
import type { Section } from './section.ts';

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
