import type { NormalRequest } from '../../../product/requestSchema.ts';
import { searchTitle } from '../../../product/subject.ts';
import type { AlertReport } from '../../../queue/alerts/alerts.ts';
import { definitionIn, versionOf } from '../../../queue/schedules/definition.ts';
import type { ScheduleReport } from '../../../queue/schedules/schedules.ts';
import type { FormValues } from '../../auth/login.ts';
import { fieldsOf, PLAIN, type Sent } from '../formFields.ts';
import { csrfField, type Html, html } from '../html.ts';
import { addressOf } from '../result/selection.ts';
import { conditionTexts, searchForm } from '../search/searchForm.ts';
import { type Cost, costView } from './cost.ts';
import { CHOICES, GUARANTEES, USUAL, withSeconds } from './timing.ts';
import { alertLines, scheduleLive } from './watchingView.ts';

/** What the forms for watching a search need to know. */
export interface FormParts {
  sent: Sent;
  /** Names of the channels of alerts. */
  channels: readonly string[];
  cost: Cost | undefined;
  csrf: string | null;
}

/** The query, and the country where it is not the United States: the same search on two sites gets two names. */
export function nameFrom(request: NormalRequest): string {
  const [site] = request.marketplaces;
  const words = searchTitle(request)
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-');
  const name = words.slice(0, 37).replace(/^-+|-+$/g, '') || 'my-search';
  const country = site === undefined || site === 'EBAY_US' ? '' : site.replace('EBAY_', '-').toLowerCase();
  return name + country;
}

/** On the page of a result: the way to its watching. @param found how many products it has */
export function watchLink(searchId: string, found: number): Html {
  const text = found === 0 ? 'Alert me when one appears' : 'Watch this search';
  return html`<a class="button watch-this" href="${newAddress(searchId)}">${text}</a>`;
}

export interface NewPage extends FormParts {
  searchId: string;
  request: NormalRequest;
  /** Products of the search as it was made. */
  found: number;
  /** The schedule that has the name already. */
  taken: ScheduleReport | undefined;
}

/** A form that makes a search one that is looked at again and again. */
export function newScheduleView(page: NewPage): Html {
  const { searchId, request, found, taken, sent, channels, cost, csrf } = page;
  const { input, problems } = fieldsOf(sent);
  return html`<h1>Watch this search</h1>
<p class="lead"><a href="${addressOf(searchId)}">${searchTitle(request)}</a>${found === 0 && ' · nothing found yet'}</p>
<ul class="chips" aria-label="Conditions">${conditionTexts(request).map((text) => html`<li>${text}</li>`)}</ul>
${taken && takenView(taken)}
<form class="make-schedule box" method="post" action="/watching/schedules" data-cost="/watching/cost">
  ${csrfField(csrf)}<input type="hidden" name="searchId" value="${searchId}">
  ${problems('name', ...TIMES, ...ALERTING)}
  ${input('name', 'Name', html`required pattern="[a-z0-9\\-]{1,40}" maxlength="40" title="a-z, 0-9 and hyphen" ${PLAIN}`, { hint: 'small letters, digits and hyphens' })}
  ${timeFields(sent, true)}
  ${costPlace(cost)}
  ${alertFields(sent, channels, request)}
  <p class="actions"><button class="main">Watch it</button>${withoutScripts('Show the cost')}</p>
  ${taken && replaceView(taken)}
  <p class="small">The first look is at once and remembers what there is. Each later one says what is new, cheaper or dearer, and what is gone where it reads all of the listings. A product whose delivered price eBay does not say, about 1 in 6, is never cheaper or dearer.</p>
</form>`;
}

function takenView({ name, request, when }: ScheduleReport): Html {
  return html`<div class="notice" role="alert"><p><strong>The name ${name} is taken.</strong> It watches ${searchTitle(request)} (${request.marketplaces.join(', ')}), ${when}. A free name is filled in below.</p></div>`;
}

/** What has the name is replaced only by a button that says so. */
function replaceView(taken: ScheduleReport): Html {
  const { name } = taken;
  return html`<details class="instead"><summary>Replace ${name} instead</summary>
  <p class="small">${name} then looks for this search. Where that is another one it starts a new track: what is there now is remembered as the beginning, and the history of the old one ends.</p>
  <input type="hidden" name="taken" value="${name}"><p><button name="replace" value="${versionOf(definitionIn(taken))}">Replace ${name}</button></p>
</details>`;
}

const TIMES = ['every', 'at', 'tz', 'cron', 'atLeast'];
const ALERTING = ['alertNew', 'alertDrop', 'by', 'alertBelow', 'price', 'currency', 'channel'];
const FIELDS = ['name', ...TIMES, ...ALERTING];

/** How often. @param isNew the time zone is the reader's own */
function timeFields({ values, mistakes }: Sent, isNew: boolean): Html {
  const { input, select } = fieldsOf({ values, mistakes });
  return html`<div class="rows times">
    ${select('every', 'How often', withSeconds(CHOICES, values.every, 'Every '), { value: USUAL.every })}
    ${input('at', 'At', html`type="time"`, { kind: 'for-clock', value: USUAL.at })}
    ${input('cron', 'Times', html`${PLAIN} maxlength="200" placeholder="30 7 * * 1-5"`, { kind: 'for-cron', hint: 'minute hour day month weekday' })}
    ${select('atLeast', 'At least once in', withSeconds(GUARANTEES, values.atLeast), { kind: 'for-auto', value: USUAL.atLeast })}
    ${input('tz', 'Time zone', html`${PLAIN} maxlength="60" list="zones"${isNew && html` data-zone`}`, { kind: 'for-zone', value: USUAL.tz })}
  </div>
  <datalist id="zones">${Intl.supportedValuesOf('timeZone').map((zone) => html`<option>${zone}</option>`)}</datalist>`;
}

function costPlace(cost: Cost | undefined): Html {
  return html`<p class="cost"><output aria-live="polite">${costView(cost)}</output></p>`;
}

/** Scripts keep the cost right by themselves. */
function withoutScripts(text: string): Html {
  return html`<noscript><button name="preview" value="1">${text}</button></noscript>`;
}

/** An alert in the same step. */
function alertFields(sent: Sent, channels: readonly string[], request: NormalRequest): Html {
  // The first button is what the Enter key presses: it must be the one that watches.
  const first = html`<button class="quiet" tabindex="-1" aria-hidden="true">Watch it</button>`;
  const add = html`<button class="compact" name="addChannel" value="1" formnovalidate>Add a channel</button>`;
  if (channels.length === 0)
    return html`${first}<div class="small"><p>To be sent a message when something changes, first add a channel, such as e-mail or Telegram. What is filled in here stays.</p><p>${add}</p><p>Or watch it now, and press <strong>Alert me</strong> on the page Watching later.</p></div>`;
  const { input, select, check } = fieldsOf(sent);
  const names = Object.fromEntries(channels.map((name) => [name, name]));
  const currency = request.filters.price?.currency ?? sent.values.currency ?? 'USD';
  return html`<fieldset class="alert-me"><legend>Send me a message</legend>
    ${check('alertNew', 'when a new one appears')}
    <div class="alert-line">${check('alertDrop', 'when one gets cheaper')}${input('by', 'by at least, %', html`inputmode="decimal" autocomplete="off" class="short"`, { kind: 'for-drop', value: '5' })}</div>
    <div class="alert-line">${check('alertBelow', 'when one costs less than')}${input('price', 'delivered', html`inputmode="decimal" autocomplete="off" class="short"`, { kind: 'for-below' })}${input('currency', 'Currency', html`maxlength="3" ${PLAIN} class="short"`, { kind: 'for-below', value: currency })}</div>
    ${channels.length > 1 && select('channel', 'on', { '': 'every channel', ...names })}
    ${first}<p class="small">It is sent to ${channels.length === 1 ? channels[0] : 'the channels that you have'}. ${add}</p>
  </fieldset>`;
}

/** The address of the form for a search, filled in. */
export function newAddress(searchId: string, values: Partial<FormValues> = {}): string {
  return `/watching/new?${new URLSearchParams({ search: searchId, ...newValues(values) })}`;
}

/** What an address of the form says of its fields, an emptied one included; empty where it has none. */
export function newValues(query: Partial<FormValues>): FormValues {
  return Object.fromEntries(
    FIELDS.flatMap((name) => (query[name] === undefined ? [] : [[name, query[name]]])),
  );
}

export interface EditPage extends FormParts {
  schedule: ScheduleReport;
  /** On it. */
  alerts: readonly AlertReport[];
  mayChange: boolean;
  /** Of a search that names none. */
  marketplace: string;
  /** The content that the form began from, see `versionOf`. */
  seen: string;
  /** What has to be answered before it is saved. */
  question: 'new-track' | 'changed-meanwhile' | undefined;
  /** A name for the case that it is to become another one. */
  freeName: string;
  now: number;
}

/** One schedule, with more of its looks, and the form that changes it. */
export function scheduleView(page: EditPage): Html {
  const { schedule, alerts, mayChange, now } = page;
  const { name, request, when, source } = schedule;
  return html`<p class="small"><a href="/watching#schedule-${name}">Watching</a></p>
<h1>${name}</h1>
<p class="lead">${searchTitle(request)} · ${when}</p>
<ul class="chips" aria-label="Conditions">${conditionTexts(request).map((text) => html`<li>${text}</li>`)}</ul>
<section class="box one">${scheduleLive(schedule, now, Number.POSITIVE_INFINITY)}${alertLines(alerts, now)}</section>
${source === 'file' && html`<p class="notice">It comes from the file of schedules: it is changed there.</p>`}
${mayChange && html`<section class="change-one" aria-labelledby="change-head"><h2 id="change-head">Change it</h2>${editForm(page)}</section>`}`;
}

/** The form that changes what a schedule looks for, and when. */
function editForm(page: EditPage): Html {
  const { schedule, sent, cost, csrf, marketplace, seen, question, freeName } = page;
  const { name } = schedule;
  const { input } = fieldsOf(sent);
  const further = html`<input type="hidden" name="seen" value="${seen}"><input type="hidden" name="schedule" value="${name}">
  ${timeFields(sent, false)}
  ${costPlace(cost)}
  ${question === 'changed-meanwhile' && meanwhileView(schedule)}
  ${
    // The first button is what the Enter key presses: it must not be the one that ends a history.
    question === 'new-track' &&
    html`<button class="quiet" tabindex="-1" aria-hidden="true">Ask again</button><div class="notice question" role="alert"><p><strong>This is another search.</strong> ${name} starts a new track: what is there now is remembered as the beginning, and the history of the old one ends. Nothing of it is compared with the new search.</p>
  <p class="actions"><button name="sure" value="1" class="main">Change ${name}</button></p>
  <p>Or keep ${name} as it is, and watch this beside it:</p>
  <div class="beside">${input('otherName', 'Name', html`pattern="[a-z0-9\\-]{1,40}" maxlength="40" ${PLAIN}`, { value: freeName })}<button name="beside" value="1">Watch both</button></div></div>`
  }
  ${question !== 'new-track' && html`<p class="actions"><button class="main">${question === 'changed-meanwhile' ? 'Save mine all the same' : 'Save'}</button>${withoutScripts('Show the cost')}<a class="button" href="/watching#schedule-${name}">Back</a></p>`}`;
  const own = [...TIMES, 'otherName'];
  const mistakes = sent.mistakes.filter((each) => !own.includes(each.field));
  return searchForm(
    { values: sent.values, marketplace, mistakes, csrf },
    { action: `/watching/schedules/${name}`, cost: '/watching/cost', further },
  );
}

function meanwhileView({ request, when }: ScheduleReport): Html {
  return html`<div class="notice" role="alert"><p><strong>Somebody else changed it meanwhile.</strong> Nothing of yours is saved yet, and what you typed is still here. Now it is: ${searchTitle(request)}, ${when}.</p>
  <ul class="chips" aria-label="What it is now">${conditionTexts(request).map((text) => html`<li>${text}</li>`)}</ul></div>`;
}
