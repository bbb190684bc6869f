import { assembleHeads, type PageHead } from '../../src/collector/assemble.ts';
import {
  callBound,
  factsOf,
  type ListingPage,
  type PageAddress,
  type PageFacts,
  pageAt,
  pagesAhead,
} from '../../src/collector/paging.ts';
import type { MarketplaceId } from '../../src/product/marketplaces.ts';
import { parseSearchRequest } from '../../src/product/parseRequest.ts';
import type { NormalRequest } from '../../src/product/requestSchema.ts';
import { type Outcome, outcomeOf, type StoppedBy } from '../../src/product/summary.ts';
import { type Random, randomFrom } from '../../src/simulator/random.ts';

/** An item as far as paging sees it. */
export interface Shown {
  itemId: string;
  fits: boolean;
}

/** What a listing answers to one call; null for an answer that contradicts itself, such as no items and a next page. */
type Answer = ListingPage<Shown> & { total: number };

/** One marketplace's listing for one query: the same call always has the same answer. */
export interface Listing {
  marketplace: MarketplaceId;
  /** Every item that it ever shows, in its order, repeated ones included. */
  shown: Shown[];
  answer(offset: number, limit: number): Answer | null;
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
  /** Part of the pages that contradict themselves each time: an empty page in the middle. */
  broken: number;
  /** Items are numbered from here: listings with the same start hold the same goods. */
  firstId?: number;
}

export function makeListing(marketplace: MarketplaceId, shape: ListingShape, random: Random): Listing {
  const { size, repeats, fitting, hidden, lowered, drift, broken, firstId = 0 } = shape;
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
      if (own() < broken) return null;
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

/** 0 to 3,000 places, repeats to 60 %, short pages, lowered limits, a drifting total, empty pages in the middle. */
export function anyShape(random: Random, fitting: number): ListingShape {
  return {
    size: Math.floor(random() ** 2 * 3000),
    repeats: random() * 0.6,
    fitting,
    hidden: random() < 0.3 ? random() * 0.5 : 0,
    lowered: random() < 0.3 ? random() : 0,
    drift: random() < 0.5 ? random() : 0,
    broken: random() < 0.1 ? random() * 0.3 : 0,
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
  outcome: Exclude<Outcome, 'skipped'>;
  /** Null where a page failed. */
  stoppedBy: StoppedBy | null;
  /** Ids of the pages' products that fit, each once, in order, at most `maxItems` of one marketplace. */
  delivered: string[];
  lookedAt: number;
  /** Calls that were made. */
  calls: number;
}

/**
 * What is right, of one marketplace: page after page, knowing nothing ahead, until the wanted number is there, the listing
 * ends, the bound is reached or a page is bad.
 */
export function oracle(request: NormalRequest, listing: Listing, bound: number): Ended {
  const seen = new Map<string, Shown>();
  const delivered: string[] = [];
  const ended = (stoppedBy: StoppedBy | null, calls: number): Ended => ({
    outcome: outcomeOfOracle(stoppedBy, { calls, delivered: delivered.length, seen: seen.size }),
    stoppedBy,
    delivered: delivered.slice(0, request.maxItems),
    lookedAt: seen.size,
    calls,
  });
  let offset = 0;
  for (let calls = 1; ; calls += 1) {
    const { limit } = pageAt(request, listing.marketplace, offset);
    const answer = listing.answer(offset, limit);
    if (answer === null) return ended(null, calls);
    const before = seen.size;
    for (const item of answer.products) {
      if (seen.has(item.itemId)) continue;
      seen.set(item.itemId, item);
      if (item.fits) delivered.push(item.itemId);
    }
    if (delivered.length >= request.maxItems) return ended('wanted', calls);
    if (!answer.hasNext || seen.size === before) return ended('end', calls);
    offset = answer.nextOffset ?? offset + limit;
    if (offset >= 10_000) return ended('window', calls);
    if (calls >= bound) return ended('max-calls', calls);
  }
}

function outcomeOfOracle(
  stoppedBy: StoppedBy | null,
  { calls, delivered, seen }: { calls: number; delivered: number; seen: number },
): Ended['outcome'] {
  if (stoppedBy === null) return calls === 1 ? 'failed' : 'partial';
  if (stoppedBy === 'wanted') return 'complete';
  if (stoppedBy !== 'end') return 'partial';
  if (seen === 0) return 'none-found';
  return delivered === 0 ? 'filtered-out' : 'complete';
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
): Ended & { pages: number } {
  const stored: PageHead[] = [];
  const facts = new Map<MarketplaceId, PageFacts[]>();
  /** Pages that failed, and marketplaces of them: their pages add none ahead. */
  const failed = new Set<string>();
  const broken = new Set<MarketplaceId>();
  const underWay: Array<PageAddress & { known: PageFacts[] }> = [];
  let calls = 0;
  const add = (address: PageAddress) => {
    calls += 1;
    underWay.push({ ...address, known: facts.get(address.marketplace) ?? [] });
  };
  for (;;) {
    const { products, counts, pages, lookedAt, stoppedBy = null, next } = assembleHeads(request, stored);
    const open = next.filter((address) => !failed.has(placeOf(address)));
    if (open.length === 0) {
      const missing = next.length;
      const ending = { pages, missing, cancelled: false, stoppedBy, onFailure: 'fail' as const, counts };
      const delivered = products.map(({ itemId }) => itemId);
      return { outcome: outcomeOf(ending), stoppedBy, delivered, lookedAt, calls, pages };
    }
    open.forEach(add);
    while (underWay.length > 0) {
      const [page] = underWay.splice(Math.floor(random() * underWay.length), 1);
      if (page === undefined) break;
      const { marketplace, offset, limit } = page;
      const listing = listings.find((each) => each.marketplace === marketplace) as Listing;
      const answer = listing.answer(offset, limit);
      if (answer === null) {
        failed.add(placeOf(page));
        broken.add(marketplace);
        continue;
      }
      const head = headFrom(answer);
      stored.push(head);
      // What was known when the call began, and the answer itself.
      const own = factsOf(head);
      const ahead = broken.has(marketplace) ? [] : pagesAhead(request, answer, [...page.known, own]);
      facts.set(marketplace, [...(facts.get(marketplace) ?? []), own]);
      let waiting = 0;
      const isAt = (at: number) => (each: { marketplace: MarketplaceId; offset: number }) =>
        each.marketplace === marketplace && each.offset === at;
      for (const follower of ahead) {
        if (waiting >= concurrency) break;
        if (stored.some(isAt(follower.offset))) continue;
        waiting += 1;
        if (!underWay.some(isAt(follower.offset))) add(follower);
      }
    }
  }
}

function placeOf({ marketplace, offset }: { marketplace: MarketplaceId; offset: number }): string {
  return `${marketplace} ${offset}`;
}

function headFrom({ products, marketplace, ...page }: Answer): PageHead {
  return {
    ...page,
    marketplace,
    products: products.map((item) => ({ ...item, marketplace })),
    received: products.length,
    observedAt: '',
    rejected: {},
    warnings: [],
    calls: 1,
    latencyMs: 1,
  };
}

export interface Comparison {
  /** The first cases in which search and oracle differ, with both. */
  disagreements: object[];
  /** Calls that the searches made, and that the oracle needed; of the cases without a bad page. */
  spent: number;
  needed: number;
  /** Cases by how they ended. */
  ends: Record<string, number>;
}

/** Runs so many searches of one marketplace beside the oracle. */
export function compareWithOracle(cases: number, random: Random): Comparison {
  const comparison: Comparison = { disagreements: [], spent: 0, needed: 0, ends: {} };
  for (let index = 0; index < cases; index += 1) {
    const { asked, listing, shape } = anyCase(random);
    const { calls: fewest, ...right } = oracle(asked, listing, callBound(asked));
    const { calls, pages, ...ended } = runSearch(asked, [listing], 1 + Math.floor(random() * 6), random);
    // A page that is bad is no page of the search, and one call.
    const belongs = pages === (right.stoppedBy === null ? fewest - 1 : fewest);
    if (!belongs || JSON.stringify(ended) !== JSON.stringify(right)) {
      if (comparison.disagreements.length < 5)
        comparison.disagreements.push({ index, asked, shape, right: brief(right), ended: brief(ended) });
    }
    const end = `${ended.outcome}, ${ended.stoppedBy ?? 'bad page'}`;
    comparison.ends[end] = (comparison.ends[end] ?? 0) + 1;
    if (right.stoppedBy === null) continue;
    comparison.spent += calls;
    comparison.needed += fewest;
  }
  return comparison;
}

function brief({ delivered, ...ended }: Omit<Ended, 'calls'>): object {
  return { ...ended, delivered: delivered.length };
}
