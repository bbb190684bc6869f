import { browseError, type ErrorDetail } from '../answers.ts';
import type { Catalogue } from '../catalogue/catalogue.ts';
import { conditionClass, isConditionId } from '../catalogue/families.ts';
import { hasAccountTypes } from '../catalogue/items.ts';
import { isSeller, type Listing, sellerName } from '../catalogue/listing.ts';
import { convert, isCurrency, type Site } from '../catalogue/marketplaces.ts';

export type Test = (listing: Listing) => boolean;

export interface Filters {
  readonly tests: readonly Test[];
  /** Filters that eBay ignored: it answers 200 all the same. */
  readonly warnings: readonly ErrorDetail[];
  /** The error for which eBay refuses the request. */
  readonly refusal: ErrorDetail | null;
  readonly searchInDescription: boolean;
}

/** What a filter's parser needs beside its value. */
interface Context {
  readonly site: Site;
  readonly catalogue: Catalogue;
  /** All filters of the request. */
  readonly values: ReadonlyMap<string, string>;
}

/** Returns the test that a filter means, or the id of its warning or refusal. */
type Parser = (value: string, context: Context) => Test | number;

const INVALID = 12002;
const REFUSALS = [12032, 12516, 12517];
const MAX_SELLERS = 250;
const always: Test = () => true;

/** `{A|B}` of allowed members. Without a test it is accepted and filters nothing. */
function set(
  allowed: RegExp | ((member: string) => boolean),
  test: (wanted: Set<string>, context: Context) => Test = () => always,
): Parser {
  const isAllowed = allowed instanceof RegExp ? (member: string) => allowed.test(member) : allowed;
  return (value, context) => {
    const members = readSet(value);
    return members?.every(isAllowed) ? test(new Set(members), context) : INVALID;
  };
}

/** One of some words. Only the first has an effect. */
function word(words: readonly string[], test: Test = always): Parser {
  return (value) => (words.includes(value) ? (value === words[0] ? test : always) : INVALID);
}

/** A range of a figure that a listing may lack. */
function range(
  read: (text: string) => number | null,
  figure: (listing: Listing) => number | null,
  value: string,
): Test | number {
  const limits = readRange(value, read);
  if (limits === null) return INVALID;
  return (listing) => {
    const known = figure(listing);
    return known !== null && inRange(known, limits);
  };
}

function sellers(value: string, wanted: boolean): Test | number {
  const members = readSet(value);
  if (members === null) return INVALID;
  if (members.length > MAX_SELLERS) return 12032;
  if (!members.every(isSeller)) return 12003;
  return (listing) => members.includes(sellerName(listing.seller)) === wanted;
}

const COUNTRY = /^[A-Z]{2}$/;
const WORD = /^[A-Z_]+$/;
const REGIONS = 'WORLDWIDE EUROPEAN_UNION NORTH_AMERICA ASIA CONTINENTAL_EUROPE UK_AND_IRELAND'.split(' ');

const PARSERS: Readonly<Record<string, Parser>> = {
  price: (value, { values, site }) => {
    const currency = values.get('priceCurrency') ?? '';
    const test = range(
      readDecimal,
      ({ priceCents, bidCents }) => convert(priceCents ?? bidCents ?? 0, site.currency, currency) / 100,
      value,
    );
    return test !== INVALID && !isCurrency(currency) ? 12012 : test;
  },
  // Alone it earns two warnings, as it does at eBay: this one and 12012 (see `readFilters`).
  priceCurrency: (value, { values }) => (values.has('price') && isCurrency(value) ? always : INVALID),
  buyingOptions: set(
    /^(FIXED_PRICE|AUCTION|BEST_OFFER|CLASSIFIED_AD)$/,
    (wanted) => (listing) => listing.buyingOptions.some((option) => wanted.has(option)),
  ),
  conditions: set(
    /^(NEW|USED|UNSPECIFIED)$/,
    (wanted) => (listing) => wanted.has(conditionClass(listing.conditionId)),
  ),
  conditionIds: set(isConditionId, (wanted) => (listing) => wanted.has(listing.conditionId ?? '')),
  bidCount: (value) => range(readDecimal, ({ bidCents, bids }) => (bidCents === null ? null : bids), value),
  sellers: (value) => sellers(value, true),
  excludeSellers: (value) => sellers(value, false),
  sellerAccountTypes: (value, context) =>
    hasAccountTypes(context.site)
      ? set(
          /^(BUSINESS|INDIVIDUAL)$/,
          (wanted, { catalogue }) =>
            ({ seller }) =>
              wanted.has(catalogue.seller(seller).accountType),
        )(value, context)
      : 12014,
  itemLocationCountry: (value, { values }) => {
    if (values.has('itemLocationRegion')) return 12517;
    return COUNTRY.test(value) ? ({ country }) => country === value : INVALID;
  },
  itemLocationRegion: word(REGIONS),
  deliveryCountry: (value) =>
    COUNTRY.test(value) ? ({ shipsAbroad, country }) => shipsAbroad || country === value : INVALID,
  deliveryPostalCode: (_, { values }) => (values.has('deliveryCountry') ? always : 12011),
  deliveryOptions: set(WORD),
  maxDeliveryCost: (value) =>
    Number(value) === 0 ? ({ shipping }) => shipping?.kind === 'FIXED' && shipping.cents === 0 : INVALID,
  returnsAccepted: word(['true', 'false'], ({ returnsAccepted }) => returnsAccepted),
  searchInDescription: word(['true', 'false']),
  charityOnly: word(['true', 'false'], () => false),
  priorityListing: word(['true', 'false']),
  paymentMethods: set(WORD),
  qualifiedPrograms: set(WORD),
  excludeCategoryIds: set(
    /^\d+$/,
    (excluded) =>
      ({ family: { leaf } }) =>
        !excluded.has(leaf.id) && !excluded.has(leaf.department.id),
  ),
  itemStartDate: (value) => range(readDate, ({ listedAt }) => listedAt, value),
  itemEndDate: (value) => range(readDate, ({ endsAt }) => endsAt, value),
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
    const parse = Object.hasOwn(PARSERS, name) ? PARSERS[name] : undefined;
    const test = parse?.(value, { site, catalogue, values }) ?? INVALID;
    if (typeof test === 'function') tests.push(test);
    else report(test, name, value);
  }
  const currency = values.get('priceCurrency');
  if (currency !== undefined && !values.has('price')) report(12012, 'priceCurrency', currency);
  const searchInDescription = values.get('searchInDescription') === 'true';
  if (searchInDescription && wordCharacters === 1) report(12516, 'searchInDescription', 'true');
  // Without a buyingOptions filter eBay shows only what can be bought at once.
  if (!values.has('buyingOptions') || problems.has(`${INVALID} buyingOptions`)) {
    tests.push(({ buyingOptions }) => buyingOptions.includes('FIXED_PRICE'));
  }
  const details = [...problems.values()];
  return {
    tests,
    warnings: details.filter(({ errorId }) => !REFUSALS.includes(errorId)),
    refusal: details.find(({ errorId }) => REFUSALS.includes(errorId)) ?? null,
    searchInDescription,
  };
}

/** eBay's filter syntax: `name:value,name:value`, where commas inside braces or brackets do not divide. */
function splitFilters(text: string): { name: string; value: string }[] {
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
function readSet(value: string): string[] | null {
  const inner = /^\{(.*)\}$/s.exec(value)?.[1] ?? (/[{}[\]]/.test(value) ? null : value);
  if (inner === null) return null;
  const members = inner.split(/(?<!\\)\|/).map((member) => member.replaceAll('\\|', '|').trim());
  return members.some((member) => member === '') ? null : members;
}

interface Range {
  readonly low: number | null;
  readonly high: number | null;
}

/** `[a..b]`, `[a]` (at least a), `[a..]`, `[..b]`. Null when malformed or when an end is unreadable. */
function readRange(value: string, read: (text: string) => number | null): Range | null {
  const inner = /^\[(.+)\]$/.exec(value)?.[1];
  if (inner === undefined) return null;
  const [low = '', high = ''] = inner.includes('..') ? inner.split('..') : [inner];
  const limits = { low: low === '' ? null : read(low), high: high === '' ? null : read(high) };
  const isUnreadable =
    (low !== '' && limits.low === null) || (high !== '' && limits.high === null) || low + high === '';
  return isUnreadable ? null : limits;
}

function readDecimal(text: string): number | null {
  return /^\d+(\.\d+)?$/.test(text) ? Number(text) : null;
}

function readDate(text: string): number | null {
  const at = Date.parse(text);
  return /^\d{4}-\d\d-\d\dT/.test(text) && !Number.isNaN(at) ? at : null;
}

function inRange(value: number, { low, high }: Range): boolean {
  return (low === null || value >= low) && (high === null || value <= high);
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

/** What a listing says for an aspect; empty for an unknown one. */
export function aspectOf(listing: Listing, name: string): string {
  return ASPECTS[name]?.(listing) ?? '';
}
