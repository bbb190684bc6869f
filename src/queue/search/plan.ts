import type { PageAnswer } from '../../collector/answers.ts';
import { pagePlan } from '../../collector/query.ts';
import type { MarketplaceId } from '../../product/marketplaces.ts';
import type { NormalRequest } from '../../product/requestSchema.ts';
import type { WantedItem } from '../../results/searchStore.ts';

/** One page of a search: its number (unique over all marketplaces) and what it asks for. */
export interface PlannedPage {
  page: number;
  marketplace: MarketplaceId;
  offset: number;
  limit: number;
}

/** A page that is there, without its products. */
export type PageDone = { page: number } & Pick<
  PageAnswer,
  'marketplace' | 'hasNext' | 'endsAtKnown' | 'total'
>;

/** The pages of a marketplace, first to last. Marketplaces take turns in the numbering: 1, 2 are the first pages of two. */
export function pagesOf(request: NormalRequest, marketplace: MarketplaceId): PlannedPage[] {
  const count = request.marketplaces.length;
  const first = request.marketplaces.indexOf(marketplace) + 1;
  return pagePlan(request, marketplace).map(({ offset, limit }, index) => ({
    page: index * count + first,
    marketplace,
    offset,
    limit,
  }));
}

export function allPages(request: NormalRequest): PlannedPage[] {
  return request.marketplaces.flatMap((marketplace) => pagesOf(request, marketplace));
}

/** Bounds what one step looks at. Where all of these are there, the search itself adds the next once nothing is under way. */
const LOOK_AHEAD = 20;

/** The first page of each marketplace that is needed and not there; empty when the search has all it can get. */
export function firstMissing(
  request: NormalRequest,
  there: ReadonlyMap<number, Pick<PageAnswer, 'hasNext' | 'endsAtKnown'>>,
): PlannedPage[] {
  return request.marketplaces.flatMap((marketplace) => {
    for (const planned of pagesOf(request, marketplace)) {
      const answer = there.get(planned.page);
      if (answer === undefined) return [planned];
      if (!continues(answer)) return [];
    }
    return [];
  });
}

/**
 * The pages that may follow one that is there, in order; none when the listing ended with it. Beyond the very next page
 * eBay's `total` must promise something, so that nothing is planned that will not be called for.
 */
export function pagesAfter(request: NormalRequest, done: PageDone): PlannedPage[] {
  if (!continues(done)) return [];
  return pagesOf(request, done.marketplace)
    .filter(({ page }) => page > done.page)
    .filter(({ offset }, index) => index === 0 || offset < (done.total ?? 0))
    .slice(0, LOOK_AHEAD);
}

function continues({ hasNext, endsAtKnown }: Pick<PageAnswer, 'hasNext' | 'endsAtKnown'>): boolean {
  return hasNext && !endsAtKnown;
}

/** The items that may follow this one, in order. */
export function itemsAfter(wanted: readonly WantedItem[], itemId: string): WantedItem[] {
  const index = wanted.findIndex((item) => item.itemId === itemId);
  return index < 0 ? [] : wanted.slice(index + 1, index + 1 + LOOK_AHEAD);
}

/** With no interval there is no rate to fill; a search may still have this many calls under way. */
const MOST_CONCURRENT = 10;

/**
 * The one rule for how many calls of a search are under way: each call that is done has so many of those after it added
 * that are neither there nor added. That keeps every slot in use when it is the number of intervals from a call's slot until
 * what follows it is added, and half of one more for the way through the queue (measured: without it a fifth of the slots
 * goes unused).
 */
export function concurrencyFor(busyMs: number, intervalMs: number): number {
  const needed = intervalMs > 0 ? Math.ceil(busyMs / intervalMs + 0.5) : MOST_CONCURRENT;
  return Math.min(Math.max(needed, 1), MOST_CONCURRENT);
}

/** The chain of the items of a search, beside its marketplaces. */
export const DETAILS = 'details';

/** All items will be called for, so one more may wait in the queue than are under way, and no slot goes unused. */
export function itemConcurrency(busyMs: number, intervalMs: number): number {
  return concurrencyFor(busyMs, intervalMs) + 1;
}
