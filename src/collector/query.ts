import { referencesOf } from '../product/itemReference.ts';
import type { MarketplaceId } from '../product/marketplaces.ts';
import type { NormalFilters, NormalRequest } from '../product/requestSchema.ts';
import { fewestCalls, mostCalls, type PageAddress } from './paging.ts';

/** What a search sends, as plain text: the parameters are not yet URL-encoded. */
export interface SearchCall {
  params: Record<string, string>;
  headers: Record<string, string>;
  /** What a search by image sends as its body, `{"image": …}`; all other calls have none. */
  image?: string;
}

/** @param campaignId of the eBay Partner Network; empty: none */
export function searchCall(request: NormalRequest, page: PageAddress, campaignId = ''): SearchCall {
  const { query, categoryIds, gtin, epid, image, sort, filters } = request;
  const filter = filterParameter(filters);
  const aspects = aspectParameter(filters.aspects, categoryIds?.[0]);
  const vehicle = Object.entries(filters.compatibility ?? {}).map(([name, value]) => `${name}:${value}`);
  return {
    params: {
      ...(query === undefined ? {} : { q: query }),
      ...(gtin === undefined ? {} : { gtin }),
      ...(epid === undefined ? {} : { epid }),
      ...(categoryIds === undefined ? {} : { category_ids: categoryIds.join(',') }),
      ...(filters.charityIds === undefined ? {} : { charity_ids: filters.charityIds.join(',') }),
      ...(vehicle.length === 0 ? {} : { compatibility_filter: vehicle.join(';') }),
      // The only value that eBay knows.
      ...(request.autoCorrect ? { auto_correct: 'KEYWORD' } : {}),
      ...(filter === '' ? {} : { filter }),
      ...(aspects === undefined ? {} : { aspect_filter: aspects }),
      ...(sort === undefined ? {} : { sort }),
      fieldgroups: request.facets && page.offset === 0 ? `${ITEMS},${REFINEMENTS}` : ITEMS,
      limit: String(page.limit),
      offset: String(page.offset),
    },
    headers: headersOf(request, page.marketplace, campaignId),
    ...(image === undefined ? {} : { image }),
  };
}

/** Adds the city to the location. */
const ITEMS = 'EXTENDED';
/** A refinement alone is answered without items. */
const REFINEMENTS =
  'MATCHING_ITEMS,ASPECT_REFINEMENTS,BUYING_OPTION_REFINEMENTS,CATEGORY_REFINEMENTS,CONDITION_REFINEMENTS';

/** Of every call for this request. They change what eBay answers. */
export function headersOf(
  request: NormalRequest,
  marketplace: MarketplaceId,
  campaignId = '',
): Record<string, string> {
  const context = contextOf(request, campaignId);
  const { language } = request;
  return {
    'X-EBAY-C-MARKETPLACE-ID': marketplace,
    ...(language !== undefined && { 'Accept-Language': language }),
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
  const { price, pickup, itemStartDate, itemEndDate, bidCount } = filters;
  const parts: Record<string, string | undefined> = {
    price: price && range(price.min, price.max),
    priceCurrency: price?.currency,
    conditions: set(filters.conditions),
    conditionIds: set(filters.conditionIds),
    buyingOptions: set(filters.buyingOptions),
    deliveryCountry: filters.deliveryCountry,
    deliveryPostalCode: filters.deliveryPostalCode,
    deliveryOptions: set(filters.deliveryOptions),
    pickupCountry: pickup?.country,
    pickupPostalCode: pickup?.postalCode,
    pickupRadius: pickup && String(pickup.radius),
    pickupRadiusUnit: pickup?.unit,
    itemLocationCountry: filters.itemLocationCountry,
    itemLocationRegion: filters.itemLocationRegion,
    itemStartDate: itemStartDate && range(itemStartDate.from, itemStartDate.to),
    itemEndDate: itemEndDate && range(itemEndDate.from, itemEndDate.to),
    bidCount: bidCount && range(bidCount.min, bidCount.max),
    excludeCategoryIds: set(filters.excludeCategoryIds),
    paymentMethods: set(filters.paymentMethods),
    qualifiedPrograms: set(filters.qualifiedPrograms),
    charityOnly: filters.charityOnly ? 'true' : undefined,
    priorityListing: filters.priorityListing ? 'true' : undefined,
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

/** `[low..high]`, `[low]` (at least) or `[..high]`. */
function range(low: string | number | undefined, high: string | number | undefined): string {
  return high === undefined ? `[${low}]` : `[${low ?? ''}..${high}]`;
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
  /** Item calls, for `details: full` or for the items of the request, when all that is wanted is delivered. */
  details: number;
  total: number;
  /** All calls at most: more than `total` where items are repeated, hidden by eBay or do not fit. */
  atMost: number;
}

/** What a request costs, in Browse calls, without retries. */
export function estimateCalls(request: NormalRequest): CallEstimate {
  if (request.items !== undefined) {
    const references = referencesOf(request);
    const unsure = references.filter((reference) => reference.startsWith('listing:'));
    // Only eBay's refusal of the first call says that a listing has variations.
    const more = request.variations === 'all' ? unsure.length : 0;
    const total = references.length;
    return { pages: 0, details: total, total, atMost: total + more };
  }
  const pages = fewestCalls(request);
  const details = request.details === 'full' ? request.maxItems : 0;
  // How many of the listings have variations, or are new to the track, is not known before.
  const isUnsure = request.variations === 'all' || request.details === 'new';
  const most = isUnsure ? request.maxItems : details;
  return { pages, details, total: pages + details, atMost: mostCalls(request) + most };
}
