import type {
  WireAvailability,
  WireItem,
  WireItemGroup,
  WireItemGroupAnswer,
  WireShipToLocations,
} from '../ebay/wire.ts';
import type { ListingNow, Offer, Product, ProductDetails } from '../product/product.ts';
import {
  readCatalogue,
  readConditionDescriptors,
  readFacts,
  readHazards,
  readRating,
  readSafety,
} from './itemFacts.ts';
import { type MappedItem, type Observation, readImages, readListing, readProduct } from './mapItem.ts';
import { mapWarnings } from './mapPage.ts';
import {
  entries,
  readAddons,
  readBidding,
  readCoupons,
  readPaymentMethods,
  readRegions,
  readReturns,
  readServices,
  readShippingTo,
  readTaxes,
} from './saleTerms.ts';
import {
  amount,
  decimal,
  distinct,
  type Fields,
  fields,
  flag,
  identifier,
  instant,
  list,
  naturalNumber,
  text,
  webAddress,
} from './untrusted.ts';

/** The details of an item that eBay no longer has (11001, 11004). */
export function goneDetails(now: Date): ProductDetails {
  return { ...unknownDetails(now.toISOString()), availability: 'gone' };
}

/** Details of which nothing is known. */
export function unknownDetails(observedAt: string): ProductDetails {
  return readDetails({}, observedAt, null);
}

/** Names of wire fields, checked against their declaration. */
type ItemFields = { [Name in keyof WireItem]?: unknown };

export interface MappedDetails {
  /** The item that the answer is about. */
  itemId: string;
  details: ProductDetails;
  /** Null where the answer names no offer: then what the search answer says stands. */
  listing: ListingNow | null;
}

/**
 * What an item answer says, or null when the body is no item. Takes any JSON and never throws.
 *
 * @param now when eBay answered: an item whose end date has passed is not for sale, whatever its stock says.
 * @param hosts where links and pictures may lead; default: to eBay.
 */
export function mapDetails(json: unknown, now: Date, hosts?: RegExp): MappedDetails | null {
  const item: ItemFields | null = fields(json);
  const itemId = identifier(item?.itemId, 100);
  if (item === null || itemId === null) return null;
  const observedAt = now.toISOString();
  const listing = readListing(item, isPickupOnly(stocksOf(item)), observedAt, hosts);
  return { itemId, details: readDetails(item, observedAt, listing, hosts), listing };
}

/** The seller's own description is left out: HTML of up to hundreds of kilobytes, with scripts, pictures and contact data. */
function readDetails(
  item: ItemFields,
  observedAt: string,
  listing: ListingNow | null,
  hosts?: RegExp,
): ProductDetails {
  const stocks = stocksOf(item);
  const nothingIsSent = listing === null ? isPickupOnly(stocks) : listing.shipping.kind === 'pickup-only';
  const locations: { [Name in keyof WireShipToLocations]?: unknown } = fields(item.shipToLocations) ?? {};
  const group: { [Name in keyof WireItemGroup]?: unknown } = fields(item.primaryItemGroup) ?? {};
  const groupImages = { image: group.itemGroupImage, additionalImages: group.itemGroupAdditionalImages };
  return {
    observedAt,
    subtitle: text(item.subtitle, 200),
    ...readFacts(item),
    conditionDescription: text(item.conditionDescription, 1000),
    conditionDescriptors: readConditionDescriptors(item.conditionDescriptors),
    availability: readAvailability(item.itemEndDate, stocks, observedAt, nothingIsSent),
    endsAt: instant(item.itemEndDate),
    ...readQuantity(stocks),
    quantityLimitPerBuyer: naturalNumber(item.quantityLimitPerBuyer) || null,
    lotSize: naturalNumber(item.lotSize) || null,
    deliveryOptions: distinct(waysOf(stocks).map((way) => text(way, 60))),
    shippingServices: readServices(item.shippingOptions, listing?.price?.currency),
    shippingTo: readShippingTo(item.shippingOptions),
    shipsTo: readRegions(locations.regionIncluded),
    shipsNotTo: readRegions(locations.regionExcluded),
    taxes: readTaxes(item.taxes),
    returns: readReturns(item.returnTerms),
    paymentMethods: readPaymentMethods(item.paymentMethods),
    immediatePay: flag(item.immediatePay),
    guestCheckout: flag(item.enabledForGuestCheckout),
    inlineCheckout: flag(item.eligibleForInlineCheckout),
    coupons: readCoupons(item.availableCoupons, hosts),
    addons: readAddons(item.addonServices),
    ecoFee: amount(item.ecoParticipationFee),
    bidding: readBidding(item),
    rating: readRating(item.primaryProductReviewRating),
    productSheetUrl: webAddress(item.productFicheWebUrl, 2048, hosts),
    repairScore: readRepairScore(item.repairScore),
    hazards: readHazards(item.hazardousMaterialsLabels),
    safety: readSafety(item.productSafetyLabels),
    catalogue: readCatalogue(item.product, hosts),
    groupTitle: text(group.itemGroupTitle, 300),
    groupImages: readImages(groupImages, hosts),
    revision: text(item.sellerItemRevision, 60),
    warnings: mapWarnings(item.warnings),
  };
}

function readRepairScore(value: unknown): number | null {
  const score = decimal(value);
  return score !== null && score >= 0.1 && score <= 10 ? score : null;
}

/** An item answer that nobody listed before: the whole product. */
export interface MappedAnswer {
  /** The item that the answer is about. */
  itemId: string;
  product: Product & { details: ProductDetails };
}

/**
 * An item answer as a product with details, or null for what is no item or has no title. Takes any JSON and never throws.
 *
 * An item that names no offer (no buying options, or a fixed price without a readable amount) is a product all the same: its
 * price and total are null, its shipping is unknown. A listing that has ended keeps its title and its last price; that it
 * cannot be bought is said by `details.availability`.
 */
export function mapItemAnswer(json: unknown, observation: Observation): MappedAnswer | null {
  const mapped = readAnswer(json, observation);
  return 'product' in mapped ? { itemId: mapped.product.itemId, product: mapped.product } : null;
}

export interface MappedGroup {
  /** Every variation that could be read, in eBay's order, as `mapItemAnswer` gives it. Their ranks count on from the group's. */
  products: Array<MappedAnswer['product']>;
  /** Variations in the answer, readable or not. */
  received: number;
  /** Variations that could not be read: reason → n. */
  rejected: Record<string, number>;
}

/**
 * The answer of get_items_by_item_group, or null where it holds no list of items. Takes any JSON and never throws.
 * The descriptions that it holds once for several variations are not read, as those of single items are not.
 *
 * @param observation of the group; its rank is that of the first variation.
 */
export function mapGroup(json: unknown, observation: Observation): MappedGroup | null {
  const { items }: { [Name in keyof WireItemGroupAnswer]?: unknown } = fields(json) ?? {};
  if (!Array.isArray(items)) return null;
  const group: MappedGroup = { products: [], received: items.length, rejected: {} };
  for (const [index, item] of items.entries()) {
    const mapped = readAnswer(item, { ...observation, rank: observation.rank + index });
    if ('product' in mapped) group.products.push(mapped.product);
    else group.rejected[mapped.rejected] = (group.rejected[mapped.rejected] ?? 0) + 1;
  }
  return group;
}

function readAnswer(
  json: unknown,
  observation: Observation,
): { product: MappedAnswer['product'] } | Exclude<MappedItem, { product: Product }> {
  const item: ItemFields | null = fields(json);
  if (item === null) return { rejected: 'not-an-object' };
  const mapped = mapDetails(item, new Date(observation.observedAt), observation.hosts);
  if (mapped === null) return { rejected: 'no-item-id' };
  const { details, listing } = mapped;
  const found = readProduct(inTermsOfSearch(item), listing ?? noOffer(item, details), observation);
  return 'product' in found ? { product: { ...found.product, details } } : found;
}

/** What an item answer says under other names than a search answer does, under those of the latter. */
function inTermsOfSearch(item: ItemFields) {
  const { itemGroupHref, itemGroupId, itemGroupType }: { [Name in keyof WireItemGroup]?: unknown } =
    fields(item.primaryItemGroup) ?? {};
  const id = identifier(itemGroupId, 50);
  return {
    ...item,
    leafCategoryIds: [item.categoryId],
    categories: categoriesOf(item),
    itemGroupHref: id === null ? itemGroupHref : `${GROUP_ADDRESS}${encodeURIComponent(id)}`,
    itemGroupType,
  };
}

/** The leaf first. Names belong to the ids only where there are as many: a name may hold a pipe. */
function categoriesOf({ categoryIdPath, categoryPath }: ItemFields) {
  const parts = (path: unknown) => (typeof path === 'string' ? path.slice(0, 2000).split('|') : []);
  const [ids, names] = [parts(categoryIdPath), parts(categoryPath)];
  return ids
    .map((categoryId, at) => ({
      categoryId,
      ...(names.length === ids.length && { categoryName: names[at] }),
    }))
    .toReversed();
}

/** The form of `itemGroupHref`, of which only the id is read. */
const GROUP_ADDRESS = 'https://api.ebay.com/buy/browse/v1/item/get_items_by_item_group?item_group_id=';

function noOffer(item: ItemFields, { availability }: ProductDetails): Offer {
  const kind = availability === 'pickup-only' ? 'pickup-only' : 'unknown';
  return {
    price: null,
    shipping: { kind, cost: null },
    total: null,
    delivery: null,
    converted: null,
    originalPrice: null,
    discountPercent: null,
    priceTreatment: null,
    priceDisplay: null,
    unitPrice: null,
    auction: null,
    buyingOptions: distinct(list(item.buyingOptions).map((option) => text(option, 40))),
  };
}

/** Ways of delivery by which nothing is sent. A drop-off point (`PICKUP_DROP_OFF`) is sent to. */
const FETCHED = ['SELLER_ARRANGED_LOCAL_PICKUP', 'IN_STORE_PICKUP'];

function stocksOf({ estimatedAvailabilities }: ItemFields): Fields[] {
  return entries<WireAvailability>(estimatedAvailabilities, 50);
}

function waysOf(stocks: readonly Fields[]): unknown[] {
  return stocks.flatMap(({ deliveryOptions }) => list(deliveryOptions));
}

function isPickupOnly(stocks: readonly Fields[]): boolean {
  const ways = waysOf(stocks);
  return ways.length > 0 && ways.every((way) => typeof way === 'string' && FETCHED.includes(way));
}

function readAvailability(
  endDate: unknown,
  stocks: readonly Fields[],
  observedAt: string,
  pickupOnly: boolean,
): ProductDetails['availability'] {
  const end = instant(endDate);
  if (end !== null && Date.parse(end) <= Date.parse(observedAt)) return 'ended';
  const said = new Set(stocks.map(({ estimatedAvailabilityStatus }) => estimatedAvailabilityStatus));
  const isThere = said.has('IN_STOCK') ? 'in-stock' : said.has('LIMITED_STOCK') ? 'limited' : null;
  if (isThere !== null) return pickupOnly ? 'pickup-only' : isThere;
  return said.has('OUT_OF_STOCK') ? 'out-of-stock' : 'unknown';
}

type Quantity = Pick<
  ProductDetails,
  'availableQuantity' | 'availableQuantityMoreThan' | 'estimatedSoldQuantity'
>;

/** eBay names a number, or for a well-stocked listing only that there are more than so many. */
function readQuantity([stock = {}]: readonly Fields[]): Quantity {
  const availableQuantity =
    naturalNumber(stock.estimatedAvailableQuantity) ?? naturalNumber(stock.estimatedRemainingQuantity);
  const isThreshold = availableQuantity === null && stock.availabilityThresholdType === 'MORE_THAN';
  return {
    availableQuantity,
    availableQuantityMoreThan: isThreshold ? naturalNumber(stock.availabilityThreshold) : null,
    estimatedSoldQuantity: naturalNumber(stock.estimatedSoldQuantity),
  };
}
