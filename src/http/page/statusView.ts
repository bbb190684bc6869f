import type { SearchSummary } from '../../product/summary.ts';
import type { SearchReport } from '../../queue/report.ts';
import { countText, distanceText, instant, numberText } from './format.ts';
import { type Html, html } from './html.ts';
import { token } from './layout.ts';

/** How a search stands; the page's script asks for it again until `data-state` is `done`. */
export function statusView(report: SearchReport, csrf: string | null, now: number): Html {
  const { searchId, state, progress, summary, error } = report;
  const id = encodeURIComponent(searchId);
  return html`<section id="status" class="status" aria-label="Status" data-state="${state}" data-pages="${progress?.pages ?? 0}"
  data-live="/searches/${id}/status">
  <div role="status">
  ${error !== null && html`<p class="outcome bad">Failed: ${error.message} <small>(${error.code})</small></p>`}
  ${summary !== null && ended(summary)}
  ${state !== 'done' && underWay(report, now)}
  </div>
  ${state === 'done' ? again(id, summary, csrf) : action(`/searches/${id}/cancel`, 'Cancel', csrf)}
</section>`;
}

const OUTCOMES: Readonly<Record<SearchSummary['outcome'], string>> = {
  complete: 'Complete',
  'none-found': 'eBay has nothing that fits',
  'filtered-out': 'eBay had some, but your conditions dropped all of them',
  partial: 'Partly there: later pages failed',
  degraded: 'Nothing could be collected',
  cancelled: 'Cancelled, with what was there',
  skipped: 'Skipped: the run before was still busy',
  failed: 'Failed',
};

const GOOD = new Set(['complete', 'none-found', 'filtered-out']);

function ended({ outcome, counts, calls, warnings, missing, finishedAt, expiresAt }: SearchSummary): Html {
  const dropped = counts.filteredOut > 0 && `${numberText(counts.filteredOut)} dropped by your conditions`;
  const facts = [
    countText(counts.products, 'product'),
    `eBay claims ${numberText(counts.found)}`,
    dropped,
    countText(calls, 'call'),
  ].filter((fact) => fact !== false);
  return html`<p class="outcome ${GOOD.has(outcome) ? 'good' : 'bad'}">${OUTCOMES[outcome]}</p>
  <p class="small">${facts.join(' · ')} · ended ${instant(finishedAt)}${expiresAt !== null && html` · kept until ${instant(expiresAt)}`}</p>
  ${warnings.length > 0 && html`<ul class="notice">${warnings.map(({ message }) => html`<li>eBay ignored part of this: ${message}</li>`)}</ul>`}
  ${missing.length > 0 && html`<ul class="notice">${missing.slice(0, 5).map(({ page, itemId, message }) => html`<li>${itemId ?? `Page ${page}`}: ${message}</li>`)}</ul>`}`;
}

function underWay({ state, progress }: SearchReport, now: number): Html {
  const words =
    state === 'queued'
      ? 'Waiting for its turn'
      : state === 'waiting'
        ? waiting(progress, now)
        : 'Collecting from eBay';
  const bar =
    progress === null
      ? html`<progress aria-label="Pages collected"></progress>`
      : html`<progress aria-label="Pages collected" max="${progress.of}" value="${progress.pages}"></progress>`;
  const sofar =
    progress === null
      ? ''
      : `${numberText(progress.pages)} of at most ${countText(progress.of, 'page')} · ${countText(progress.products, 'product')} so far`;
  return html`<p class="outcome">${words}</p>${bar}<p class="small">${sofar}</p>`;
}

const REASONS: Readonly<Record<string, string>> = {
  quota: 'the day’s calls are used up',
  pause: 'eBay asked for a pause',
  circuit: 'eBay is failing',
  share: 'its class has used its share of the day',
  'identical-search': 'another search asks for the same',
};

function waiting(progress: SearchReport['progress'], now: number): string {
  const because = progress?.because ?? 'its turn';
  const until =
    progress?.until === undefined
      ? ''
      : `, until ${distanceText(new Date(progress.until).toISOString(), now).replace('in ', '')} from now`;
  return `Waiting: ${REASONS[because] ?? because}${until}`;
}

function again(id: string, summary: SearchSummary | null, csrf: string | null): Html | null {
  const isWhole = summary !== null && GOOD.has(summary.outcome);
  return isWhole ? null : action(`/searches/${id}/retry`, 'Try again: ask only for what is missing', csrf);
}

/** A button that changes something. */
export function action(address: string, text: string, csrf: string | null, label?: string): Html {
  return html`<form method="post" action="${address}">${token(csrf)}<button${label !== undefined && html` aria-label="${label}"`}>${text}</button></form>`;
}
