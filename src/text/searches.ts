import type { ServiceEvent } from '../events/event.ts';
import { siteName } from '../product/marketplaces.ts';
import type { Money } from '../product/money.ts';
import type { Outcome, SearchSummary, StoppedBy } from '../product/summary.ts';
import type { SearchEstimate } from '../queue/search/estimate.ts';
import { countText, durationText, numberText } from './values.ts';

/** Whether the wanted number, or the whole listing, was looked at. */
export function isWhole(outcome: Outcome): boolean {
  return outcome === 'complete' || outcome === 'none-found' || outcome === 'filtered-out';
}

/** Whether another run of the search would call for something: a bound that was reached stays reached. */
export function canRetry({ outcome, missing }: SearchSummary): boolean {
  return missing.length > 0 || outcome === 'degraded' || outcome === 'cancelled';
}

/** Outcome of a run, or that it has none yet. */
export function runText(outcome: Outcome | null): string {
  return outcome ?? 'under way';
}

/** The reasons of closed gates and of waiting searches. */
const WAIT_REASONS: Readonly<Record<string, string>> = {
  quota: 'the calls of this day are used up',
  pause: 'eBay asked for a pause (429)',
  circuit: 'eBay is failing',
  'identical-search': 'another search for the same is under way',
  'newer-version': 'only a newer worker can read it',
  'ebay-server-error': 'eBay answered with an error',
  'ebay-unreachable': 'eBay cannot be reached',
  'ebay-timeout': 'eBay did not answer in time',
  'ebay-bad-answer': 'eBay’s answer could not be read',
  'token-refused': 'eBay refused the token',
};

/** Why a search waits, a call is repeated or the gate is closed, as a clause. A reason without a text is shown as it is. */
export function waitReasonText(reason: string): string {
  return WAIT_REASONS[reason] ?? reason;
}

/** How many listings were looked at, of how many. eBay's total is only an indicator. */
function lookedText({ counts, stoppedBy, ...summary }: SearchSummary): string | undefined {
  // Summaries of version 0.1 have no such field; they may still be stored.
  const lookedAt = summary.lookedAt ?? counts.collected - counts.duplicates;
  if (lookedAt === 0 && counts.found === 0) return undefined;
  const ended = stoppedBy === 'end';
  if (ended && lookedAt >= counts.found) return `all ${countText(lookedAt, 'listing')} looked at`;
  // Zero is no claim.
  if (counts.found === 0) return `${countText(lookedAt, 'listing')} looked at`;
  const found = Math.max(counts.found, lookedAt);
  const where = ended ? ', where eBay’s listing ended' : '';
  return `${numberText(lookedAt)} of about ${countText(found, 'listing')} looked at${where}`;
}

/** Why the listing behind what was looked at is not there, though no call failed. */
const STOPS: Partial<Record<StoppedBy, (summary: SearchSummary) => string>> = {
  'max-calls': ({ pages }) => `stopped after ${countText(pages, 'call')} (maxCalls)`,
  window: () => 'eBay shows no more than the first 10,000 listings',
  known: () => 'the rest was known to the track',
};

/** Why a search is partial, a clause for each reason; empty for other outcomes. */
export function partialReasons(summary: SearchSummary): string[] {
  const { outcome, stoppedBy, missing } = summary;
  if (outcome !== 'partial') return [];
  const sites = new Set(missing.filter(({ page }) => page !== null).map(({ marketplace }) => marketplace));
  const items = missing.filter(({ page }) => page === null).length;
  const stop = stoppedBy ? STOPS[stoppedBy]?.(summary) : undefined;
  return [
    sites.size > 0 && `a page of ${[...sites].map(siteName).join(', ')} failed`,
    items > 0 && `the details of ${countText(items, 'product')} failed`,
    stop !== undefined && `${stop}: ${lookedText(summary)}`,
  ].filter((reason) => reason !== false);
}

/** Counts of an ended search; those that are zero are left out, except products and calls. */
export function summaryFacts(summary: SearchSummary): string[] {
  const { counts, gone, calls, warnings, outcome, stoppedBy } = summary;
  const unreadable = Object.values(counts.rejected).reduce((sum, n) => sum + n, 0);
  const unrated = counts.filteredOutBy?.['seller-rating-unknown'] ?? 0;
  const ofThem = unrated > 0 ? ` (${numberText(unrated)} with an unknown rating)` : '';
  return [
    countText(counts.products, 'product'),
    // Listings that were named are not looked through. Where it explains why the search is partial, it is there.
    summary.pages !== 0 && !(outcome === 'partial' && stoppedBy && STOPS[stoppedBy]) && lookedText(summary),
    counts.duplicates > 0 && countText(counts.duplicates, 'duplicate'),
    counts.filteredOut > 0 && `${numberText(counts.filteredOut)} filtered out${ofThem}`,
    unreadable > 0 && `${numberText(unreadable)} unreadable`,
    gone.length > 0 && `${numberText(gone.length)} gone`,
    countText(calls, 'call'),
    typeof summary.callsLeft === 'number' && `${numberText(summary.callsLeft)} left that day`,
    warnings.length > 0 && countText(warnings.length, 'warning'),
  ].filter((fact) => typeof fact === 'string');
}

/**
 * Whether a search takes longer than results are kept, from its first page on: that one is then gone before the last.
 * @param resultsTtlMs `RESULTS_TTL`. @param now ms since the epoch
 */
export function outlastsResults(
  { remaining, ahead, reset, earliestFinish }: SearchEstimate,
  resultsTtlMs: number,
  now: number,
): boolean {
  const begins = ahead >= remaining ? Math.max(now, Date.parse(reset)) : now;
  return Date.parse(earliestFinish) - begins > resultsTtlMs;
}

/** What a search costs and when it can be done. @param when text of an instant, such as `in 15 s` */
export function estimateTexts(estimate: SearchEstimate, when: (iso: string) => string) {
  const { calls, class: callClass, remaining, shareOfRemaining, reset, ahead, earliestFinish } = estimate;
  const { budget } = estimate;
  const parts =
    calls.details > 0 && calls.pages > 0 ? ` (${calls.pages} of pages, ${calls.details} of details)` : '';
  const most = calls.atMost > calls.total ? `, at most ${numberText(calls.atMost)}` : '';
  const left = `the ${numberText(remaining)} that ${callClass} searches have left today`;
  const share =
    shareOfRemaining === null
      ? `${callClass} searches have none left today; more ${when(reset)}`
      : shareOfRemaining > 1
        ? `more than ${left}; it continues ${when(reset)}`
        : `${shareOfRemaining < 0.001 ? 'less than 0.1' : (shareOfRemaining * 100).toFixed(1)} % of ${left}`;
  return {
    calls: `${countText(calls.total, 'call')}${parts}${most}`,
    share,
    ...(budget && { budget: budgetText(budget, calls.total, when) }),
    queue: ahead === 0 ? 'nothing waits before it' : `${countText(ahead, 'call')} before its first one`,
    finish: `${when(earliestFinish)} at the earliest`,
  };
}

/** What is left of a budget, and whether these calls fit. */
function budgetText(
  { kind, name, left, limit, reset }: NonNullable<SearchEstimate['budget']>,
  calls: number,
  when: (iso: string) => string,
): string {
  const whose = kind === 'key' ? 'this API key' : `the ${kind} ${name}`;
  const rest = `${numberText(left)} of ${countText(limit, 'call')} a day are left to ${whose}`;
  return calls > left ? `${rest}: too few; more ${when(reset)}` : rest;
}

/** What an event says, without the name of its search or track. @param money text of an amount */
export function eventText(event: ServiceEvent, money: (amount: Money) => string): string {
  const isHidden = 'product' in event && 'priceDisplay' in event.product;
  const priceText = (total: Money | null) =>
    isHidden ? 'eBay shows the price' : total === null ? 'delivered price unknown' : money(total);
  switch (event.type) {
    case 'search.completed':
    case 'search.cancelled': {
      const outcome = event.type === 'search.cancelled' ? 'cancelled' : event.outcome;
      const counts = `${countText(event.counts.products, 'product')}, ${countText(event.calls, 'call')}`;
      return `${outcome}, ${counts}${event.track === null ? '' : `; ${trackText(event.track)}`}`;
    }
    case 'search.failed':
      return `failed: ${event.error.message} (${event.error.code})`;
    case 'search.skipped':
      return 'skipped: the previous run was still busy';
    case 'product.gone':
      return 'gone';
    case 'product.new':
      return `new, ${priceText(event.product.total)}`;
    case 'watchlist.out-of-stock':
      return 'sold out';
    case 'watchlist.ended':
      return 'ended';
    case 'watchlist.returned': {
      const before = event.from === 'ended' ? 'had ended' : 'was sold out';
      return `is back (${before}), ${priceText(event.product.total)}`;
    }
    case 'watchlist.quantity-changed':
      return `${leftText(event.from)} → ${leftText(event.to)} left`;
    case 'watchlist.delivery-later':
      return `arrives later, ${event.from.days} → ${event.to.days} days`;
    default: {
      const word = event.type.endsWith('.price-dropped') ? 'dropped' : 'rose';
      if (isHidden) return `${word}, ${priceText(null)}`;
      const { at, formerSeenAt, formerTotal } = event;
      const before = formerSeenAt === undefined ? '' : ` (${agoText(formerSeenAt, at)})`;
      return `${word}, ${money(formerTotal)}${before} → ${money(event.product.total)}`;
    }
  }
}

/** `3`, `more than 10`. */
function leftText({ quantity, moreThan }: { quantity: number | null; moreThan: number | null }): string {
  if (quantity !== null) return numberText(quantity);
  return moreThan === null ? 'an unknown number' : `more than ${moreThan}`;
}

/** `2 h before`. */
function agoText(iso: string, at: string): string {
  return `${durationText(Date.parse(at) - Date.parse(iso))} before`;
}

type Track = NonNullable<Extract<ServiceEvent, { type: 'search.completed' }>['track']>;

/** `3 new, 1 dropped`, `no changes`, `first run`. */
export function trackText(track: Track): string {
  if (track.firstRun) return 'first run';
  if (track.note !== undefined) return 'not compared';
  const counts = { new: track.new, dropped: track.priceDropped, rose: track.priceRose, gone: track.gone };
  const changes = Object.entries(counts).filter(([, count]) => count > 0);
  return changes.map(([change, count]) => `${count} ${change}`).join(', ') || 'no changes';
}
