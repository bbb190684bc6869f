import type { MarketplaceId } from '../product/marketplaces.ts';
import type { NormalRequest } from '../product/requestSchema.ts';
import { conditionsOf } from './conditions.ts';
import type { PageAnswer } from './pageAnswer.ts';

/** What going on and counting need to know of a product. */
export interface ProductHead {
  itemId: string;
  marketplace: MarketplaceId;
  /** Whether it meets the request's own conditions on title and seller. */
  fits: boolean;
}

/** A page without its products' content, a twentieth of its size: all that a search needs to go on and to sum up. */
export type PageHead = Omit<PageAnswer, 'products'> & { products: ProductHead[] };

export function headOf(request: NormalRequest, page: PageAnswer): PageHead {
  const fits = conditionsOf(request);
  const products = page.products.map((product) => ({
    itemId: product.itemId,
    marketplace: product.marketplace,
    fits: fits(product),
  }));
  return { ...page, products };
}
