import type { Outcome, SearchSummary } from '../../../product/summary.ts';
import type { SearchReport } from '../../../queue/searchReader.ts';
import { canRetry, isWhole, partialReasons, summaryFacts, waitReasonText } from '../../../text/searches.ts';
import { countText, dueText, numberText } from '../../../text/values.ts';
import { type Html, html, instant, postButton } from '../html.ts';
import { addressOf } from './selection.ts';

export interface StatusOptions {
  csrf: string | null;
  now: number;
  /** Whether the reader may cancel and retry. */
  mayEnqueue: boolean;
  /** Address of its job, for those who may see it. */
  job: string | undefined;
}

/** The state of a search. The page's script loads it again until `data-state` is `done`. */
export function statusView(report: SearchReport, { csrf, now, mayEnqueue, job }: StatusOptions): Html {
  const { searchId, state, progress, summary, error } = report;
  const address = addressOf(searchId);
  const retry =
    (summary === null || canRetry(summary)) &&
    postButton(`${address}/retry`, 'Try again', csrf, 'Try again: ask only for what is missing');
  const change = state === 'done' ? retry : postButton(`${address}/cancel`, 'Cancel', csrf);
  return html`<section id="status" class="status" aria-label="Status" data-state="${state}" data-pages="${progress?.pages ?? 0}"
  data-live="${address}/status">
  <div role="status">
  ${error !== null && html`<p class="outcome bad">Failed: ${error.message} <small>(${error.code})</small></p>`}
  ${summary !== null && ended(summary)}
  ${state !== 'done' && underWay(report, now)}
  </div>
  ${mayEnqueue && change}
  ${job !== undefined && html`<a class="small" href="${job}">Job on the dashboard</a>`}
</section>`;
}

const OUTCOMES: Readonly<Record<Outcome, string>> = {
  complete: 'Complete',
  'none-found': 'eBay has nothing that fits',
  'filtered-out': 'eBay had some, but your conditions dropped all of them',
  partial: 'Incomplete',
  degraded: 'Nothing could be collected',
  cancelled: 'Cancelled, with what was found until then',
  skipped: 'Skipped: the previous look was still busy',
  failed: 'Failed',
};
/** Missing parts that are listed. */
const SHOWN_MISSING = 5;

/** What is good is green, what failed is red; what is there and less than asked for is neither. */
function levelOf(summary: SearchSummary): 'good' | 'some' | 'bad' {
  if (isWhole(summary.outcome)) return summary.warnings.length === 0 ? 'good' : 'some';
  return summary.outcome === 'partial' && !canRetry(summary) ? 'some' : 'bad';
}

function ended(summary: SearchSummary): Html {
  const { outcome, warnings, missing, trackNote, finishedAt, expiresAt, pages } = summary;
  // Of listings that were named; those of a track are in the news.
  const gone = pages === 0 ? summary.gone.slice(0, SHOWN_MISSING) : [];
  const shown = missing.slice(0, SHOWN_MISSING);
  const withWarnings = isWhole(outcome) && warnings.length > 0 && ', with warnings';
  return html`<p class="outcome ${levelOf(summary)}">${OUTCOMES[outcome]}${withWarnings}</p>
  ${partialReasons(summary).map((reason) => html`<p>${reason.charAt(0).toUpperCase() + reason.slice(1)}</p>`)}
  <p class="small">${summaryFacts(summary).join(' · ')} · ended ${instant(finishedAt)}${expiresAt !== null && html` · kept until ${instant(expiresAt)}`}</p>
  ${warnings.length > 0 && html`<ul class="notice">${warnings.map(({ errorId, message }) => html`<li>${errorId === null ? '' : 'eBay ignored part of this: '}${message}</li>`)}</ul>`}
  ${gone.length > 0 && html`<ul class="notice">${gone.map((id) => html`<li>${id}: eBay no longer has this listing</li>`)}</ul>`}
  ${trackNote !== undefined && html`<p class="notice">${trackNote}</p>`}
  ${shown.length > 0 && html`<ul class="notice">${shown.map(({ marketplace, page, itemId, message }) => html`<li>${itemId ?? `${marketplace}, page ${page}`}: ${message}</li>`)}</ul>`}`;
}

function underWay({ state, progress }: SearchReport, now: number): Html {
  const text = state === 'queued' ? 'Waiting for its turn' : progressText(state, progress, now);
  if (progress === null)
    return html`<p class="outcome">${text}</p><progress aria-label="Pages collected"></progress>`;
  const { pages, of, products, details, calls } = progress;
  const soFar = [countText(products, 'product'), ...(calls === undefined ? [] : [countText(calls, 'call')])];
  const counted = `${soFar.join(' and ')} so far`;
  // Listings that are named have no pages.
  if (of === 0)
    return html`<p class="outcome">${text}</p><progress aria-label="Listings collected" max="${details?.of ?? 1}" value="${details?.there ?? 0}"></progress>
  <p class="small">${counted}</p>`;
  return html`<p class="outcome">${text}</p><progress aria-label="Pages collected" max="${of}" value="${pages}"></progress>
  <p class="small">${numberText(pages)} of ${countText(of, 'page')} · ${counted}</p>`;
}

/** What is done now, why it goes on later, and when. */
function progressText(state: SearchReport['state'], progress: SearchReport['progress'], now: number): string {
  const { reason, until, attempt, attempts } = progress ?? {};
  const why = reason === undefined ? '' : `: ${waitReasonText(reason)}`;
  const next = attempt === undefined ? 'next try' : `attempt ${attempt} of ${attempts}`;
  if (state !== 'waiting') return `Collecting from eBay${attempt === undefined ? '' : `${why}, ${next}`}`;
  return `Waiting${why}${until === undefined ? '' : `, ${next} ${dueText(new Date(until).toISOString(), now)}`}`;
}
