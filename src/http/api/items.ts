import { Failure } from '../../failures.ts';
import { MARKETPLACE_IDS, marketplaceOf } from '../../product/marketplaces.ts';
import { ProductSchema } from '../../product/product.ts';
import { DEFAULT_DETAILS_MAX_AGE, type SearchRequest } from '../../product/requestSchema.ts';
import { SearchSummarySchema } from '../../product/summary.ts';
import { Type } from '../../product/type.ts';
import type { Allowance } from '../../queue/producer.ts';
import type { SearchReport } from '../../queue/searchReader.ts';
import { callerOf, keyed, payerOf, type Routes } from '../access.ts';
import type { HeldAnswers } from '../heldAnswers.ts';
import { type Problem, problem } from '../problem.ts';
import { sayAllowance } from './rateLimit.ts';
import { heldReport } from './reports.ts';
import { SearchAdded } from './schemas.ts';
import type { ProducerOf } from './searches.ts';

/**
 * How long the answer is held by default, seconds: longer than one call to eBay may take (EBAY_CALL_TIMEOUT, 10 s), shorter
 * than the 30 s after which many proxies give up.
 */
const WAIT_S = 20;

const ID = {
  description:
    'an item id (v1|110587654321|0), the id of a listing, or the address of its page; percent-encoded',
};
const params = Type.Object({ id: Type.String({ minLength: 1, maxLength: 2048, ...ID }) });
const Query = Type.Object(
  {
    marketplace: Type.Optional(
      Type.Enum(MARKETPLACE_IDS, { description: 'default: that of the address, else the configured one' }),
    ),
    shipTo: Type.Optional(
      Type.String({
        pattern: '^[A-Za-z]{2}(:.{1,10})?$',
        description: 'where to, such as US or US:19406, so that shipping is priced',
      }),
    ),
    variations: Type.Optional(
      Type.Enum(['none', 'all'], { default: 'all', description: 'all: a product for each variation' }),
    ),
    detailsMaxAge: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 21_600,
        default: DEFAULT_DETAILS_MAX_AGE,
        description: 'seconds: an answer that is this young is used again, without a call',
      }),
    ),
    wait: Type.Optional(
      Type.Number({
        minimum: 0,
        maximum: 60,
        default: WAIT_S,
        description: 'seconds that the answer is held at most; then 202, and the search goes on',
      }),
    ),
  },
  { additionalProperties: false },
);
const Listing = Type.Object({ products: Type.Array(ProductSchema), summary: SearchSummarySchema });

/** One listing: a search for it that is waited for. */
export function itemRoutes({ producerOf, held }: { producerOf: ProducerOf; held: HeldAnswers }): Routes {
  return (app) => {
    app.get(
      '/v1/items/:id',
      keyed(['enqueue'], 'searches', 'One listing with its variations; at most two calls to eBay', {
        params,
        querystring: Query,
        response: { 200: Listing, 202: SearchAdded },
      }),
      async (request, reply) => {
        const { id } = request.params;
        const {
          marketplace = marketplaceOf(id),
          shipTo,
          variations,
          detailsMaxAge,
          wait = WAIT_S,
        } = request.query;
        const [country = '', postalCode] = shipTo?.split(':') ?? [];
        const caller = callerOf(request);
        const producer = producerOf(caller.tenant);
        const wanted: SearchRequest = {
          items: [id],
          ...(variations !== undefined && { variations }),
          ...(detailsMaxAge !== undefined && { detailsMaxAge }),
          ...(marketplace && { marketplaces: [marketplace] }),
          ...(shipTo && { shipTo: { country: country.toUpperCase(), ...(postalCode && { postalCode }) } }),
        };
        const { searchId } = await producer.enqueue(wanted, payerOf(caller)).catch((error) => {
          throw withParameter(error);
        });
        const report =
          wait > 0
            ? await heldReport(producer, searchId, wait, held.hold(request, reply))
            : await producer.get(searchId);
        const allowance = await sayAllowance(request, reply, producer);
        if (report.state !== 'done')
          return reply.code(202).header('location', `/v1/searches/${searchId}`).send({ searchId });
        const { summary } = report;
        const products = summary === null ? [] : await producer.products(searchId);
        // Dropped by the costs of the tenant, for instance: the listing is there, and the summary says why.
        const isThere = products.length > 0 || summary?.counts.filteredOut;
        if (summary === null || !isThere) throw missing(report, allowance);
        return { products, summary };
      },
    );
  };
}

/** A mistake in the request by the parameter that it came from. */
function withParameter(error: unknown): unknown {
  if (!(error instanceof Failure) || error.detail.errors === undefined) return error;
  const named = error.detail.errors.map((each) => ({
    ...each,
    path: each.path.startsWith('items') ? 'id' : (each.path.split('.')[0] as string),
  }));
  return new Failure(error.code, error.message, { ...error.detail, errors: named });
}

/** Why a listing is not there. */
function missing({ summary, error, searchId }: SearchReport, allowance: Allowance | undefined): Problem {
  const { code, message } = error ?? summary?.missing[0] ?? withoutFailure(summary);
  const status = STATUS[code] ?? 502;
  if (status !== 429 || allowance === undefined) return problem(status, code, message, { searchId });
  const { resetMs, budget } = allowance;
  return problem(status, code, message, {
    searchId,
    retryAfter: Math.max(1, Math.ceil(resetMs / 1000)),
    // The listing wants a call more at least.
    budget: budget && { ...budget, needed: 1 },
  });
}

/** Of what is no failure of eBay. */
const STATUS: Readonly<Record<string, number>> = {
  'item-gone': 404,
  // The listing is there, and the request asks for it in a way that eBay cannot answer.
  'item-has-variations': 409,
  cancelled: 409,
  // The tenant's budget, which a worker looks at again, or a call more than was reserved.
  budget_exceeded: 429,
};

function withoutFailure(summary: SearchReport['summary']): { code: string; message: string } {
  if (summary?.outcome === 'cancelled')
    return { code: 'cancelled', message: 'the search for this listing was cancelled' };
  if (summary?.gone.length)
    return { code: 'item-gone', message: 'eBay has no such listing, or has it no longer' };
  return { code: 'ebay-bad-answer', message: 'eBay answered nothing that can be read as this listing' };
}
