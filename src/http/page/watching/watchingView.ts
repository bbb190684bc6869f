import { siteName } from '../../../product/marketplaces.ts';
import type { PlanReport } from '../../../product/planReport.ts';
import { searchTitle } from '../../../product/subject.ts';
import type { AlertReport } from '../../../queue/alerts/alerts.ts';
import type { ScheduleReport } from '../../../queue/schedules/schedules.ts';
import type { WatchlistReport } from '../../../queue/watch/watchlists/watchlists.ts';
import { alertRuleTexts, alertSourceText, conditionWords } from '../../../text/alerts.ts';
import { delayText, expectedText, perDayText, warningText } from '../../../text/plan.ts';
import { runText } from '../../../text/searches.ts';
import { countText, distanceText, dueText, durationText, isDue, numberText } from '../../../text/values.ts';
import { confirmedButton, type Html, html, instant, options, postButton } from '../html.ts';
import { addressOf } from '../result/selection.ts';
import { conditionTexts } from '../search/searchForm.ts';
import { costText } from './cost.ts';
import { type Choice, chosen, KINDS, nextOfList, STATES, type Watched } from './watchedItems.ts';

export interface WatchingPage {
  items: readonly Watched[];
  choice: Choice;
  plan: PlanReport;
  /** Whether the reader may change them. */
  mayChange: boolean;
  csrf: string | null;
  now: number;
}

/** Everything that is watched: what it looks for, what it costs, what it found, and its alerts. */
export function watchingView(page: WatchingPage): Html {
  const { items, choice, plan, mayChange } = page;
  const shown = chosen(items, choice);
  const make =
    mayChange &&
    html`<p class="actions"><a class="button" href="/">Search for something to watch</a><a class="button" href="/watching/new-list">Watch listings</a></p>`;
  if (items.length === 0)
    return html`<h1>Watching</h1>
<div class="empty"><p>Nothing is watched yet. A search that is watched is looked at again and again, and says what is new, cheaper, dearer or gone. A watchlist does the same for listings that you name.</p>${make}</div>`;
  return html`<div class="head"><h1>Watching</h1>${make}</div>
${planPart(plan)}
${filterForm(choice, shown.length, items.length)}
<p class="quiet" role="status" id="said"></p>
${
  shown.length === 0
    ? html`<p class="empty">None of them fits. <a href="/watching">Show all of them</a></p>`
    : html`<ul class="schedules watched" aria-labelledby="shown">${shown.map((item) => itemView(item, page))}</ul>`
}`;
}

/** On the start page. @param watched schedules and watchlists */
export function watchingLine(schedules: readonly LookTimes[], lists: number, now: number): Html {
  const count = schedules.length + lists;
  if (count === 0)
    return html`<a href="/watching">Watching</a>: nothing yet. Search for something, then watch it: each look says what is new.`;
  const times = schedules.flatMap((each) => (isGuessOver(each, now) ? each.latest : each.next) ?? []);
  const [next] = times.sort();
  return html`<a href="/watching">Watching</a>: ${numberText(count)}${next !== undefined && `, next look ${dueText(next, now)}`}`;
}

/** What all of it costs a day, of what there is, and what to do where that is not enough. */
function planPart({ totals, warnings }: PlanReport): Html {
  const { fixed, planned, guaranteed, scheduled, limit } = totals;
  const cost = fixed + guaranteed;
  const more = planned - guaranteed;
  const level = cost <= scheduled * 0.9 ? 'plenty' : cost <= scheduled ? 'some' : 'few';
  const most = Math.max(1, Math.round(scheduled));
  const calls = (count: number) => numberText(Math.round(count));
  const [short, others] = [true, false].map((wanted) =>
    warnings.filter(({ code }) => code.endsWith('do-not-fit') === wanted),
  ) as [typeof warnings, typeof warnings];
  return html`<section class="spending box" aria-labelledby="day-head">
  <h2 id="day-head">Calls a day</h2>
  <progress aria-labelledby="day-head" max="${most}" value="${Math.min(most, Math.round(cost))}" data-state="${level}"></progress>
  <p><strong>${perDayText(cost)}</strong> of the ${calls(scheduled)} that may be spent on watching${cost < scheduled && ` · ${calls(scheduled - cost)} free${more >= 1 ? `, of which automatic looks use about ${calls(more)}` : ''}`}<span class="small"> · eBay allows ${calls(limit)} in all</span> · <a href="/plan">Plan</a></p>
  ${short.map((each) => html`<p class="notice" data-code="${each.code}">${warningText(each)}</p>`)}
  ${others.length > 0 && html`<details class="advice-more"><summary>${countText(others.length, 'piece')} of advice</summary><ul class="advice">${others.map((each) => html`<li data-code="${each.code}">${warningText(each)}</li>`)}</ul></details>`}
</section>`;
}

function filterForm({ kind, state, text }: Choice, shown: number, of: number): Html {
  return html`<form class="toolbar" method="get" action="/watching" data-submits>
  <h2 id="shown">${shown === of ? `${numberText(of)} watched` : `${numberText(shown)} of ${numberText(of)}`}</h2>
  <p><label for="kind">Kind</label> <select id="kind" name="kind">${options({ '': 'All', ...KINDS }, kind)}</select></p>
  <p><label for="state">State</label> <select id="state" name="state">${options({ '': 'Any', ...STATES }, state)}</select></p>
  <p><label for="text">With</label> <input id="text" name="text" type="search" value="${text}" autocomplete="off" placeholder="words"></p>
  <button>Show</button>
</form>`;
}

function itemView(item: Watched, page: WatchingPage): Html {
  if (item.kind === 'schedule') return scheduleCard(item, page);
  return item.kind === 'watchlist' ? watchlistCard(item, page) : alertCard(item.report);
}

type Of<Kind extends Watched['kind']> = Extract<Watched, { kind: Kind }>;
type Fact = [name: string, value: Html | string];

/** A kind, a name, what it looks for, facts, what it found, and what can be done with it. */
function card(
  kind: Watched['kind'],
  name: string,
  parts: {
    about: Html | string;
    chips: readonly string[];
    facts: readonly Fact[];
    live: Html;
    actions: Html | false;
  },
): Html {
  const { about, chips, facts, live, actions } = parts;
  return html`<li class="schedule watched-${kind}" id="${kind}-${name}">
  <div class="about"><h3>${name} <small class="kind">${KINDS[kind]}</small></h3>
  <p class="what">${about}</p>
  ${chips.length > 0 && html`<ul class="chips" aria-label="Conditions of ${name}">${chips.map((text) => html`<li>${text}</li>`)}</ul>`}
  ${facts.length > 0 && html`<dl class="facts">${facts.map(([term, value]) => html`<div><dt>${term}</dt><dd>${value}</dd></div>`)}</dl>`}</div>
  ${live}
  ${actions}
</li>`;
}

/** Costs and delays, of a plan. */
function planFacts({ plan }: Watched): Fact[] {
  if (plan === undefined || plan.state !== 'active') return [];
  const { delay, measured, assumed } = plan;
  const guess = assumed && delay !== null && ', a guess';
  const seen = measured?.delay === null || measured === null ? 'not yet' : delayText(measured.delay);
  return [
    ['Costs', costText(plan)],
    ['Sees a change after', html`${expectedText(delay)}${guess}`],
    ['Measured', seen],
  ];
}

function scheduleCard(item: Of<'schedule'>, page: WatchingPage): Html {
  const { report } = item;
  const { name, when, request, track } = { ...report, track: report.request.track };
  const { mayChange, now } = page;
  return card('schedule', name, {
    about: searchTitle(request),
    chips: conditionTexts(request),
    facts: [['Looks', when], ...planFacts(item)],
    live: html`${scheduleLive(report, now)}${alertLines(item.alerts, now)}${track === undefined && html`<p class="small">Without a track nothing is compared: it says of no product that it is new or cheaper.</p>`}`,
    actions: mayChange && scheduleActions(item, page),
  });
}

const SHOWN_RUNS = 5;

/** What changes by itself: a script loads it again while a run is under way, and when the next one is due. */
export function scheduleLive(
  { name, state, next, latest, lastRuns }: ScheduleReport,
  now: number,
  most = SHOWN_RUNS,
): Html {
  const isBusy = lastRuns.some(({ outcome }) => outcome === null);
  const texts = { done: 'no further look', paused: 'paused', active: lookText({ next, latest }, now) };
  const runs = lastRuns
    .slice(0, most)
    .map(
      ({ searchId, at, outcome }) =>
        html`<li><a href="${addressOf(searchId)}">${instant(at)}</a> <span class="${outcome ?? 'busy'}">${runText(outcome)}</span></li>`,
    );
  return html`<div class="live" data-live="/watching/schedules/${name}/status" data-name="${name}"${next !== null && html` data-next="${next}"`}${isBusy && html` data-busy`}>
  <p class="next"><span class="${state}">${texts[state]}</span></p>
  ${runs.length === 0 ? html`<p class="small">No look yet</p>` : html`<ol class="runs" aria-label="Last looks of ${name}">${runs}</ol>`}
</div>`;
}

type LookTimes = Pick<ScheduleReport, 'next' | 'latest'>;

/** Where the planner chooses the times, `next` is a guess: once it has passed, what is certain is `latest`. */
function isGuessOver({ next, latest }: LookTimes, now: number): boolean {
  return next === null || (latest != null && isDue(next, now));
}

function lookText(times: LookTimes, now: number): Html | string {
  const { next, latest } = times;
  if (next === null || isGuessOver(times, now))
    return latest == null ? 'no look is planned' : byText(latest, now);
  return html`next look ${dueText(next, now)}${!isDue(next, now) && html`, at ${instant(next)}`}`;
}

function byText(latest: string, now: number): string {
  return `next look ${dueText(latest, now)}${isDue(latest, now) ? '' : ' at the latest'}`;
}

/** Alerts on it, with their last hits. */
export function alertLines(alerts: readonly AlertReport[], now: number): Html | false {
  return (
    alerts.length > 0 &&
    html`<ul class="alert-lines" aria-label="Alerts">${alerts.map(
      ({ name, when, channels, lastHit, state, note }) =>
        html`<li><a href="/alerts#alert-${name}">${name}</a>: ${when.map(conditionWords).join(', or ')} → ${channels?.join(', ') ?? 'every channel'} · ${state === 'paused' ? 'paused' : lastHit === null ? 'no hit yet' : `last hit ${distanceText(lastHit, now)}`}${note !== null && html` · <span class="warm">${note}</span>`}</li>`,
    )}</ul>`
  );
}

function scheduleActions({ report, alerts }: Of<'schedule'>, { csrf }: WatchingPage): Html {
  const { name, state, source, request, runs } = report;
  const button = (action: string, text: string) =>
    postButton(`/watching/schedules/${name}/${action}`, text, csrf, `${text}: ${name}`);
  const lost = html`<strong>Remove ${name}?</strong> No look follows. The list of its ${countText(runs, 'look')} is lost, and what was learned of how often it changes. Results of past looks stay until they expire.${alerts.length > 0 && ` ${alertNames(alerts)} then nothing to watch.`}`;
  return html`<div class="actions">
  ${button('run', 'Look now')}
  ${state === 'paused' && button('resume', 'Resume')}
  ${state === 'active' && button('pause', 'Pause')}
  ${source === 'code' && html`<a class="button" href="/watching/schedules/${name}" aria-label="Change: ${name}">Change</a>`}
  ${request.track !== undefined && alertLink('schedule', name)}
  ${source === 'code' ? confirmedButton(`/watching/schedules/${name}/remove`, 'Remove', lost, csrf, { name, yes: 'Yes, remove it' }) : html`<p class="small">From the file of schedules: it is changed and removed there.</p>`}
</div>`;
}

function alertNames(alerts: readonly AlertReport[]): string {
  const names = alerts.map(({ name }) => name).join(', ');
  return alerts.length === 1 ? `The alert ${names} has` : `The alerts ${names} have`;
}

function alertLink(kind: 'schedule' | 'watchlist', name: string): Html {
  const query = new URLSearchParams({ source: `${kind}:${name}` });
  return html`<a class="button" href="/alerts?${query.toString()}#add-alert" aria-label="Alert me: ${name}">Alert me</a>`;
}

function watchlistCard(item: Of<'watchlist'>, page: WatchingPage): Html {
  const { report, alerts } = item;
  const { name, state, marketplace, atLeastEvery, quantity, shipTo } = report;
  const { mayChange, csrf, now } = page;
  const button = (action: string, text: string) =>
    postButton(`/watching/lists/${name}/${action}`, text, csrf, `${text}: ${name}`);
  const lost = html`<strong>Remove ${name}?</strong> Its ${countText(report.entries, 'listing')} with your own columns and all that was seen of them are lost.${alerts.length > 0 && ` ${alertNames(alerts)} then nothing to watch.`}`;
  return card('watchlist', name, {
    about: html`<a href="/watching/lists/${name}">${countText(report.entries, 'listing')}</a>`,
    chips: [
      siteName(marketplace),
      ...(quantity ? ['stock too'] : []),
      ...(shipTo === undefined
        ? []
        : [`delivered to ${[shipTo.country, shipTo.postalCode].filter(Boolean).join(' ')}`]),
    ],
    facts: [['Looks', `at least every ${durationText(atLeastEvery * 1000)}`], ...planFacts(item)],
    live: html`${listLive(report, now)}${alertLines(alerts, now)}`,
    actions:
      mayChange &&
      html`<div class="actions">
  ${state === 'paused' ? button('resume', 'Resume') : button('pause', 'Pause')}
  <a class="button" href="/watching/lists/${name}" aria-label="Change: ${name}">Change</a>
  ${alertLink('watchlist', name)}
  ${confirmedButton(`/watching/lists/${name}/remove`, 'Remove', lost, csrf, { name, yes: 'Yes, remove it' })}
</div>`,
  });
}

/** How the listings stand, and when they are looked at. */
export function listLive(report: WatchlistReport, now: number): Html {
  const { state, counts, lastLook, entries } = report;
  const due = nextOfList(report, now);
  const next =
    state === 'paused'
      ? 'paused'
      : entries === 0
        ? 'no listing yet'
        : lastLook === null
          ? 'first looks are under way'
          : byText(new Date(due).toISOString(), now);
  const stands = [
    ['in-stock', 'in stock'],
    ['out-of-stock', 'out of stock'],
    ['ended', 'ended'],
    ['waiting', 'not looked at yet'],
  ] as const;
  return html`<div class="live">
  <p class="next"><span class="${state}">${next}</span></p>
  <p class="small">${stands.flatMap(([key, text]) => (counts[key] > 0 ? `${numberText(counts[key])} ${text}` : [])).join(' · ')}${lastLook !== null && html` · all looked at since ${instant(lastLook)}`}</p>
</div>`;
}

function alertCard(alert: AlertReport): Html {
  const { name, when, channels, state, lastHit, note, sentToday } = alert;
  return card('alert', name, {
    about: `${alertSourceText(alert)} → ${channels?.join(', ') ?? 'every channel'}`,
    chips: [...when.map(conditionWords), ...alertRuleTexts(alert)],
    facts: [],
    live: html`<div class="live"><p class="next"><span class="${state}">${state === 'paused' ? 'paused' : 'at each look'}</span></p>
  <p class="small">${lastHit === null ? 'no hit yet' : html`last hit ${instant(lastHit)}`} · ${numberText(sentToday)} sent today</p>${note !== null && html`<p class="notice">${note}</p>`}</div>`,
    actions: html`<div class="actions"><a class="button" href="/alerts#alert-${name}" aria-label="Open: ${name}">Open</a></div>`,
  });
}
