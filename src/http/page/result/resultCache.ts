import { LRUCache } from 'lru-cache';
import type { Product } from '../../../product/product.ts';
import type { SearchProducer } from '../../../queue/producer.ts';
import type { SearchReport } from '../../../queue/searchReader.ts';

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
