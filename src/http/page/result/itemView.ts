import { siteName } from '../../../product/marketplaces.ts';
import type { Product, ProductDetails } from '../../../product/product.ts';
import type { NormalRequest } from '../../../product/requestSchema.ts';
import {
  arrivalText,
  aspectText,
  type Listing,
  listingsOf,
  returnsText,
  stockText,
} from '../../../text/listings.ts';
import { moneyText, numberText } from '../../../text/values.ts';
import { csrfField, externalLink, type Html, html, instant, webAddress } from '../html.ts';
import { MAX_NOTE_LENGTH, type SavedItem } from '../personal.ts';
import { pictureAddress } from '../pictures.ts';
import { WAYS } from '../search/fields.ts';
import { favouriteButton, KEEP_FORM, labels, marginText, mark, price, seller } from './productView.ts';
import { addressOf, endOf, itemAddressOf, selectionFrom } from './selection.ts';

export interface ShownItem {
  searchId: string;
  /** Undefined when it cannot be read. */
  request: NormalRequest | undefined;
  product: Product;
  /** All products of its listing in this result, itself among them. */
  siblings: readonly Product[];
  saved: SavedItem | undefined;
  csrf: string | null;
  mayEnqueue: boolean;
  now: number;
  /** What is wrong with a note that was sent, and its text. */
  wrongNote?: { text: string; message: string };
}

const UNKNOWN = html`<span class="unknown">unknown</span>`;

/** All that is known of one product. The page's script shows it in a dialog above the result. */
export function itemView(shown: ShownItem): Html {
  const { searchId, product, now, saved, csrf } = shown;
  const { title, url, affiliateUrl, details } = product;
  const list = { searchId, selection: selectionFrom({}), saved };
  return html`<p class="back"><a href="${addressOf(searchId)}">Back to all products</a></p>
<article id="item" class="item" aria-labelledby="item-title" data-item="${product.itemId}">
<header><h1 id="item-title">${title}</h1>${details?.subtitle && html`<p class="lead">${details.subtitle}</p>`}</header>
<div class="item-columns">
${gallery(product)}
<div class="offer">
  ${mark(product, now)}
  ${price(product)}
  ${costs(product)}
  ${labels(product)}
  <p class="small">${seller(product)}</p>
  <p class="small">Seen ${instant(product.observedAt)}</p>
  <p class="actions">${externalLink(webAddress(affiliateUrl) ?? url, 'Open on eBay')} ${favouriteButton(product, list)}</p>
  ${lookForm(shown)}
</div>
</div>
${facts(product)}
${variations(shown)}
${shippingView(product)}
${specifics(product)}
${historyView(shown)}
${noteForm(shown)}
<form id="${KEEP_FORM}" method="post">${csrfField(csrf)}<input type="hidden" name="from" value="item"></form>
</article>`;
}

/** Every picture, beside each other; without scripts the small ones lead to the large ones. */
function gallery({ images, details, title }: Product): Html {
  const all = [...new Set([...images, ...(details?.groupImages ?? [])])].filter(
    (address) => webAddress(address) !== undefined,
  );
  if (all.length === 0)
    return html`<div class="gallery"><div class="picture none"><span>no picture</span></div></div>`;
  const name = (at: number) => `Picture ${at + 1} of ${all.length}`;
  return html`<div class="gallery" role="group" aria-label="Pictures of ${title}">
  <ul class="pictures" tabindex="0" aria-label="Pictures">${all.map((address, at) => html`<li id="picture-${at + 1}" class="picture"><img src="${pictureAddress(address, 500)}" alt="${name(at)}"${at > 0 && html` loading="lazy"`} decoding="async" referrerpolicy="no-referrer"></li>`)}</ul>
  ${
    all.length > 1 &&
    html`<p class="turn" hidden><button type="button" class="compact previous">Previous</button> <span aria-live="polite">1 of ${all.length}</span> <button type="button" class="compact next">Next</button></p>
  <ul class="thumbs">${all.map((address, at) => html`<li><a href="#picture-${at + 1}" aria-label="${name(at)}"><img src="${pictureAddress(address, 140)}" alt="" width="56" height="56" loading="lazy" referrerpolicy="no-referrer"></a></li>`)}</ul>`
  }
</div>`;
}

/** What the caller's own figures make of it, part by part. */
function costs({ landed, margin, priceDisplay }: Product): Html | null {
  if (landed === undefined || priceDisplay !== null) return null;
  const { currency } = landed;
  const amount = (value: string | null) => (value === null ? UNKNOWN : moneyText({ value, currency }));
  const parts = Object.entries({ ...landed.parts, 'landed cost': landed.cost }).map(
    ([name, value]) => html`<div><dt>${PARTS[name] ?? name}</dt><dd>${amount(value ?? null)}</dd></div>`,
  );
  const rest =
    margin &&
    html`<div><dt>Sold for</dt><dd>${amount(margin.resale)}</dd></div><div><dt>Fees and tax</dt><dd>${[margin.marketplaceFee, margin.paymentFee, margin.tax].map((value, at) => html`${at > 0 && ' + '}${amount(value)}`)}</dd></div>`;
  return html`<details class="breakdown"><summary>How the margin is made</summary><dl class="item-facts">${parts}${rest}
  ${margin !== undefined && html`<div><dt>Margin</dt><dd>${marginText(margin, currency)}</dd></div>`}</dl></details>`;
}

const PARTS: Readonly<Record<string, string>> = {
  item: 'Price',
  shipping: 'Shipping',
  duty: 'Duty',
  importTax: 'Import tax',
  handling: 'Handling',
  'landed cost': 'Landed cost',
};

/** Looks at the listing by a search of its own, where that knows more. */
function lookForm({ searchId, product, csrf, mayEnqueue }: ShownItem): Html | null {
  if (!mayEnqueue) return null;
  const what = product.details === undefined ? 'Look at the listing' : 'Look at it again';
  return html`<form method="post" action="${itemAddressOf(searchId, product.itemId, '/look')}">${csrfField(csrf)}<button>${what} (1 call)</button>
  ${product.details === undefined && html`<p class="small">Shipping choices, stock, returns and item specifics were not collected.</p>`}</form>`;
}

function facts(product: Product): Html {
  const { condition, delivery, location, details, buyingOptions, marketplace, legacyItemId } = product;
  const place = [location.city, location.stateOrProvince, location.country].filter(Boolean).join(', ');
  const end = endOf(product);
  const rows: Array<[string, Html | string | null | undefined | false]> = [
    [
      'Condition',
      condition &&
        html`${condition}${details?.conditionDescription && html` <small>${details.conditionDescription}</small>`}`,
    ],
    ['Arrives', arrivalText(delivery)],
    ['Sent from', place],
    ['Stock', details && stockText(product)],
    ['Sold so far', details?.estimatedSoldQuantity != null && numberText(details.estimatedSoldQuantity)],
    ['Returns', returnsText(product)],
    ['How it is sold', buyingOptions.map((name) => WAYS[name] ?? name).join(', ')],
    ['Listed', product.listedAt && instant(product.listedAt)],
    ['Ends', end ? instant(end) : 'no end is stated'],
    ['Marketplace', siteName(marketplace)],
    ['Listing', legacyItemId ?? product.itemId],
  ];
  return html`<section><h2>At a glance</h2><dl class="item-facts">${rows.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value || UNKNOWN}</dd></div>`)}</dl></section>`;
}

function variations({ product, siblings }: ShownItem): Html | null {
  if (product.group === null && siblings.length < 2) return null;
  const [listing] = listingsOf(siblings) as [Listing];
  const { products, differences } = listing;
  if (products.length < 2)
    return html`<section><h2>Variations</h2><p>The listing has variations; the others are not in this result.</p></section>`;
  return html`<section><h2>Variations</h2><div class="wide" role="region" aria-label="Variations" tabindex="0"><table>
  <thead><tr>${differences.map((name) => html`<th scope="col">${name}</th>`)}<th scope="col">Delivered</th><th scope="col">Stock</th></tr></thead>
  <tbody>${products.map((each) => html`<tr${each.itemId === product.itemId && html` class="this"`}>${differences.map((name) => html`<td>${aspectText(name)(each) || '–'}</td>`)}<td>${deliveredText(each)}</td><td>${stockText(each)}</td></tr>`)}</tbody>
  </table></div></section>`;
}

function deliveredText({ total, priceDisplay }: Product): string {
  if (priceDisplay !== null) return 'on request';
  return total === null ? 'unknown' : moneyText(total);
}

function shippingView({ details, shipping }: Product): Html {
  const services = details?.shippingServices ?? [];
  const known =
    shipping.kind === 'free'
      ? 'free'
      : shipping.cost === null
        ? 'of unknown cost'
        : `for ${moneyText(shipping.cost)}`;
  if (details === undefined)
    return html`<section><h2>Shipping</h2><p>The cheapest way is ${shipping.kind === 'pickup-only' ? 'to fetch it' : known}. The other choices are unknown.</p></section>`;
  if (services.length === 0)
    return html`<section><h2>Shipping</h2><p>${shipping.kind === 'pickup-only' ? 'It is not sent: the buyer fetches it.' : 'eBay names no way of shipping.'}</p></section>`;
  return html`<section><h2>Shipping</h2><div class="wide" role="region" aria-label="Shipping" tabindex="0"><table>
  <thead><tr><th scope="col">Way</th><th scope="col">Cost</th><th scope="col">Import charges</th><th scope="col">Arrives</th></tr></thead>
  <tbody>${services.map(serviceRow)}</tbody></table></div></section>`;
}

function serviceRow(service: ProductDetails['shippingServices'][number]): Html {
  const { kind, cost, importCharges, cheapest, fastest } = service;
  const amount = kind === 'free' ? 'free' : cost === null ? 'unknown' : moneyText(cost);
  const name = service.service ?? service.type ?? service.carrier ?? 'not named';
  return html`<tr><td>${name}${cheapest && html` <span class="badge good">cheapest</span>`}${fastest && html` <span class="badge">fastest</span>`}</td><td>${amount}</td><td>${importCharges ? moneyText(importCharges) : 'none stated'}</td><td>${arrivalText(service) ?? 'unknown'}</td></tr>`;
}

function specifics({ details }: Product): Html {
  const { brand, mpn, gtin, aspects = {} } = details ?? {};
  const own = Object.entries({ Brand: brand, MPN: mpn, GTIN: gtin }).filter(
    ([name, value]) => value && !Object.hasOwn(aspects, name),
  );
  const rows = [...own, ...Object.entries(aspects).map(([name, values]) => [name, values.join(', ')])];
  const unknown =
    details === undefined
      ? 'They are unknown: the listing itself was not looked at.'
      : 'The seller states none.';
  return html`<section><h2>Item specifics</h2>${rows.length === 0 ? html`<p>${unknown}</p>` : html`<dl class="item-facts">${rows.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`}</section>`;
}

/** What searches with the same track saw before. A track keeps the last price only. */
function historyView({ product, request }: ShownItem): Html {
  const { mark: is, formerTotal, formerSeenAt, priceDisplay } = product;
  const track = request?.track;
  const text = () => {
    if (track === undefined) return 'Unknown: this search remembers nothing. A schedule marks what changes.';
    if (is === undefined) return 'There is nothing to compare with: the track has just begun.';
    if (is === 'new') return `New since the last look of ${track}.`;
    if (formerTotal === undefined) return `The same as in the last look of ${track}.`;
    const before = priceDisplay === null ? `${moneyText(formerTotal)} delivered` : 'another price';
    return html`${before}, last seen ${formerSeenAt === undefined ? 'in an earlier look' : instant(formerSeenAt)} by ${track}. Now it is ${is === 'price-dropped' ? 'cheaper' : 'dearer'}.`;
  };
  return html`<section><h2>Price before</h2><p>${text()}</p></section>`;
}

function noteForm({ searchId, product, saved, csrf, wrongNote }: ShownItem): Html {
  return html`<section><h2>Your note</h2>
<form method="post" class="note-form" action="${itemAddressOf(searchId, product.itemId, '/keep')}">${csrfField(csrf)}<input type="hidden" name="from" value="item">
  <p class="field"><label for="note">Only people with your key see it</label><textarea id="note" name="note" maxlength="${MAX_NOTE_LENGTH}" rows="3"${wrongNote && html` aria-invalid="true" aria-describedby="note-problem"`}>${wrongNote?.text ?? saved?.note}</textarea>
  ${wrongNote && html`<span class="problem" id="note-problem">${wrongNote.message}</span>`}</p>
  <button>Keep the note</button>${saved?.since && html` <small>kept since ${instant(saved.since)}</small>`}
</form></section>`;
}

/** The siblings of a product: every product of its listing. */
export function siblingsOf(products: readonly Product[], product: Product): Product[] {
  return products.filter(
    ({ legacyItemId, itemId, marketplace }) =>
      marketplace === product.marketplace &&
      (product.legacyItemId === null ? itemId === product.itemId : legacyItemId === product.legacyItemId),
  );
}
