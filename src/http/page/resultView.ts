import type { Product } from '../../product/product.ts';
import type { NormalRequest } from '../../product/requestSchema.ts';
import type { SearchReport } from '../../queue/report.ts';
import { countText, numberText } from './format.ts';
import { conditionTexts } from './formRequest.ts';
import { type Html, html } from './html.ts';
import { priceHistogram } from './priceHistogram.ts';
import { productCard } from './productCard.ts';
import { scheduleForm } from './scheduleView.ts';
import { addressOf, isChanged, mainCurrency, PER_PAGE, type Selection, select } from './selection.ts';
import { statusView } from './statusView.ts';

export interface Result {
  report: SearchReport;
  /** Undefined where nobody can read it. */
  request: NormalRequest | undefined;
  products: readonly Product[];
  selection: Selection;
  csrf: string | null;
  now: number;
}

/** A search: how it stands, and its products. */
export function resultView(result: Result): Html {
  const { report, request, products, selection, csrf, now } = result;
  const shown = select(products, selection);
  return html`<h1 class="query">${request === undefined ? 'A search that could not be read' : (request.query ?? `Category ${request.categoryIds?.join(', ')}`)}</h1>
${request !== undefined && html`<ul class="chips" aria-label="Conditions">${conditionTexts(request).map((text) => html`<li>${text}</li>`)}</ul>`}
${statusView(report, csrf, now)}
${report.state === 'done' && products.length > 0 && request !== undefined && scheduleForm(report.searchId, request, csrf)}
${
  products.length > 0 &&
  html`${priceHistogram(products)}
${toolbar(result, shown.length)}
${list(report.searchId, shown, selection)}`
}
${products.length === 0 && report.state === 'done' && html`<p class="empty">No products. <a href="/">Search for something else</a></p>`}
${products.length === 0 && report.state !== 'done' && html`<ul class="cards" aria-hidden="true">${Array.from({ length: 8 }, () => html`<li class="card ghost"><div class="picture"></div></li>`)}</ul>`}`;
}

function toolbar({ report, products, selection }: Result, shown: number): Html {
  const { order, most, changed } = selection;
  const option = (value: Selection['order'], text: string) =>
    html`<option value="${value}"${value === order ? html` selected` : ''}>${text}</option>`;
  const tracked = products.some(({ mark }) => mark !== undefined);
  const currency = mainCurrency(products) ?? '';
  return html`<form class="toolbar" method="get" action="${addressOf(report.searchId, { ...selection, order: 'ebay', most: undefined, changed: false, page: 1 })}" data-submits>
  <h2 id="found">${shown === products.length ? countText(shown, 'product') : `${numberText(shown)} of ${countText(products.length, 'product')}`}</h2>
  <p><label for="order">Order</label> <select id="order" name="order">${option('ebay', 'eBay’s order')}${option('delivered', 'Delivered price')}${tracked && option('changed', 'Changed first')}</select></p>
  <p><label for="most">Delivered up to</label> <span class="unit"><input id="most" name="most" inputmode="decimal" class="short" autocomplete="off" value="${most ?? ''}"> ${currency}</span></p>
  ${tracked && html`<p class="check"><input type="checkbox" id="changed" name="changed" value="1"${changed ? html` checked` : ''}><label for="changed">Only changed (${numberText(products.filter(isChanged).length)})</label></p>`}
  <button>Show</button>
</form>`;
}

function list(searchId: string, shown: readonly Product[], selection: Selection): Html {
  const { page } = selection;
  const from = (page - 1) * PER_PAGE;
  const here = shown.slice(from, from + PER_PAGE);
  if (here.length === 0)
    return html`<p class="empty">None of the products fits. <a href="${addressOf(searchId, { order: 'ebay', most: undefined, changed: false, page: 1 })}">Show all of them</a></p>`;
  const more = from + PER_PAGE < shown.length;
  return html`<ul class="cards" aria-labelledby="found">${here.map(productCard)}</ul>
<nav class="pages" aria-label="Products">
  ${page > 1 && html`<a href="${addressOf(searchId, selection, { page: page - 1 })}" rel="prev">Previous</a>`}
  <span>${numberText(from + 1)}–<span id="shown-to">${numberText(from + here.length)}</span> of ${numberText(shown.length)}</span>
  ${more && html`<a href="${addressOf(searchId, selection, { page: page + 1 })}" rel="next">More</a>`}
</nav>`;
}
