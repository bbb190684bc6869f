import type { Product } from '../../product/product.ts';
import type { NormalRequest } from '../../product/requestSchema.ts';
import { searchTitle } from '../../product/subject.ts';
import type { Outcome, SearchSummary } from '../../product/summary.ts';
import type { ScheduleReport } from '../../queue/schedules/schedules.ts';
import type { SearchReport } from '../../queue/searchReader.ts';
import { listingsOf } from '../../text/listings.ts';
import { canRetry, isWhole, partialReasons, summaryFacts, waitReasonText } from '../../text/searches.ts';
import { countText, distanceText, moneyText, numberText } from '../../text/values.ts';
import { facetView } from './facetView.ts';
import { csrfField, type Html, html, instant, options, postButton } from './html.ts';
import { listingCard, productCard } from './productView.ts';
import { conditionTexts, searchForm, valuesFrom } from './searchForm.ts';
import {
  addressOf,
  csvAddressOf,
  isChanged,
  mainCurrency,
  PER_PAGE,
  type Selection,
  select,
} from './selection.ts';

interface Result {
  report: SearchReport;
  /** Undefined when it cannot be read. */
  request: NormalRequest | undefined;
  products: readonly Product[];
  selection: Selection;
  /** Of a search that names none. */
  marketplace: string;
  csrf: string | null;
  now: number;
}

/** A search: its state and its products. */
export function resultView(result: Result): Html {
  const { report, request, products, selection, csrf, now } = result;
  const { searchId, state, summary } = report;
  const shown = select(products, selection);
  const facets = request && facetView(searchId, request, summary?.facets ?? [], csrf);
  return html`<h1 class="query">${request === undefined ? 'A search that could not be read' : titleOf(request)}</h1>
${request !== undefined && html`<ul class="chips" aria-label="Conditions">${conditionTexts(request).map((text) => html`<li>${text}</li>`)}</ul>`}
${statusView(report, csrf, now)}
${request !== undefined && state === 'done' && furtherForms(result, request)}
<div class="${facets ? 'results with-facets' : 'results'}">
${facets}
<div>
${
  products.length > 0 &&
  html`${!showsListings(request) && priceHistogram(products)}
${toolbar(result, shown.length)}
${list(result, shown, now)}`
}
${products.length === 0 && state === 'done' && html`<p class="empty">No products. <a href="/">Search for something else</a></p>`}
${products.length === 0 && state !== 'done' && html`<ul class="cards" aria-hidden="true">${Array.from({ length: 8 }, () => html`<li class="card ghost"><div class="picture"></div></li>`)}</ul>`}
</div>
</div>`;
}

function titleOf(request: NormalRequest): string {
  const title = searchTitle(request);
  return request.query === undefined ? title.charAt(0).toUpperCase() + title.slice(1) : title;
}

/** What can be done next with a search: change it, or run it again and again. */
function furtherForms({ report, products, marketplace, csrf }: Result, request: NormalRequest): Html {
  const form = searchForm({ values: valuesFrom(request), marketplace, mistakes: [], csrf });
  const { conditionIds, buyingOptions, aspects } = request.filters;
  const isNarrowed = [request.categoryIds, conditionIds, buyingOptions, aspects].some(Boolean);
  return html`<details class="change"><summary>Change this search</summary>${form}${isNarrowed && html`<p class="small">By what the search was narrowed is not in this form: a changed search is narrowed again.</p>`}</details>
${products.length > 0 && scheduleForm(report.searchId, request, csrf)}`;
}

/** The state of a search. The page's script loads it again until `data-state` is `done`. */
export function statusView(report: SearchReport, csrf: string | null, now: number): Html {
  const { searchId, state, progress, summary, error } = report;
  const address = addressOf(searchId);
  const retry =
    (summary === null || canRetry(summary)) &&
    postButton(`${address}/retry`, 'Try again', csrf, 'Try again: ask only for what is missing');
  return html`<section id="status" class="status" aria-label="Status" data-state="${state}" data-pages="${progress?.pages ?? 0}"
  data-live="${address}/status">
  <div role="status">
  ${error !== null && html`<p class="outcome bad">Failed: ${error.message} <small>(${error.code})</small></p>`}
  ${summary !== null && ended(summary)}
  ${state !== 'done' && underWay(report, now)}
  </div>
  ${state === 'done' ? retry : postButton(`${address}/cancel`, 'Cancel', csrf)}
</section>`;
}

const OUTCOMES: Readonly<Record<Outcome, string>> = {
  complete: 'Complete',
  'none-found': 'eBay has nothing that fits',
  'filtered-out': 'eBay had some, but your conditions dropped all of them',
  partial: 'Incomplete',
  degraded: 'Nothing could be collected',
  cancelled: 'Cancelled, with what was found until then',
  skipped: 'Skipped: the previous run was still busy',
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
  const { pages, of, products, details } = progress;
  // Listings that are named have no pages.
  if (of === 0)
    return html`<p class="outcome">${text}</p><progress aria-label="Listings collected" max="${details?.of ?? 1}" value="${details?.there ?? 0}"></progress>
  <p class="small">${countText(products, 'product')} so far</p>`;
  return html`<p class="outcome">${text}</p><progress aria-label="Pages collected" max="${of}" value="${pages}"></progress>
  <p class="small">${numberText(pages)} of ${countText(of, 'page')} · ${countText(products, 'product')} so far</p>`;
}

function progressText(state: SearchReport['state'], progress: SearchReport['progress'], now: number): string {
  const { reason, until, attempt, attempts } = progress ?? {};
  const why = reason === undefined ? '' : `: ${waitReasonText(reason)}`;
  const next = attempt === undefined ? 'next try' : `attempt ${attempt} of ${attempts}`;
  if (state !== 'waiting') return `Collecting from eBay${attempt === undefined ? '' : `${why}, ${next}`}`;
  return `Waiting${why}${until === undefined ? '' : `, ${next} ${distanceText(new Date(until).toISOString(), now)}`}`;
}

const INTERVALS = { '3600': 'Every hour', '21600': 'Every six hours', '86400': 'Every day' };

function scheduleForm(
  searchId: string,
  request: NormalRequest,
  csrf: string | null,
  { name = nameFrom(request), every, open = false }: { name?: string; every?: string; open?: boolean } = {},
): Html {
  return html`<details class="make-schedule"${open && html` open`}>
  <summary>Schedule this search</summary>
  <form method="post" action="/schedules">
    ${csrfField(csrf)}<input type="hidden" name="searchId" value="${searchId}">
    <p class="field"><label for="name">Name <small class="inline">small letters, digits and hyphens</small></label><input id="name" name="name" required pattern="[a-z0-9\\-]{1,40}" maxlength="40" value="${name}" autocomplete="off"></p>
    <p class="field"><label for="every">How often</label><select id="every" name="every">${options(INTERVALS, every)}</select></p>
    <button class="main">Schedule</button>
    <p class="small">The first run starts at once and remembers the products. Each later run marks what is new, cheaper, dearer or gone.</p>
  </form>
</details>`;
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

interface NameTaken {
  searchId: string;
  request: NormalRequest;
  name: string;
  every: string;
  schedules: readonly ScheduleReport[];
  csrf: string | null;
}

/** The schedule's name belongs to another one: it is replaced only by a button that says so. */
export function nameTakenView({ searchId, request, name, every, schedules, csrf }: NameTaken): Html {
  const present = schedules.find((each) => each.name === name);
  const taken = new Set(schedules.map((each) => each.name));
  let free = name;
  for (let number = 2; taken.has(free); number++) free = `${name.slice(0, 36)}-${number}`;
  const hidden = Object.entries({ searchId, name, every, replace: '1' }).map(
    ([field, value]) => html`<input type="hidden" name="${field}" value="${value}">`,
  );
  return html`<h1>Another schedule has the name ${name}</h1>
${present && html`<p id="present">It searches ${searchTitle(present.request)} (${present.request.marketplaces.join(', ')}), ${present.when}. Choose another name, or replace it.</p>`}
${scheduleForm(searchId, request, csrf, { name: free, every, open: true })}
<form method="post" action="/schedules" class="replace">${csrfField(csrf)}${hidden}<button>Replace ${name}</button></form>`;
}

function toolbar({ report, products, selection }: Result, shown: number): Html {
  const { order, most, changed } = selection;
  const tracked = products.some(({ mark }) => mark !== undefined);
  const orders = {
    ebay: 'eBay’s order',
    delivered: 'Delivered price',
    ...(products.some(({ landed }) => landed) && { landed: 'Landed cost' }),
    ...(products.some(({ margin }) => margin) && { margin: 'Margin' }),
    ...(tracked && { changed: 'Changed first' }),
  };
  const currency = mainCurrency(products) ?? '';
  return html`<form class="toolbar" method="get" action="${addressOf(report.searchId)}" data-submits>
  <h2 id="found">${shown === products.length ? countText(shown, 'product') : `${numberText(shown)} of ${countText(products.length, 'product')}`}</h2>
  <p><label for="order">Order</label> <select id="order" name="order">${options(orders, order)}</select></p>
  <p><label for="most">Delivered up to</label> <span class="unit"><input id="most" name="most" inputmode="decimal" class="short" autocomplete="off" value="${most ?? ''}"> ${currency}</span></p>
  ${tracked && html`<p class="check"><input type="checkbox" id="changed" name="changed" value="1"${changed && html` checked`}><label for="changed">Only changed (${numberText(products.filter(isChanged).length)})</label></p>`}
  <button>Show</button>
  <p><a class="button" href="${csvAddressOf(report.searchId, selection)}" download>Download CSV</a>
    <a class="button" href="${csvAddressOf(report.searchId, selection, { excel: '1' })}" aria-label="Download CSV for Excel" download>for Excel</a></p>
</form>`;
}

/** Whether products are variations, which belong together. */
function showsListings(request: NormalRequest | undefined): boolean {
  return request?.items !== undefined || request?.variations === 'all';
}

/** A listing may have hundreds of variations. */
const LISTINGS_PER_PAGE = 12;

function list(
  { report: { searchId }, request, selection }: Result,
  found: readonly Product[],
  now: number,
): Html {
  const { page } = selection;
  const isListings = showsListings(request);
  const hasManySites = (request?.marketplaces.length ?? 1) > 1;
  const shown = isListings ? listingsOf(found) : found;
  const perPage = isListings ? LISTINGS_PER_PAGE : PER_PAGE;
  const from = (page - 1) * perPage;
  const here = shown.slice(from, from + perPage);
  if (here.length === 0)
    return html`<p class="empty">None of the products fits. <a href="${addressOf(searchId)}">Show all of them</a></p>`;
  const more = from + perPage < shown.length;
  return html`<ul class="${isListings ? 'cards listings' : 'cards'}" aria-labelledby="found">${here.map((each) => ('products' in each ? listingCard(each, now) : productCard(each, now, hasManySites)))}</ul>
<nav class="pages" aria-label="Products">
  ${page > 1 && html`<a href="${addressOf(searchId, { ...selection, page: page - 1 })}" rel="prev">Previous</a>`}
  <span>${numberText(from + 1)}–<span id="shown-to">${numberText(from + here.length)}</span> of ${numberText(shown.length)}</span>
  ${more && html`<a href="${addressOf(searchId, { ...selection, page: page + 1 })}" rel="next">More</a>`}
</nav>`;
}

interface Bin {
  /** Lowest delivered price. */
  from: number;
  to: number;
  count: number;
}

const MAX_BINS = 20;
/** A histogram of fewer prices shows nothing that the list does not. */
const MIN_PRICES = 5;
const [WIDTH, HEIGHT, GAP] = [600, 72, 2];
/** The dearest 3 % are counted in the last bar: one outlier would squeeze all others into the first. */
const SHOWN_SHARE = 0.97;

/** Prices in bins of round widths; the last bin has no upper limit. */
export function binsOf(prices: readonly number[]): Bin[] {
  const sorted = prices.toSorted((a, b) => a - b);
  const top = sorted[Math.ceil(sorted.length * SHOWN_SHARE) - 1] ?? 0;
  const least = sorted[0] ?? 0;
  const width = roundUp((top - least) / (MAX_BINS - 2));
  const start = Math.floor(least / width) * width;
  const count = Math.floor((top - start) / width) + 1;
  const bins = Array.from({ length: count }, (_, n) => ({
    from: start + n * width,
    to: start + (n + 1) * width,
    count: 0,
  }));
  for (const price of sorted) {
    const bin = bins[Math.min(Math.floor((price - start) / width), count - 1)] as Bin;
    bin.count += 1;
    bin.to = Math.max(bin.to, price);
  }
  return bins;
}

/** 1, 2 or 5 times a power of ten. */
function roundUp(width: number): number {
  if (width <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(width));
  return ([1, 2, 5, 10].find((step) => step * power >= width) ?? 10) * power;
}

/** The delivered prices of a result in its main currency; null for too few. */
function priceHistogram(products: readonly Product[]): Html | null {
  const currency = mainCurrency(products);
  // A price that eBay shows on request alone is in no picture of prices.
  const known = products.flatMap(({ total, priceDisplay }) =>
    total?.currency === currency && total && !priceDisplay ? [Number(total.value)] : [],
  );
  if (currency === undefined || known.length < MIN_PRICES) return null;
  const bins = binsOf(known);
  const highest = Math.max(...bins.map(({ count }) => count));
  const step = WIDTH / bins.length;
  const text = (amount: number) => moneyText({ value: String(Math.round(amount * 100) / 100), currency });
  const [first, last] = [bins[0], bins.at(-1)] as [Bin, Bin];
  const others = products.length - known.length;
  return html`<figure class="histogram">
  <figcaption>Delivered prices of ${countText(known.length, 'product')} in this result${
    others > 0 &&
    html` <small>(${countText(others, 'other')}: unknown, in another currency or on request)</small>`
  }</figcaption>
  <svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label="${spoken(bins, text)}">
    ${bins.map(({ count, from, to }, n) => {
      const height = count === 0 ? 0 : Math.max(2, (count / highest) * HEIGHT);
      return html`<rect x="${(n * step).toFixed(1)}" y="${(HEIGHT - height).toFixed(1)}" width="${(step - GAP).toFixed(1)}" height="${height.toFixed(1)}"><title>${text(from)} to ${text(to)}: ${count}</title></rect>`;
    })}
  </svg>
  <p class="axis"><span>${text(first.from)}</span><span>${text(last.to)}</span></p>
</figure>`;
}

function spoken(bins: readonly Bin[], text: (amount: number) => string): string {
  const filled = bins.filter(({ count }) => count > 0);
  return filled.map(({ from, to, count }) => `${text(from)} to ${text(to)}: ${count}`).join('; ');
}
