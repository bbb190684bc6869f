import type { WireItem } from '../ebay/wire.ts';
import type { ProductDetails } from '../product/product.ts';
import { distinct, type Fields, fields, identifier, instant, list, naturalNumber, text } from './readJson.ts';

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
    // An own key of this name would reach the prototype of whoever copies the aspects.
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
