import type { Product } from '../../product/product.ts';
import type { SearchProducer } from '../../queue/producer.ts';
import type { SearchReport } from '../../queue/report.ts';

/** A result is leafed through within a minute or looked at anew; few people do so at once. */
const KEPT_MS = 60_000;
const MOST = 3;

/** Results that somebody is leafing through: reading ten thousand products again for every 48 would take a second. */
export class ResultCache {
  readonly #results = new Map<string, { products: Promise<Product[]>; timer: NodeJS.Timeout }>();

  /** The products of a search; those of one that has ended are read once while people look at them. */
  async products(
    tenant: string,
    producer: SearchProducer,
    { searchId, summary }: SearchReport,
  ): Promise<Product[]> {
    if (summary === null) return producer.products(searchId);
    // A search that is started again ends at another time.
    const key = JSON.stringify([tenant, searchId, summary.finishedAt]);
    const known = this.#results.get(key);
    const products = known?.products ?? producer.products(searchId);
    this.#forget(key);
    products.catch(() => this.#forget(key));
    // Never beyond the end of the result itself.
    const left = summary.expiresAt === null ? KEPT_MS : Date.parse(summary.expiresAt) - Date.now();
    const timer = setTimeout(() => this.#forget(key), Math.max(0, Math.min(KEPT_MS, left))).unref();
    this.#results.set(key, { products, timer });
    const oldest = this.#results.keys().next().value;
    if (this.#results.size > MOST && oldest !== undefined) this.#forget(oldest);
    return products;
  }

  #forget(key: string): void {
    clearTimeout(this.#results.get(key)?.timer);
    this.#results.delete(key);
  }
}
