import type { Failure } from '../failures.ts';
import type { MarketplaceId } from '../product/marketplaces.ts';
import { outcomeOf } from '../product/outcome.ts';
import type { NormalRequest } from '../product/requestSchema.ts';
import type { MissingPart, Outcome } from '../product/summary.ts';
import { type Assembled, assemble } from './assemble.ts';
import type { PageAnswer } from './pageAnswer.ts';

/** A marketplace whose pages ended early: the page that failed, and how. */
export interface Ended {
  marketplace: MarketplaceId;
  page: number;
  failure: Failure;
}

/** What a search without a queue gave. */
export interface Collected extends Assembled {
  outcome: Outcome;
  missing: MissingPart[];
  pages: number;
  /** HTTP attempts of the pages that are there. */
  calls: number;
}

export function collectedFrom(request: NormalRequest, pages: PageAnswer[], ended: Ended[]): Collected {
  const assembled = assemble(request, pages);
  return {
    ...assembled,
    outcome: outcomeOf({
      pages: pages.length,
      missing: ended.length,
      cancelled: false,
      onFailure: request.onFailure,
      counts: assembled.counts,
    }),
    missing: ended.map(({ marketplace, page, failure: { code, message } }) => ({
      marketplace,
      page,
      code,
      message,
    })),
    pages: pages.length,
    calls: pages.reduce((sum, page) => sum + page.calls, 0),
  };
}
