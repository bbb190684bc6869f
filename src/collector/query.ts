import type { MarketplaceId } from '../product/marketplaces.ts';
import type { NormalFilters, NormalRequest } from '../product/requestSchema.ts';
import { fewestCalls, mostCalls, type PageAddress } from './paging.ts';

/** A GET below the Browse API's base path; parameters and headers are plain text, the parameters not yet URL-encoded. */
export interface BrowseRequest {
  path: string;
  params: Record<string, string>;
  headers: Record<string, string>;
}

/** @param campaignId of the eBay Partner Network; empty: none */
export function searchCall(request: NormalRequest, page: PageAddress, campaignId = ''): BrowseRequest {
  const { query, categoryIds, sort, filters } = request;
  const filter = filterParameter(filters);
  const aspects = aspectParameter(filters.aspects, categoryIds?.[0]);
  return {
    path: '/item_summary/search',
    params: {
      ...(query === undefined ? {} : { q: query }),
      ...(categoryIds === undefined ? {} : { category_ids: categoryIds.join(',') }),
      ...(filter === '' ? {} : { filter }),
      ...(aspects === undefined ? {} : { aspect_filter: aspects }),
      ...(sort === undefined ? {} : { sort }),
      fieldgroups: request.facets && page.offset === 0 ? `${ITEMS},${REFINEMENTS}` : ITEMS,
      limit: String(page.limit),
      offset: String(page.offset),
    },
    headers: headers(request, page.marketplace, campaignId),
  };
}

/** Adds the city to the location. */
const ITEMS = 'EXTENDED';
/** A refinement alone is answered without items. */
const REFINEMENTS =
  'MATCHING_ITEMS,ASPECT_REFINEMENTS,BUYING_OPTION_REFINEMENTS,CATEGORY_REFINEMENTS,CONDITION_REFINEMENTS';

/** One item, for `details: full`. The pipes in its id are percent-encoded. */
export function itemCall(
  request: NormalRequest,
  marketplace: MarketplaceId,
  itemId: string,
  campaignId = '',
): BrowseRequest {
  const path = `/item/${encodeURIComponent(itemId)}`;
  return { path, params: {}, headers: headers(request, marketplace, campaignId) };
}

function headers(
  request: NormalRequest,
  marketplace: MarketplaceId,
  campaignId: string,
): Record<string, string> {
  const context = contextOf(request, campaignId);
  return {
    'X-EBAY-C-MARKETPLACE-ID': marketplace,
    ...(context !== '' && { 'X-EBAY-C-ENDUSERCTX': context }),
  };
}

/**
 * `X-EBAY-C-ENDUSERCTX`: where the buyer is, and which affiliate sent them. Answers to different ones differ. Only the
 * location is URL-encoded; no sign of the other two needs it.
 */
export function contextOf({ shipTo, reference }: NormalRequest, campaignId: string): string {
  const parts: string[] = [];
  if (shipTo !== undefined) {
    const zip = shipTo.postalCode === undefined ? '' : `,zip=${shipTo.postalCode}`;
    parts.push(`contextualLocation=${encodeURIComponent(`country=${shipTo.country}${zip}`)}`);
  }
  if (campaignId !== '') parts.push(`affiliateCampaignId=${campaignId}`);
  if (campaignId !== '' && reference !== undefined) parts.push(`affiliateReferenceId=${reference}`);
  return parts.join(',');
}

/**
 * `name:value,name:{a|b},name:[lo..hi]`. The request's schema lets no character of this grammar into a value, since
 * eBay documents no escape here.
 */
function filterParameter(filters: NormalFilters): string {
  const set = (values: readonly string[] | undefined) => values && `{${values.join('|')}}`;
  const { price } = filters;
  const parts: Record<string, string | undefined> = {
    price: price && priceRange(price.min, price.max),
    priceCurrency: price?.currency,
    conditions: set(filters.conditions),
    conditionIds: set(filters.conditionIds),
    buyingOptions: set(filters.buyingOptions),
    deliveryCountry: filters.deliveryCountry,
    deliveryPostalCode: filters.deliveryPostalCode,
    itemLocationCountry: filters.itemLocationCountry,
    // The only value eBay takes here is 0.
    maxDeliveryCost: filters.freeShipping ? '0' : undefined,
    returnsAccepted: filters.returnsAccepted ? 'true' : undefined,
    sellers: set(filters.sellers),
    excludeSellers: set(filters.excludeSellers),
    sellerAccountTypes: set(filters.sellerAccountTypes),
    searchInDescription: filters.searchInDescription ? 'true' : undefined,
  };
  return Object.entries(parts)
    .flatMap(([name, value]) => (value === undefined ? [] : `${name}:${value}`))
    .join(',');
}

function priceRange(min: string | undefined, max: string | undefined): string {
  return max === undefined ? `[${min ?? 0}]` : `[${min ?? ''}..${max}]`;
}

/** The category stands here a second time, as eBay demands (12017); a pipe inside a value is written `\|`. */
function aspectParameter(
  aspects: NormalFilters['aspects'],
  categoryId: string | undefined,
): string | undefined {
  if (aspects === undefined || categoryId === undefined) return undefined;
  const pairs = Object.entries(aspects).map(
    ([name, values]) => `${name}:{${values.map((value) => value.replaceAll('|', '\\|')).join('|')}}`,
  );
  return [`categoryId:${categoryId}`, ...pairs].join(',');
}

export interface CallEstimate {
  /** Search calls, where the listings hold enough, repeat nothing and everything fits; fewer when a listing ends early. */
  pages: number;
  /** Item calls, for `details: full`, when all that is wanted is delivered. */
  details: number;
  total: number;
  /** All calls at most: more than `total` where items are repeated, hidden by eBay or do not fit. */
  atMost: number;
}

/** What a request costs, in Browse calls, without retries. */
export function estimateCalls(request: NormalRequest): CallEstimate {
  const pages = fewestCalls(request);
  const details = request.details === 'full' ? request.maxItems : 0;
  return { pages, details, total: pages + details, atMost: mostCalls(request) + details };
}
