import type { Catalogue } from '../catalogue/catalogue.ts';
import { conditionClass, isConditionId } from '../catalogue/conditions.ts';
import type { BuyingOption, Listing } from '../catalogue/listing.ts';
import { convert, isCurrency, type Site } from '../catalogue/marketplaces.ts';
import { isSeller, sellerName } from '../catalogue/sellers.ts';
import { ACCOUNT_TYPE_SITES } from '../catalogue/summary.ts';
import { browseError, type ErrorDetail } from '../errors.ts';
import { inRange, readDate, readDecimal, readRange, readSet, splitFilters } from './filterSyntax.ts';

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
