import {
  factsOf,
  type ListingPage,
  type PageFacts,
  pageAt,
  pagesAhead,
  progressOf,
} from '../../src/collector/paging.ts';
import type { MarketplaceId } from '../../src/product/marketplaces.ts';
import { parseSearchRequest } from '../../src/product/parseRequest.ts';
import type { NormalRequest } from '../../src/product/requestSchema.ts';
import type { StoppedBy } from '../../src/product/summary.ts';
import { type Random, randomFrom } from '../../src/simulator/random.ts';

/** An item as far as paging sees it. */
export interface Shown {
  itemId: string;
  fits: boolean;
}

/** What a listing answers to one call. */
export interface ShownPage extends ListingPage<Shown> {
  total: number;
}

/** One marketplace's listing for one query: the same call always has the same answer. */
export interface Listing {
  marketplace: MarketplaceId;
  /** Every item that it ever shows, in its order, repeated ones included. */
  shown: Shown[];
  answer(offset: number, limit: number): ShownPage;
}

export interface ListingShape {
  /** Places of the listing. */
  size: number;
  /** Part of the places that repeat an earlier item, 0 to 1. */
  repeats: number;
  /** Part of the items that fit the request's conditions. */
  fitting: number;
  /** Part of the places whose item is not shown: the page is short. */
  hidden: number;
  /** Part of the pages that have a lower limit than asked for. */
  lowered: number;
  /** How far `total` is off, as a part of the size. */
  drift: number;
  /** Items are numbered from here: listings with the same start hold the same goods. */
  firstId?: number;
}

export function makeListing(marketplace: MarketplaceId, shape: ListingShape, random: Random): Listing {
  const { size, repeats, fitting, hidden, lowered, drift, firstId = 0 } = shape;
  const places: Array<Shown | undefined> = [];
  const items: Shown[] = [];
  for (let place = 0; place < size; place += 1) {
    const repeated =
      items.length > 0 && random() < repeats ? items[Math.floor(random() * items.length)] : undefined;
    const item = repeated ?? { itemId: `v1|${firstId + items.length}|0`, fits: random() < fitting };
    if (repeated === undefined) items.push(item);
    places.push(random() < hidden ? undefined : item);
  }
  // A page of which nothing is shown would end the listing, or be a bad answer.
  for (let place = 0; place < size; place += 1) places[place] ??= place % 25 === 0 ? items[0] : undefined;
  const seed = Math.floor(random() * 2 ** 32);
  return {
    marketplace,
    shown: places.filter((item) => item !== undefined),
    answer(offset, limit) {
      const own = randomFrom(seed + offset);
      const answered = own() < lowered ? Math.max(25, Math.floor(limit / 2 / 25) * 25) : limit;
      const step = Math.min(answered, limit);
      const next = offset + step;
      return {
        marketplace,
        offset,
        limit,
        total: Math.round(size * (1 + (own() * 2 - 1) * drift)),
        hasNext: next < size,
        ...(step < limit && { nextOffset: next }),
        products: places.slice(offset, next).filter((item) => item !== undefined),
      };
    },
  };
}

export function searchRequest(fields: object): NormalRequest {
  const parsed = parseSearchRequest({ query: 'x', ...fields }, { marketplace: 'EBAY_US' });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
  return parsed.request;
}

/** 0 to 3,000 places, repeats to 60 %, short pages, lowered limits, a drifting total. */
export function anyShape(random: Random, fitting: number): ListingShape {
  return {
    size: Math.floor(random() ** 2 * 3000),
    repeats: random() * 0.6,
    fitting,
    hidden: random() < 0.3 ? random() * 0.5 : 0,
    lowered: random() < 0.3 ? random() : 0,
    drift: random() < 0.5 ? random() : 0,
  };
}

/** A request, and the listing that it meets. */
export function anyCase(random: Random): { asked: NormalRequest; shape: ListingShape; listing: Listing } {
  const asked = searchRequest({
    maxItems: 1 + Math.floor(random() ** 2 * 1500),
    ...(random() < 0.5 && { title: { include: ['x'] } }),
    ...(random() < 0.5 && { maxCalls: 1 + Math.floor(random() * 12) }),
  });
  const shape = anyShape(random, asked.title ? random() : 1);
  return { asked, shape, listing: makeListing('EBAY_US', shape, random) };
}

/** How a search ended. */
export interface Ended {
  stoppedBy: StoppedBy | undefined;
  /** Ids of the pages' products that fit, each once, in order, at most `maxItems` of one marketplace. */
  delivered: string[];
  lookedAt: number;
  /** Calls that were made. */
  calls: number;
}

const fits = ({ fits }: Shown) => fits;

/**
 * What is right, of one marketplace: page after page, knowing nothing ahead, until the wanted number is there, the listing
 * ends or the bound is reached.
 */
export function oracle(request: NormalRequest, listing: Listing, bound: number): Ended {
  const seen = new Map<string, Shown>();
  const delivered = () => [...seen.values()].filter(fits).map(({ itemId }) => itemId);
  const ended = (stoppedBy: StoppedBy, calls: number) => ({
    stoppedBy,
    delivered: delivered().slice(0, request.maxItems),
    lookedAt: seen.size,
    calls,
  });
  let offset = 0;
  for (let calls = 1; ; calls += 1) {
    const { limit } = pageAt(request, listing.marketplace, offset);
    const { products, hasNext, nextOffset } = listing.answer(offset, limit);
    const before = seen.size;
    for (const item of products) if (!seen.has(item.itemId)) seen.set(item.itemId, item);
    if (delivered().length >= request.maxItems) return ended('wanted', calls);
    if (!hasNext || seen.size === before) return ended('end', calls);
    offset = nextOffset ?? offset + limit;
    if (offset >= 10_000) return ended('window', calls);
    if (calls >= bound) return ended('max-calls', calls);
  }
}

/**
 * A search as the queue runs it: pages under way in any interleaving, each adding pages ahead when it ends, and the search
 * itself going on when none is under way.
 * @param concurrency pages that one step allows to be under way
 */
export function runSearch(
  request: NormalRequest,
  listings: readonly Listing[],
  concurrency: number,
  random: Random,
): Ended & { pages: ShownPage[] } {
  const stored: ShownPage[] = [];
  const facts = new Map<MarketplaceId, PageFacts[]>();
  const underWay: Array<{ listing: Listing; offset: number; limit: number; known: PageFacts[] }> = [];
  let calls = 0;
  const add = (marketplace: MarketplaceId, { offset, limit }: { offset: number; limit: number }) => {
    const listing = listings.find((each) => each.marketplace === marketplace) as Listing;
    calls += 1;
    underWay.push({ listing, offset, limit, known: facts.get(marketplace) ?? [] });
  };
  for (;;) {
    const progress = progressOf(request, stored, fits);
    if (progress.stoppedBy !== undefined)
      return { ...endOf(request, progress), calls, pages: progress.pages };
    for (const page of progress.next) add(page.marketplace, page);
    while (underWay.length > 0) {
      const [page] = underWay.splice(Math.floor(random() * underWay.length), 1);
      if (page === undefined) break;
      const { listing, offset, limit } = page;
      const { marketplace } = listing;
      const answer = listing.answer(offset, limit);
      stored.push(answer);
      // What was known when the call began, and the answer itself.
      const own = factsOf(answer);
      const ahead = pagesAhead(request, answer, [...page.known, own]);
      facts.set(marketplace, [...(facts.get(marketplace) ?? []), own]);
      let open = 0;
      for (const follower of ahead) {
        if (open >= concurrency) break;
        if (stored.some((each) => each.marketplace === marketplace && each.offset === follower.offset))
          continue;
        open += 1;
        if (underWay.some((each) => each.listing === listing && each.offset === follower.offset)) continue;
        add(marketplace, follower);
      }
    }
  }
}

function endOf(
  { maxItems }: NormalRequest,
  { pages, stoppedBy }: { pages: readonly ShownPage[]; stoppedBy: StoppedBy | undefined },
): Omit<Ended, 'calls'> {
  const seen = new Map<string, Shown>();
  for (const { products } of pages)
    for (const item of products) if (!seen.has(item.itemId)) seen.set(item.itemId, item);
  const delivered = [...seen.values()].filter(fits).map(({ itemId }) => itemId);
  return { stoppedBy, delivered: delivered.slice(0, maxItems), lookedAt: seen.size };
}
