import type { ItemAnswer } from '../collector/answers.ts';
import { assemble, assembleHeads, type ProductHead, withDetails } from '../collector/assemble.ts';
import { hasItemProducts, type Place, placesOf, productsAt } from '../collector/deliver.ts';
import { unknownDetails } from '../collector/mapDetails.ts';
import { Failure } from '../failures.ts';
import { listingNamed } from '../product/itemReference.ts';
import { withLanded } from '../product/landed.ts';
import type { Product, ProductDetails } from '../product/product.ts';
import type { NormalRequest } from '../product/requestSchema.ts';
import type { SearchRef, SearchStore, StoredResult, WithdrawnEnd } from './searchStore.ts';

/** The products of what is stored of a search, each with its details and its mark where there are any. */
export function productsOf(request: NormalRequest, { pages, details, verdict }: StoredResult): Product[] {
  const { products } = assemble(
    request,
    pages.map(({ answer }) => answer),
  );
  return placesOf(request, products, (reference) => details.has(reference)).flatMap((place) =>
    completed(request, place, details, verdict),
  );
}

/** The products of a place, each with its details and its mark. */
export function completed(
  request: NormalRequest,
  place: Place<Product>,
  details: StoredResult['details'],
  verdict: StoredResult['verdict'],
): Product[] {
  const join = (product: Product, own: ItemAnswer) =>
    withDetails(product, { ...own, details: current(own.details, product) });
  return productsAt(request, place, details, join).map((product) => {
    const mark = verdict?.marks.get(product.itemId);
    const formerTotal = verdict?.formerTotals.get(product.itemId);
    const formerSeen = verdict?.formerSeen?.get(product.itemId);
    const marked = {
      ...product,
      ...(mark ? { mark } : {}),
      ...(formerTotal ? { formerTotal } : {}),
      ...(formerSeen === undefined ? {} : { formerSeenAt: new Date(formerSeen).toISOString() }),
    };
    return withLanded(marked, request.costs);
  });
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
  if ('shippingServices' in details) return details;
  const older: Partial<ProductDetails> = details;
  const returns = older.returns ? { ...UNKNOWN_RETURNS, ...older.returns } : null;
  return { ...unknownDetails(older.observedAt ?? observedAt), ...older, returns };
}

/** Places that stand next to each other in a search's list: of one page, or of a request with items. */
interface ProductRange {
  page: number | undefined;
  places: Place<ProductHead>[];
}

/** Entries of a request with items that are read at once: each may be all variations of a listing. */
const ITEMS_AT_ONCE = 20;

/** Whether a range may have a product of one of these listings, each named by its number. */
export function mayHave({ places }: ProductRange, listings: ReadonlySet<string>): boolean {
  const names = places.flatMap(({ listed, reference }) => [reference ?? [], listed?.itemId ?? []].flat());
  return names.some((name) => listings.has(listingNamed(name)));
}

export type ProductList = Awaited<ReturnType<typeof openProductList>>;

/**
 * A search's products without holding them: their order is known from the pages' heads, and each range is read when it
 * is wanted. It is the list that `productsOf` gives.
 * @param had of a withdrawn search: nothing that came after it is in the list
 */
export async function openProductList(
  store: SearchStore,
  ref: SearchRef,
  request: NormalRequest,
  had?: WithdrawnEnd,
) {
  const heads = await store.readHeads(ref, had?.pages ?? (await store.storedPages(ref)));
  const items = had && new Set(had.items);
  const isHad = (item: string) => items?.has(item) ?? true;
  const pageOf = new Map<ProductHead, number>();
  for (const { page, head } of heads) for (const product of head.products) pageOf.set(product, page);
  const { products } = assembleHeads(
    request,
    heads.map(({ head }) => head),
  );
  const there = hasItemProducts(request) ? await store.storedItems(ref) : new Set<string>();
  const ranges: ProductRange[] = [];
  for (const place of placesOf(request, products, (reference) => there.has(reference) && isHad(reference))) {
    const page = place.listed && pageOf.get(place.listed);
    const last = ranges.at(-1);
    const most = page === undefined ? ITEMS_AT_ONCE : Number.POSITIVE_INFINITY;
    if (last !== undefined && last.page === page && last.places.length < most) last.places.push(place);
    else ranges.push({ page, places: [place] });
  }
  const verdict = request.track === undefined ? undefined : await store.readVerdict(ref);
  return {
    ranges,
    /** @throws Failure `search_not_found` when the results have expired meanwhile */
    async read({ page, places }: ProductRange): Promise<Product[]> {
      const answer = page === undefined ? undefined : await store.readPage(ref, page);
      const itemIds = places.flatMap(({ listed, reference }) =>
        [reference ?? [], listed?.itemId ?? []].flat().filter(isHad),
      );
      const asksItems = request.details !== 'none' || hasItemProducts(request);
      const details = asksItems ? await store.readItems(ref, itemIds) : new Map<string, ItemAnswer>();
      if (page === undefined ? details.size === 0 : answer === undefined)
        throw new Failure('search_not_found', 'the results have expired meanwhile');
      const byId = new Map(answer?.products.toReversed().map((product) => [product.itemId, product]));
      return places.flatMap(({ listed: head, ...place }) => {
        const listed = head && byId.get(head.itemId);
        if (head !== undefined && listed === undefined) return [];
        return completed(request, { ...place, ...(listed && { listed }) }, details, verdict);
      });
    },
  };
}
