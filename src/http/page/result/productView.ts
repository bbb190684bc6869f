import type { Product } from '../../../product/product.ts';
import { arrivalText, aspectText, type Listing, returnsText, stockText } from '../../../text/listings.ts';
import { countText, distanceText, moneyText, numberText } from '../../../text/values.ts';
import { externalLink, type Html, html, webAddress } from '../html.ts';

/** A product as a card. eBay's terms ask for the age of what is displayed. @param site whether to name its marketplace */
export function productCard(product: Product, now: number, site = false): Html {
  const { condition, images, itemId, marketplace } = product;
  return html`<li class="card" data-item="${itemId}">
  ${picture(webAddress(images[0]))}
  <div class="words">
    ${mark(product, now)}
    <h3>${link(product)}</h3>
    ${price(product)}
    ${labels(product)}
    <p class="small">${site && `${marketplace.replace('EBAY_', 'eBay ')} · `}${condition ?? 'Condition unknown'} · ${seller(product)} · ${seen(product, now)}</p>
  </div>
</li>`;
}

/** A listing with everything that it offers: a row for each variation. */
export function listingCard({ products, differences }: Listing, now: number): Html {
  const [first] = products as [Product, ...Product[]];
  const { title, condition, images, details, marketplace } = first;
  const hasMargin = products.some(({ margin }) => margin !== undefined);
  const facts = [
    condition ?? 'Condition unknown',
    products.length > 1 && countText(products.length, 'variation'),
    details?.brand,
    first.location.country && `from ${first.location.country}`,
    `returns ${returnsText(first) ?? 'not stated'}`,
    marketplace.replace('EBAY_', 'eBay '),
  ].filter(Boolean);
  return html`<li class="card listing" data-item="${first.itemId}">
  ${picture(webAddress(images[0]))}
  <div class="words">
    <h3>${link(first)}</h3>
    <p class="small">${facts.join(' · ')} · ${seller(first)} · ${seen(first, now)}</p>
    ${labels(first)}
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

function seen({ observedAt }: Product, now: number): Html {
  return html`<time datetime="${observedAt}">seen ${distanceText(observedAt, now)}</time>`;
}

/**
 * Without a text of its own: the title is beside it. eBay names the largest size of a picture, which it serves in this one
 * too: 99 % of real answers have both addresses.
 */
function picture(largest: string | undefined): Html {
  const address = largest?.replace(/\/s-l\d{3,4}(\.\w{3,4})$/, '/s-l225$1');
  if (address === undefined) return html`<div class="picture none"><span>no picture</span></div>`;
  return html`<div class="picture"><img src="${address}" alt="" loading="lazy" decoding="async" width="225" height="225" referrerpolicy="no-referrer"></div>`;
}

function mark({ mark, formerTotal, formerSeenAt, priceDisplay }: Product, now: number): Html | null {
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
function price(product: Product): Html {
  const { delivery, priceDisplay } = product;
  const arrival = arrivalText(delivery);
  const arrives = arrival !== undefined && html`<p class="small arrives">Arrives ${arrival}</p>`;
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
  return html`${delivered}<p class="small">${item}${former}${discount}${original}${per} + ${shippingText(product)}</p>${landed(product)}`;
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

function marginText(margin: NonNullable<Product['margin']> | null, currency: string): Html {
  if (margin === null) return html`unknown`;
  const { amount, percent } = margin;
  const share = percent === null ? '' : ` (${percent} %)`;
  return html`<strong class="${amount.startsWith('-') ? 'loss' : 'gain'}">${moneyText({ value: amount, currency })}${share}</strong>`;
}

function bidText({ auction }: Product): string {
  return auction?.currentBid ? `bid ${moneyText(auction.currentBid)}` : 'no price';
}

function shippingText({ shipping: { kind, cost } }: Product): string {
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
function labels(product: Product): Html | null {
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

function seller({ topRatedPlus, seller: { feedbackPercentage, feedbackScore, accountType } }: Product): Html {
  const share =
    feedbackPercentage === null ? 'seller’s rating unknown' : `${feedbackPercentage.toFixed(1)} % positive`;
  const votes = feedbackScore === null ? '' : ` of ${numberText(feedbackScore)}`;
  const kind = accountType === null ? '' : `, ${accountType === 'BUSINESS' ? 'business' : 'private'}`;
  return html`${share}${votes}${kind}${topRatedPlus === true && html` <span class="top" title="Top Rated Plus listing">★<span class="quiet"> Top Rated Plus</span></span>`}`;
}
