import type { CategoryNames } from '../../ebay/taxonomy.ts';
import { asFailure } from '../../failures.ts';
import { MARKETPLACE_IDS, type MarketplaceId } from '../../product/marketplaces.ts';
import { Type } from '../../product/type.ts';
import { redisFailure } from '../../redis/failure.ts';
import { callerOf, keyed, type Routes } from '../access.ts';
import { problem } from '../problem.ts';

const Asked = Type.Object(
  {
    q: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 100,
        pattern: '\\S',
        description: 'words that eBay suggests categories for; q or id',
      }),
    ),
    id: Type.Optional(
      Type.String({ pattern: '^[0-9]{1,10}$', description: 'a category whose name is asked for' }),
    ),
    marketplace: Type.Optional(
      Type.Enum(MARKETPLACE_IDS, { description: 'the site; default: the configured one' }),
    ),
  },
  { additionalProperties: false },
);

const Found = Type.Object({
  marketplace: Type.String(),
  categories: Type.Array(
    Type.Object({
      id: Type.String({ description: 'for categoryIds of a request' }),
      name: Type.String(),
      path: Type.Array(Type.String(), { description: 'names from the top of the tree down to this one' }),
    }),
    { description: 'likeliest first; of an id: the one, or none' },
  ),
  observedAt: Type.String({
    format: 'date-time',
    description: 'when eBay said so: names are kept for weeks',
  }),
});

/** A failure without an instant at which trying again makes sense, s. */
const AGAIN_S = 60;

/** Of a tenant, with the marketplace of a request that names none. */
export type CategoriesOf = (tenant: string) => {
  names: Pick<CategoryNames, 'suggested' | 'named'>;
  marketplace: string;
};

interface CategoryOptions {
  categoriesOf: CategoriesOf;
}

/** Categories by words or by id, for callers who know names. They cost no Browse call. */
export function categoryRoutes({ categoriesOf }: CategoryOptions): Routes {
  return (app) => {
    app.get(
      '/v1/categories',
      keyed(['read'], 'searches', 'Categories that eBay suggests for words, or the name of one', {
        querystring: Asked,
        response: { 200: Found },
      }),
      async (request) => {
        const { q, id } = request.query;
        if ((q === undefined) === (id === undefined))
          throw problem(400, 'invalid_request', 'give q or id, one of them', { path: 'q' });
        const { names, marketplace: ownMarketplace } = categoriesOf(callerOf(request).tenant);
        const marketplace = request.query.marketplace ?? (ownMarketplace as MarketplaceId);
        try {
          const found =
            q === undefined ? names.named(marketplace, id ?? '') : names.suggested(marketplace, q);
          return { marketplace, ...(await found) };
        } catch (thrown) {
          const { code, message, detail } = redisFailure(thrown) ?? asFailure(thrown);
          if (code === 'internal') throw thrown;
          const { until } = detail;
          const retryAfter =
            until === undefined ? AGAIN_S : Math.max(1, Math.ceil((until - Date.now()) / 1000));
          throw problem(503, code, message, { retryAfter });
        }
      },
    );
  };
}
