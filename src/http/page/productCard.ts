import type { Product } from '../../product/product.ts';
import { moneyText, numberText } from './format.ts';
import { type Html, html, webAddress } from './html.ts';

/** A product as an item of the list. */
export function productCard(product: Product): Html {
  const { title, url, condition, images, itemId } = product;
  const address = webAddress(url);
  return html`<li class="card" data-item="${itemId}">
  ${picture(webAddress(images[0]))}
  <div class="words">
    ${mark(product)}
    <h3>${address === undefined ? title : html`<a href="${address}" target="_blank" rel="noopener noreferrer external">${title}</a>`}</h3>
    ${price(product)}
    <p class="small">${condition ?? 'Condition not told'} · ${seller(product)}</p>
  </div>
</li>`;
}

/** Decoration beside the title, which says what it shows. */
function picture(address: string | undefined): Html {
  if (address === undefined) return html`<div class="picture none"><span>no picture</span></div>`;
  return html`<div class="picture"><img src="${address}" alt="" loading="lazy" decoding="async" width="225" height="225" referrerpolicy="no-referrer"></div>`;
}

function mark({ mark, formerTotal }: Product): Html | null {
  if (mark === 'new') return html`<p class="mark new">New</p>`;
  if (formerTotal === undefined) return null;
  const was = html`<del><span class="quiet">was </span>${moneyText(formerTotal)}</del>`;
  if (mark === 'price-dropped') return html`<p class="mark dropped">Dropped ${was}</p>`;
  return mark === 'price-rose' ? html`<p class="mark rose">Rose ${was}</p>` : null;
}

/** What a buyer pays in all; an unknown part is named and never taken for nothing. */
function price({ total, price, shipping, auction, converted }: Product): Html {
  const delivered =
    total === null
      ? html`<p class="total unknown">Delivered price unknown</p>`
      : html`<p class="total">${moneyText(total)} <small>delivered</small></p>`;
  const bid = auction?.currentBid ? `bid ${moneyText(auction.currentBid)}` : 'no price';
  const item = price === null ? bid : moneyText(price);
  const way =
    shipping.kind === 'free'
      ? 'free shipping'
      : shipping.cost !== null
        ? `${moneyText(shipping.cost)} shipping`
        : shipping.kind === 'calculated'
          ? 'shipping depends on where to'
          : 'shipping unknown';
  const original = converted === null ? '' : `, listed at ${moneyText(converted)}`;
  return html`${delivered}<p class="small">${item}${original} + ${way}</p>`;
}

function seller({ seller: { feedbackPercentage, feedbackScore, topRated } }: Product): Html {
  const share =
    feedbackPercentage === null ? 'seller’s rating unknown' : `${feedbackPercentage.toFixed(1)} % positive`;
  const votes = feedbackScore === null ? '' : ` of ${numberText(feedbackScore)}`;
  return html`${share}${votes}${topRated === true && html` <span class="top" title="top-rated on eBay">★<span class="quiet"> top rated</span></span>`}`;
}
