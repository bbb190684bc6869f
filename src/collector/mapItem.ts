import type { WireItem, WireItemSummary } from '../ebay/wire.ts';
import { listingUrl, type MarketplaceId } from '../product/marketplaces.ts';
import { add, compare, isZero, type Money } from '../product/money.ts';
import type { Auction, Delivery, ListingNow, Offer, Product, Shipping } from '../product/product.ts';
import {
  amount,
  decimal,
  distinct,
  type Fields,
  fields,
  flag,
  identifier,
  instant,
  integer,
  list,
  naturalNumber,
  originalAmount,
  percentage,
  text,
  tokens,
  webAddress,
} from './untrusted.ts';

/** Why a listing could not become a product: a closed list, for it is counted by these words. */
export type Rejection = 'not-an-object' | 'no-item-id' | 'no-title' | 'no-price' | 'bad-price';

export type MappedItem = { product: Product } | { rejected: Rejection };

/** Where and when the listing was observed. */
export interface Observation {
  marketplace: MarketplaceId;
  /** When eBay answered, ISO 8601. */
  observedAt: string;
  /** Place in eBay's order on this marketplace, from 1. */
  rank: number;
  /** Where links and pictures may lead; default: to eBay. */
  hosts?: RegExp | undefined;
}

/** Names of wire fields, checked against their declaration. */
type Wire = { [Name in keyof WireItemSummary]?: unknown };
/** Fields that search answers and item answers have alike. */
type WireOffer = { [Name in keyof (WireItemSummary | WireItem)]?: unknown };

/** An item summary of a search answer as a product, or the reason why not. Takes any JSON and never throws. */
export function mapItem(json: unknown, observation: Observation): MappedItem {
  const item: Wire | null = fields(json);
  if (item === null) return { rejected: 'not-an-object' };
  return readProduct(item, readOffer(item, list(item.pickupOptions).length > 0), observation);
}

/** The product of a listing whose offer is read already. An item answer is read by this too, see `mapItemAnswer`. */
export function readProduct(
  item: Wire,
  offer: Offer | 'no-price' | 'bad-price',
  { marketplace, observedAt, rank, hosts }: Observation,
): MappedItem {
  const itemId = identifier(item.itemId, 100);
  if (itemId === null) return { rejected: 'no-item-id' };
  const title = text(item.title, 300);
  if (title === null) return { rejected: 'no-title' };

  const [, legacyPart, variation] = itemId.split('|');
  const legacyItemId = identifier(item.legacyItemId, 50) ?? identifier(legacyPart, 50);
  const affiliateUrl = webAddress(item.itemAffiliateWebUrl, 4096, hosts);
  const url =
    webAddress(item.itemWebUrl, 4096, hosts) ??
    affiliateUrl ??
    (legacyItemId === null ? null : listingUrl(marketplace, legacyItemId));
  // An id that names no listing, without an address, leads nowhere.
  if (url === null) return { rejected: 'no-item-id' };
  if (typeof offer === 'string') return { rejected: offer };
  const topRatedPlus = flag(item.topRatedBuyingExperience);
  const categories = readCategories(item);
  const createdAt = instant(item.itemCreationDate);

  return {
    product: {
      itemId,
      legacyItemId,
      marketplace,
      listingMarketplace: identifier(item.listingMarketplaceId, 40),
      title,
      url,
      images: readImages(item, hosts),
      ...offer,
      coupons: readCoupons(item.availableCoupons),
      programs: tokens(item.qualifiedPrograms, 60),
      shortDescription: text(item.shortDescription, 1000),
      condition: text(item.condition, 100),
      conditionId: identifier(item.conditionId, 20),
      topRatedPlus,
      seller: readSeller(item.seller, topRatedPlus),
      location: readLocation(item.itemLocation),
      pickup: readPickup(item.pickupOptions),
      pickupDistance: readDistance(item.distanceFromPickupLocation),
      categoryIds: categories.map(({ id }) => id),
      categories,
      adultOnly: flag(item.adultOnly),
      energyEfficiencyClass: text(item.energyEfficiencyClass, 20),
      tyreLabelUrl: webAddress(item.tyreLabelImageUrl, 2048, hosts),
      watchCount: naturalNumber(item.watchCount),
      compatibility: readCompatibility(item),
      epid: identifier(item.epid, 50),
      group: readGroup(item, variation === undefined || variation === '0' ? null : legacyItemId),
      listedAt: instant(item.itemOriginDate) ?? createdAt,
      createdAt,
      observedAt,
      rank,
      promoted: flag(item.priorityListing),
      ...(affiliateUrl !== null && { affiliateUrl }),
    },
  };
}

/** @param pickup whether the buyer can fetch the item. */
function readOffer(item: WireOffer, pickup: boolean): Offer | 'no-price' | 'bad-price' {
  const buyingOptions = distinct(list(item.buyingOptions).map((option) => text(option, 40)));
  const price = readPrice(item, buyingOptions);
  if (typeof price === 'string') return price;
  const { shipping, delivery } = mapShipping(item.shippingOptions, pickup, price?.currency);
  const discount = fields(item.marketingPrice);
  const priceTreatment = identifier(discount?.priceTreatment, 40);
  return {
    price,
    shipping,
    total: price !== null && shipping.cost !== null ? add(price, shipping.cost) : null,
    delivery,
    converted: price === null ? null : originalAmount(item.price),
    originalPrice: amount(discount?.originalPrice),
    discountPercent: percentage(discount?.discountPercentage),
    priceTreatment,
    priceDisplay: readPriceDisplay(item.priceDisplayCondition, priceTreatment),
    unitPrice: readUnitPrice(item),
    auction: readAuction(item, buyingOptions),
    buyingOptions,
  };
}

/**
 * The price at which the item can be bought at once, or null where the listing has none: a pure auction, a classified ad.
 * A pure auction has no price in a search answer; where one stands there all the same it is the bid, as in item answers.
 * A listing of fixed price without a readable price above zero is no offer.
 */
function readPrice(item: WireOffer, buyingOptions: string[]): Money | null | 'no-price' | 'bad-price' {
  const isAuction = buyingOptions.includes('AUCTION');
  if (isAuction && !buyingOptions.includes('FIXED_PRICE')) return null;
  const price = amount(item.price);
  if (price !== null && !isZero(price)) return price;
  if (isAuction || buyingOptions.includes('CLASSIFIED_AD')) return null;
  return item.price === undefined || item.price === null ? 'no-price' : 'bad-price';
}

/**
 * Where the price of goods with a minimum advertised price may appear. A condition that nobody knows yet holds the price back
 * too: it is better shown late than where eBay forbids it.
 */
function readPriceDisplay(condition: unknown, treatment: string | null): Product['priceDisplay'] {
  const isHeldBack = condition !== undefined && condition !== null;
  if (!isHeldBack && treatment !== 'MINIMUM_ADVERTISED_PRICE') return null;
  return condition === 'ONLY_SHOW_WHEN_ADDED_IN_CART' ? 'IN_CART' : 'ON_REQUEST';
}

function readUnitPrice(item: WireOffer): Product['unitPrice'] {
  const price = amount(item.unitPrice);
  return price && { price, per: text(item.unitPricingMeasure, 40) };
}

/** Only the buying options decide: old answers carry a current bid on fixed-price listings. */
function readAuction(item: WireOffer, buyingOptions: string[]): Auction | null {
  if (!buyingOptions.includes('AUCTION')) return null;
  const converted = originalAmount(item.currentBidPrice);
  return {
    currentBid: amount(item.currentBidPrice),
    bidCount: naturalNumber(item.bidCount),
    endsAt: instant(item.itemEndDate),
    ...(converted !== null && { converted }),
  };
}

/**
 * What an item answer says of its listing in place of the search answer; null where it names no offer. Without buying
 * options a price and a bid look the same.
 *
 * @param pickup whether the buyer can fetch the item and nothing is sent.
 */
export function readListing(
  item: { [Name in keyof WireItem]?: unknown },
  pickup: boolean,
  observedAt: string,
  hosts?: RegExp,
): ListingNow | null {
  const offer = readOffer(item, pickup);
  if (typeof offer === 'string' || offer.buyingOptions.length === 0) return null;
  const topRatedPlus = flag(item.topRatedBuyingExperience);
  const images = readImages(item, hosts);
  const programs = tokens(item.qualifiedPrograms, 60);
  const location = readLocation(item.itemLocation);
  const isFetched = pickup && offer.shipping.cost === null;
  return {
    ...offer,
    ...(isFetched && { shipping: { kind: 'pickup-only', cost: null } }),
    observedAt,
    ...withoutNulls({
      title: text(item.title, 300),
      url: webAddress(item.itemWebUrl, 4096, hosts),
      images: images.length === 0 ? null : images,
      condition: text(item.condition, 100),
      conditionId: identifier(item.conditionId, 20),
      topRatedPlus,
      seller: fields(item.seller) && readSeller(item.seller, topRatedPlus),
      location: location.country === null ? null : location,
      epid: identifier(item.epid, 50),
      listingMarketplace: identifier(item.listingMarketplaceId, 40),
      coupons: readCoupons(item.availableCoupons),
      programs: programs.length === 0 ? null : programs,
      shortDescription: text(item.shortDescription, 1000),
      adultOnly: flag(item.adultOnly),
      energyEfficiencyClass: text(item.energyEfficiencyClass, 20),
      tyreLabelUrl: webAddress(item.tyreLabelImageUrl, 2048, hosts),
      watchCount: naturalNumber(item.watchCount),
      affiliateUrl: webAddress(item.itemAffiliateWebUrl, 4096, hosts),
    }),
  };
}

/** A search answer says whether there are any; an item answer lists them. */
function readCoupons(value: unknown): boolean | null {
  return Array.isArray(value) ? value.length > 0 : flag(value);
}

function withoutNulls<Values extends object>(values: Values) {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null)) as {
    [Name in keyof Values]?: Exclude<Values[Name], null>;
  };
}

/**
 * A size as the last part of a picture's address: `…/g/ID/s-l1600.jpg`, `…/thumbs/…/g/ID/s-l225.jpg`. Seen in 2,160 of
 * 2,176 real items; older ones have `…/225x225.jpg`.
 */
const SIZE = /^(?:s-l(\d{2,4})|(\d{2,4})x\d{2,4})\.\w{3,4}(?:[?#]|$)/i;

/** Which picture an address shows, whatever the size and the server, and how large. An unknown size counts as 0. */
function pictureOf(address: string): { picture: string; size: number } {
  const end = address.lastIndexOf('/');
  const [, square, width] = SIZE.exec(address.slice(end + 1)) ?? [];
  const size = Number(square ?? width ?? 0);
  if (size === 0) return { picture: address, size };
  const start = address.indexOf('/', 'https://'.length);
  const path = address.slice(start, end).replace(/^\/thumbs\//, '/');
  const host = address.slice(0, start);
  return { picture: host.includes('.ebayimg.') ? path : host + path, size };
}

/**
 * Each picture once, in its largest size. A thumbnail shows the main picture again, and in real answers it is the larger
 * one: `image` is 225 pixels wide, the thumbnail up to 1600.
 */
export function readImages(
  item: { image?: unknown; thumbnailImages?: unknown; additionalImages?: unknown },
  hosts: RegExp | undefined,
): string[] {
  const largest = new Map<string, { address: string; size: number }>();
  const see = (image: unknown, isKnown: (picture: string) => boolean) => {
    const address = webAddress(fields(image)?.imageUrl, 2048, hosts);
    if (address === null) return;
    const { picture, size } = pictureOf(address);
    if (size > (largest.get(picture)?.size ?? -1) && isKnown(picture))
      largest.set(picture, { address, size });
  };
  see(item.image, () => true);
  // One of another picture only stands in for a missing one.
  for (const image of list(item.thumbnailImages)) see(image, (it) => largest.size === 0 || largest.has(it));
  for (const image of list(item.additionalImages)) see(image, () => true);
  return [...largest.values()].map(({ address }) => address);
}

/**
 * eBay sends `"0.0"` for a seller without recent feedback: 4.5 % of 2,176 real items, half of them with a positive score.
 * Only beside a negative score can it be a share.
 */
function readSeller(json: unknown, topRated: boolean | null): Product['seller'] {
  const seller = fields(json);
  const share = percentage(seller?.feedbackPercentage);
  const score = integer(seller?.feedbackScore);
  const isKnown = share !== 0 || (score !== null && score < 0);
  const type = seller?.sellerAccountType;
  return {
    feedbackPercentage: isKnown ? share : null,
    feedbackScore: score,
    accountType: type === 'BUSINESS' || type === 'INDIVIDUAL' ? type : null,
    topRated,
  };
}

function readLocation(json: unknown): Product['location'] {
  const { country, stateOrProvince, city, postalCode } = fields(json) ?? {};
  return {
    country: typeof country === 'string' && /^[A-Z]{2}$/.test(country) ? country : null,
    stateOrProvince: text(stateOrProvince, 100),
    city: text(city, 100),
    postalCode: text(postalCode, 20),
  };
}

/** Each category once, the leaves first. A leaf's name stands in the other list. */
function readCategories(item: Wire): Product['categories'] {
  const names = new Map<string, string | null>();
  for (const leaf of list(item.leafCategoryIds)) {
    const id = identifier(leaf, 20);
    if (id !== null) names.set(id, null);
  }
  for (const category of list(item.categories)) {
    const { categoryId, categoryName } = fields(category) ?? {};
    const id = identifier(categoryId, 20);
    if (id !== null) names.set(id, text(categoryName, 200) ?? names.get(id) ?? null);
  }
  return Array.from(names, ([id, name]) => ({ id, name }));
}

function readPickup(json: unknown): string[] {
  if (json === undefined) return [];
  return distinct(list(json).map((option) => identifier(fields(option)?.pickupLocationType, 40)));
}

function readDistance(json: unknown): Product['pickupDistance'] {
  const value = decimal(fields(json)?.value);
  return value === null || value < 0 ? null : { value, unit: text(fields(json)?.unitOfMeasure, 20) };
}

function readCompatibility({ compatibilityMatch, compatibilityProperties }: Wire): Product['compatibility'] {
  if (compatibilityMatch === undefined && compatibilityProperties === undefined) return null;
  const match = identifier(compatibilityMatch, 20);
  const properties = list(compatibilityProperties)
    .slice(0, 50)
    .flatMap((property) => {
      const read = fields(property);
      const [name, value] = [text(read?.name, 100), text(read?.value, 200)];
      if (name === null || value === null) return [];
      return { name, localizedName: text(read?.localizedName, 100), value };
    });
  return match === null && properties.length === 0 ? null : { match, properties };
}

/** @param variationOf the listing's own id when the item's id names one of its variations. */
function readGroup(item: Wire, variationOf: string | null): Product['group'] {
  const type = text(item.itemGroupType, 50);
  // Its host is of no interest: the address is never followed.
  const href = webAddress(item.itemGroupHref, 2048, /^/);
  const named = href === null ? null : identifier(new URL(href).searchParams.get('item_group_id'), 50);
  const id = named ?? variationOf;
  return id === null && type === null ? null : { id, type };
}

/** A shipping option, its dates, and whether its cost can be added to a price. */
interface Option {
  shipping: Shipping;
  delivery: Delivery | null;
}

/**
 * The cheapest usable shipping option, and when it delivers. An option is usable when its cost is known:
 * - fixed with a cost: `fixed`, or `free` when that is zero;
 * - calculated with a cost above zero: `calculated`. A calculated zero is doubtful (search and item calls disagree about
 *   such listings), and one without a cost depends on a buyer whom the call did not name: both are `calculated`, no cost;
 * - of a kind that eBay did not name: `fixed` with a cost above zero; a zero says nothing.
 *
 * Options in the price's own currency come first, for only those can be added to it. Unknown is never free, and to fetch an
 * item is no way of shipping it.
 *
 * @param pickup whether the buyer can fetch the item.
 */
export function mapShipping(options: unknown, pickup: boolean, priceCurrency: string | undefined): Option {
  let fetched = pickup;
  const read: Option[] = [];
  for (const entry of list(options)) {
    const option = fields(entry);
    if (option === null) continue;
    if (isPickup(option.type)) fetched = true;
    else read.push(...readOption(option));
  }
  const usable = read.filter(({ shipping }) => shipping.cost !== null);
  const comparable = usable.filter(({ shipping }) => shipping.cost?.currency === priceCurrency);
  const [first, ...others] = comparable.length > 0 ? comparable : usable;
  if (first !== undefined) return others.reduce(cheaper, first);
  return read[0] ?? { shipping: { kind: fetched ? 'pickup-only' : 'unknown', cost: null }, delivery: null };
}

function cheaper(best: Option, other: Option): Option {
  const [a, b] = [other.shipping.cost, best.shipping.cost];
  return a !== null && b !== null && (compare(a, b) ?? 0) < 0 ? other : best;
}

/** eBay lists pick-up among the shipping options of an item, mostly for nothing. */
export function isPickup(type: unknown): boolean {
  return typeof type === 'string' && /^(local[ _-]?)?pick[ _-]?up$/i.test(type);
}

function readOption(option: Fields): Option[] {
  const shipping = readCost(option);
  if (shipping === null) return [];
  const [earliest, latest] = [
    instant(option.minEstimatedDeliveryDate),
    instant(option.maxEstimatedDeliveryDate),
  ];
  return [{ shipping, delivery: earliest === null && latest === null ? null : { earliest, latest } }];
}

export function readCost({ shippingCostType: type, shippingCost }: Fields): Shipping | null {
  const cost = amount(shippingCost);
  const original = originalAmount(shippingCost);
  const converted = original === null ? {} : { converted: original };
  if (cost !== null && !isZero(cost))
    return { kind: type === 'CALCULATED' ? 'calculated' : 'fixed', cost, ...converted };
  if (type === 'CALCULATED') return { kind: 'calculated', cost: null };
  if (type !== 'FIXED' || cost === null) return null;
  return { kind: 'free', cost, ...converted };
}
