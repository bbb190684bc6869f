import type { Product } from '../../../product/product.ts';
import { countText, moneyText } from '../../../text/values.ts';
import { type Html, html } from '../html.ts';
import { mainCurrency } from './selection.ts';

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
export function priceHistogram(products: readonly Product[]): Html | null {
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
