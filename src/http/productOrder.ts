import { compare, type Money, money } from '../product/money.ts';
import type { Product } from '../product/product.ts';
import { problem } from './problem.ts';

/** How a caller wants a search's products, as read from the query string. */
export interface ProductWish {
  sort?: 'total' | '-total';
  minTotal?: string;
  maxTotal?: string;
  currency?: string;
  conditionId?: string;
  mark?: string;
}

/** Reads the parts of a list from its beginning; may be called again. */
export type ReadParts = () => AsyncIterable<Product[]>;

/** So many products of a sorted list are held at once; each further batch reads the list once more. */
const BATCH = 1000;

/** The filter that a wish stands for. @throws Problem 400 */
export function filterOf({ minTotal, maxTotal, currency, conditionId, mark }: ProductWish) {
  const [min, max] = [bound('minTotal', minTotal, currency), bound('maxTotal', maxTotal, currency)];
  if (min !== undefined && max !== undefined && (compare(min, max) ?? 0) > 0)
    throw problem(400, 'price_range', 'minTotal is more than maxTotal', { path: 'minTotal' });
  const conditions = conditionId === undefined ? undefined : new Set(conditionId.split(','));
  const marks = mark === undefined ? undefined : new Set(mark.split(','));
  return (product: Product): boolean =>
    (conditions === undefined || (product.conditionId !== null && conditions.has(product.conditionId))) &&
    (marks === undefined || (product.mark !== undefined && marks.has(product.mark))) &&
    (min === undefined || atLeast(product.total, min)) &&
    (max === undefined || (product.total !== null && (compare(product.total, max) ?? 1) <= 0)) &&
    (currency === undefined || product.total?.currency === currency);
}

/** An unknown total, or one in another currency, is in no range. */
function atLeast(total: Money | null, min: Money): boolean {
  return total !== null && (compare(total, min) ?? -1) >= 0;
}

function bound(path: string, value: string | undefined, currency: string | undefined): Money | undefined {
  if (value === undefined) return undefined;
  if (currency === undefined)
    throw problem(400, 'currency_required', 'a price needs its currency beside it, such as currency=USD', {
      path: 'currency',
    });
  const amount = money(value, currency);
  if (amount === null)
    throw problem(400, 'price_range', 'must be an amount such as 12.50, with the decimals of its currency', {
      path,
    });
  return amount;
}

/** What passes the filter, from the `skip`th on, in eBay's order: one part at a time. */
export async function* inListOrder(
  read: ReadParts,
  fits: (product: Product) => boolean,
  skip: number,
): AsyncGenerator<Product[]> {
  let left = skip;
  for await (const part of read()) {
    const fitting = part.filter(fits);
    const wanted = fitting.slice(left);
    left = Math.max(0, left - fitting.length);
    if (wanted.length > 0) yield wanted;
  }
}

interface Place {
  /** Place in the list. */
  at: number;
  total: Money | null;
}

/**
 * The same by delivered price; what has none comes last, and each currency by itself. Only the prices of all are held: the
 * list is read once for them and once more for each batch.
 */
export async function* inPriceOrder(
  read: ReadParts,
  fits: (product: Product) => boolean,
  { skip, falling }: { skip: number; falling: boolean },
): AsyncGenerator<Product[]> {
  const places: Place[] = [];
  for await (const part of inListOrder(read, fits, 0))
    for (const { total } of part) places.push({ at: places.length, total });
  const order = places.sort(byPrice(falling ? -1 : 1)).slice(skip);
  for (let from = 0; from < order.length; from += BATCH) {
    const batch = order.slice(from, from + BATCH);
    const found = await pick(read, fits, new Set(batch.map(({ at }) => at)));
    yield batch.flatMap(({ at }) => found.get(at) ?? []);
  }
}

async function pick(read: ReadParts, fits: (product: Product) => boolean, wanted: ReadonlySet<number>) {
  const found = new Map<number, Product>();
  let at = 0;
  for await (const part of inListOrder(read, fits, 0))
    for (const product of part) {
      if (wanted.has(at)) found.set(at, product);
      at += 1;
    }
  return found;
}

function byPrice(direction: 1 | -1) {
  return (a: Place, b: Place): number => {
    if (a.total === null || b.total === null)
      return Number(a.total === null) - Number(b.total === null) || a.at - b.at;
    const difference = compare(a.total, b.total);
    if (difference === null) return a.total.currency < b.total.currency ? -1 : 1;
    return direction * difference || a.at - b.at;
  };
}
