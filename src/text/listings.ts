import type { Product, ProductDetails } from '../product/product.ts';
import { countText, numberText } from './values.ts';

/** A listing with the products that it offers: itself, or each of its variations. */
export interface Listing {
  key: string;
  products: Product[];
  /** Names of the aspects in which its variations differ. */
  differences: string[];
}

/** The listings of products, each with all of its variations, in the order of the first ones. */
export function listingsOf(products: readonly Product[]): Listing[] {
  const byKey = new Map<string, Product[]>();
  for (const product of products) {
    const key = `${product.marketplace} ${product.legacyItemId ?? product.itemId}`;
    const known = byKey.get(key);
    if (known === undefined) byKey.set(key, [product]);
    else known.push(product);
  }
  return [...byKey].map(([key, own]) => ({ key, products: own, differences: differencesOf(own) }));
}

/** What many variations differ in is more than a table shows; those at the front are the seller's own choice. */
const MAX_DIFFERENCES = 4;

function differencesOf(products: readonly Product[]): string[] {
  if (products.length < 2) return [];
  const names = new Set(products.flatMap(({ details }) => Object.keys(details?.aspects ?? {})));
  const differing = [...names].filter((name) => new Set(products.map(aspectText(name))).size > 1);
  return differing.slice(0, MAX_DIFFERENCES);
}

/** The values of an aspect; empty where the product has none. */
export function aspectText(name: string): (product: Product) => string {
  return ({ details }) => {
    const aspects = details?.aspects ?? {};
    // The name may be that of a property which every object has.
    return Object.hasOwn(aspects, name) ? (aspects[name] ?? []).join(', ') : '';
  };
}

const AVAILABILITY: Readonly<Record<ProductDetails['availability'], string>> = {
  'in-stock': 'in stock',
  limited: 'few left',
  'pickup-only': 'pick-up only',
  'out-of-stock': 'out of stock',
  ended: 'ended',
  gone: 'gone',
  unknown: 'unknown',
};
const BUYABLE: ReadonlySet<string> = new Set(['in-stock', 'limited', 'pickup-only', 'unknown']);

/** `12`, `more than 10`, `out of stock`. A number that eBay does not name stays unknown. */
export function stockText({ details }: Product): string {
  if (details === undefined) return 'unknown';
  const { availability, availableQuantity: count, availableQuantityMoreThan: moreThan } = details;
  if (!BUYABLE.has(availability)) return AVAILABILITY[availability];
  if (count !== null) return numberText(count);
  return moreThan === null ? AVAILABILITY[availability] : `more than ${numberText(moreThan)}`;
}

/** `within 30 days, the buyer pays the way back`; undefined where eBay does not say. */
export function returnsText({ details }: Product): string | undefined {
  if (!details?.returns) return undefined;
  const { accepted, days, paidBy } = details.returns;
  if (!accepted) return 'not accepted';
  const within = days === null ? 'accepted' : `within ${countText(days, 'day')}`;
  return paidBy === null ? within : `${within}, the ${paidBy.toLowerCase()} pays the way back`;
}

const DAY = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', timeZone: 'UTC' });

/** `4 – 9 Dec`, `by 9 Dec`, `from 4 Dec on`; undefined where eBay names no day. */
export function arrivalText(delivery: Product['delivery']): string | undefined {
  const [first, last] = [delivery?.earliest, delivery?.latest].map((iso) =>
    iso ? new Date(iso) : undefined,
  );
  if (first && last && first <= last) return DAY.formatRange(first, last);
  if (last) return `by ${DAY.format(last)}`;
  return first ? `from ${DAY.format(first)} on` : undefined;
}
