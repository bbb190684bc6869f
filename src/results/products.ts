import { assemble, assembleHeads, type ProductHead, withDetails } from '../collector/assemble.ts';
import { unknownDetails } from '../collector/mapDetails.ts';
import { Failure } from '../failures.ts';
import { withLanded } from '../product/landed.ts';
import type { Product, ProductDetails } from '../product/product.ts';
import type { NormalRequest } from '../product/requestSchema.ts';
import type { SearchRef, SearchStore, StoredResult } from './searchStore.ts';

/** The products of what is stored of a search, each with its details and its mark where there are any. */
export function productsOf(request: NormalRequest, { pages, details, verdict }: StoredResult): Product[] {
  const { products } = assemble(
    request,
    pages.map(({ answer }) => answer),
  );
  return products.map((product) => withLanded(completed(product, details, verdict), request.costs));
}

/** A product of a page with its details and its mark. */
export function completed(
  product: Product,
  details: StoredResult['details'],
  verdict: StoredResult['verdict'],
): Product {
  const own = details.get(product.itemId);
  const mark = verdict?.marks.get(product.itemId);
  const formerTotal = verdict?.formerTotals.get(product.itemId);
  const formerSeen = verdict?.formerSeen?.get(product.itemId);
  return {
    ...(own ? withDetails(product, { ...own, details: current(own.details, product) }) : product),
    ...(mark ? { mark } : {}),
    ...(formerTotal ? { formerTotal } : {}),
    ...(formerSeen === undefined ? {} : { formerSeenAt: new Date(formerSeen).toISOString() }),
  };
}

const UNKNOWN_RETURNS = {
  period: null,
  refund: null,
  method: null,
  restockingFeePercent: null,
  extendedHolidayReturns: null,
  instructions: null,
};

/**
 * Details as this release has them. Release 0.2 stored fewer fields, release 0.1 no time of its own either: what is missing
 * is not known.
 */
function current(details: ProductDetails, { observedAt }: Product): ProductDetails {
  const returns = details.returns && { ...UNKNOWN_RETURNS, ...details.returns };
  return { ...unknownDetails(details.observedAt ?? observedAt), ...details, returns };
}

/** Products of one page that stand next to each other in a search's list. */
interface ProductRange {
  page: number;
  itemIds: string[];
}

export type ProductList = Awaited<ReturnType<typeof openProductList>>;

/**
 * A search's products without holding them: their order is known from the pages' heads, and each range is read when it
 * is wanted. It is the list that `productsOf` gives.
 */
export async function openProductList(store: SearchStore, ref: SearchRef, request: NormalRequest) {
  const heads = await store.readHeads(ref, await store.storedPages(ref));
  const pageOf = new Map<ProductHead, number>();
  for (const { page, head } of heads) for (const product of head.products) pageOf.set(product, page);
  const { products } = assembleHeads(
    request,
    heads.map(({ head }) => head),
  );
  const ranges: ProductRange[] = [];
  for (const product of products) {
    const page = pageOf.get(product) as number;
    const last = ranges.at(-1);
    if (last?.page === page) last.itemIds.push(product.itemId);
    else ranges.push({ page, itemIds: [product.itemId] });
  }
  const verdict = request.track === undefined ? undefined : await store.readVerdict(ref);
  return {
    ranges,
    /** @throws Failure `search_not_found` when the results have expired meanwhile */
    async read({ page, itemIds }: ProductRange): Promise<Product[]> {
      const answer = await store.readPage(ref, page);
      if (answer === undefined) throw new Failure('search_not_found', 'the results have expired meanwhile');
      const details = request.details === 'full' ? await store.readItems(ref, itemIds) : new Map();
      const byId = new Map(answer.products.toReversed().map((product) => [product.itemId, product]));
      return itemIds.flatMap((itemId) => {
        const product = byId.get(itemId);
        return product === undefined ? [] : [withLanded(completed(product, details, verdict), request.costs)];
      });
    },
  };
}
