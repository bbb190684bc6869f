import { assemble } from '../collector/assemble.ts';
import type { Product } from '../product/product.ts';
import type { NormalRequest } from '../product/requestSchema.ts';
import type { StoredResult } from './resultStore.ts';

/** The products of what is stored of a search, each with its details and its mark where there are any. */
export function productsOf(request: NormalRequest, { pages, details, verdict }: StoredResult): Product[] {
  const { products } = assemble(
    request,
    pages.map(({ answer }) => answer),
  );
  return products.map((product) => completed(product, details, verdict));
}

/** A product of a page with its details and its mark. */
export function completed(
  product: Product,
  details: StoredResult['details'],
  verdict: StoredResult['verdict'],
): Product {
  const own = details.get(product.itemId)?.details;
  const mark = verdict?.marks.get(product.itemId);
  const formerTotal = verdict?.formerTotals.get(product.itemId);
  return {
    ...product,
    ...(mark ? { mark } : {}),
    ...(formerTotal ? { formerTotal } : {}),
    ...(own ? { details: own } : {}),
  };
}
