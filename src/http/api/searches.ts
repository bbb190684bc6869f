import { type SearchRequest, SearchRequestSchema } from '../../product/requestSchema.ts';
import { Type } from '../../product/type.ts';
import type { SearchProducer } from '../../queue/producer.ts';
import { callerOf, keyed, payerOf, type Routes } from '../access.ts';
import type { Caller } from '../auth/authenticator.ts';
import { notFound, type Problem, problem } from '../problem.ts';
import { answerOnce, checkedKey, type IdempotencyOptions } from './idempotency.ts';
import { classIn, sayAllowance } from './rateLimit.ts';
import { SearchAdded, SearchEstimate, SearchId } from './schemas.ts';
import { searchListRoute } from './searchList.ts';

/** Searches in one request at most. */
const MAX_SEARCHES = 500;
/** Of a request with many searches, or with a picture, bytes. */
const BULK_LIMIT = 1024 * 1024;

/** A tenant's producer. */
export type ProducerOf = (tenant: string) => SearchProducer;

const Searches = Type.Array(SearchRequestSchema, { minItems: 1, maxItems: MAX_SEARCHES });
const KeyHeader = Type.Object({
  'idempotency-key': Type.Optional(
    Type.String({ description: 'the same key and body again: the same searches, not new ones' }),
  ),
});
const Cancelled = Type.Object({
  searchId: Type.String(),
  cancelled: Type.Boolean({ description: 'false: it had ended already' }),
});

/** Listing, adding, retrying and cancelling searches, and what they would cost. */
export function searchRoutes(options: { producerOf: ProducerOf; idempotency: IdempotencyOptions }): Routes {
  const { producerOf, idempotency } = options;
  const producer = (request: { caller: Caller | null }) => producerOf(callerOf(request).tenant);
  return (app) => {
    searchListRoute(app, producerOf);
    const addition = keyed(
      ['enqueue'],
      'searches',
      'Put in a search, or up to 500 at once: all of them or none',
      {
        headers: KeyHeader,
        body: Type.Union([SearchRequestSchema, Searches]),
        response: { 202: Type.Union([SearchAdded, Type.Array(SearchAdded)]) },
      },
    );
    app.post('/v1/searches', { ...addition, bodyLimit: BULK_LIMIT }, async (request, reply) => {
      const { body, headers } = request;
      const caller = callerOf(request);
      const { tenant } = caller;
      const wanted = searchesIn(body, tenant);
      const key = checkedKey(headers['idempotency-key']);
      const payer = payerOf(caller);
      const add = (named = {}) => producer(request).enqueueMany(wanted, { ...payer, ...named });
      const { answer, again } =
        key === undefined
          ? { answer: await add(), again: false }
          : await answerOnce(idempotency, { tenant, key, body }, () => add({ idempotencyKey: key }));
      reply.code(202);
      if (again) reply.header('idempotency-replayed', 'true');
      await sayAllowance(request, reply, producer(request), classIn(body));
      if (Array.isArray(body)) return answer;
      const [added] = answer;
      reply.header('location', `/v1/searches/${added?.searchId}`);
      return added;
    });

    app.post(
      '/v1/searches/:id/retry',
      keyed(['enqueue'], 'searches', 'Start one that has ended again; only what is missing is called for', {
        params: SearchId,
        response: { 202: SearchAdded },
      }),
      async (request, reply) => {
        const { id } = request.params;
        if (!(await producer(request).retry(id, payerOf(callerOf(request)))))
          throw problem(409, 'still_running', 'the search has not ended yet', { searchId: id });
        await sayAllowance(request, reply, producer(request));
        reply.code(202);
        return { searchId: id };
      },
    );

    app.delete(
      '/v1/searches/:id',
      keyed(['enqueue'], 'searches', 'Cancel it; what it has found stays readable', {
        params: SearchId,
        response: { 200: Cancelled },
      }),
      async (request) => {
        const { id } = request.params;
        return { searchId: id, cancelled: await producer(request).cancel(id) };
      },
    );

    app.post(
      '/v1/estimates',
      {
        ...keyed(['enqueue', 'read'], 'searches', 'What a search would cost and when it could be done', {
          body: SearchRequestSchema,
          response: { 200: SearchEstimate },
        }),
        bodyLimit: BULK_LIMIT,
      },
      async (request, reply) => {
        const { body } = request;
        const caller = callerOf(request);
        const [wanted] = searchesIn(body === undefined ? body : [body], caller.tenant);
        const estimate = await producer(request).estimate(wanted as SearchRequest, payerOf(caller));
        await sayAllowance(request, reply, producer(request), estimate.class);
        return estimate;
      },
    );
  };
}

/** @throws Problem for a body that is no list of searches, or names another tenant than the caller's */
function searchesIn(body: unknown, tenant: string): SearchRequest[] {
  if (body === undefined) throw bodyRequired('a search, or a list of them,');
  const wanted: unknown[] = Array.isArray(body) ? body : [body];
  if (wanted.length === 0) throw problem(400, 'too_few_items', 'the list holds no search');
  if (wanted.length > MAX_SEARCHES)
    throw problem(400, 'too_many_items', `send at most ${MAX_SEARCHES} searches at once`);
  for (const each of wanted) refuseOtherTenant(each, tenant);
  return wanted as SearchRequest[];
}

export function bodyRequired(what: string): Problem {
  return problem(400, 'body_required', `send ${what} as JSON`);
}

/** @throws Problem 404 for another tenant than the caller's: the answer must not reveal whether that tenant exists */
export function refuseOtherTenant(search: unknown, tenant: string): void {
  if (typeof search !== 'object' || search === null || !Object.hasOwn(search, 'tenant')) return;
  const named = (search as { tenant: unknown }).tenant;
  if (typeof named === 'string' && /^[a-z0-9-]{1,40}$/.test(named) && named !== tenant) throw notFound();
}
