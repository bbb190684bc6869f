import type { Product } from '../../../product/product.ts';
import { countText, moneyText } from '../../../text/values.ts';
import { type Html, html } from '../html.ts';
import { mainCurrency, type Selection } from './selection.ts';

interface Bin {
  /** Lowest delivered price. */
  from: number;
  to: number;
  count: number;
}

const MAX_BINS = 20;
/** A histogram of fewer prices shows nothing that the list does not. */
const MIN_PRICES = 5;
const HEIGHT = 100;
/** Of a bar that is not empty: a single price must be seen too. */
const LEAST_HEIGHT = 4;
/** The dearest 3 % are counted in the last bar: one outlier would squeeze all others into the first. */
const SHOWN_SHARE = 0.97;

/** Prices in bins of round widths; the last bin has no upper limit. Sums are of cents, which are exact. */
export function binsOf(prices: readonly number[]): Bin[] {
  const sorted = prices.map((price) => Math.round(price * 100)).sort((a, b) => a - b);
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
  return bins.map(({ from, to, count: prices }) => ({ from: from / 100, to: to / 100, count: prices }));
}

/** 1, 2 or 5 times a power of ten; at least one cent. */
function roundUp(cents: number): number {
  if (cents <= 0) return 100;
  const power = 10 ** Math.max(0, Math.floor(Math.log10(cents)));
  return ([1, 2, 5, 10].find((step) => step * power >= cents) ?? 10) * power;
}

export type Range = Pick<Selection, 'least' | 'most'>;

/**
 * The delivered prices of a result in its main currency; null for too few. Each bar is a link that shows its products
 * alone. Where a range is shown, a bar beside it reaches to that bar. The script lets people drag over bars.
 * @param shown the range that is shown @param address of the result with another range
 */
export function priceHistogram(
  products: readonly Product[],
  shown: Range,
  address: (range: Range) => string,
): Html | null {
  const currency = mainCurrency(products);
  // A price that eBay shows on request alone is in no picture of prices.
  const known = products.flatMap(({ total, priceDisplay }) =>
    total?.currency === currency && total && !priceDisplay ? [Number(total.value)] : [],
  );
  if (currency === undefined || known.length < MIN_PRICES) return null;
  const bins = binsOf(known);
  const highest = Math.max(...bins.map(({ count }) => count));
  const text = (amount: number) => moneyText({ value: amount.toFixed(2), currency });
  const [first, last] = [bins[0], bins.at(-1)] as [Bin, Bin];
  const others = products.length - known.length;
  const isRange = shown.least !== undefined || shown.most !== undefined;
  const bar = (bin: Bin) => {
    // The bounds of a selection are both in it, the upper bound of a bar is in the next one.
    const upTo = bin === last ? bin.to : Math.round(bin.to * 100 - 1) / 100;
    const isIn = bin.from <= (shown.most ?? Number.MAX_VALUE) && upTo >= (shown.least ?? 0);
    const isBeside = isRange && !isIn;
    const range = {
      least: isBeside ? Math.min(shown.least ?? bin.from, bin.from) : bin.from,
      most: isBeside ? Math.max(shown.most ?? upTo, upTo) : upTo,
    };
    const height = bin.count === 0 ? 0 : Math.max(LEAST_HEIGHT, (bin.count / highest) * HEIGHT);
    const label = `${text(bin.from)} to ${text(upTo)}: ${countText(bin.count, 'product')}`;
    const column = html`<svg viewBox="0 0 10 ${HEIGHT}" preserveAspectRatio="none" aria-hidden="true"><rect x="0" width="10" y="${(HEIGHT - height).toFixed(1)}" height="${height.toFixed(1)}"/></svg>`;
    const chosen = isRange && isIn && html` class="chosen"`;
    return bin.count === 0
      ? html`<li data-from="${bin.from}" data-to="${upTo}"${chosen}>${column}</li>`
      : html`<li data-from="${bin.from}" data-to="${upTo}"${chosen}><a href="${address(range)}" aria-label="${label}" title="${label}" draggable="false">${column}</a></li>`;
  };
  return html`<figure class="histogram">
  <figcaption>Delivered prices of ${countText(known.length, 'product')}: half cost less than <strong>${text(medianOf(known))}</strong>${
    others > 0 &&
    html` <small>(${countText(others, 'other')}: unknown, in another currency or on request)</small>`
  }</figcaption>
  <ol class="bars" aria-label="Prices">${bins.map(bar)}</ol>
  <p class="axis"><span>${text(first.from)}</span>${isRange && html`<a href="${address({ least: undefined, most: undefined })}">all prices</a>`}<span>${text(last.to)}</span></p>
</figure>`;
}

function medianOf(prices: readonly number[]): number {
  const sorted = prices.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)] ?? 0;
  return Number.isInteger(middle) ? ((sorted[middle - 1] ?? 0) + upper) / 2 : upper;
}
