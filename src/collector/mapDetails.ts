import type { WireItem, WireItemGroup, WireItemGroupAnswer } from '../ebay/wire.ts';
import type { ListingNow, Product, ProductDetails } from '../product/product.ts';
import {
  distinct,
  type Fields,
  fields,
  identifier,
  instant,
  list,
  type MappedItem,
  naturalNumber,
  type Observation,
  type Offer,
  readListing,
  readProduct,
  text,
} from './mapItem.ts';

const NOTHING: Readonly<Omit<ProductDetails, 'observedAt'>> = Object.freeze({
  brand: null,
  mpn: null,
  gtin: null,
  returns: null,
  availability: 'unknown',
  availableQuantity: null,
  availableQuantityMoreThan: null,
  estimatedSoldQuantity: null,
  aspects: {},
});

/** The details of an item that eBay no longer has (11001, 11004). */
export function goneDetails(now: Date): ProductDetails {
  return { ...NOTHING, observedAt: now.toISOString(), availability: 'gone', aspects: {} };
}

/** Names of wire fields, checked against their declaration. */
type ItemFields = { [Name in keyof WireItem]?: unknown };

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
const MPN = [
  'mpn',
  'manufacturer part number',
  'herstellernummer',
  'numéro de pièce fabricant',
  'codice produttore',
  'número de pieza del fabricante',
  'fabrikantnummer',
  'numer katalogowy części',
  '製造商零件編號',
];
const GTIN = ['gtin', 'ean', 'upc', 'isbn'];
/** Names of companies and part numbers hold commas that divide nothing. */
const SINGLE = new Set([...BRAND, ...MANUFACTURER, ...MPN, ...GTIN]);

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
  const stocks = list(item.estimatedAvailabilities).map((stock) => fields(stock) ?? {});
  const pickup = isPickupOnly(stocks);
  const listing = readListing(item, pickup, now.toISOString(), hosts);
  const nothingIsSent = listing === null ? pickup : listing.shipping.kind === 'pickup-only';
  const aspects = readAspects(item.localizedAspects);
  const details: ProductDetails = {
    observedAt: now.toISOString(),
    brand: stated(item.brand) ?? aspectOf(aspects, BRAND) ?? aspectOf(aspects, MANUFACTURER),
    mpn: stated(item.mpn) ?? aspectOf(aspects, MPN),
    gtin: readGtin(item.gtin) ?? readGtin(aspectOf(aspects, GTIN)),
    returns: readReturns(fields(item.returnTerms)),
    availability: readAvailability(item.itemEndDate, stocks, now, nothingIsSent),
    ...readQuantity(stocks),
    aspects: Object.fromEntries(aspects),
  };
  return { itemId, details, listing };
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
  const path = typeof item.categoryIdPath === 'string' ? item.categoryIdPath.slice(0, 500).split('|') : [];
  return {
    ...item,
    leafCategoryIds: [item.categoryId, ...path.toReversed()],
    itemGroupHref: id === null ? itemGroupHref : `${GROUP_ADDRESS}${encodeURIComponent(id)}`,
    itemGroupType,
  };
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

/** Texts that a seller enters where eBay demands a value and the product has none. Compared in lower case. */
const NOT_STATED = new Set([
  // The text of each site for a missing product identifier: `ProductIdentifierUnavailableText` in the answer of eBay's
  // Trading call GeteBayDetails. The list by site is the one that the feed service Lengow publishes in its help.
  ...['does not apply', 'nicht zutreffend', 'non applicable', 'non applicabile', 'no aplicable'],
  ...['niet van toepassing', 'nie dotyczy', '不适用', '不適用'],
  // The same in other words.
  ...[
    "ne s'applique pas",
    "doesn't apply",
    'not applicable',
    'not available',
    'not specified',
    'unspecified',
  ],
  ...['trifft nicht zu', 'entfällt', 'nicht angegeben', 'ohne angabe', 'keine angabe', 'nicht verfügbar'],
  ...['non spécifié', 'non précisé', 'aucun', 'aucune', 'sans objet'],
  ...['non specificato', 'non disponibile', 'nessuno', 'nessuna', 'non si applica'],
  ...['no se aplica', 'no especificado', 'sin especificar', 'no disponible', 'ninguno', 'ninguna'],
  ...[
    'niet gespecificeerd',
    'n.v.t.',
    'nvt',
    'geen',
    'nie określono',
    'brak',
    'nieokreślone',
    '未指定',
    '沒有',
  ],
  ...['none', 'n/a', 'na', 'n.a.', 'n. a.', 'null', 'nil', 'unknown', 'unbekannt', 'tbd', 'keine', 'kein'],
]);

/** Text that states something: neither a phrase of the table nor punctuation alone, such as `-`. */
function stated(value: unknown, maxLength = 200): string | null {
  const said = text(value, maxLength);
  if (said === null || !/[\p{L}\p{N}]/u.test(said)) return null;
  return NOT_STATED.has(said.toLowerCase().replace(/[’`´]/g, "'")) ? null : said;
}

/** UPC, EAN and ISBN are 8 to 14 digits, the last of an ISBN-10 maybe an X. One digit repeated stands for none. */
function readGtin(value: unknown): string | null {
  const gtin = identifier(value, 50);
  return gtin !== null && /^(\d{8,14}|\d{9}X)$/.test(gtin) && !/^(\d)\1+$/.test(gtin) ? gtin : null;
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

/** Ways of delivery by which nothing is sent. A drop-off point (`PICKUP_DROP_OFF`) is sent to. */
const FETCHED = ['SELLER_ARRANGED_LOCAL_PICKUP', 'IN_STORE_PICKUP'];

function isPickupOnly(stocks: readonly Fields[]): boolean {
  const ways = stocks.flatMap(({ deliveryOptions }) => list(deliveryOptions));
  return ways.length > 0 && ways.every((way) => typeof way === 'string' && FETCHED.includes(way));
}

function readAvailability(
  endDate: unknown,
  stocks: readonly Fields[],
  now: Date,
  pickupOnly: boolean,
): ProductDetails['availability'] {
  const end = instant(endDate);
  if (end !== null && Date.parse(end) <= now.getTime()) return 'ended';
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
  const availableQuantity = naturalNumber(stock.estimatedAvailableQuantity);
  const isThreshold = availableQuantity === null && stock.availabilityThresholdType === 'MORE_THAN';
  return {
    availableQuantity,
    availableQuantityMoreThan: isThreshold ? naturalNumber(stock.availabilityThreshold) : null,
    estimatedSoldQuantity: naturalNumber(stock.estimatedSoldQuantity),
  };
}

function readAspects(value: unknown): Map<string, string[]> {
  const aspects = new Map<string, string[]>();
  for (const entry of list(value).slice(0, 200)) {
    const aspect = fields(entry) ?? {};
    const name = text(aspect.name, 100);
    // An own key of this name would reach the prototype of a copy of the aspects.
    if (name === null || name === '__proto__') continue;
    const said = readValues(aspect.value, SINGLE.has(name.toLowerCase()));
    if (said.length > 0) aspects.set(name, distinct([...(aspects.get(name) ?? []), ...said]));
  }
  return aspects;
}

/**
 * eBay's documents say that several values come as one text (`STRING_ARRAY`), and real answers join them with a comma and
 * a space whatever the type says: `"DirectX 12 Ultimate, CUDA, OpenCL 2.0"`.
 */
function readValues(value: unknown, single: boolean): string[] {
  if (Array.isArray(value)) return distinct(value.slice(0, 50).map((one) => stated(one, 500)));
  const said = stated(value, 500);
  if (said === null) return [];
  return single ? [said] : distinct(said.split(SEPARATOR).map((one) => stated(one, 500)));
}

/**
 * Between two values, and not: inside brackets; before a part of a name, as in `Korea, Republic of` and `Acme, Inc.`, which
 * are names in eBay's own lists.
 */
const SEPARATOR =
  /, (?![^()]*\))(?!(?:Republic|Democratic|Federated|United|Islamic|State|Province|Rep\.|Inc|Ltd|LLC|Co\b|Corp|GmbH)[\s.]?)/;

function aspectOf(aspects: ReadonlyMap<string, string[]>, names: readonly string[]): string | null {
  for (const [name, [value]] of aspects) {
    if (value !== undefined && names.includes(name.toLowerCase())) return text(value, 200);
  }
  return null;
}
