import type { Product } from '../../../product/product.ts';
import type { NormalRequest } from '../../../product/requestSchema.ts';
import { searchTitle } from '../../../product/subject.ts';
import type { SearchReport } from '../../../queue/searchReader.ts';
import { listingsOf } from '../../../text/listings.ts';
import { countText, numberText } from '../../../text/values.ts';
import { type Html, html, options } from '../html.ts';
import { facetView } from '../search/facetView.ts';
import { conditionTexts, searchForm, valuesFrom } from '../search/searchForm.ts';
import { scheduleForm } from '../watching/scheduleForm.ts';
import { priceHistogram } from './priceHistogram.ts';
import { listingCard, productCard } from './productView.ts';
import {
  addressOf,
  csvAddressOf,
  isChanged,
  mainCurrency,
  PER_PAGE,
  type Selection,
  select,
} from './selection.ts';
import { statusView } from './statusView.ts';

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
