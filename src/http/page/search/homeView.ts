import type { QuotaReport } from '../../../ebay/gate/quota.ts';
import type { ServiceEvent } from '../../../events/event.ts';
import type { ScheduleReport } from '../../../queue/schedules/schedules.ts';
import { waitReasonText } from '../../../text/searches.ts';
import { distanceText, numberText } from '../../../text/values.ts';
import { type Html, html, instant } from '../html.ts';
import { eventLine } from '../news/newsView.ts';
import { scheduleItem } from '../watching/schedulesView.ts';
import { type Filled, searchForm } from './searchForm.ts';

export interface Home extends Filled {
  quota: QuotaReport;
  schedules: readonly ScheduleReport[];
  /** Newest first. */
  events: readonly ServiceEvent[];
  now: number;
}

/** The start page: the form for a search, schedules, the calls of the day and the latest events. */
export function homeView(home: Home): Html {
  const { quota, schedules, events, csrf, now } = home;
  return html`<h1 class="quiet">Search eBay</h1>
${searchForm(home)}
<div class="columns">
  <div><section id="schedules" aria-labelledby="schedules-head">
  <h2 id="schedules-head">Schedules</h2>
  <p class="small"><a href="/plan">What they cost, and how soon they see a change</a></p>
  ${
    schedules.length === 0
      ? html`<p class="empty">None yet. Search for something, then schedule it: each run marks what is new.</p>`
      : html`<ul class="schedules">${schedules.map((each) => scheduleItem(each, csrf, now))}</ul>`
  }
</section></div>
  <div>${quotaView(quota, now)}
  <section id="news" aria-labelledby="news-head">
  <h2 id="news-head">Latest</h2>
  ${
    events.length === 0
      ? html`<p class="empty">Nothing yet: ended searches and changed products show up here.</p>`
      : html`<ol class="news">${events.map((event) => html`<li data-type="${event.type}">${instant(event.at)} ${eventLine(event)}</li>`)}</ol>`
  }
</section></div>
</div>`;
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
