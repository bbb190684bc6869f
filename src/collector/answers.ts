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
  /** All of it was known to the search's track, newest first: nothing after it is asked for. */
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

/** What an item's own call gave: the unit that the queue stores for `details: full`. */
export interface ItemAnswer {
  details: ProductDetails;
  /** What the answer says of the listing in place of the page; absent where it names no offer, or release 0.1 stored it. */
  listing?: ListingNow;
  /** HTTP attempts that this answer took. */
  calls: number;
  /** As of `PageAnswer`; 0 of an item that is gone. */
  latencyMs: number;
}
