import type { MarketplaceId } from '../product/marketplaces.ts';
import { MAX_ITEMS, type NormalRequest } from '../product/requestSchema.ts';
import type { PageAddress } from './query.ts';

/** eBay's largest page (12006). */
const MAX_PAGE_SIZE = 200;

/** How many items of one marketplace are wanted: an equal part of `maxItems`, the first ones take the remainder. */
export function shareOf(request: NormalRequest, marketplace: MarketplaceId): number {
  const place = request.marketplaces.indexOf(marketplace);
  if (place < 0) return 0;
  const parts = request.marketplaces.length;
  return Math.floor(request.maxItems / parts) + (place < request.maxItems % parts ? 1 : 0);
}

/**
 * Items asked for with each call, the same for all pages of a search. A call costs the same whatever its size, so where
 * conditions applied here may drop some, it asks for as many as it can.
 */
export function pageSize(request: NormalRequest, marketplace: MarketplaceId): number {
  const dropsSome = request.title !== undefined || request.seller !== undefined;
  return dropsSome ? MAX_PAGE_SIZE : Math.min(MAX_PAGE_SIZE, shareOf(request, marketplace));
}

/** The pages that one marketplace's chain has at most, first to last; none begins at or beyond item 10,000 (12029). */
export function pagePlan(request: NormalRequest, marketplace: MarketplaceId): PageAddress[] {
  const limit = pageSize(request, marketplace);
  const pages = limit === 0 ? 0 : Math.ceil(Math.min(shareOf(request, marketplace), MAX_ITEMS) / limit);
  return Array.from({ length: pages }, (_, index) => ({ marketplace, offset: index * limit, limit }));
}

export interface CallEstimate {
  /** Search calls at most: fewer when a listing ends early. */
  pages: number;
  /** Item calls at most, for `details: full`. */
  details: number;
  total: number;
}

/** What a request costs at most, in Browse calls, without retries. */
export function estimateCalls(request: NormalRequest): CallEstimate {
  const pages = request.marketplaces.reduce((sum, id) => sum + pagePlan(request, id).length, 0);
  const details = request.details === 'full' ? request.maxItems : 0;
  return { pages, details, total: pages + details };
}
