import Type from 'typebox';
import { type SearchRequest, SearchRequestSchema } from '../../product/requestSchema.ts';
import type { SearchProducer } from '../../queue/producer.ts';
import type { Caller } from '../auth/authenticator.ts';
import { notFound, type Problem, problem } from '../problem.ts';
import type { Section } from '../section.ts';
import { checkedKey, type Idempotency } from './idempotency.ts';
import { SearchAdded, SearchEstimate } from './schemas.ts';

/** Searches of one request at most. */
export const MOST_SEARCHES = 500;
/** Of a request with many searches, bytes. */
export const BULK_LIMIT = 1024 * 1024;

/** The way into a tenant's queue. */
export type ProducerOf = (tenant: string) => SearchProducer;

export interface SearchRoutesOptions {
  producerOf: ProducerOf;
  idempotency: Idempotency;
}

export const SearchId = Type.Object({
  id: Type.String({ minLength: 1, maxLength: 200, description: 'searchId of the answer that accepted it' }),
});

const Body = Type.Union([
  SearchRequestSchema,
  Type.Array(SearchRequestSchema, { minItems: 1, maxItems: MOST_SEARCHES }),
]);

/** Putting searches in, and what they would cost. */
export function searchRoutes({ producerOf, idempotency }: SearchRoutesOptions): Section {
  return {
    rules: [
      { method: 'POST', url: '/v1/searches', access: ['enqueue'] },
      { method: 'POST', url: '/v1/searches/:id/retry', access: ['enqueue'] },
      { method: 'DELETE', url: '/v1/searches/:id', access: ['enqueue'] },
      { method: 'POST', url: '/v1/estimates', access: ['enqueue', 'read'] },
    ],
    register(app) {
      const tags = ['searches'];
      const producer = (caller: Caller | null) => producerOf((caller as Caller).tenant);

      app.post(
        '/v1/searches',
        {
          bodyLimit: BULK_LIMIT,
          schema: {
            tags,
            summary: 'Put in a search, or up to 500 at once: all of them or none',
            headers: Type.Object({
              'idempotency-key': Type.Optional(
                Type.String({ description: 'the same word and body again: the same searches, not new ones' }),
              ),
            }),
            body: Body,
            response: { 202: Type.Union([SearchAdded, Type.Array(SearchAdded)]) },
          },
        },
        async ({ body, headers, ...request }, reply) => {
          const caller = request.caller as Caller;
          const wanted = searchesIn(body, caller);
          const key = checkedKey(headers['idempotency-key']);
          const add = () => enqueue(producerOf(caller.tenant), wanted, key);
          const { answer, again } =
            key === undefined
              ? { answer: await add(), again: false }
              : await idempotency.once({ tenant: caller.tenant, key, body, act: add });
          reply.code(202);
          if (again) reply.header('idempotency-replayed', 'true');
          if (Array.isArray(body)) return answer;
          const [added] = answer;
          reply.header('location', `/v1/searches/${added?.searchId}`);
          return added;
        },
      );

      app.post(
        '/v1/searches/:id/retry',
        {
          schema: {
            tags,
            summary: 'Start one that has ended again; only what is missing is called for',
            params: SearchId,
            response: { 202: SearchAdded },
          },
        },
        async ({ params: { id }, caller }, reply) => {
          if (!(await producer(caller).retry(id)))
            throw problem(409, 'still_running', 'the search has not ended yet', { searchId: id });
          reply.code(202);
          return { searchId: id };
        },
      );

      app.delete(
        '/v1/searches/:id',
        {
          schema: {
            tags,
            summary: 'Withdraw it; what it has found stays readable',
            params: SearchId,
            response: {
              200: Type.Object({
                searchId: Type.String(),
                cancelled: Type.Boolean({ description: 'false: it had ended already' }),
              }),
            },
          },
        },
        async ({ params: { id }, caller }) => ({
          searchId: id,
          cancelled: await producer(caller).cancel(id),
        }),
      );

      app.post(
        '/v1/estimates',
        {
          schema: {
            tags,
            summary: 'What a search would cost and when it could be done',
            body: SearchRequestSchema,
            response: { 200: SearchEstimate },
          },
        },
        async ({ body, caller }) => {
          const [wanted] = searchesIn(body === undefined ? body : [body], caller as Caller);
          return producer(caller).estimate(wanted as SearchRequest);
        },
      );
    },
  };
}

/** @throws Problem for a body that is no list of searches, or names another tenant than the caller's */
function searchesIn(body: unknown, { tenant }: Caller): SearchRequest[] {
  if (body === undefined) throw bodyRequired('a search, or a list of them,');
  const wanted: unknown[] = Array.isArray(body) ? body : [body];
  if (wanted.length === 0) throw problem(400, 'too_few_items', 'the list holds no search');
  if (wanted.length > MOST_SEARCHES)
    throw problem(400, 'too_many_items', `send at most ${MOST_SEARCHES} searches at once`);
  if (wanted.some((each) => namesAnother(each, tenant))) throw notFound();
  return wanted as SearchRequest[];
}

export function bodyRequired(what: string): Problem {
  return problem(400, 'body_required', `send ${what} as JSON`);
}

/** Whether such a tenant exists is nobody else's business. */
export function namesAnother(search: unknown, tenant: string): boolean {
  if (typeof search !== 'object' || search === null || !Object.hasOwn(search, 'tenant')) return false;
  const named = (search as { tenant: unknown }).tenant;
  return typeof named === 'string' && /^[a-z0-9-]{1,40}$/.test(named) && named !== tenant;
}

function enqueue(producer: SearchProducer, wanted: SearchRequest[], key: string | undefined) {
  return producer.enqueueMany(wanted, key === undefined ? {} : { idempotencyKey: key });
}
