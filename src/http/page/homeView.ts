import type { QuotaReport } from '../../ebay/gate/quota.ts';
import type { ServiceEvent } from '../../events/event.ts';
import { searchTitle } from '../../product/subject.ts';
import type { ScheduleReport } from '../../queue/schedules/schedules.ts';
import { eventText, runText, waitReasonText } from '../../text/searches.ts';
import { distanceText, moneyText, numberText } from '../../text/values.ts';
import { externalLink, type Html, html, instant, postButton } from './html.ts';
import { conditionTexts, type Filled, searchForm } from './searchForm.ts';
import { addressOf } from './selection.ts';

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

const SHOWN_RUNS = 5;

function scheduleItem(schedule: ScheduleReport, csrf: string | null, now: number): Html {
  const { name, when, state, next, latest, lastRuns, request } = schedule;
  const nextRun = {
    done: 'no further run',
    paused: 'paused',
    active: next ? `next ${distanceText(next, now)}` : latest && `next by ${distanceText(latest, now)}`,
  };
  const runs = lastRuns
    .slice(0, SHOWN_RUNS)
    .map(
      ({ searchId, at, outcome }) =>
        html`<li><a href="${addressOf(searchId)}">${instant(at)}</a> <span class="${outcome ?? 'busy'}">${runText(outcome)}</span></li>`,
    );
  const alert = new URLSearchParams({ source: `schedule:${name}` });
  const button = (action: string, text: string) =>
    postButton(`/schedules/${name}/${action}`, text, csrf, `${text}: ${name}`);
  return html`<li class="schedule" id="schedule-${name}">
  <h3>${name}</h3>
  <p class="small">${searchTitle(request)} · ${when} · <strong class="${state}">${nextRun[state]}</strong></p>
  <ul class="chips" aria-label="Conditions of ${name}">${conditionTexts(request).map((text) => html`<li>${text}</li>`)}</ul>
  ${runs.length === 0 ? html`<p class="small">No run yet</p>` : html`<ol class="runs" aria-label="Last runs of ${name}">${runs}</ol>`}
  <div class="actions">
    ${button('run', 'Run now')}
    ${state === 'paused' && button('resume', 'Resume')}
    ${state === 'active' && button('pause', 'Pause')}
    ${button('remove', 'Remove')}
    ${request.track !== undefined && html`<a class="button" href="/alerts?${String(alert)}#add-alert" aria-label="Alert me: ${name}">Alert me</a>`}
  </div>
</li>`;
}

function eventLine(event: ServiceEvent): Html {
  const text = eventText(event, moneyText);
  if ('product' in event) {
    const url = 'url' in event.product ? event.product.url : undefined;
    const { itemId } = event.product;
    const item = externalLink(url, `item ${itemId.split('|')[1] ?? itemId}`);
    if ('watchlist' in event) return html`${item} ${text} in ${event.watchlist}`;
    return html`${item} ${text} in <a href="${addressOf(event.searchId, { order: 'changed' })}">${event.track}</a>`;
  }
  return html`<a href="${addressOf(event.searchId)}">${event.schedule ?? event.query ?? 'a search'}</a> ${text}`;
}
