import type { NormalRequest } from './requestSchema.ts';
import type { Outcome, SearchCounts } from './summary.ts';

/** How a search stands at its end. */
export interface Ending {
  /** Answers that are there. */
  pages: number;
  /** Chains of pages that ended early because a page failed for good. */
  missing: number;
  cancelled: boolean;
  onFailure: NormalRequest['onFailure'];
  counts: Pick<SearchCounts, 'collected' | 'products'>;
}

/**
 * The one word for how a search ended. Nothing found, all of it dropped here, some of it missing and all of it missing
 * are different things: an outage never reads as "no products".
 */
export function outcomeOf({
  pages,
  missing,
  cancelled,
  onFailure,
  counts,
}: Ending): Exclude<Outcome, 'skipped'> {
  if (cancelled) return 'cancelled';
  if (pages === 0) return onFailure === 'degrade' ? 'degraded' : 'failed';
  if (missing > 0) return 'partial';
  if (counts.products > 0) return 'complete';
  return counts.collected > 0 ? 'filtered-out' : 'none-found';
}
