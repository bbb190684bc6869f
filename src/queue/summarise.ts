import { assembleHeads } from '../collector/assemble.ts';
import type { ItemAnswer } from '../collector/itemAnswer.ts';
import type { PageHead } from '../collector/pageHead.ts';
import { Failure, parseReason } from '../failures.ts';
import type { MarketplaceId } from '../product/marketplaces.ts';
import { outcomeOf } from '../product/outcome.ts';
import type { NormalRequest } from '../product/requestSchema.ts';
import type { SearchSummary } from '../product/summary.ts';
import type { Run } from '../results/runState.ts';

/** A page or an item that failed for good, with the reason that BullMQ keeps. */
export interface FailedCall {
  marketplace: MarketplaceId;
  /** Null for an item. */
  page: number | null;
  itemId?: string;
  reason: string;
}

export interface SearchEnd {
  searchId: string;
  request: NormalRequest;
  run: Run;
  /** The pages that are there. */
  heads: PageHead[];
  /** By item id. */
  details: Map<string, ItemAnswer>;
  /** Ids that the search's track has seen before and that are not listed any more. */
  noLongerListed: readonly string[];
  /** Pages before items. */
  failed: FailedCall[];
  /** When the pages will be deleted, ms since the epoch; undefined when there are none. */
  expiresAt: number | undefined;
  now: number;
}

/** Items stand behind all pages. */
const ITEMS = Number.MAX_SAFE_INTEGER;

/** What a search came to, derived from what is stored. */
export function summarise({
  searchId,
  request,
  run,
  heads,
  details,
  noLongerListed,
  failed,
  expiresAt,
  now,
}: SearchEnd): SearchSummary {
  const { counts, warnings, products } = assembleHeads(request, heads);
  const missing = failed
    .toSorted((a, b) => (a.page ?? ITEMS) - (b.page ?? ITEMS))
    .map(({ marketplace, page, itemId, reason }) => ({
      marketplace,
      page,
      ...(itemId === undefined ? {} : { itemId }),
      ...parseReason(reason),
    }));
  const gone = products.filter(({ itemId }) => details.get(itemId)?.details.availability === 'gone');
  const [first] = missing;
  return {
    searchId,
    outcome: outcomeOf({
      pages: heads.length,
      missing: missing.length,
      cancelled: run.cancelled,
      onFailure: request.onFailure,
      counts,
    }),
    counts,
    calls: [...heads, ...details.values()].reduce((sum, answer) => sum + answer.calls, run.fruitlessCalls),
    pages: heads.length,
    missing,
    gone: [...new Set([...noLongerListed, ...gone.map(({ itemId }) => itemId)])],
    warnings,
    error:
      first === undefined
        ? null
        : {
            code: first.code,
            message: first.message,
            page: first.page,
            retryable: new Failure(first.code, first.message).retryable,
          },
    startedAt: new Date(run.startedAt).toISOString(),
    finishedAt: new Date(now).toISOString(),
    expiresAt: expiresAt === undefined ? null : new Date(expiresAt).toISOString(),
  };
}
