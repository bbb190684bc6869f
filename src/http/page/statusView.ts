import type { QuotaReport } from '../../ebay/gate/quota.ts';
import type { ServiceEvent } from '../../events/event.ts';
import type { SearchSummary } from '../../product/summary.ts';
import type { SearchReport } from '../../queue/searchReader.ts';
import {
  countText,
  distanceText,
  type Html,
  html,
  instant,
  moneyText,
  numberText,
  token,
  webAddress,
} from './html.ts';

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

const WAIT_REASONS: Readonly<Record<string, string>> = {
  quota: 'the day’s calls are used up',
  pause: 'eBay asked for a pause',
  circuit: 'eBay is failing',
  share: 'its class has used its share of the day',
  'identical-search': 'another search asks for the same',
};

function waiting(progress: SearchReport['progress'], now: number): string {
  const reason = progress?.reason ?? 'its turn';
  const until =
    progress?.until === undefined
      ? ''
      : `, until ${distanceText(new Date(progress.until).toISOString(), now).replace('in ', '')} from now`;
  return `Waiting: ${WAIT_REASONS[reason] ?? reason}${until}`;
}

function again(id: string, summary: SearchSummary | null, csrf: string | null): Html | null {
  const isWhole = summary !== null && GOOD.has(summary.outcome);
  return isWhole ? null : action(`/searches/${id}/retry`, 'Try again: ask only for what is missing', csrf);
}

/** A button that changes something. */
export function action(address: string, text: string, csrf: string | null, label?: string): Html {
  return html`<form method="post" action="${address}">${token(csrf)}<button${label !== undefined && html` aria-label="${label}"`}>${text}</button></form>`;
}

/** The day's calls as a bar. */
export function quotaView(quota: QuotaReport, now: number): Html {
  const { limit, used, remaining, reset, closed } = quota;
  return html`<section class="quota" aria-labelledby="quota-head">
  <h2 id="quota-head">Calls to eBay today</h2>
  <progress id="quota" aria-labelledby="quota-head" max="${limit}" value="${Math.min(used, limit)}"
    data-state="${remaining / limit > 0.3 ? 'plenty' : remaining / limit > 0.1 ? 'some' : 'few'}"></progress>
  <p><strong>${numberText(remaining)}</strong> of ${numberText(limit)} left · all of them again ${distanceText(reset, now)},
    at ${instant(reset)}</p>
  ${closed !== null && html`<p class="notice">No call may be made now (${CLOSED_REASONS[closed.reason] ?? closed.reason}), until ${instant(closed.until)}.</p>`}
</section>`;
}

const CLOSED_REASONS: Readonly<Record<string, string>> = {
  quota: 'the day’s calls are used up',
  pause: 'eBay asked for a pause',
  circuit: 'eBay was failing',
};

/** The latest events, newest first. */
export function newsView(events: readonly ServiceEvent[]): Html {
  return html`<section id="news" aria-labelledby="news-head">
  <h2 id="news-head">Latest</h2>
  ${
    events.length === 0
      ? html`<p class="empty">Nothing yet: searches that end and products that change show up here.</p>`
      : html`<ol class="news">${events.map(
          (event) => html`<li data-type="${event.type}">${instant(event.at)} ${line(event)}</li>`,
        )}</ol>`
  }
</section>`;
}

function line(event: ServiceEvent): Html {
  switch (event.type) {
    case 'search.completed':
    case 'search.cancelled':
      return html`${search(event, event.query)} ${event.type === 'search.cancelled' ? 'cancelled' : event.outcome}, ${countText(event.counts.products, 'product')}${found(event.track)}`;
    case 'search.failed':
      return html`${search(event, event.query)} failed: ${event.error.message}`;
    case 'search.skipped':
      return html`${search(event, event.query)} skipped: the run before was busy`;
    case 'product.gone':
      return html`<strong>gone</strong> ${item(event.product.itemId)} ${from(event)}`;
    case 'product.new':
      return html`<strong>new</strong> ${item(event.product.itemId, event.product.url)} ${event.product.total === null ? 'delivered price unknown' : moneyText(event.product.total)} ${from(event)}`;
    default: {
      const { product, formerTotal } = event;
      const word = event.type === 'product.price-dropped' ? 'dropped' : 'rose';
      return html`<strong>${word}</strong> ${item(product.itemId, product.url)} ${moneyText(formerTotal)} → ${moneyText(product.total)} ${from(event)}`;
    }
  }
}

function search({ searchId, schedule }: ServiceEvent, query: string | null): Html {
  return html`<a href="/searches/${encodeURIComponent(searchId)}">${schedule ?? query ?? 'a search'}</a>`;
}

function from(event: ServiceEvent & { track: string }): Html {
  return html`in <a href="/searches/${encodeURIComponent(event.searchId)}?order=changed">${event.track}</a>`;
}

function item(itemId: string, url?: string): Html {
  const number = itemId.split('|')[1] ?? itemId;
  const address = webAddress(url);
  return address === undefined
    ? html`item ${number}`
    : html`<a href="${address}" target="_blank" rel="noopener noreferrer external">item ${number}</a>`;
}

function found(track: Extract<ServiceEvent, { type: 'search.completed' }>['track']): string {
  if (track === null) return '';
  if (track.firstRun) return '; from now on changes are told';
  const counts = [
    [track.new, 'new'],
    [track.priceDropped, 'dropped'],
    [track.priceRose, 'rose'],
    [track.gone, 'gone'],
  ] as const;
  const told = counts.filter(([n]) => n > 0).map(([n, word]) => `${n} ${word}`);
  return `; ${told.length === 0 ? 'nothing changed' : told.join(', ')}`;
}
