import { MARKETPLACES } from '../../config/formats.ts';
import type { QuotaReport } from '../../ebay/gate/quota.ts';
import type { ServiceEvent } from '../../events/event.ts';
import { Failure } from '../../failures.ts';
import { countryName, countryNames } from '../../product/countries.ts';
import type { NormalRequest, SearchRequest } from '../../product/requestSchema.ts';
import type { ScheduleReport } from '../../queue/schedules/schedules.ts';
import { eventText, runText, searchTitle, waitReasonText } from '../../text/searches.ts';
import { distanceText, moneyText, numberText } from '../../text/values.ts';
import type { FormValues } from '../auth/login.ts';
import { csrfField, externalLink, type Html, html, instant, options, postButton } from './html.ts';
import { addressOf } from './selection.ts';

export interface Home {
  /** Of the form; fields that are missing have their defaults. */
  values: Partial<FormValues>;
  marketplace: string;
  mistakes: readonly Mistake[];
  quota: QuotaReport;
  schedules: readonly ScheduleReport[];
  /** Newest first. */
  events: readonly ServiceEvent[];
  csrf: string | null;
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

type Texts = Readonly<Record<string, string>>;

/** A list, since two letters of a typed name would be another country and so another delivered price. */
const COUNTRIES: Texts = { '': 'Not chosen', ...countryNames() };
const CONDITIONS = { '': 'Any condition', NEW: 'New or open box', USED: 'Used' };
const AMOUNTS = { '50': '50', '200': '200', '1000': '1,000', '10000': '10,000' };

function searchForm({ values, marketplace, mistakes, csrf }: Home): Html {
  const field = (name: string, label: string, control: (attributes: Html) => Html, hint?: string) => {
    const problem = mistakes.find((each) => each.field === name);
    const described = problem && html` aria-invalid="true" aria-describedby="${name}-problem"`;
    return html`<p class="field field-${name}"><label for="${name}">${label}${hint !== undefined && html` <small class="inline">${hint}</small>`}</label>${control(html`id="${name}" name="${name}"${described}`)}
    ${problem && html`<span class="problem" id="${name}-problem">${problem.message}</span>`}</p>`;
  };
  const text = (name: string, label: string, attributes: Html, hint?: string) =>
    field(name, label, (own) => html`<input ${own} value="${values[name] ?? ''}" ${attributes}>`, hint);
  const select = (name: string, label: string, texts: Texts, chosen: string, attributes?: Html) =>
    field(
      name,
      label,
      (own) => html`<select ${own}${attributes}>${options(texts, values[name] ?? chosen)}</select>`,
    );
  const others = mistakes.filter(({ field: name }) => !(name in PATHS));
  return html`<form class="search" method="post" action="/searches" data-estimate="/estimate" id="search">
  ${csrfField(csrf)}
  ${others.length > 0 && html`<ul class="problems" role="alert">${others.map(({ message }) => html`<li>${message}</li>`)}</ul>`}
  <div class="ask">
    ${text('query', 'What are you looking for?', html`type="search" required maxlength="100" autocomplete="off" placeholder="usb c charger" enterkeyhint="search"`)}
    <button class="main">Search</button>
  </div>
  <div class="fields">
    ${select('marketplace', 'Marketplace', sites(), marketplace)}
    ${select('condition', 'Condition', CONDITIONS, '')}
    ${text('priceMax', 'Item price up to', html`inputmode="decimal" autocomplete="off"`)}
    ${select('country', 'Deliver to country', COUNTRIES, '', html` autocomplete="country"`)}
    ${text('postalCode', 'Postal code', html`maxlength="10" autocomplete="postal-code" placeholder="19406" class="short"`)}
    ${select('maxItems', 'At most', AMOUNTS, '200')}
  </div>
  <details${MORE.some((name) => values[name]) && html` open`}>
    <summary>More conditions</summary>
    <div class="fields">
      ${text('exclude', 'Titles without', html`autocomplete="off" placeholder="case, cable"`)}
      ${text('minFeedback', 'Sellers with at least', html`inputmode="decimal" autocomplete="off" class="short"`, '% positive')}
      ${select('sort', 'Which ones first', SORTS, '')}
      <p class="check"><input type="checkbox" id="freeShipping" name="freeShipping" value="1"${values.freeShipping && html` checked`}>
        <label for="freeShipping">Free shipping only</label></p>
    </div>
  </details>
  <p class="estimate"><output id="estimate" for="search" aria-live="polite"></output></p>
</form>`;
}

const SORTS = {
  '': 'Best match',
  newlyListed: 'Newly listed',
  price: 'Lowest price',
  endingSoonest: 'Ending soonest',
};
const MORE = ['exclude', 'minFeedback', 'sort', 'freeShipping'];
/** The path in a request of each field. */
const PATHS: Readonly<Record<string, string>> = {
  query: 'query',
  marketplace: 'marketplaces',
  condition: 'filters.conditions',
  priceMax: 'filters.price',
  country: 'shipTo.country',
  postalCode: 'shipTo.postalCode',
  maxItems: 'maxItems',
  exclude: 'title.exclude',
  minFeedback: 'seller.minFeedbackPercentage',
  sort: 'sort',
  freeShipping: 'filters.freeShipping',
};

function sites(): Record<string, string> {
  return Object.fromEntries(Object.keys(MARKETPLACES).map((id) => [id, id.replace('EBAY_', 'eBay ')]));
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
  const { name, when, state, next, lastRuns, request } = schedule;
  const nextRun = {
    done: 'no further run',
    paused: 'paused',
    active: next && `next ${distanceText(next, now)}`,
  };
  const runs = lastRuns
    .slice(0, SHOWN_RUNS)
    .map(
      ({ searchId, at, outcome }) =>
        html`<li><a href="${addressOf(searchId)}">${instant(at)}</a> <span class="${outcome ?? 'busy'}">${runText(outcome)}</span></li>`,
    );
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
  </div>
</li>`;
}

function eventLine(event: ServiceEvent): Html {
  const text = eventText(event, moneyText);
  if ('product' in event) {
    const url = 'url' in event.product ? event.product.url : undefined;
    const { itemId } = event.product;
    const item = externalLink(url, `item ${itemId.split('|')[1] ?? itemId}`);
    return html`${item} ${text} in <a href="${addressOf(event.searchId, { order: 'changed' })}">${event.track}</a>`;
  }
  return html`<a href="${addressOf(event.searchId)}">${event.schedule ?? event.query ?? 'a search'}</a> ${text}`;
}

/** The request in a posted form. Invalid values stay as they are, so that the check names their fields. */
export function requestFromForm(values: FormValues, defaultMarketplace: string): SearchRequest {
  const given = (name: string) => values[name]?.trim() || undefined;
  const { marketplace = defaultMarketplace } = values;
  const site = MARKETPLACES[marketplace as keyof typeof MARKETPLACES];
  const [priceMax, condition, country] = ['priceMax', 'condition', 'country'].map(given);
  const postalCode = given('postalCode');
  const words = given('exclude')?.split(',') ?? [];
  const exclude = new Set(words.map((word) => word.trim()).filter(Boolean));
  const filters = {
    ...(priceMax && { price: { max: priceMax.replace(',', '.'), currency: site?.currency ?? 'USD' } }),
    ...(condition && { conditions: [condition] }),
    ...(values.freeShipping && { freeShipping: true }),
  };
  const ship = { ...(country && { country }), ...(postalCode && { postalCode }) };
  return {
    query: values.query?.trim() ?? '',
    marketplaces: [marketplace],
    maxItems: numberFrom(given('maxItems')),
    sort: given('sort'),
    ...(Object.keys(filters).length > 0 && { filters }),
    ...(Object.keys(ship).length > 0 && { shipTo: ship }),
    ...(exclude.size > 0 && { title: { exclude: [...exclude] } }),
    ...(given('minFeedback') && { seller: { minFeedbackPercentage: numberFrom(given('minFeedback')) } }),
  } as SearchRequest;
}

function numberFrom(text: string | undefined): unknown {
  return text === undefined || !/^\d+([.,]\d+)?$/.test(text) ? text : Number(text.replace(',', '.'));
}

/** `field` is the name of the field; empty for a mistake elsewhere. */
type Mistake = { field: string; message: string };

/** The mistakes of a request by the field of the form. @throws every other error */
export function mistakesIn(error: unknown): Mistake[] {
  if (!(error instanceof Failure) || error.code !== 'invalid_request') throw error;
  return (error.detail.errors ?? []).map(({ path, message }) => {
    const field = Object.keys(PATHS).find((each) => `${path}.`.startsWith(`${PATHS[each]}.`));
    const isElsewhere = field === undefined && path !== '';
    return { field: field ?? '', message: isElsewhere ? `${path}: ${message}` : message };
  });
}

/** The conditions of a request besides its keywords, a few words each. */
export function conditionTexts(request: NormalRequest): string[] {
  const { marketplaces, maxItems, filters, shipTo, title, seller, sort } = request;
  const { price, conditions, freeShipping } = filters;
  const range = (price?.min ? `from ${price.min} ` : '') + (price?.max ? `up to ${price.max}` : '');
  return [
    marketplaces.map((id) => id.replace('EBAY_', 'eBay ')).join(', '),
    price && `${range.trim()} ${price.currency}`,
    conditions?.map((word) => (word === 'NEW' ? 'new or open box' : word.toLowerCase())).join(' or '),
    shipTo && `delivered to ${[countryName(shipTo.country), shipTo.postalCode].filter(Boolean).join(' ')}`,
    freeShipping && 'free shipping',
    title?.exclude && `without ${title.exclude.join(', ')}`,
    title?.include && `with ${title.include.join(', ')}`,
    seller?.minFeedbackPercentage && `sellers from ${seller.minFeedbackPercentage} %`,
    sort && `by ${sort}`,
    `at most ${numberText(maxItems)}`,
  ].flatMap((text) => text || []);
}
