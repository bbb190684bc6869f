import { createHash } from 'node:crypto';
import { hasMarginCondition } from '../product/costs.ts';
import type { MarketplaceId } from '../product/marketplaces.ts';
import { MAX_ITEMS, type NormalRequest } from '../product/requestSchema.ts';
import type { StoppedBy } from '../product/summary.ts';

/**
 * How a search goes on. Which pages belong to a search follows from eBay's answers alone: each page says where the next one
 * begins. Pages that were asked for ahead of that may be there too; they change neither which products are delivered nor
 * their order.
 */

/** eBay's largest page (12006). */
export const MAX_PAGE_SIZE = 200;

/** One page of one marketplace's listing. `offset` is 0 or a multiple of `limit`, which eBay insists on (12515). */
export interface PageAddress {
  marketplace: MarketplaceId;
  offset: number;
  limit: number;
}

/** What going on needs to know of an answered page. */
export interface ListingPage<Item extends { itemId: string } = { itemId: string }> {
  marketplace: MarketplaceId;
  offset: number;
  limit: number;
  hasNext: boolean;
  /** Where the next page begins, where that is not right behind this one. */
  nextOffset?: number;
  /** What eBay claims to have in all; null where it claims nothing. */
  total: number | null;
  /** Its end was known to the search's track, newest first: nothing after it is asked for. */
  endsAtKnown?: true;
  products: readonly Item[];
}

/** How many items of one marketplace are wanted: an equal part of `maxItems`, the first ones take the remainder. */
export function shareOf(request: NormalRequest, marketplace: MarketplaceId): number {
  return partOf(request.maxItems, request, marketplace);
}

function partOf(whole: number, { marketplaces }: NormalRequest, marketplace: MarketplaceId): number {
  const place = marketplaces.indexOf(marketplace);
  if (place < 0) return 0;
  const parts = marketplaces.length;
  return Math.floor(whole / parts) + (place < whole % parts ? 1 : 0);
}

/**
 * Items asked for with each call. A call costs the same whatever its size: twice what is wanted covers the items that eBay
 * repeats (up to half of a page in real answers), and where conditions applied here may drop some, it is all that fits.
 * Each of several marketplaces may have to fill up what the others leave, or show the same goods as they do.
 */
export function pageSize(request: NormalRequest): number {
  const { maxItems, title, seller, excludePickupOnly = false, costs } = request;
  const dropsSome =
    title !== undefined || seller !== undefined || excludePickupOnly || hasMarginCondition(costs);
  return dropsSome ? MAX_PAGE_SIZE : Math.min(MAX_PAGE_SIZE, 2 * maxItems);
}

/** The page that begins at an offset: the largest one whose limit divides it. */
export function pageAt(request: NormalRequest, marketplace: MarketplaceId, offset: number): PageAddress {
  return { marketplace, offset, limit: largestLimit(offset, pageSize(request)) };
}

/** The largest limit with which eBay lets a page begin at this offset. */
export function largestLimit(offset: number, most = MAX_PAGE_SIZE): number {
  let limit = most;
  while (limit > 1 && offset % limit !== 0) limit -= 1;
  return limit;
}

/** Numbers of pages that begin elsewhere than at a multiple of the page size are higher than any other. */
const OFF_GRID = 1_000_000;

/** A page's number, which is its own in all marketplaces of a request: 1 and 2 are the first pages of two of them. */
export function pageNumber(
  request: NormalRequest,
  { marketplace, offset }: Omit<PageAddress, 'limit'>,
): number {
  const { marketplaces } = request;
  const place = marketplaces.indexOf(marketplace);
  const size = pageSize(request);
  return offset % size === 0
    ? (offset / size) * marketplaces.length + place + 1
    : OFF_GRID * (place + 1) + offset;
}

/** Search calls that a request costs when its listings hold enough and nothing is repeated or dropped. */
export function fewestCalls(request: NormalRequest): number {
  if (request.items !== undefined) return 0;
  return request.marketplaces.reduce((sum, id) => sum + Math.ceil(shareOf(request, id) / MAX_PAGE_SIZE), 0);
}

/** So many times the fewest calls may be spent where a request names no bound. */
const DEFAULT_BOUND = 5;

/** Pages that a search asks for at most. */
export function callBound(request: NormalRequest): number {
  if (request.items !== undefined) return 0;
  return request.maxCalls ?? DEFAULT_BOUND * fewestCalls(request);
}

/** Pages that a search can ask for: its bound, less what eBay's windows do not have. */
export function mostCalls(request: NormalRequest): number {
  const window = Math.ceil(MAX_ITEMS / pageSize(request));
  return Math.min(callBound(request), window * request.marketplaces.length);
}

/** Items of a marketplace that a search can go through within its bound. */
export function mostItems(request: NormalRequest, marketplace: MarketplaceId): number {
  return partOf(callBound(request), request, marketplace) * pageSize(request);
}

/** How far a search is. */
export interface Progress<Page> {
  /** The pages that belong to it so far: by marketplace in the request's order, then in the listing's order. */
  pages: Page[];
  /** Pages that it needs whatever other pages hold; empty when it has ended. */
  next: PageAddress[];
  /** Why it needs no further page; undefined while it does. */
  stoppedBy: StoppedBy | undefined;
}

/**
 * How far a search is, from the pages that are there in whatever order they came. First each marketplace goes on until its
 * share fits or its part of the bound is used; then, while too little is there in all, one after the other goes on.
 * @param fits whether a product meets the request's own conditions
 */
export function progressOf<Item extends { itemId: string }, Page extends ListingPage<Item>>(
  request: NormalRequest,
  pages: readonly Page[],
  fits: (item: Item) => boolean,
): Progress<Page> {
  // Listings that are named have no pages.
  if (request.items !== undefined) return { pages: [], next: [], stoppedBy: 'end' };
  const walks = request.marketplaces.map((id) => new Walk<Item, Page>(request, id, pages, fits));
  for (const walk of walks) walk.takeShare();
  const used = () => walks.flatMap((walk) => walk.pages);
  const missing = walks.flatMap((walk) => (walk.needsMore() ? [walk.address] : []));
  if (missing.length > 0) return { pages: used(), next: missing, stoppedBy: undefined };

  const delivered = new Delivered(fits);
  for (const [place, { pages: taken }] of walks.entries())
    for (const page of taken) delivered.add(page, place);
  while (delivered.count < request.maxItems) {
    const place = walks.findIndex(({ end }) => end === undefined);
    const open = walks[place];
    if (open === undefined) return { pages: used(), next: [], stoppedBy: reasonOf(walks) };
    if (used().length >= callBound(request)) return { pages: used(), next: [], stoppedBy: 'max-calls' };
    if (!open.take()) return { pages: used(), next: [open.address], stoppedBy: undefined };
    delivered.add(open.pages.at(-1) as Page, place);
  }
  return { pages: used(), next: [], stoppedBy: 'wanted' };
}

/** Different products that fit: one that several marketplaces hold counts for the first, and is judged there. */
class Delivered<Item extends { itemId: string }> {
  count = 0;
  readonly #fits: (item: Item) => boolean;
  readonly #judged = new Map<string, { place: number; isFitting: boolean }>();

  constructor(fits: (item: Item) => boolean) {
    this.#fits = fits;
  }

  /** @param place of the page's marketplace; its pages come in their order, those of several in any */
  add({ products }: ListingPage<Item>, place: number): void {
    for (const item of products) {
      const known = this.#judged.get(item.itemId);
      if (known !== undefined && known.place <= place) continue;
      const isFitting = this.#fits(item);
      this.#judged.set(item.itemId, { place, isFitting });
      this.count += Number(isFitting) - Number(known?.isFitting ?? false);
    }
  }
}

/** Of several listings that ended, the reason that leaves most unseen. */
function reasonOf(walks: ReadonlyArray<{ end: StoppedBy | undefined }>): StoppedBy {
  const ends = walks.map(({ end }) => end);
  return (['window', 'known'] as const).find((end) => ends.includes(end)) ?? 'end';
}

/** The way through one marketplace's listing, from page to page as eBay says. */
class Walk<Item extends { itemId: string }, Page extends ListingPage<Item>> {
  readonly pages: Page[] = [];
  /** Different products on them that fit. */
  fitting = 0;
  /** Why nothing follows them; undefined while something may. */
  end: StoppedBy | undefined;
  readonly #request: NormalRequest;
  readonly #marketplace: MarketplaceId;
  readonly #byOffset: ReadonlyMap<number, Page>;
  readonly #fits: (item: Item) => boolean;
  readonly #seen = new Set<string>();
  #offset = 0;

  constructor(
    request: NormalRequest,
    marketplace: MarketplaceId,
    pages: readonly Page[],
    fits: (item: Item) => boolean,
  ) {
    this.#request = request;
    this.#marketplace = marketplace;
    const own = pages.filter((page) => page.marketplace === marketplace);
    // The first of two answers for the same place counts.
    this.#byOffset = new Map(own.toReversed().map((page) => [page.offset, page]));
    this.#fits = fits;
  }

  /** The page that follows. */
  get address(): PageAddress {
    return pageAt(this.#request, this.#marketplace, this.#offset);
  }

  /** Whether its share is not there yet and may be asked for. */
  needsMore(): boolean {
    if (this.end !== undefined || this.fitting >= shareOf(this.#request, this.#marketplace)) return false;
    return this.pages.length < partOf(callBound(this.#request), this.#request, this.#marketplace);
  }

  takeShare(): void {
    while (this.needsMore()) if (!this.take()) return;
  }

  /** Goes on by one page; false where that is not there. */
  take(): boolean {
    const page = this.#byOffset.get(this.#offset);
    if (page === undefined) return false;
    this.pages.push(page);
    const before = this.#seen.size;
    for (const item of page.products) {
      if (this.#seen.has(item.itemId)) continue;
      this.#seen.add(item.itemId);
      if (this.#fits(item)) this.fitting += 1;
    }
    const next = followingOffset(page);
    if (page.endsAtKnown) this.end = 'known';
    else if (next === undefined || this.#seen.size === before)
      this.end = endsAtWindow(page) ? 'window' : 'end';
    else if (next >= MAX_ITEMS) this.end = 'window';
    else this.#offset = next;
    return true;
  }
}

/** Whether a page without a next one is the last that eBay shows of a listing that goes on. */
function endsAtWindow({ offset, limit, hasNext, total }: ListingPage): boolean {
  return !hasNext && offset + limit >= MAX_ITEMS && (total ?? 0) > MAX_ITEMS;
}

/** Where the page after this one begins; undefined where none follows. */
export function followingOffset({
  hasNext,
  nextOffset,
  offset,
  limit,
}: Pick<ListingPage, 'hasNext' | 'nextOffset' | 'offset' | 'limit'>): number | undefined {
  return hasNext ? (nextOffset ?? offset + limit) : undefined;
}

/** What looking ahead knows of a page that is there: less than the page itself, and enough to waste no call. */
export interface PageFacts {
  offset: number;
  /** Where the next page begins; null where none follows. */
  next: number | null;
  /** Products on it that fit, repeated ones included. */
  fitting: number;
  /** The same for two pages with the same items in the same order. */
  print: string;
}

export function factsOf(page: ListingPage<{ itemId: string; fits: boolean }>): PageFacts {
  const print = createHash('sha1');
  for (const { itemId } of page.products) print.update(itemId).update('\n');
  return {
    offset: page.offset,
    next: followingOffset(page) ?? null,
    fitting: page.products.filter(({ fits }) => fits).length,
    print: print.digest('hex').slice(0, 16),
  };
}

/**
 * What is known of a page that a job asks for: anyone who writes to the queue may have added it.
 * - `needed`: it is one of those that `pagesAhead` gives;
 * - `ended`: the listing ends before it;
 * - `unsure`: only the whole of the pages shows whether it is the next one;
 * - `astray`: the same, and the pages that are there lead past this one. It was asked for ahead of an answer with a lower
 *   limit, and may be the next one later;
 * - `foreign`: this search asks for no such page.
 * @param known the pages of its marketplace that are there; of those that release 0.1 stored nothing is known
 */
export function needOf(
  request: NormalRequest,
  { marketplace, offset, limit, page }: PageAddress & { page: number },
  known: readonly PageFacts[],
): 'needed' | 'ended' | 'unsure' | 'astray' | 'foreign' {
  const isPage =
    request.marketplaces.includes(marketplace) &&
    page === pageNumber(request, { marketplace, offset }) &&
    offset < MAX_ITEMS &&
    // Release 0.1 asked for no more than was wanted.
    [pageAt(request, marketplace, offset).limit, shareOf(request, marketplace)].includes(limit);
  if (!isPage) return 'foreign';
  const byOffset = new Map(known.map((facts) => [facts.offset, facts]));
  let at = 0;
  let count = 0;
  let fitting = 0;
  const prints = new Set<string>();
  for (; at < offset; count += 1) {
    const facts = byOffset.get(at);
    if (facts?.next === null || (facts && prints.has(facts.print))) return 'ended';
    const size = pageAt(request, marketplace, at).limit;
    fitting += facts?.fitting ?? size;
    at = facts?.next ?? at + size;
    if (facts) prints.add(facts.print);
  }
  if (at !== offset) return 'astray';
  const isWithin = count < partOf(callBound(request), request, marketplace);
  return isWithin && fitting < shareOf(request, marketplace) ? 'needed' : 'unsure';
}

/** Bounds what one step looks at. */
const LOOK_AHEAD = 20;

/**
 * The pages of a marketplace that will be needed after this one, whatever the pages under way hold, in order. A page under
 * way is taken to hold as many fitting products as it can; beyond the very next page eBay's `total` must promise something.
 * Where nothing is certain there are none: `progressOf` then decides when no page is under way.
 * @param known the pages of this marketplace that are there, this one among them
 */
export function pagesAhead(
  request: NormalRequest,
  { marketplace, offset: done, total }: { marketplace: MarketplaceId; offset: number; total: number | null },
  known: readonly PageFacts[],
): PageAddress[] {
  const share = shareOf(request, marketplace);
  const bound = partOf(callBound(request), request, marketplace);
  const byOffset = new Map(known.map((facts) => [facts.offset, facts]));
  // After an answer with a lower limit than asked for, only the very next page begins where it is expected.
  const isIrregular = known.some(
    ({ offset, next }) => next !== null && next !== offset + pageAt(request, marketplace, offset).limit,
  );
  const ahead: PageAddress[] = [];
  let fitting = 0;
  const prints = new Set<string>();
  let passed = false;
  for (let offset = 0, count = 0; offset < MAX_ITEMS && count < bound && fitting < share; count += 1) {
    const facts = byOffset.get(offset);
    if (facts === undefined) {
      const address = pageAt(request, marketplace, offset);
      if (!passed && isIrregular) return [];
      if (passed) {
        if (ahead.length > 0 && (isIrregular || offset >= (total ?? 0))) break;
        ahead.push(address);
        if (ahead.length === LOOK_AHEAD) break;
      }
      fitting += address.limit;
      offset += address.limit;
      continue;
    }
    if (facts.next === null || prints.has(facts.print)) return [];
    passed ||= offset === done;
    fitting += facts.fitting;
    offset = facts.next;
    prints.add(facts.print);
  }
  return ahead;
}
