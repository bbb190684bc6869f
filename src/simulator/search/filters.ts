import type { Catalogue } from '../catalogue/catalogue.ts';
import { conditionClass, isConditionId } from '../catalogue/families.ts';
import { type BuyingOption, isSeller, type Listing, sellerName } from '../catalogue/listing.ts';
import { convert, isCurrency, type Site } from '../catalogue/marketplaces.ts';
import { ACCOUNT_TYPE_SITES } from '../catalogue/summary.ts';
import { browseError, type ErrorDetail } from '../errors.ts';

export type Test = (listing: Listing) => boolean;

export interface Filters {
  readonly tests: readonly Test[];
  /** Filters that eBay ignored: it answers 200 all the same. */
  readonly warnings: readonly ErrorDetail[];
  /** What eBay refuses the request for. */
  readonly refusal: ErrorDetail | null;
  readonly searchInDescription: boolean;
}

/** Everything that one filter's reader needs beside its value. */
interface Setting {
  readonly site: Site;
  readonly catalogue: Catalogue;
  readonly values: ReadonlyMap<string, string>;
}

/** A reader answers with the test its filter means, or with the id of the warning (or refusal) it earns. */
type Reader = (value: string, setting: Setting) => Test | number;

const INVALID = 12002;
const REFUSALS = new Set([12032, 12516, 12517]);
const MAX_SELLERS = 250;
const OFFERED = ['FIXED_PRICE', 'AUCTION', 'BEST_OFFER', 'CLASSIFIED_AD'];
const always: Test = () => true;

function setOf(value: string, allowed: (member: string) => boolean, test: (set: Set<string>) => Test) {
  const members = readSet(value);
  return members?.every(allowed) ? test(new Set(members)) : INVALID;
}

function oneOf(value: string, allowed: readonly string[]): Test | number {
  return allowed.includes(value) ? always : INVALID;
}

function sellers(value: string, wanted: boolean): Test | number {
  const members = readSet(value);
  if (members === null) return INVALID;
  if (members.length > MAX_SELLERS) return 12032;
  const known = new Set(members.filter(isSeller));
  if (known.size < members.length) return 12003;
  return (listing) => known.has(sellerName(listing.seller)) === wanted;
}

const READERS: Readonly<Record<string, Reader>> = {
  price: (value, { values, site }) => {
    const range = readRange(value, readDecimal);
    const currency = values.get('priceCurrency') ?? '';
    if (range === null) return INVALID;
    if (!isCurrency(currency)) return 12012;
    return ({ priceCents, bidCents }) =>
      inRange(convert(priceCents ?? bidCents ?? 0, site.currency, currency) / 100, range);
  },
  // Alone it earns two warnings, as it does at eBay: this one and 12012 (see `readFilters`).
  priceCurrency: (value, { values }) => (values.has('price') && isCurrency(value) ? always : INVALID),
  buyingOptions: (value) =>
    setOf(
      value,
      (option) => OFFERED.includes(option),
      (set) => (listing) => listing.buyingOptions.some((option) => set.has(option)),
    ),
  conditions: (value) =>
    setOf(
      value,
      (condition) => ['NEW', 'USED', 'UNSPECIFIED'].includes(condition),
      (set) => (listing) => set.has(conditionClass(listing.conditionId)),
    ),
  conditionIds: (value) =>
    setOf(value, isConditionId, (set) => (listing) => set.has(listing.conditionId ?? '')),
  bidCount: (value) => {
    const range = readRange(value, readDecimal);
    return range === null ? INVALID : ({ bidCents, bids }) => bidCents !== null && inRange(bids, range);
  },
  sellers: (value) => sellers(value, true),
  excludeSellers: (value) => sellers(value, false),
  sellerAccountTypes: (value, { site, catalogue }) =>
    ACCOUNT_TYPE_SITES.has(site.country)
      ? setOf(
          value,
          (type) => ['BUSINESS', 'INDIVIDUAL'].includes(type),
          (set) => (listing) => set.has(catalogue.seller(listing.seller).accountType),
        )
      : 12014,
  itemLocationCountry: (value, { values }) => {
    if (values.has('itemLocationRegion')) return 12517;
    return /^[A-Z]{2}$/.test(value) ? ({ country }) => country === value : INVALID;
  },
  itemLocationRegion: (value) =>
    oneOf(value, [
      'WORLDWIDE',
      'EUROPEAN_UNION',
      'NORTH_AMERICA',
      'ASIA',
      'CONTINENTAL_EUROPE',
      'UK_AND_IRELAND',
    ]),
  deliveryCountry: (value) =>
    /^[A-Z]{2}$/.test(value) ? ({ shipsAbroad, country }) => shipsAbroad || country === value : INVALID,
  deliveryPostalCode: (_, { values }) => (values.has('deliveryCountry') ? always : 12011),
  deliveryOptions: (value) =>
    setOf(
      value,
      (option) => /^[A-Z_]+$/.test(option),
      () => always,
    ),
  maxDeliveryCost: (value) =>
    Number(value) === 0 ? ({ shipping }) => shipping?.kind === 'FIXED' && shipping.cents === 0 : INVALID,
  returnsAccepted: (value) =>
    value === 'true' ? ({ returnsAccepted }) => returnsAccepted : oneOf(value, ['false']),
  searchInDescription: (value) => oneOf(value, ['true', 'false']),
  charityOnly: (value) => (value === 'true' ? () => false : oneOf(value, ['false'])),
  priorityListing: (value) => oneOf(value, ['true', 'false']),
  paymentMethods: (value) =>
    setOf(
      value,
      (method) => /^[A-Z_]+$/.test(method),
      () => always,
    ),
  qualifiedPrograms: (value) =>
    setOf(
      value,
      (program) => /^[A-Z_]+$/.test(program),
      () => always,
    ),
  excludeCategoryIds: (value) =>
    setOf(
      value,
      (id) => /^\d+$/.test(id),
      (set) =>
        ({ family }) =>
          !set.has(family.leaf.id) && !set.has(family.leaf.department.id),
    ),
  itemStartDate: (value) => {
    const range = readRange(value, readDate);
    return range === null ? INVALID : ({ listedAt }) => inRange(listedAt, range);
  },
  itemEndDate: (value) => {
    const range = readRange(value, readDate);
    return range === null ? INVALID : ({ endsAt }) => endsAt !== null && inRange(endsAt, range);
  },
};

const PICKUP = ['pickupCountry', 'pickupPostalCode', 'pickupRadius', 'pickupRadiusUnit'];

/** Reads the `filter` parameter. `wordCharacters` is the length of `q`. */
export function readFilters(text: string, site: Site, catalogue: Catalogue, wordCharacters: number): Filters {
  const values = new Map(splitFilters(text).map(({ name, value }) => [name, value]));
  const tests: Test[] = [];
  const problems = new Map<string, ErrorDetail>();
  const report = (errorId: number, name: string, value: string) => {
    problems.set(`${errorId} ${name}`, browseError(errorId, { filterName: name, filterValue: value }));
  };
  for (const [name, value] of values) {
    if (PICKUP.includes(name)) {
      if (!PICKUP.every((needed) => values.has(needed))) problems.set('pickup', browseError(12010));
      continue;
    }
    const reader = Object.hasOwn(READERS, name) ? READERS[name] : undefined;
    const read = reader?.(value, { site, catalogue, values }) ?? INVALID;
    if (typeof read === 'function') tests.push(read);
    else report(read, name, value);
  }
  if (values.has('priceCurrency') && !values.has('price'))
    report(12012, 'priceCurrency', values.get('priceCurrency') ?? '');
  const searchInDescription = values.get('searchInDescription') === 'true';
  if (searchInDescription && wordCharacters === 1) report(12516, 'searchInDescription', 'true');
  if (!values.has('buyingOptions') || problems.has(`${INVALID} buyingOptions`)) tests.push(offersFixedPrice);
  const details = [...problems.values()];
  return {
    tests,
    warnings: details.filter(({ errorId }) => !REFUSALS.has(errorId)),
    refusal: details.find(({ errorId }) => REFUSALS.has(errorId)) ?? null,
    searchInDescription,
  };
}

/** Without a buyingOptions filter eBay shows only what can be bought at once. */
const offersFixedPrice: Test = (listing) =>
  listing.buyingOptions.includes('FIXED_PRICE' satisfies BuyingOption);

/** eBay's filter syntax: `name:value,name:value`, where commas inside braces or brackets do not divide. */

export function splitFilters(text: string): { name: string; value: string }[] {
  const parts: string[] = [''];
  let depth = 0;
  for (const char of text) {
    if (char === '{' || char === '[') depth += 1;
    if (char === '}' || char === ']') depth -= 1;
    if (char === ',' && depth <= 0) parts.push('');
    else parts[parts.length - 1] += char;
  }
  return parts
    .filter((part) => part.trim() !== '')
    .map((part) => {
      const colon = part.indexOf(':');
      return colon < 0
        ? { name: part.trim(), value: '' }
        : { name: part.slice(0, colon).trim(), value: part.slice(colon + 1).trim() };
    });
}

/** `{A|B}` or a single bare value; `\|` is a pipe that belongs to the value. Null when it is neither. */
export function readSet(value: string): string[] | null {
  const inner = /^\{(.*)\}$/s.exec(value)?.[1] ?? (/[{}[\]]/.test(value) ? null : value);
  if (inner === null) return null;
  const members = inner.split(/(?<!\\)\|/).map((member) => member.replaceAll('\\|', '|').trim());
  return members.some((member) => member === '') ? null : members;
}

export interface Range<T> {
  readonly low: T | null;
  readonly high: T | null;
}

/** `[a..b]`, `[a]` (at least a), `[a..]`, `[..b]`. Null when malformed or when an end is unreadable. */
export function readRange<T>(value: string, read: (text: string) => T | null): Range<T> | null {
  const inner = /^\[(.*)\]$/.exec(value)?.[1];
  if (inner === undefined || inner === '') return null;
  const [low = '', high = ''] = inner.includes('..') ? inner.split('..') : [inner];
  if (low === '' && high === '') return null;
  const ends = [low, high].map((end) => (end === '' ? undefined : read(end)));
  if (ends.includes(null)) return null;
  return { low: ends[0] ?? null, high: ends[1] ?? null };
}

export function readDecimal(text: string): number | null {
  return /^\d+(\.\d+)?$/.test(text) ? Number(text) : null;
}

export function readDate(text: string): number | null {
  const at = Date.parse(text);
  return /^\d{4}-\d\d-\d\dT/.test(text) && !Number.isNaN(at) ? at : null;
}

export function inRange(value: number, range: Range<number>): boolean {
  return (range.low === null || value >= range.low) && (range.high === null || value <= range.high);
}

/** Aspects that can be filtered by, with what a listing says for them. */
const ASPECTS: Readonly<Record<string, (listing: Listing) => string>> = {
  Brand: ({ wording }) => wording.brand ?? 'Unbranded',
  Type: ({ family }) => family.noun,
  Color: ({ wording }) => wording.colour,
  Colour: ({ wording }) => wording.colour,
  Farbe: ({ wording }) => wording.colour,
  Features: ({ wording }) => wording.feature,
  Model: ({ wording }) => wording.version,
};

/** `categoryId:ID,Aspect:{A|B},…`, where the category has to be the one searched in. */
export function readAspectFilter(
  text: string | null,
  categoryId: string | null,
): { tests: Test[]; warnings: ErrorDetail[] } {
  if (text === null) return { tests: [], warnings: [] };
  const parts = splitFilters(text);
  const category = parts.find(({ name }) => name === 'categoryId')?.value;
  if (category === undefined || category !== categoryId) {
    return { tests: [], warnings: [browseError(12017)] };
  }
  const tests: Test[] = [];
  const warnings: ErrorDetail[] = [];
  for (const { name, value } of parts) {
    if (name === 'categoryId') continue;
    const read = Object.hasOwn(ASPECTS, name) ? ASPECTS[name] : undefined;
    const wanted = readSet(value);
    if (read === undefined || wanted === null) {
      warnings.push(browseError(12018, { aspectFilter: `${name}:${value}` }));
    } else {
      tests.push((listing) => wanted.includes(read(listing)));
    }
  }
  return { tests, warnings };
}

/** The aspect's names and values in a set of listings, most frequent first. */
export function aspectValues(listings: readonly Listing[], name: string): [string, number][] {
  const counts = new Map<string, number>();
  for (const listing of listings) {
    const value = ASPECTS[name]?.(listing) ?? '';
    counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  return [...counts].sort((a, b) => b[1] - a[1]);
}
