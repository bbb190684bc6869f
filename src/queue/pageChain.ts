import type { PageAnswer } from '../collector/pageAnswer.ts';
import { pagePlan } from '../collector/pagePlan.ts';
import type { MarketplaceId } from '../product/marketplaces.ts';
import type { NormalRequest } from '../product/requestSchema.ts';

/** One page of a search: its number (unique over all marketplaces) and what it asks for. */
export interface PlannedPage {
  page: number;
  marketplace: MarketplaceId;
  offset: number;
  limit: number;
}

/** A marketplace's pages, first to last. Marketplaces take turns in the numbering: 1, 2 are the first pages of two. */
export function chainOf(request: NormalRequest, marketplace: MarketplaceId): PlannedPage[] {
  const count = request.marketplaces.length;
  const place = request.marketplaces.indexOf(marketplace);
  return pagePlan(request, marketplace).map(({ offset, limit }, index) => ({
    page: index * count + place + 1,
    marketplace,
    offset,
    limit,
  }));
}

export function plannedPages(request: NormalRequest): number {
  return request.marketplaces.reduce((sum, marketplace) => sum + chainOf(request, marketplace).length, 0);
}

/** The first page of each marketplace that is needed and not there; empty when the search has all it can get. */
export function firstMissing(
  request: NormalRequest,
  there: ReadonlyMap<number, Pick<PageAnswer, 'hasNext' | 'endsAtKnown'>>,
): PlannedPage[] {
  return request.marketplaces.flatMap((marketplace) => {
    for (const planned of chainOf(request, marketplace)) {
      const answer = there.get(planned.page);
      if (answer === undefined) return [planned];
      if (!goesOn(answer)) return [];
    }
    return [];
  });
}

/** A page that is there, as far as the chain cares. */
export type PageDone = { page: number } & Pick<
  PageAnswer,
  'marketplace' | 'hasNext' | 'endsAtKnown' | 'total'
>;

function goesOn({ hasNext, endsAtKnown }: Pick<PageAnswer, 'hasNext' | 'endsAtKnown'>): boolean {
  return hasNext && !endsAtKnown;
}

/**
 * The pages to have under way once a page is there: none when the listing ended with it, else the `lanes` next missing
 * ones. Beyond the very next page `total` must promise something, so that nothing is planned that will not be called.
 */
export function pagesAfter(
  request: NormalRequest,
  done: PageDone,
  there: ReadonlySet<number>,
  lanes: number,
): PlannedPage[] {
  if (!goesOn(done)) return [];
  const rest = chainOf(request, done.marketplace).filter(({ page }) => page > done.page);
  return rest
    .filter(({ page, offset }, index) => !there.has(page) && (index === 0 || offset < (done.total ?? 0)))
    .slice(0, lanes);
}

/** With no interval there is no rate to fill; a search may still have this many calls under way. */
const MOST_LANES = 10;

/**
 * How many calls of one search keep every slot in use: as many as there are intervals from a call's slot until what
 * follows it is added, and half of one more for the way through the queue (measured: without it a fifth of the slots
 * goes unused).
 */
export function lanesFor(busyMs: number, intervalMs: number): number {
  const needed = intervalMs > 0 ? Math.ceil(busyMs / intervalMs + 0.5) : MOST_LANES;
  return Math.min(Math.max(needed, 1), MOST_LANES);
}
