import { isObject } from '../ebay/answer.ts';
import type { WireItem, WireItemSummary } from '../ebay/wire.ts';
import type { MarketplaceId } from '../product/marketplaces.ts';
import { add, compare, isZero, type Money, money } from '../product/money.ts';
import type { Auction, Product, ProductDetails, Shipping } from '../product/product.ts';

/** Why a listing could not become a product: a closed list, for it is counted by these words. */
export type Rejection = 'not-an-object' | 'no-item-id' | 'no-title' | 'no-price' | 'bad-price' | 'bad-url';

export type MappedItem = { product: Product } | { rejected: Rejection };

/** Where and when the listing was observed. */
export interface Observation {
  marketplace: MarketplaceId;
  /** When eBay answered, ISO 8601. */
  observedAt: string;
  /** Place in eBay's order on this marketplace, from 1. */
  rank: number;
}

/** Names of wire fields, checked against their declaration. */
type Wire = { [Name in keyof WireItemSummary]?: unknown };

/** An item summary of a search answer as a product, or the reason why not. Takes any JSON and never throws. */
export function mapItem(json: unknown, observation: Observation): MappedItem {
  const item: Wire | null = fields(json);
  if (item === null) return { rejected: 'not-an-object' };
  const itemId = identifier(item.itemId, 100);
  if (itemId === null) return { rejected: 'no-item-id' };
  const title = text(item.title, 300);
  if (title === null) return { rejected: 'no-title' };
  const url = webAddress(item.itemWebUrl, 4096) ?? webAddress(item.itemAffiliateWebUrl, 4096);
  if (url === null) return { rejected: 'bad-url' };

  const buyingOptions = distinct(list(item.buyingOptions).map((option) => text(option, 40)));
  const price = readPrice(item, buyingOptions);
  if (typeof price === 'string') return { rejected: price };
  const shipping = mapShipping(item.shippingOptions, price?.currency);
  const [, legacyPart, variation] = itemId.split('|');
  const legacyItemId = identifier(item.legacyItemId, 50) ?? identifier(legacyPart, 50);

  return {
    product: {
      itemId,
      legacyItemId,
      marketplace: observation.marketplace,
      title,
      url,
      images: readImages(item),
      price,
      shipping,
      total: price !== null && shipping.cost !== null ? add(price, shipping.cost) : null,
      converted: price === null ? null : originalAmount(item.price),
      auction: readAuction(item, buyingOptions),
      condition: text(item.condition, 100),
      conditionId: identifier(item.conditionId, 20),
      buyingOptions,
      seller: readSeller(item),
      location: readLocation(fields(item.itemLocation) ?? {}),
      categoryIds: readCategories(item),
      epid: identifier(item.epid, 50),
      group: readGroup(item, variation === undefined || variation === '0' ? null : legacyItemId),
      listedAt: instant(item.itemOriginDate) ?? instant(item.itemCreationDate),
      observedAt: observation.observedAt,
      rank: observation.rank,
    },
  };
}

/**
 * A pure auction has no price in a search answer; where one stands there all the same it is the bid, as in item answers.
 * Anything else without a price, or for nothing, is no offer.
 */
function readPrice(item: Wire, buyingOptions: string[]): Money | null | 'no-price' | 'bad-price' {
  const isAuction = buyingOptions.includes('AUCTION');
  if (isAuction && !buyingOptions.includes('FIXED_PRICE')) return null;
  if (item.price === undefined || item.price === null) return isAuction ? null : 'no-price';
  const price = amount(item.price);
  return price === null || isZero(price) ? 'bad-price' : price;
}

/** Only the buying options decide: old answers carry a current bid on fixed-price listings. */
function readAuction(item: Wire, buyingOptions: string[]): Auction | null {
  if (!buyingOptions.includes('AUCTION')) return null;
  return {
    currentBid: amount(item.currentBidPrice),
    bidCount: naturalNumber(item.bidCount),
    endsAt: instant(item.itemEndDate),
  };
}

/** Thumbnails show the main image again in another size, so they only stand in for it. */
function readImages(item: Wire): string[] {
  const address = (image: unknown) => webAddress(fields(image)?.imageUrl, 2048);
  const main = address(item.image) ?? distinct(list(item.thumbnailImages).map(address))[0] ?? null;
  return distinct([main, ...list(item.additionalImages).map(address)]);
}

function readSeller(item: Wire): Product['seller'] {
  const seller: Fields = fields(item.seller) ?? {};
  const percentage = decimal(seller.feedbackPercentage);
  return {
    feedbackPercentage: percentage !== null && percentage >= 0 && percentage <= 100 ? percentage : null,
    feedbackScore: integer(seller.feedbackScore),
    topRated: flag(item.topRatedBuyingExperience),
  };
}

function readLocation({ country, city, postalCode }: Fields): Product['location'] {
  return {
    country: typeof country === 'string' && /^[A-Z]{2}$/.test(country) ? country : null,
    city: text(city, 100),
    postalCode: text(postalCode, 20),
  };
}

function readCategories(item: Wire): string[] {
  const ids = [
    ...list(item.leafCategoryIds),
    ...list(item.categories).map((category) => fields(category)?.categoryId),
  ];
  return distinct(ids.map((id) => identifier(id, 20)));
}

/** @param variationOf the listing's own id when the item's id names one of its variations. */
function readGroup(item: Wire, variationOf: string | null): Product['group'] {
  const type = text(item.itemGroupType, 50);
  const href = webAddress(item.itemGroupHref, 2048);
  const named = href === null ? null : identifier(new URL(href).searchParams.get('item_group_id'), 50);
  const id = named ?? variationOf;
  return id === null && type === null ? null : { id, type };
}

/**
 * The cheapest usable shipping option. An option is usable when its cost is known:
 * - fixed with a cost: `fixed`, or `free` when that is zero;
 * - calculated with a cost above zero: `calculated`. A calculated zero is doubtful (search and item calls disagree about
 *   such listings), and one without a cost depends on a buyer whom the call did not name: both are `calculated`, no cost;
 * - of a kind that eBay did not name: `fixed` with a cost above zero; a zero says nothing.
 *
 * Options in the price's own currency come first, for only those can be added to it. Unknown is never free.
 */
export function mapShipping(options: unknown, priceCurrency: string | undefined): Shipping {
  const read = list(options).flatMap((option) => readOption(option) ?? []);
  const priced = read.filter((option): option is Shipping & { cost: Money } => option.cost !== null);
  const comparable = priced.filter(({ cost }) => cost.currency === priceCurrency);
  const [first, ...others] = comparable.length > 0 ? comparable : priced;
  if (first !== undefined) {
    return others.reduce((best, other) => ((compare(other.cost, best.cost) ?? 0) < 0 ? other : best), first);
  }
  return read[0] ?? { kind: 'unknown', cost: null };
}

function readOption(option: unknown): Shipping | null {
  const { shippingCostType: type, shippingCost } = fields(option) ?? {};
  const cost = amount(shippingCost);
  const priced = cost !== null && !isZero(cost);
  const original = originalAmount(shippingCost);
  const converted = priced && original !== null ? { converted: original } : {};
  if (type === 'CALCULATED') return { kind: 'calculated', cost: priced ? cost : null, ...converted };
  if (priced) return { kind: 'fixed', cost, ...converted };
  return type === 'FIXED' && cost !== null ? { kind: 'free', cost } : null;
}

const NOTHING: Readonly<ProductDetails> = Object.freeze({
  brand: null,
  mpn: null,
  gtin: null,
  returns: null,
  availability: 'unknown',
  availableQuantity: null,
  estimatedSoldQuantity: null,
  aspects: {},
});

/** The details of an item that eBay no longer has (11001, 11004). */
export function goneDetails(): ProductDetails {
  return { ...NOTHING, availability: 'gone', aspects: {} };
}

/** Aspect names in the languages of the sites that are searched. */
const BRAND = ['brand', 'marke', 'marque', 'marca', 'merk', 'marka', '品牌'];
const MANUFACTURER = [
  'manufacturer',
  'hersteller',
  'fabricant',
  'fabricante',
  'produttore',
  'fabrikant',
  'producent',
];

/**
 * The details in an item answer, or null when the body is no item. Takes any JSON and never throws.
 *
 * @param now when eBay answered: an item whose end date has passed is not for sale, whatever its stock says.
 */
export function mapDetails(json: unknown, now: Date): ProductDetails | null {
  const item: { [Name in keyof WireItem]?: unknown } | null = fields(json);
  if (item === null || identifier(item.itemId, 100) === null) return null;
  const aspects = readAspects(item.localizedAspects);
  const stock = fields(list(item.estimatedAvailabilities)[0]) ?? {};
  return {
    brand: stated(item.brand) ?? aspectOf(aspects, BRAND) ?? aspectOf(aspects, MANUFACTURER),
    mpn: stated(item.mpn),
    gtin: readGtin(item.gtin),
    returns: readReturns(fields(item.returnTerms)),
    availability: readAvailability(item.itemEndDate, list(item.estimatedAvailabilities), now),
    availableQuantity: naturalNumber(stock.estimatedAvailableQuantity),
    estimatedSoldQuantity: naturalNumber(stock.estimatedSoldQuantity),
    aspects: Object.fromEntries(aspects),
  };
}

/** Sellers fill in mandatory fields with phrases that say there is nothing to fill in. */
function stated(value: unknown): string | null {
  const said = text(value, 200);
  return said !== null &&
    /^(does not apply|n\/?a|nicht zutreffend|ne s'applique pas|no aplicable|non applicabile)$/i.test(said)
    ? null
    : said;
}

/** UPC, EAN and ISBN are 8 to 14 digits, the last of an ISBN-10 maybe an X. */
function readGtin(value: unknown): string | null {
  const gtin = identifier(value, 50);
  return gtin !== null && /^(\d{8,14}|\d{9}X)$/.test(gtin) ? gtin : null;
}

function readReturns(terms: Fields | null): ProductDetails['returns'] {
  if (typeof terms?.returnsAccepted !== 'boolean') return null;
  const { value, unit } = fields(terms.returnPeriod) ?? {};
  const payer = terms.returnShippingCostPayer;
  return {
    accepted: terms.returnsAccepted,
    days: unit === 'CALENDAR_DAY' || unit === 'DAY' ? naturalNumber(value) : null,
    paidBy: payer === 'BUYER' || payer === 'SELLER' ? payer : null,
  };
}

function readAvailability(endDate: unknown, stocks: unknown[], now: Date): ProductDetails['availability'] {
  const end = instant(endDate);
  if (end !== null && Date.parse(end) <= now.getTime()) return 'ended';
  const said = new Set(stocks.map((stock) => fields(stock)?.estimatedAvailabilityStatus));
  if (said.has('IN_STOCK')) return 'in-stock';
  if (said.has('LIMITED_STOCK')) return 'limited';
  return said.has('OUT_OF_STOCK') ? 'out-of-stock' : 'unknown';
}

function readAspects(value: unknown): Map<string, string[]> {
  const aspects = new Map<string, string[]>();
  for (const entry of list(value).slice(0, 200)) {
    const name = text(fields(entry)?.name, 100);
    const said = text(fields(entry)?.value, 500);
    // An own key of this name would reach the prototype of a copy of the aspects.
    if (name === null || said === null || name === '__proto__') continue;
    aspects.set(name, distinct([...(aspects.get(name) ?? []), said]));
  }
  return aspects;
}

function aspectOf(aspects: Map<string, string[]>, names: readonly string[]): string | null {
  for (const [name, [value]] of aspects) {
    if (value !== undefined && names.includes(name.toLowerCase())) return stated(value);
  }
  return null;
}

/** Readers of untrusted JSON: each gives a clean value or null, and never throws. */

export type Fields = Record<string, unknown>;

export function fields(value: unknown): Fields | null {
  return isObject(value) ? value : null;
}

export function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

/** Text without control characters and halves of surrogate pairs, cut to a length; null when nothing is left. */
export function text(value: unknown, maxLength: number): string | null {
  if (typeof value !== 'string' && !isNumber(value)) return null;
  const clean = String(value)
    .slice(0, maxLength * 2)
    .replace(/\p{Cc}+/gu, ' ')
    .trim()
    .slice(0, maxLength)
    .replace(/\p{Cs}/gu, '')
    .trim();
  return clean === '' ? null : clean;
}

/** An identifier: printable ASCII without spaces. A longer one is none, since a cut one would be another's. */
export function identifier(value: unknown, maxLength: number): string | null {
  const id = isNumber(value) ? String(value) : value;
  return typeof id === 'string' && id.length <= maxLength && /^[\x21-\x7e]+$/.test(id) ? id : null;
}

export function integer(value: unknown): number | null {
  const number = decimal(value);
  return number !== null && Number.isSafeInteger(number) ? number : null;
}

export function naturalNumber(value: unknown): number | null {
  const number = integer(value);
  return number !== null && number >= 0 ? number : null;
}

/** A finite number, also from a decimal string, as eBay writes some. */
export function decimal(value: unknown): number | null {
  if (isNumber(value)) return value;
  return typeof value === 'string' && /^-?\d{1,15}(\.\d{1,15})?$/.test(value) ? Number(value) : null;
}

export function flag(value: unknown): boolean | null {
  return typeof value === 'boolean' ? value : null;
}

/** A point in time as ISO 8601 in UTC with milliseconds. */
export function instant(value: unknown): string | null {
  if (
    typeof value !== 'string' ||
    !/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)$/.test(value)
  )
    return null;
  const time = Date.parse(value);
  return Number.isNaN(time) ? null : new Date(time).toISOString();
}

/** An http(s) address: anything else, `javascript:` say, must not reach a page that shows links. */
export function webAddress(value: unknown, maxLength: number): string | null {
  if (typeof value !== 'string' || value.length > maxLength || /[\s\p{Cc}\p{Cs}]/u.test(value)) return null;
  return /^https?:\/\/[^/]/i.test(value) && URL.canParse(value) ? value : null;
}

/** eBay's `{value, currency}`; a number in place of its decimal string is taken too. */
export function amount(value: unknown): Money | null {
  const { value: figure, currency } = fields(value) ?? {};
  return money(isNumber(figure) ? String(figure) : figure, currency);
}

/** What an amount was before eBay converted it. */
export function originalAmount(value: unknown): Money | null {
  const { convertedFromValue: figure, convertedFromCurrency: currency } = fields(value) ?? {};
  return amount({ value: figure, currency });
}

/** Each value once, in order of first appearance; nulls left out. */
export function distinct<Value>(values: readonly (Value | null)[]): Value[] {
  return [...new Set(values.filter((value): value is Value => value !== null))];
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}
