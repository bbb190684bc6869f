import { MARKETPLACES } from '../config/formats.ts';
import { isCountry, isPostalCode, postalCodeSuch } from './countries.ts';
import { instantOf } from './instant.ts';
import { itemErrors } from './itemReference.ts';
import { costsErrors } from './landed.ts';
import { isMarketplace, MARKETPLACE_IDS, type MarketplaceId } from './marketplaces.ts';
import { isPicture } from './picture.ts';
import {
  DEFAULT_MAX_ITEMS,
  MAX_QUERY_LENGTH,
  OFFERED,
  type SearchFilters,
  type SearchRequest,
} from './requestSchema.ts';
import { echo, type InputError, noCountry, UNKNOWN_COUNTRY } from './schemaErrors.ts';

/** Tidied input, as the rules between its fields look at it. */
interface Written {
  /** The fields without an error of their own. */
  request: SearchRequest;
  filters: SearchFilters;
  /** Whether a field is there, with an error or not. */
  has(path: string): boolean;
  /** The configured one where the request names none; empty where what it names is wrong. */
  marketplaces: readonly MarketplaceId[];
  refuse(path: string, code: string, message: string): void;
}

/**
 * The rules between the fields of a request: what eBay would refuse, or ignore with a warning, is refused here, before a
 * call. Of a field with an error of its own they ask only whether it is there, so that each mistake is reported once.
 */
export function ruleErrors(
  tidied: SearchRequest,
  has: (path: string) => boolean,
  defaultMarketplace: MarketplaceId,
): InputError[] {
  const errors: InputError[] = [...pictureErrors(tidied.image), ...itemErrors(tidied.items ?? [])];
  const wrong = new Set(errors.map(({ path }) => path.split('.')[0]));
  const request = Object.fromEntries(
    Object.entries(tidied).filter(([field]) => !wrong.has(field)),
  ) as SearchRequest;
  const written: Written = {
    request,
    has,
    filters: request.filters ?? {},
    marketplaces: has('marketplaces') ? (request.marketplaces ?? []) : [defaultMarketplace],
    refuse: (path, code, message) => errors.push({ path, code, message }),
  };
  for (const rules of [kinds, keywords, items, picture, sites, places, ranges, orders, amounts, run])
    rules(written);
  const { costs } = request;
  if (costs !== undefined) {
    const currencies = written.marketplaces.filter(isMarketplace).map((id) => MARKETPLACES[id].currency);
    errors.push(...costsErrors(costs, currencies));
  }
  return errors;
}

/** What a request may look for; of those in different groups eBay takes one. */
const KINDS = [
  ['query'],
  ['gtin', 'epid'],
  ['image'],
  ['items'],
] as const satisfies (keyof SearchRequest)[][];

function kinds({ request, has, filters, refuse }: Written): void {
  const [first, ...others] = KINDS.filter((group) => group.some(has));
  const isAlone = ['categoryIds', 'filters.charityIds'].some(has);
  if (first === undefined && !isAlone) {
    const seller = filters.sellers === undefined ? '' : '; sellers need one of the two beside them';
    const others = 'or gtin, epid, image or items in their place';
    refuse('query', 'q_required', `a search needs query or categoryIds${seller}, ${others}`);
  }
  for (const field of others.flat().filter((each) => request[each] !== undefined))
    refuse(
      field,
      'kind_conflict',
      `not together with ${first?.find(has)}: a search has a query, a gtin and an epid, an image, or items`,
    );
}

function keywords({ request: { query, autoCorrect }, filters, has, refuse }: Written): void {
  // eBay's limit may count UTF-16 units, of which some characters have two.
  if (query !== undefined && query.length > MAX_QUERY_LENGTH)
    refuse('query', 'q_too_long', `must hold at most ${MAX_QUERY_LENGTH} characters; rare ones count twice`);
  // eBay's error 12516.
  if (filters.searchInDescription && (query === undefined ? !has('query') : query.length < 2))
    refuse('filters.searchInDescription', 'q_too_short', 'needs a query of at least two characters');
  if (autoCorrect && !has('query') && !has('items')) refuse('autoCorrect', 'q_required', 'needs a query');
  if (filters.aspects !== undefined && !has('categoryIds'))
    refuse('filters.aspects', 'aspect_category_required', 'needs one category id in categoryIds');
  if (filters.compatibility !== undefined && !(has('query') && has('categoryIds')))
    refuse(
      'filters.compatibility',
      'compatibility_category_required',
      'needs a query, and the id of a category of parts in categoryIds',
    );
  // eBay names what charities may stand beside: keywords and a category.
  for (const field of ['gtin', 'epid'].filter(has))
    if (filters.charityIds !== undefined)
      refuse('filters.charityIds', 'charity_conflict', `not together with ${field}`);
}

/** Of a search alone: a request for items is answered with the listings that it names. */
const OF_A_SEARCH = [
  ...['categoryIds', 'sort', 'facets', 'autoCorrect', 'title', 'seller', 'excludePickupOnly', 'maxCalls'],
] as const satisfies readonly (keyof SearchRequest)[];

function items({ request, filters, has, marketplaces, refuse }: Written): void {
  if (!has('items')) return;
  const named = [
    ...OF_A_SEARCH.filter((field) => request[field] !== undefined && request[field] !== false),
    ...Object.keys(filters).map((name) => `filters.${name}`),
  ];
  for (const field of named)
    refuse(
      field,
      'items_conflict',
      'belongs to a search; a request for items names its listings: leave it out',
    );
  const { maxItems, details } = request;
  const count = request.items?.length ?? 0;
  if (maxItems !== undefined && maxItems < count)
    refuse('maxItems', 'items_conflict', `is less than the ${count} items that are named: leave it out`);
  if (details === 'new')
    refuse('details', 'items_conflict', 'must not be new: items are asked for with their details');
  // An item that one site does not show would be missing on it: which of the two is meant cannot be known.
  if (marketplaces.length > 1)
    refuse('marketplaces', 'items_one_marketplace', 'items are asked for on one marketplace');
}

/** eBay's error 12501. */
function pictureErrors(image: string | undefined): InputError[] {
  if (image === undefined || isPicture(image)) return [];
  const message = 'is no picture: give the Base64 of a JPEG, PNG, GIF, WebP or the like';
  return [{ path: 'image', code: 'invalid_image', message }];
}

function picture({ request: { sort }, has, refuse }: Written): void {
  if (has('image') && sort !== undefined)
    refuse('sort', 'image_sort', 'eBay sorts no search by image: leave it out');
}

/** What eBay has on some of its sites only; elsewhere it refuses it or ignores it with a warning. */
function sites({ request, filters, has, marketplaces, refuse }: Written): void {
  const only = (path: string, code: string, offered: readonly MarketplaceId[]) => {
    const others = marketplaces.filter((id) => !offered.includes(id));
    if (others.length > 0)
      refuse(path, code, `eBay knows it only on ${offered.join(', ')}, not on ${others.join(', ')}`);
  };
  const { language, autoCorrect, image } = request;
  if (image !== undefined) only('image', 'image_unsupported', OFFERED.image);
  // eBay's error 12028.
  if (autoCorrect && !has('items')) only('autoCorrect', 'auto_correct_unsupported', OFFERED.autoCorrect);
  if (language !== undefined)
    only('language', 'language_unsupported', [`EBAY_${language.slice(-2)}` as MarketplaceId]);
  // eBay's error 12026.
  if (filters.charityIds !== undefined) only('filters.charityIds', 'charity_unsupported', OFFERED.charityIds);
  // eBay's error 12512.
  if (filters.qualifiedPrograms?.includes('EBAY_PLUS'))
    only('filters.qualifiedPrograms', 'program_unsupported', OFFERED.ebayPlus);
  // eBay's warning 12014.
  const accountTypes = MARKETPLACE_IDS.filter((id) => MARKETPLACES[id].accountTypes);
  if (filters.sellerAccountTypes !== undefined)
    only('filters.sellerAccountTypes', 'seller_account_types_unsupported', accountTypes);
}

function places({ request: { shipTo }, filters, has, refuse }: Written): void {
  const { deliveryCountry, deliveryPostalCode, itemLocationCountry, pickup } = filters;
  const named: [group: string, country: string | undefined, postalCode: string | undefined][] = [
    ['shipTo.', shipTo?.country, shipTo?.postalCode],
    ['filters.pickup.', pickup?.country, pickup?.postalCode],
    ['filters.delivery', deliveryCountry, deliveryPostalCode],
    ['filters.itemLocation', itemLocationCountry, undefined],
  ];
  for (const [group, country, postalCode] of named) {
    const field = (name: string) => (group.endsWith('.') ? `${group}${name}` : group + upper(name));
    if (country === undefined) continue;
    for (const error of placeErrors({ country, postalCode }, field))
      refuse(error.path, error.code, error.message);
  }
  // eBay's warning 12011.
  if (deliveryPostalCode !== undefined && !has('filters.deliveryCountry'))
    refuse('filters.deliveryPostalCode', 'delivery_country_required', 'needs filters.deliveryCountry');
  // eBay's error 12517.
  if (filters.itemLocationRegion !== undefined && has('filters.itemLocationCountry'))
    refuse(
      'filters.itemLocationRegion',
      'location_conflict',
      'not together with filters.itemLocationCountry',
    );
  // eBay's error 12033.
  const isSent = ['filters.deliveryCountry', 'filters.deliveryPostalCode'].every(has);
  if (filters.qualifiedPrograms?.includes('AUTHENTICITY_GUARANTEE') && !isSent)
    refuse(
      'filters.qualifiedPrograms',
      'delivery_place_required',
      'AUTHENTICITY_GUARANTEE needs filters.deliveryCountry and filters.deliveryPostalCode',
    );
}

/** What is wrong with a place whose fields have the form of their schema. @param path of one of its fields */
export function placeErrors(
  { country, postalCode }: { country: string; postalCode?: string | undefined },
  path: (field: 'country' | 'postalCode') => string,
): InputError[] {
  // For eBay two letters of no country are another place, or none: the delivered prices would be wrong.
  if (!isCountry(country))
    return [{ path: path('country'), code: UNKNOWN_COUNTRY, message: noCountry(country) }];
  // eBay's warning 12015.
  if (postalCode === undefined || isPostalCode(postalCode, country)) return [];
  const message = `must have the form that ${country} uses, such as ${postalCodeSuch(country)}; got ${echo(postalCode)}`;
  return [{ path: path('postalCode'), code: 'invalid_postal_code', message }];
}

function upper(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}

function ranges({ filters, refuse }: Written): void {
  const between = (
    path: string,
    code: string,
    [low, high]: [string, string],
    isPast: boolean | undefined,
  ) => {
    if (isPast === undefined) refuse(path, code, `needs ${low} or ${high} or both`);
    else if (isPast) refuse(`${path}.${low}`, code, `must not be above ${path}.${high}`);
  };
  const isPast = <Value>(low: Value | undefined, high: Value | undefined, read: (value: Value) => number) => {
    if (low === undefined && high === undefined) return undefined;
    return low !== undefined && high !== undefined && read(low) > read(high);
  };
  const { price, bidCount } = filters;
  if (price) between('filters.price', 'price_range', ['min', 'max'], isPast(price.min, price.max, Number));
  if (bidCount) {
    const { min, max } = bidCount;
    between('filters.bidCount', 'bid_count_range', ['min', 'max'], isPast(min, max, Number));
  }
  for (const name of ['itemStartDate', 'itemEndDate'] as const) {
    const { [name]: period } = filters;
    if (period === undefined) continue;
    const wrong = (['from', 'to'] as const).filter((end) => !isInstant(period[end]));
    for (const end of wrong)
      refuse(`filters.${name}.${end}`, 'invalid_date', 'is no day of the calendar, or no time of it');
    if (wrong.length === 0)
      between(`filters.${name}`, 'period_range', ['from', 'to'], isPast(period.from, period.to, Date.parse));
  }
}

/** Whether a tidied instant is one: the 30th of February stays as it was written. */
function isInstant(text: string | undefined): boolean {
  return text === undefined || instantOf(text) === text;
}

function orders({ request: { sort }, filters, has, refuse }: Written): void {
  const { buyingOptions, bidCount } = filters;
  const hasAuctions = buyingOptions?.includes('AUCTION') ?? false;
  // eBay's error 12034: nothing else has an end to sort by.
  if (sort === 'endingSoonest' && buyingOptions !== undefined && !hasAuctions)
    refuse('filters.buyingOptions', 'auction_required', 'needs AUCTION beside the order endingSoonest');
  // Without it eBay looks at what can be bought at once, of which almost nothing has bids.
  if (bidCount !== undefined && !hasAuctions)
    refuse('filters.bidCount', 'auction_required', 'needs AUCTION in filters.buyingOptions');
  // eBay's warning 12010.
  if (sort === 'distance' && !has('filters.pickup') && !has('image') && !has('items'))
    refuse('sort', 'pickup_required', 'distance needs filters.pickup');
  // eBay's error 12514. It does not say with which orders; listings are named as promoted under Best Match alone.
  if (filters.priorityListing && has('sort'))
    refuse('filters.priorityListing', 'priority_listing_sort', 'needs the order Best Match: leave sort out');
  // eBay does not document whether it would join or intersect the two.
  if (filters.conditions !== undefined && filters.conditionIds !== undefined)
    refuse('filters.conditions', 'conditions_conflict', 'give conditions or conditionIds, not both');
}

function amounts({
  request: { maxItems = DEFAULT_MAX_ITEMS, maxCalls },
  marketplaces,
  refuse,
}: Written): void {
  if (maxItems < marketplaces.length)
    refuse('maxItems', 'max_items_range', 'must allow at least one item for each marketplace');
  if (maxCalls !== undefined && maxCalls < marketplaces.length)
    refuse('maxCalls', 'max_calls_range', 'must allow at least one call for each marketplace');
}

function run({ request: { track, details }, has, refuse }: Written): void {
  if (track === 'default') refuse('track', 'invalid_track', 'the name default is reserved');
  if (details === 'new' && !has('track') && !has('items'))
    refuse('details', 'track_required', 'new needs track, which says what is new');
}
