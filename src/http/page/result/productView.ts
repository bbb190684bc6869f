import { siteName } from '../../../product/marketplaces.ts';
import type { Product } from '../../../product/product.ts';
import { arrivalText, aspectText, type Listing, returnsText, stockText } from '../../../text/listings.ts';
import { countText, distanceText, moneyText, numberText } from '../../../text/values.ts';
import { externalLink, type Html, html, webAddress } from '../html.ts';
import type { SavedItem } from '../personal.ts';
import { pictureAddress } from '../pictures.ts';
import { itemAddressOf, type Selection } from './selection.ts';

/** What a card shows beside its product. */
export interface Around {
  now: number;
  /** Whether to name its marketplace. */
  site?: boolean;
  /** Where the card is, for what can be done with its product; without one there is only the product. */
  list?: {
    searchId: string;
    /** Where a person comes back to. */
    selection: Selection;
    saved: SavedItem | undefined;
  };
}

/** A product as a card: prices of neighbours are in one line. eBay's terms ask for the age of what is displayed. */
export function productCard(product: Product, around: Around): Html {
  const { condition, images, itemId, marketplace } = product;
  const { now, site = false, list } = around;
  if (list?.saved?.hidden && !list.selection.hidden) return hiddenCard(product, list);
  const address = list && itemAddressOf(list.searchId, itemId);
  const shown = picture(images[0]);
  return html`<li class="card${list?.saved?.hidden && ' is-hidden'}" data-item="${itemId}">
  <div class="frame">${address === undefined ? shown : html`<a class="look" href="${address}" tabindex="-1" aria-hidden="true">${shown}</a>`}${mark(product, now)}</div>
  <div class="words">
    ${price(product)}
    <h3>${link(product)}</h3>
    <p class="small">${site && `${siteName(marketplace)} · `}${condition ?? 'Condition unknown'} · ${seen(product, now)}</p>
    <p class="small">${seller(product)}</p>
    ${labels(product)}
    ${list?.saved?.note && html`<p class="note">${list.saved.note}</p>`}
  </div>
  ${list && actions(product, list)}
</li>`;
}

/** What stands in the place of a product that was just hidden. */
function hiddenCard({ itemId, title }: Product, list: NonNullable<Around['list']>): Html {
  return html`<li class="card is-gone" data-item="${itemId}"><p>Hidden: ${title}</p>
  ${keepButton(itemId, list, { name: 'hidden', value: '0', text: 'Undo', label: `Undo: show ${title} again` })}</li>`;
}

/** The id of the form that the buttons of all cards belong to. */
export const KEEP_FORM = 'keep';
export const COMPARE_FORM = 'compare';

function actions(product: Product, list: NonNullable<Around['list']>): Html {
  const { itemId, title } = product;
  const { searchId, saved } = list;
  const address = itemAddressOf(searchId, itemId);
  return html`<div class="acts">
    ${favouriteButton(product, list)}
    <a class="icon-button look" href="${address}#note" aria-label="${saved?.note ? 'Change the note on' : 'Write a note on'} ${title}" title="Note">${icon('note')}</a>
    ${keepButton(itemId, list, {
      ...{ name: 'hidden', value: saved?.hidden ? '0' : '1', icon: saved?.hidden ? 'shown' : 'hide' },
      ...{
        title: saved?.hidden ? 'Show again' : 'Hide',
        label: `${saved?.hidden ? 'Show' : 'Hide'} ${title}`,
      },
    })}
    <label class="pick" title="Compare"><input type="checkbox" name="item" value="${itemId}" form="${COMPARE_FORM}"><span class="quiet">Compare ${title}</span><span aria-hidden="true">Compare</span></label>
    <a class="quick look" href="${address}" aria-label="Quick view of ${title}">View</a>
  </div>`;
}

/** @param list where it is */
export function favouriteButton(
  { itemId, title }: Pick<Product, 'itemId' | 'title'>,
  list: NonNullable<Around['list']>,
): Html {
  const isKept = list.saved?.favourite === true;
  return keepButton(itemId, list, {
    ...{ name: 'favourite', value: isKept ? '0' : '1', icon: isKept ? 'starred' : 'star' },
    ...{
      title: isKept ? 'No favourite any more' : 'Favourite',
      label: `Favourite: ${title}`,
      pressed: isKept,
    },
  });
}

interface KeepButton {
  name: 'favourite' | 'hidden';
  value: '0' | '1';
  label: string;
  text?: string;
  icon?: string;
  title?: string;
  pressed?: boolean;
}

function keepButton(itemId: string, list: NonNullable<Around['list']>, button: KeepButton): Html {
  const { name, value, label, text, title, pressed } = button;
  const address = itemAddressOf(list.searchId, itemId, '/keep', list.selection);
  return html`<button class="${text === undefined ? 'icon-button' : 'compact'}" form="${KEEP_FORM}" formaction="${address}" name="${name}" value="${value}" aria-label="${label}"${title !== undefined && html` title="${title}"`}${pressed !== undefined && html` aria-pressed="${String(pressed)}"`}>${text ?? icon(button.icon ?? '')}</button>`;
}

const SHAPES: Readonly<Record<string, Html>> = {
  star: html`<path d="M12 3.6l2.6 5.4 5.9.8-4.3 4.1 1.1 5.9L12 17l-5.3 2.8 1.1-5.9L3.5 9.8l5.9-.8z"/>`,
  starred: html`<path class="filled" d="M12 3.6l2.6 5.4 5.9.8-4.3 4.1 1.1 5.9L12 17l-5.3 2.8 1.1-5.9L3.5 9.8l5.9-.8z"/>`,
  note: html`<path d="M5 19l1-4L16.5 4.500l3 3L9 18z"/><path d="M14.5 6.500l3 3"/>`,
  hide: html`<path d="M3 12s3.3-6 9-6 9 6 9 6-3.3 6-9 6-9-6-9-6z"/><path d="M4.5 19.500l15-15"/>`,
  shown: html`<path d="M3 12s3.3-6 9-6 9 6 9 6-3.3 6-9 6-9-6-9-6z"/><circle cx="12" cy="12" r="2.5"/>`,
};

function icon(name: string): Html {
  return html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true">${SHAPES[name]}</svg>`;
}

/** A listing with everything that it offers: a row for each variation. */
export function listingCard({ products, differences }: Listing, { now, list }: Around): Html {
  const [first] = products as [Product, ...Product[]];
  if (list?.saved?.hidden && !list.selection.hidden) return hiddenCard(first, list);
  const { title, condition, images, details, marketplace } = first;
  const hasMargin = products.some(({ margin }) => margin !== undefined);
  const facts = [
    condition ?? 'Condition unknown',
    products.length > 1 && countText(products.length, 'variation'),
    details?.brand,
    first.location.country && `from ${first.location.country}`,
    `returns ${returnsText(first) ?? 'not stated'}`,
    siteName(marketplace),
  ].filter(Boolean);
  return html`<li class="card listing" data-item="${first.itemId}">
  <div class="frame">${picture(images[0])}</div>
  <div class="words">
    <h3>${link(first)}</h3>
    <p class="small">${facts.join(' · ')} · ${seller(first)} · ${seen(first, now)}</p>
    ${labels(first)}
    ${list?.saved?.note && html`<p class="note">${list.saved.note}</p>`}
    ${list && actions(first, list)}
    <div class="wide" role="region" aria-label="Offers of ${title}" tabindex="0"><table>
      <thead><tr>${differences.map((name) => html`<th scope="col">${name}</th>`)}<th scope="col">Price</th><th scope="col">Shipping</th><th scope="col">Delivered</th><th scope="col">Arrives</th><th scope="col">Stock</th>${hasMargin && html`<th scope="col">Margin</th>`}</tr></thead>
      <tbody>${products.map((each) => variationRow(each, differences, hasMargin))}</tbody>
    </table></div>
  </div>
</li>`;
}

function variationRow(product: Product, differences: readonly string[], hasMargin: boolean): Html {
  const { price: item, total, delivery, itemId, priceDisplay, landed, margin } = product;
  const amounts =
    priceDisplay === null
      ? html`<td>${item === null ? bidText(product) : moneyText(item)}</td><td>${shippingCell(product)}</td><td><strong>${total === null ? 'unknown' : moneyText(total)}</strong></td>`
      : html`<td colspan="3">${onRequest(product)}</td>`;
  return html`<tr data-variation="${itemId}">${differences.map((name) => html`<td>${aspectText(name)(product) || '–'}</td>`)}${amounts}<td>${arrivalText(delivery) ?? 'unknown'}</td><td>${stockText(product)}</td>${hasMargin && html`<td>${priceDisplay === null && landed && margin !== undefined ? marginText(margin, landed.currency) : ''}</td>`}</tr>`;
}

function link({ title, url, affiliateUrl }: Product): Html {
  return externalLink(webAddress(affiliateUrl) ?? url, title);
}

export function seen({ observedAt }: Product, now: number): Html {
  return html`<time datetime="${observedAt}">seen ${distanceText(observedAt, now)}</time>`;
}

/** Without a text of its own: the title is beside it. */
function picture(largest: string | undefined): Html {
  const address = pictureAddress(largest, 225);
  if (address === undefined) return html`<div class="picture none"><span>no picture</span></div>`;
  return html`<div class="picture"><img src="${address}" alt="" loading="lazy" decoding="async" width="225" height="225" referrerpolicy="no-referrer"></div>`;
}

export function mark({ mark, formerTotal, formerSeenAt, priceDisplay }: Product, now: number): Html | null {
  if (mark === 'new') return html`<p class="mark new">New</p>`;
  if (formerTotal === undefined) return null;
  const age = formerSeenAt !== undefined && html` <small>${distanceText(formerSeenAt, now)}</small>`;
  const was =
    priceDisplay === null && html`<del><span class="quiet">was </span>${moneyText(formerTotal)}</del>${age}`;
  if (mark === 'price-dropped') return html`<p class="mark dropped">Dropped ${was}</p>`;
  return mark === 'price-rose' ? html`<p class="mark rose">Rose ${was}</p>` : null;
}

const WAYS: Readonly<Record<Product['shipping']['kind'], string>> = {
  free: 'free shipping',
  fixed: 'shipping unknown',
  calculated: 'shipping depends on the address',
  'pickup-only': 'pick-up only',
  unknown: 'shipping unknown',
};

/** The delivered price and its parts. An unknown part is named, never counted as zero. */
export function price(product: Product): Html {
  const { delivery, priceDisplay } = product;
  const arrival = arrivalText(delivery);
  const arrives =
    arrival === undefined
      ? html`<p class="small">Arrival unknown</p>`
      : html`<p class="small arrives">Arrives ${arrival}</p>`;
  return html`${priceDisplay === null ? amounts(product) : html`<div class="total unknown">${onRequest(product)}</div>`}${arrives}`;
}

function amounts(product: Product): Html {
  const { total, price, shipping, converted, originalPrice, discountPercent, unitPrice } = product;
  const delivered =
    total === null
      ? html`<p class="total unknown">${shipping.kind === 'pickup-only' ? 'Not sent' : 'Delivered price unknown'}</p>`
      : html`<p class="total">${moneyText(total)} <small>delivered</small></p>`;
  const item = price === null ? bidText(product) : moneyText(price);
  const former =
    originalPrice !== null && html` <del><span class="quiet">was </span>${moneyText(originalPrice)}</del>`;
  const discount = discountPercent ? ` −${discountPercent} %` : '';
  const original = converted === null ? '' : `, listed at ${moneyText(converted)}`;
  const per = unitPrice?.per ? `, ${moneyText(unitPrice.price)} per ${unitPrice.per}` : '';
  return html`${delivered}<p class="small parts">${item}${former}${discount}${original}${per} + ${shippingText(product)}</p>${landed(product)}`;
}

/** What the caller's own figures make of it. */
function landed({ landed, margin }: Product): Html | null {
  if (landed === undefined) return null;
  const { cost, currency, unknown } = landed;
  const text =
    cost === null
      ? `unknown (${unknown.map((part) => PARTS[part]).join(', ')})`
      : moneyText({ value: cost, currency });
  return html`<p class="small landed">Landed ${text}${margin !== undefined && html` · margin ${marginText(margin, currency)}`}</p>`;
}

const PARTS = { item: 'price', shipping: 'shipping', duty: 'duty', importTax: 'import tax' };

export function marginText(margin: NonNullable<Product['margin']> | null, currency: string): Html {
  if (margin === null) return html`unknown`;
  const { amount, percent } = margin;
  const share = percent === null ? '' : ` (${percent} %)`;
  return html`<strong class="${amount.startsWith('-') ? 'loss' : 'gain'}">${moneyText({ value: amount, currency })}${share}</strong>`;
}

export function bidText({ auction }: Product): string {
  return auction?.currentBid ? `bid ${moneyText(auction.currentBid)}` : 'no price';
}

export function shippingText({ shipping: { kind, cost } }: Product): string {
  return kind !== 'free' && cost !== null ? `${moneyText(cost)} shipping` : WAYS[kind];
}

/** In a column that is named so. */
function shippingCell({ shipping: { kind, cost } }: Product): string {
  if (kind === 'free') return 'free';
  return cost !== null ? moneyText(cost) : kind === 'pickup-only' ? 'pick-up only' : 'unknown';
}

/** A minimum advertised price: eBay lets it appear only after a step of the person, or in its own cart alone. */
function onRequest(product: Product): Html {
  if (product.priceDisplay === 'IN_CART') return html`<p>eBay shows the price in the cart</p>`;
  return html`<details class="on-request"><summary>Price shown on request</summary>${amounts(product)}</details>`;
}

/** What else there is to know before a click, a few words each. A link that pays the operator says so. */
export function labels(product: Product): Html | null {
  const { promoted, coupons, programs, pickup, shipping, adultOnly, affiliateUrl } = product;
  const texts = [
    webAddress(affiliateUrl) !== undefined && 'Affiliate link',
    promoted && 'Promoted',
    coupons && 'Coupon',
    shipping.kind === 'pickup-only' ? 'Pick-up only' : pickup.length > 0 && 'Pick-up possible',
    adultOnly && 'Adults only',
    ...programs.map((name) => name.replaceAll('_', ' ').toLowerCase()),
  ].filter((text) => typeof text === 'string');
  return texts.length === 0
    ? null
    : html`<ul class="labels">${texts.map((text) => html`<li>${text}</li>`)}</ul>`;
}

export function seller({
  topRatedPlus,
  seller: { feedbackPercentage, feedbackScore, accountType },
}: Product): Html {
  const share =
    feedbackPercentage !== null
      ? `${feedbackPercentage.toFixed(1)} % positive`
      : feedbackScore === 0
        ? 'seller without ratings'
        : 'seller’s rating unknown';
  const votes =
    feedbackScore === null || share === 'seller without ratings' ? '' : ` of ${numberText(feedbackScore)}`;
  const kind = accountType === null ? '' : `, ${accountType === 'BUSINESS' ? 'business' : 'private'}`;
  return html`${share}${votes}${kind}${topRatedPlus === true && html` <span class="top" title="Top Rated Plus listing">★<span class="quiet"> Top Rated Plus</span></span>`}`;
}
