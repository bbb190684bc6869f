import type { Product } from '../../product/product.ts';
import { countText, moneyText } from './format.ts';
import { type Html, html } from './html.ts';
import { mainCurrency } from './selection.ts';

export interface Bin {
  /** Delivered prices from here on, up to the next one's. */
  from: number;
  to: number;
  count: number;
}

const MOST_BINS = 20;
/** Below this a list says as much. */
const LEAST_PRICES = 5;
const [WIDTH, HEIGHT, GAP] = [600, 72, 2];
/** A few very dear ones would else press all others into one bar; they are counted in the last one. */
const SHOWN_SHARE = 0.97;

/** Delivered prices in bins of round widths; the last one holds all beyond it. */
export function binsOf(prices: readonly number[]): Bin[] {
  const sorted = prices.toSorted((a, b) => a - b);
  const top = sorted[Math.ceil(sorted.length * SHOWN_SHARE) - 1] ?? 0;
  const least = sorted[0] ?? 0;
  const width = roundUp((top - least) / (MOST_BINS - 2));
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

/** How the delivered prices of this one result lie, in its main currency; null where there is nothing to see. */
export function priceHistogram(products: readonly Product[]): Html | null {
  const currency = mainCurrency(products);
  const known = products.flatMap(({ total }) =>
    total?.currency === currency && total ? [Number(total.value)] : [],
  );
  if (currency === undefined || known.length < LEAST_PRICES) return null;
  const bins = binsOf(known);
  const highest = Math.max(...bins.map(({ count }) => count));
  const step = WIDTH / bins.length;
  const text = (amount: number) => moneyText({ value: String(Math.round(amount * 100) / 100), currency });
  const [first, last] = [bins[0], bins.at(-1)] as [Bin, Bin];
  const others = products.length - known.length;
  return html`<figure class="histogram">
  <figcaption>Delivered prices of ${countText(known.length, 'product')} in this result${
    others > 0 && html` <small>(${countText(others, 'other')}: unknown or in another currency)</small>`
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
