import type { Product } from '../../../product/product.ts';
import type { NormalRequest } from '../../../product/requestSchema.ts';
import { searchTitle } from '../../../product/subject.ts';
import { listingsOf } from '../../../text/listings.ts';
import { countText, numberText } from '../../../text/values.ts';
import { csrfField, type Html, html, options } from '../html.ts';
import { conditionChips } from '../search/conditions.ts';
import { unknownPricesHint } from '../search/destination.ts';
import { facetView } from '../search/facetView.ts';
import { resultForm } from '../search/resultForm.ts';
import { watchLink } from '../watching/scheduleForm.ts';
import { MAX_COMPARED } from './compareView.ts';
import { FILTER_FORM, filterForm, ordersOf } from './filterView.ts';
import { nothingFoundView } from './nothingFoundView.ts';
import { type Around, COMPARE_FORM, KEEP_FORM, listingCard, productCard } from './productView.ts';
import {
  addressOf,
  fileAddressOf,
  inOrder,
  mainCurrency,
  narrow,
  PER_PAGE,
  queryOf,
  type Selection,
} from './selection.ts';
import type { Result } from './shownResult.ts';
import { statusView } from './statusView.ts';

/** A search: its state and its products. */
export function resultView(result: Result): Html {
  const { report, request, products, csrf, mayEnqueue } = result;
  const { state } = report;
  const isEmpty = products.length === 0;
  return html`${resultForm(result)}
<div class="headline"><h1 class="query">${request === undefined ? 'A search that could not be read' : titleOf(request)}</h1>
${request !== undefined && conditionChips(request, mayEnqueue ? `${addressOf(report.searchId)}/narrow` : undefined, csrf)}
${request !== undefined && state === 'done' && furtherForms(result)}
${statusView(report, result)}</div>
${isEmpty && state === 'done' && nothingFoundView(result)}
${isEmpty && state !== 'done' && html`<ul class="cards" aria-hidden="true">${Array.from({ length: 8 }, () => html`<li class="card ghost"><div class="picture"></div></li>`)}</ul>`}
${!isEmpty && productsView(result)}`;
}

function titleOf(request: NormalRequest): string {
  const title = searchTitle(request);
  return request.query === undefined ? title.charAt(0).toUpperCase() + title.slice(1) : title;
}

/** What can be done next with a search: run it again and again. */
function furtherForms({ report, products, maySchedule }: Result): Html | false {
  return maySchedule && products.length > 0 && watchLink(report.searchId, products.length);
}

function productsView(result: Result): Html {
  const { report, request, products, selection, query, saved, csrf, mayEnqueue } = result;
  const { searchId, summary } = report;
  const isListings = showsListings(request);
  const currency = mainCurrency(products);
  const narrowed = narrow(products, selection, saved);
  const found = inOrder(narrowed.fitting, selection, currency);
  const facets = mayEnqueue && request && facetView(searchId, request, summary?.facets ?? [], csrf);
  const hasFavourites = [...saved.values()].some(({ favourite }) => favourite);
  return html`<div class="results">
<aside class="side" aria-label="Filters">
${filterForm({ searchId, products, selection, query, narrowed, hasFavourites, isListings })}
${facets}
</aside>
<div class="found">
<div class="toolbar">
  <h2 id="found" aria-live="polite" data-part>${foundText(result, found.length, narrowed.hidden)}</h2>
  <p><label for="order">Order</label> <select id="order" name="order" form="${FILTER_FORM}">${options(ordersOf(products), selection.order)}</select></p>
  ${saved.size > 0 && html`<a href="/saved">Saved</a>`}
  ${downloads(searchId, selection)}
</div>
${unknownPricesHint(products, request)}
<div id="list" data-part>${list(result, found)}</div>
</div>
</div>
<form id="${KEEP_FORM}" method="post">${csrfField(csrf)}</form>
${compareBar(searchId, selection)}`;
}

/** `3 of 200 products; 12 hidden by you`. */
function foundText({ report, products, selection }: Result, shown: number, hidden: number): Html {
  const all = countText(products.length, 'product');
  const shownText = shown === products.length ? all : `${numberText(shown)} of ${all}`;
  const others =
    hidden > 0 &&
    html`<small>; ${numberText(hidden)} <a href="${addressOf(report.searchId, { ...selection, hidden: true, page: 1 })}">hidden by you</a></small>`;
  return html`${shownText}${others}`;
}

function downloads(searchId: string, selection: Selection): Html {
  const files = [
    ['Excel', 'numbers, dates and links', fileAddressOf(searchId, 'xlsx', selection)],
    ['CSV', 'every field', fileAddressOf(searchId, 'csv', selection)],
    ['CSV for Excel', 'in your country’s form', fileAddressOf(searchId, 'csv', selection, { excel: '1' })],
    ['NDJSON', 'for programs', fileAddressOf(searchId, 'ndjson', selection)],
  ] as const;
  return html`<details class="downloads menu"><summary>Download</summary>
  <ul id="downloads" data-part>${files.map(([name, what, address]) => html`<li><a href="${address}" download>${name}</a> <small>${what}</small></li>`)}</ul></details>`;
}

/** Shown by the page's script once something was chosen. */
function compareBar(searchId: string, selection: Selection): Html {
  return html`<form id="${COMPARE_FORM}" class="compare-bar" method="get" action="${addressOf(searchId)}/compare" data-most="${MAX_COMPARED}">
  <span id="compare-from" data-part hidden>${queryOf(selection).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`)}</span>
  <p aria-live="polite">Choose two to ${MAX_COMPARED} products with “Compare”</p>
  <button class="main">Compare</button><button type="button" class="plain clear" hidden>Choose none</button>
</form>`;
}

/** Whether products are variations, which belong together. */
function showsListings(request: NormalRequest | undefined): boolean {
  return request?.items !== undefined || request?.variations === 'all';
}

/** A listing may have hundreds of variations. */
const LISTINGS_PER_PAGE = 12;

function list({ report, request, saved, now, ...result }: Result, found: readonly Product[]): Html {
  const { searchId } = report;
  const isListings = showsListings(request);
  const site = (request?.marketplaces.length ?? 1) > 1;
  const shown = isListings ? listingsOf(found) : found;
  const perPage = isListings ? LISTINGS_PER_PAGE : PER_PAGE;
  // Once the only product of the last page is hidden, the one before it is the last.
  const page = Math.min(result.selection.page, Math.max(1, Math.ceil(shown.length / perPage)));
  const selection = { ...result.selection, page };
  const from = (page - 1) * perPage;
  const here = shown.slice(from, from + perPage);
  if (here.length === 0)
    return html`<p class="empty">None of the products fits. <a href="${addressOf(searchId)}">Show all of them</a></p>`;
  const more = from + perPage < shown.length;
  const around = ({ itemId }: Product): Around => ({
    ...{ now, site },
    list: { searchId, selection, saved: saved.get(itemId) },
  });
  const card = (each: (typeof here)[number]) =>
    'products' in each
      ? listingCard(each, around(each.products[0] as Product))
      : productCard(each, around(each));
  return html`<ul class="${isListings ? 'cards listings' : 'cards'}" aria-labelledby="found">${here.map(card)}</ul>
<nav class="pages" aria-label="Products">
  ${page > 1 && html`<a href="${addressOf(searchId, { ...selection, page: page - 1 })}" rel="prev">Previous</a>`}
  <span>${numberText(from + 1)}–<span id="shown-to">${numberText(from + here.length)}</span> of ${numberText(shown.length)}</span>
  ${more && html`<a href="${addressOf(searchId, { ...selection, page: page + 1 })}" rel="next">More</a>`}
</nav>`;
}
