import type { QuotaReport } from '../../../ebay/gate/quota.ts';
import type { ScheduleReport } from '../../../queue/schedules/schedules.ts';
import { waitReasonText } from '../../../text/searches.ts';
import { distanceText, numberText } from '../../../text/values.ts';
import { csrfField, type Html, html, instant } from '../html.ts';
import { watchingLine } from '../watching/watchingView.ts';
import { type Destination, destinationText } from './destination.ts';
import { type Filled, searchForm } from './searchForm.ts';

export interface Home extends Filled {
  /** What this browser remembers. */
  destination: Destination;
  /** Whether the caller may start searches. */
  mayEnqueue: boolean;
  quota: QuotaReport;
  schedules: readonly ScheduleReport[];
  /** How many there are. */
  watchlists: number;
  news: Html;
  now: number;
}

/** The start page: the form for a search, schedules, the calls of the day and the newest news. */
export function homeView(home: Home): Html {
  const { quota, schedules, watchlists, news, now, mayEnqueue } = home;
  return html`<h1 class="quiet">Search eBay</h1>
${mayEnqueue ? searchForm(home) : html`<p class="empty">Your key may look at searches, and start none: that needs the role <code>enqueue</code>.</p>`}
${mayEnqueue && remembered(home)}
<div class="columns">
  <div><p class="watching-line">${watchingLine(schedules, watchlists, now)}</p>
  ${news}</div>
  <div>${quotaView(quota, now)}</div>
</div>`;
}

function remembered({ destination, csrf }: Home): Html | null {
  const text = destinationText(destination);
  if (text === undefined) return null;
  return html`<form class="remembered small" method="post" action="/forget-destination">${csrfField(csrf)}${text}: remembered in this browser. <button class="plain">Forget it</button></form>`;
}

function quotaView({ limit, used, remaining, reset, closed }: QuotaReport, now: number): Html {
  const level = remaining / limit > 0.3 ? 'plenty' : remaining / limit > 0.1 ? 'some' : 'few';
  return html`<section class="quota" aria-labelledby="quota-head">
  <h2 id="quota-head">Calls to eBay today</h2>
  <progress id="quota" aria-labelledby="quota-head" max="${limit}" value="${Math.min(used, limit)}" data-state="${level}"></progress>
  <p><strong>${numberText(remaining)}</strong> of ${numberText(limit)} left · all of them again ${distanceText(reset, now)},
    at ${instant(reset)}</p>
  ${closed !== null && html`<p class="notice">No call may be made now: ${waitReasonText(closed.reason)}, until ${instant(closed.until)}.</p>`}
</section>`;
}
