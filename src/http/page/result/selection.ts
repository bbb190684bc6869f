import { LRUCache } from 'lru-cache';
import { byCosts } from '../../../product/landed.ts';
import { byTotal } from '../../../product/order.ts';
import type { Product } from '../../../product/product.ts';
import type { SearchProducer } from '../../../queue/producer.ts';
import type { SearchReport } from '../../../queue/searchReader.ts';

const ORDERS = ['ebay', 'delivered', 'landed', 'margin', 'changed'] as const;

/** Which products of a result are shown, and in which order. It is part of the page's address. */
export interface Selection {
  order: (typeof ORDERS)[number];
  /** Highest delivered price, in the result's main currency; products without a known one are left out. */
  most: number | undefined;
  /** Only products that are new, dropped or rose. */
  changed: boolean;
  /** From 1. */
  page: number;
}

export const PER_PAGE = 48;

export function selectionFrom(query: Readonly<Record<string, string | undefined>>): Selection {
  const { order, most = '', changed, page = '' } = query;
  const amount = Number(most.replace(',', '.'));
  return {
    order: ORDERS.find((known) => known === order) ?? 'ebay',
    most: most.trim() !== '' && Number.isFinite(amount) && amount >= 0 ? amount : undefined,
    changed: changed === '1',
    page: /^[1-9]\d{0,4}$/.test(page) ? Number(page) : 1,
  };
}

/** The address of a result; by default of all its products. */
export function addressOf(searchId: string, selection: Partial<Selection> = {}): string {
  return pathOf(searchId, '', selection);
}

/** The address of the selected products of all pages as CSV. */
export function csvAddressOf(
  searchId: string,
  { page: _page, ...selection }: Selection,
  more: { excel?: '1' } = {},
): string {
  return pathOf(searchId, '/products.csv', selection, more);
}

function pathOf(
  searchId: string,
  part: string,
  selection: Partial<Selection>,
  more: Record<string, string> = {},
): string {
  const { order = 'ebay', most, changed = false, page = 1 } = selection;
  const query = new URLSearchParams({
    ...(order !== 'ebay' && { order }),
    ...(most !== undefined && { most: String(most) }),
    ...(changed && { changed: '1' }),
    ...(page > 1 && { page: String(page) }),
    ...more,
  });
  const path = `/searches/${encodeURIComponent(searchId)}${part}`;
  return query.size === 0 ? path : `${path}?${query}`;
}

/** The currency of most delivered prices. Amounts in other currencies are never compared with it. */
export function mainCurrency(products: readonly Product[]): string | undefined {
  const counts = new Map<string, number>();
  for (const { total } of products)
    if (total !== null) counts.set(total.currency, (counts.get(total.currency) ?? 0) + 1);
  return [...counts].sort(([, one], [, other]) => other - one)[0]?.[0];
}

export const isChanged = ({ mark }: Product) => mark !== undefined && mark !== 'same';

/** The selected products of all pages. */
export function select(products: readonly Product[], { order, most, changed }: Selection): Product[] {
  const currency = mainCurrency(products);
  const chosen = products.filter((product) => {
    if (changed && !isChanged(product)) return false;
    if (most === undefined) return true;
    return product.total?.currency === currency && Number(product.total?.value) <= most;
  });
  if (order === 'delivered') return chosen.sort(byTotal({ main: currency }));
  if (order === 'landed') return chosen.sort(byCosts('landed'));
  if (order === 'margin') return chosen.sort(byCosts('margin', { falling: true }));
  if (order === 'changed') return [...chosen.filter(isChanged), ...chosen.filter((each) => !isChanged(each))];
  return chosen;
}

/** Long enough for the next page of a result, ms. */
const KEPT_MS = 60_000;
/** Few people look at results at the same time. */
const MAX_RESULTS = 3;

/** Keeps ended results between two pages: reading ten thousand products again for every 48 takes a second. */
export function resultCache() {
  const results = new LRUCache<string, Promise<Product[]>>({ max: MAX_RESULTS, ttlAutopurge: true });
  return async (tenant: string, producer: SearchProducer, report: SearchReport): Promise<Product[]> => {
    const { searchId, summary } = report;
    if (summary === null) return producer.products(searchId);
    // A search that is retried ends at another time.
    const key = JSON.stringify([tenant, searchId, summary.finishedAt]);
    const now = await producer.now();
    const known = results.get(key);
    if (known !== undefined) return known;
    const products = producer.products(searchId);
    // Not longer than Redis keeps the result.
    const left = summary.expiresAt === null ? KEPT_MS : Date.parse(summary.expiresAt) - now;
    results.set(key, products, { ttl: Math.max(1, Math.min(KEPT_MS, left)) });
    products.catch(() => results.delete(key));
    return products;
  };
}
