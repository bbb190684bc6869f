import type { ProductDetails } from '../product/product.ts';

/** What an item's own call gave: the unit that the queue stores for `details: full`. */
export interface ItemAnswer {
  details: ProductDetails;
  /** HTTP attempts that this answer took. */
  calls: number;
  /** As of `PageAnswer`; 0 of an item that is gone. */
  latencyMs: number;
}
