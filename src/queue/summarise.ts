import { assemble } from '../collector/assemble.ts';
import type { PageAnswer } from '../collector/pageAnswer.ts';
import { Failure, parseReason } from '../failures.ts';
import { outcomeOf } from '../product/outcome.ts';
import type { NormalRequest } from '../product/requestSchema.ts';
import type { SearchSummary } from '../product/summary.ts';
import type { Run } from '../results/runState.ts';
import type { PlannedPage } from './pageChain.ts';

/** A page that failed for good, with the reason that BullMQ keeps. */
export interface FailedPage extends PlannedPage {
  reason: string;
}

export interface SearchEnd {
  searchId: string;
  request: NormalRequest;
  run: Run;
  pages: PageAnswer[];
  failed: FailedPage[];
  /** When the pages will be deleted, ms since the epoch; undefined when there are none. */
  expiresAt: number | undefined;
  now: number;
}

/** What a search came to, derived from what is stored. */
export function summarise({
  searchId,
  request,
  run,
  pages,
  failed,
  expiresAt,
  now,
}: SearchEnd): SearchSummary {
  const { counts, warnings } = assemble(request, pages);
  const missing = failed
    .toSorted((a, b) => a.page - b.page)
    .map(({ marketplace, page, reason }) => ({ marketplace, page, ...parseReason(reason) }));
  const [first] = missing;
  return {
    searchId,
    outcome: outcomeOf({
      pages: pages.length,
      missing: missing.length,
      cancelled: run.cancelled,
      onFailure: request.onFailure,
      counts,
    }),
    counts,
    calls: pages.reduce((sum, page) => sum + page.calls, run.fruitlessCalls),
    pages: pages.length,
    missing,
    gone: 0,
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
