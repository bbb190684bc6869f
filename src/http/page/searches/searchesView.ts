import { OUTCOMES, type Outcome } from '../../../product/summary.ts';
import {
  type FoundSearch,
  type SearchListPart,
  type SearchListQuery,
  STATE_FILTERS,
} from '../../../queue/searchList.ts';
import { callerText, levelOf, mayRetry, stateDetail, stateWord } from '../../../text/searchList.ts';
import { durationText, numberText } from '../../../text/values.ts';
import type { FormValues } from '../../auth/login.ts';
import { csrfField, type Html, html, instant, options } from '../html.ts';
import { addressOf, jobAddress } from '../result/selection.ts';
import { conditionTexts } from '../search/conditions.ts';

/** Searches on a page. */
const PER_PAGE = 50;

/** What the address of the list says. */
export interface Filter {
  text: string;
  /** A state or an outcome. */
  state: string;
  caller: string;
  /** Empty: of people and programs, or of the `caller` that is named. */
  of: '' | 'all';
  /** Added within this time, such as `2h`. */
  since: string;
  cursor: string;
}

const STATES = {
  '': 'Any state',
  'under-way': 'Under way',
  queued: 'Queued',
  waiting: 'Waiting',
  collecting: 'Collecting',
  done: 'Ended',
  complete: 'Ended: complete',
  partial: 'Ended: partial',
  failed: 'Ended: failed',
  cancelled: 'Ended: cancelled',
  'none-found': 'Ended: nothing found',
  'filtered-out': 'Ended: nothing fits',
  degraded: 'Ended: degraded',
  skipped: 'Ended: skipped',
};
/** Outcomes that are no words. */
const WORDS: Readonly<Record<string, string>> = {
  'none-found': 'nothing found',
  'filtered-out': 'nothing fits',
};
const WHOSE = { '': 'People and programs', all: 'Schedules and watchlists too' };
const AGES = {
  '': 'Any age',
  '15m': 'Last 15 minutes',
  '1h': 'Last hour',
  '6h': 'Last 6 hours',
  '1d': 'Last day',
};

export function filterFrom({
  text = '',
  state = '',
  caller = '',
  of = '',
  since = '',
  cursor = '',
}: FormValues): Filter {
  return {
    text: text.trim().slice(0, 100),
    state: Object.hasOwn(STATES, state) ? state : '',
    caller: caller.trim().slice(0, 100),
    of: of === 'all' ? of : '',
    since,
    cursor,
  };
}

export function queryOf({ text, state, caller, of, since, cursor }: Filter): SearchListQuery {
  const isState = (STATE_FILTERS as readonly string[]).includes(state);
  const isOutcome = (OUTCOMES as readonly string[]).includes(state);
  return {
    text,
    caller,
    withoutLooks: of === '' && caller === '',
    since,
    cursor,
    limit: PER_PAGE,
    ...(isState && { state: state as NonNullable<SearchListQuery['state']> }),
    ...(isOutcome && { outcome: state as Outcome }),
  };
}

/** The address of a list. @param part of the page alone, for scripts */
export function listAddress(filter: Partial<Filter>, part = ''): string {
  const given = Object.entries(filter).filter(([, value]) => value !== '');
  const query = new URLSearchParams(given);
  return `/searches${part}${query.size === 0 ? '' : `?${query}`}`;
}

export interface Searches {
  filter: Filter;
  part: SearchListPart;
  tenant: string;
  /** Whether the reader may cancel and retry, and see jobs. */
  mayChange: boolean;
  mayOperate: boolean;
  csrf: string | null;
  now: number;
}

export function searchesView(shown: Searches): Html {
  const { filter } = shown;
  const { text, state, caller, of, since } = filter;
  const ages = Object.hasOwn(AGES, since) ? AGES : { ...AGES, [since]: `Since ${since}` };
  return html`<div class="heading"><h1>Searches</h1><a class="button" href="/saved">Saved</a></div>
<p class="lead">${of === 'all' || caller !== '' ? 'Every search of this tenant, also those of schedules and watchlists' : 'What people and programs of this tenant have searched for'}, until its result expires.</p>
<form class="list-filter" method="get" action="/searches">
  <p class="field"><label for="text">Words or id</label><input id="text" name="text" type="search" maxlength="100" autocomplete="off" value="${text}"></p>
  <p class="field"><label for="state">State</label><select id="state" name="state">${options(STATES, state)}</select></p>
  <p class="field"><label for="caller">Asked by</label><input id="caller" name="caller" type="search" maxlength="100" autocomplete="off" list="callers" placeholder="page, or a name" value="${caller}"></p>
  <datalist id="callers">${callersOf(shown.part).map((name) => html`<option value="${name}">`)}</datalist>
  <p class="field"><label for="of">Made by</label><select id="of" name="of">${options(WHOSE, of)}</select></p>
  <p class="field"><label for="since">Added</label><select id="since" name="since">${options(ages, since)}</select></p>
  <p class="actions"><button>Show</button>${[text, state, caller, of, since].some(Boolean) && html` <a class="button" href="/searches">Clear</a>`}</p>
</form>
<p class="small list-state" role="status" id="list-state">${summaryText(shown)}</p>
${listView(shown)}`;
}

/** The names that the searches of a part can be found by. */
function callersOf({ searches }: SearchListPart): string[] {
  const names = searches.flatMap(({ caller: { kind, name, key } }) => [name ?? key ?? kind]);
  return [...new Set(names)].sort();
}

export function underWay({ searches }: SearchListPart): number {
  return searches.filter(({ state }) => state !== 'done').length;
}

function summaryText({ part, filter }: Searches): string {
  const { searches, next } = part;
  if (searches.length === 0) return '';
  const open = underWay(part);
  const where = filter.cursor !== '' ? 'older ' : next !== null ? 'newest ' : '';
  return `${where}${searches.length === 1 ? '1 search' : `${numberText(searches.length)} searches`}, ${open === 0 ? 'none' : numberText(open)} under way`;
}

/** The part of the page that its script loads again. */
export function listView(shown: Searches): Html {
  const { filter, part } = shown;
  const { searches, next } = part;
  return html`<section id="searches" aria-label="Searches" data-live="${listAddress(filter, '/list')}" data-open="${underWay(part)}" data-summary="${summaryText(shown)}">
${searches.length === 0 ? noneView(filter, next) : tableView(shown)}
<nav class="pages" aria-label="Pages of the list">
  ${filter.cursor !== '' && html`<a href="${listAddress({ ...filter, cursor: '' })}">Newest</a>`}
  ${next !== null && html`<a href="${listAddress({ ...filter, cursor: next })}" rel="next">Older</a>`}
</nav>
</section>`;
}

function noneView({ cursor, of, ...filter }: Filter, next: string | null): Html {
  const isFiltered = Object.values(filter).some(Boolean);
  const others =
    of === '' &&
    filter.caller === '' &&
    html` <a href="${listAddress({ ...filter, of: 'all' })}">Those of schedules and watchlists too</a>`;
  if (next !== null)
    return html`<p class="empty">None of the 1,000 searches that were looked at fits. There are older ones.${others}</p>`;
  if (cursor !== '') return html`<p class="empty">There are no older ones.</p>`;
  return isFiltered
    ? html`<p class="empty">No search fits. <a href="/searches">Without these filters</a>${others}</p>`
    : html`<p class="empty">No searches yet, or all results have expired. <a href="/">Search for something</a>${others}</p>`;
}

function tableView(shown: Searches): Html {
  const hasActions = shown.mayChange || shown.mayOperate;
  return html`<table class="searches">
<thead><tr><th scope="col">State</th><th scope="col">Search</th><th scope="col">Asked by</th><th scope="col">Age</th>
  <th scope="col" class="number">Calls</th><th scope="col" class="number">Products</th>${hasActions && html`<th scope="col"><span class="quiet">Actions</span></th>`}</tr></thead>
<tbody>${shown.part.searches.map((search, at) => rowView(shown, search, at, hasActions))}</tbody>
</table>`;
}

function rowView(shown: Searches, search: FoundSearch, at: number, hasActions: boolean): Html {
  const { searchId, request, caller, addedAt, age, calls, products } = search;
  const detail = stateDetail(search, shown.now);
  const title = search.title ?? 'cannot be read';
  const conditions = request === null ? [] : conditionTexts(request);
  const count = (value: number | null) => (value === null ? '–' : numberText(value));
  return html`<tr data-state="${search.state}">
  <td data-label="State"><span class="state ${levelOf(search)}">${WORDS[stateWord(search)] ?? stateWord(search)}</span>${detail !== '' && html`<small class="detail">${detail}</small>`}</td>
  <th scope="row"><a href="${addressOf(searchId)}">${title}</a>${conditions.length > 0 && html`<small>${conditions.join(' · ')}</small>`}</th>
  <td data-label="Asked by">${callerView(caller)}</td>
  <td data-label="Age">${durationText(age * 1000)}<small>${instant(addedAt)}</small></td>
  <td data-label="Calls" class="number">${count(calls)}</td>
  <td data-label="Products" class="number">${count(products)}</td>
  ${hasActions && html`<td class="row-actions">${actionsView(shown, search, at)}</td>`}
</tr>`;
}

function callerView(caller: FoundSearch['caller']): Html {
  const { kind, key, name } = caller;
  const text = callerText(caller);
  const by = name ?? key ?? kind;
  return html`<a href="${listAddress({ caller: by })}" title="Only searches of this caller">${text}</a>`;
}

function actionsView(
  { filter, tenant, mayChange, mayOperate, csrf }: Searches,
  search: FoundSearch,
  at: number,
): Html {
  const { searchId, state } = search;
  const title = search.title ?? searchId;
  const action =
    state !== 'done' ? 'cancel' : search.request !== null && mayRetry(search) ? 'retry' : undefined;
  const word = action === 'cancel' ? 'Cancel' : 'Try again';
  const form =
    mayChange &&
    action !== undefined &&
    html`<form method="post" action="/searches/change">${csrfField(csrf)}<input type="hidden" name="id" value="${searchId}"><input type="hidden" name="back" value="${listAddress(filter)}">
<button id="${action}-${at}" name="action" value="${action}" aria-label="${word}: ${title}">${word}</button></form>`;
  const job =
    mayOperate &&
    html`<a class="small" href="${jobAddress(searchId, tenant)}" aria-label="Job of ${title}">Job</a>`;
  return html`${form}${job}`;
}
