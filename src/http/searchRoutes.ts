import Type from 'typebox';
import { Failure } from '../failures.ts';
import type { SearchRequest } from '../product/requestSchema.ts';
import { SearchRequestSchema } from '../product/requestSchema.ts';
import type { SearchProducer } from '../queue/producer.ts';
import type { Caller } from './authenticator.ts';
import { notFound, problem } from './problem.ts';
import type { Section } from './section.ts';

/** Searches of one request at most. */
export const MOST_SEARCHES = 500;
/** Of a request with many searches, bytes. */
const BULK_LIMIT = 1024 * 1024;

/** The way into a tenant's queue. */
export type ProducerOf = (tenant: string) => SearchProducer;

export interface SearchRoutesOptions {
  producerOf: ProducerOf;
}

const SearchId = Type.Object({ id: Type.String({ minLength: 1, maxLength: 200 }) });
const Wait = Type.Object(
  {
    wait: Type.Optional(
      Type.Number({
        minimum: 0,
        maximum: 60,
        description: 'seconds that the answer may be held until the end',
      }),
    ),
  },
  { additionalProperties: false },
);

/** Putting searches in and seeing how they stand. */
export function searchRoutes({ producerOf }: SearchRoutesOptions): Section {
  return {
    rules: [
      { method: 'POST', url: '/v1/searches', access: ['enqueue'] },
      { method: 'GET', url: '/v1/searches/:id', access: ['read'] },
    ],
    register(app, closing) {
      app.post(
        '/v1/searches',
        {
          bodyLimit: BULK_LIMIT,
          schema: {
            body: Type.Union([
              SearchRequestSchema,
              Type.Array(SearchRequestSchema, { minItems: 1, maxItems: MOST_SEARCHES }),
            ]),
          },
        },
        async (request, reply) => {
          const caller = request.caller as Caller;
          const wanted = searchesIn(request.body, caller);
          const added = await enqueue(producerOf(caller.tenant), wanted);
          reply.code(202);
          if (Array.isArray(request.body)) return added;
          return reply.header('location', `/v1/searches/${added[0]?.searchId}`).send(added[0]);
        },
      );

      app.get(
        '/v1/searches/:id',
        { schema: { params: SearchId, querystring: Wait } },
        async ({ params, query: { wait = 0 }, caller, raw }) => {
          const producer = producerOf((caller as Caller).tenant);
          if (wait === 0) return producer.get(params.id);
          const gone = new AbortController();
          raw.once('close', () => gone.abort());
          return heldReport(producer, params.id, wait, AbortSignal.any([closing, gone.signal]));
        },
      );
    },
  };
}

async function heldReport(producer: SearchProducer, id: string, seconds: number, signal: AbortSignal) {
  try {
    return await producer.waitFor(id, { timeoutMs: seconds * 1000, signal });
  } catch (error) {
    if (error instanceof Failure && error.code === 'interrupted') return producer.get(id);
    throw error;
  }
}

/** @throws Problem for a body that is no list of searches, or names another tenant than the caller's */
function searchesIn(body: unknown, { tenant }: Caller): SearchRequest[] {
  if (body === undefined) throw problem(400, 'body_required', 'send a search, or a list of them, as JSON');
  const wanted: unknown[] = Array.isArray(body) ? body : [body];
  if (wanted.length === 0) throw problem(400, 'too_few_items', 'the list holds no search');
  if (wanted.length > MOST_SEARCHES)
    throw problem(400, 'too_many_items', `send at most ${MOST_SEARCHES} searches at once`);
  if (wanted.some((each) => namesAnother(each, tenant))) throw notFound();
  return wanted as SearchRequest[];
}

/** Whether such a tenant exists is nobody else's business. */
function namesAnother(search: unknown, tenant: string): boolean {
  if (typeof search !== 'object' || search === null || !Object.hasOwn(search, 'tenant')) return false;
  const named = (search as { tenant: unknown }).tenant;
  return typeof named === 'string' && /^[a-z0-9-]{1,40}$/.test(named) && named !== tenant;
}

/** The producer knows a list of one only as one. */
async function enqueue(producer: SearchProducer, wanted: SearchRequest[]) {
  return producer.enqueueMany(wanted);
}
