import { countryName } from '../../../product/countries.ts';
import { siteName } from '../../../product/marketplaces.ts';
import { compare } from '../../../product/money.ts';
import type { Product } from '../../../product/product.ts';
import { arrivalText, returnsText, stockText } from '../../../text/listings.ts';
import { moneyText, numberText } from '../../../text/values.ts';
import { externalLink, type Html, html, webAddress } from '../html.ts';
import { pictureAddress } from '../pictures.ts';
import { bidText, shippingText } from './productView.ts';
import { addressOf, compareAddressOf, itemAddressOf, type Selection } from './selection.ts';

export const MAX_COMPARED = 4;

/** One property of the products, a text for each; null where it is unknown. */
export interface Row {
  name: string;
  values: Array<string | null>;
  /** Places of the best values; empty where they cannot be compared, or are all the same. */
  best: number[];
  differs: boolean;
}

/** Negative where the first is better; null where the two cannot be compared. */
type Order<Value> = (one: Value, other: Value) => number | null;

/** What is said of every product, in one order. A best value is marked only where all of them are known and comparable. */
export function rowsOf(products: readonly Product[]): Row[] {
  const row = <Value>(
    name: string,
    valueIn: (product: Product) => Value | null | undefined,
    text: (value: Value, product: Product) => string,
    order?: Order<Value>,
  ): Row => {
    const values = products.map((product) => valueIn(product) ?? null);
    const texts = values.map((value, at) => (value === null ? null : text(value, products[at] as Product)));
    return {
      name,
      values: texts,
      best: order === undefined ? [] : bestOf(values, order),
      differs: new Set(texts).size > 1,
    };
  };
  const plain = (text: string) => text;
  const isShown = ({ priceDisplay }: Product) => priceDisplay === null;
  const currencyOf = ({ landed }: Product) => landed?.currency ?? '';
  const named = [...new Set(products.flatMap(({ details }) => Object.keys(details?.aspects ?? {})))];
  const byLandedCurrency = new Set(products.map(currencyOf)).size === 1;
  return [
    row('Delivered', (each) => (isShown(each) ? each.total : null), moneyText, compare),
    row(
      'Price',
      (each) => (isShown(each) ? each : null),
      (_, each) => (each.price === null ? bidText(each) : moneyText(each.price)),
    ),
    row(
      'Shipping',
      (each) => each,
      (_, each) => shippingText(each),
    ),
    ...(products.some(({ landed }) => landed)
      ? [
          row(
            'Landed cost',
            (each) => (isShown(each) ? each.landed?.cost : null),
            (value, each) => moneyText({ value, currency: currencyOf(each) }),
            byLandedCurrency ? (one, other) => Number(one) - Number(other) : undefined,
          ),
          row(
            'Margin',
            (each) => (isShown(each) ? each.margin : null),
            ({ amount, percent }, each) =>
              `${moneyText({ value: amount, currency: currencyOf(each) })}${percent === null ? '' : ` (${percent} %)`}`,
            byLandedCurrency ? (one, other) => Number(other.amount) - Number(one.amount) : undefined,
          ),
        ]
      : []),
    row('Condition', ({ condition }) => condition, plain),
    row(
      'Arrives',
      ({ delivery }) => (arrivalText(delivery) === undefined ? null : delivery),
      (delivery) => arrivalText(delivery) as string,
      ({ latest: one }, { latest: other }) =>
        one === null || other === null ? null : Date.parse(one) - Date.parse(other),
    ),
    row(
      'Seller’s rating',
      ({ seller }) => seller.feedbackPercentage,
      (share) => `${share.toFixed(1)} % positive`,
      (one, other) => other - one,
    ),
    row(
      'Ratings',
      ({ seller }) => seller.feedbackScore,
      numberText,
      (one, other) => other - one,
    ),
    row('Sent from', ({ location }) => location.country, countryName),
    row('Stock', (each) => (each.details === undefined ? null : stockText(each)), plain),
    row('Returns', returnsText, plain),
    row('Marketplace', ({ marketplace }) => siteName(marketplace), plain),
    row('Brand', ({ details }) => details?.brand, plain),
    ...named.map((name) =>
      row(
        name,
        ({ details }) =>
          Object.hasOwn(details?.aspects ?? {}, name) ? details?.aspects[name]?.join(', ') : null,
        plain,
      ),
    ),
  ];
}

function bestOf<Value>(values: ReadonlyArray<Value | null>, order: Order<Value>): number[] {
  if (values.length < 2 || values.some((value) => value === null)) return [];
  const known = values as Value[];
  let best = known[0] as Value;
  for (const value of known) {
    const difference = order(value, best);
    if (difference === null) return [];
    if (difference < 0) best = value;
  }
  const places = known.flatMap((value, at) => (order(value, best) === 0 ? [at] : []));
  return places.length === known.length ? [] : places;
}

interface Compared {
  searchId: string;
  /** In the order in which they were chosen. */
  products: readonly Product[];
  /** How many were chosen. */
  chosen: number;
  /** Of the result that they were chosen from. */
  selection: Selection;
}

export function compareView({ searchId, products, chosen, selection }: Compared): Html {
  const result = addressOf(searchId, selection);
  const back = html`<p class="back"><a href="${result}">Back to the products</a></p>`;
  const missing = Math.min(chosen, MAX_COMPARED) - products.length;
  const notes = html`${chosen > MAX_COMPARED && html`<p class="notice">At most ${MAX_COMPARED} are compared: these are the first ones.</p>`}
${missing > 0 && html`<p class="notice">${missing === 1 ? 'One of the chosen products is' : `${missing} of the chosen products are`} not in this result any more.</p>`}`;
  if (products.length < 2)
    return html`${back}<h1>Compare</h1>${notes}<p class="empty">Choose at least two products with “Compare”. <a href="${result}">Choose products</a></p>`;
  const ids = products.map(({ itemId }) => itemId);
  return html`${back}<h1>Compare ${products.length} products</h1>
${notes}
<div class="compare wide" role="region" aria-label="Comparison" tabindex="0"><table>
<thead><tr><td></td>${products.map((product) => head({ searchId, selection }, product, ids))}</tr></thead>
<tbody>${rowsOf(products).map(rowView)}</tbody>
</table></div>
<p class="small"><span class="mark-differs" aria-hidden="true"></span> The rows with a bar differ. “Best” stands only where every value is known and in one currency.</p>`;
}

function head(
  { searchId, selection }: Pick<Compared, 'searchId' | 'selection'>,
  { itemId, title, url, affiliateUrl, images }: Product,
  ids: readonly string[],
): Html {
  const picture = pictureAddress(images[0], 225);
  const others = ids.filter((id) => id !== itemId);
  return html`<th scope="col"><div class="picture">${picture && html`<img src="${picture}" alt="" width="120" height="90" loading="lazy" referrerpolicy="no-referrer">`}</div>
<span class="title">${externalLink(webAddress(affiliateUrl) ?? url, title)}</span>
<span class="actions"><a class="look" href="${itemAddressOf(searchId, itemId)}" aria-label="Quick view of ${title}">View</a>${others.length > 1 && html` <a href="${compareAddressOf(searchId, others, selection)}" aria-label="Remove ${title}">Remove</a>`}</span></th>`;
}

function rowView({ name, values, best, differs }: Row): Html {
  return html`<tr${differs && html` class="differs"`}><th scope="row">${name}${differs && html`<span class="quiet"> (differs)</span>`}</th>${values.map(
    (value, at) =>
      value === null
        ? html`<td class="unknown">unknown</td>`
        : html`<td${best.includes(at) && html` class="best"`}>${value}${best.includes(at) && html` <span class="badge good">Best</span>`}</td>`,
  )}</tr>`;
}
