import type { MarketplaceId } from '../product/marketplaces.ts';
import type { ListingNow, Product, ProductDetails } from '../product/product.ts';
import type { SearchWarning } from '../product/summary.ts';
import type { PageFacets } from './mapFacets.ts';

/** What one page of one marketplace gave: the unit that the queue stores and a summary is made of. */
export interface PageAnswer {
  marketplace: MarketplaceId;
  offset: number;
  limit: number;
  /** When eBay answered, ISO 8601 UTC. */
  observedAt: string;
  /** What eBay claims to have in all: an indicator that changes from page to page. */
  total: number | null;
  /** Whether the listing goes on after this page. */
  hasNext: boolean;
  /** Where the next page begins, where that is not right behind this one. */
  nextOffset?: number;
  /** Its end was known to the search's track, newest first: nothing after it is asked for. */
  endsAtKnown?: true;
  /** Items in the answer, readable or not. */
  received: number;
  products: Product[];
  /** Items that could not be read: reason → n. */
  rejected: Record<string, number>;
  warnings: SearchWarning[];
  /** What narrows the search, on the first page of a search that asks for it. */
  facets?: PageFacets;
  /** What eBay searched for in place of the query. */
  correctedQuery?: string;
  /** HTTP attempts that this answer took, quick retries and the replay after a 401 included. */
  calls: number;
  /** From the granted slot to the parsed answer, ms: how far ahead pages must be planned to use every slot. */
  latencyMs: number;
}

/** What the call for an item, or for all variations of a listing, gave: the unit that the queue stores. */
export interface ItemAnswer {
  /** Of several variations, those of the first. */
  details: ProductDetails;
  /** What the answer says of the listing in place of the page; absent where it names no offer, or release 0.1 stored it. */
  listing?: ListingNow;
  /**
   * What the answer describes as products of their own, each with its details, where it is not asked for to add to a product
   * of a page (`givesProducts`). None of a listing that is gone.
   */
  products?: Product[];
  /** Variations that could not be read: reason → n; absent where all could. */
  rejected?: Record<string, number>;
  /** No item, since the listing has variations: they are asked for next. */
  hasVariations?: true;
  /** HTTP attempts that this answer took. */
  calls: number;
  /** As of `PageAnswer`; 0 of an item that is gone. */
  latencyMs: number;
}
