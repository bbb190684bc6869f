import { browseError, type ErrorDetail } from '../answers.ts';
import { ASPECTS, hasAccountTypes } from '../catalogue/items.ts';
import { isSeller, type Listing } from '../catalogue/listing.ts';
import { convert, isCurrency, isPostalCode, type Site } from '../catalogue/marketplaces.ts';

export type Test = (listing: Listing) => boolean;

/** What a filter's parser needs beside its value. */
interface Context {
  readonly site: Site;
  /** All filters of the request. */
  readonly values: ReadonlyMap<string, string>;
  readonly sort: string | null;
}

/** Returns the test that a filter means, or the id of its warning or refusal. */
type Parser = (value: string, context: Context) => Test | number;

const PICKUP = ['pickupCountry', 'pickupPostalCode', 'pickupRadius', 'pickupRadiusUnit'];
const REFUSALS = [12032, 12034, 12516, 12517];

/**
 * Reads the `filter` parameter; `q` and `sort` are those beside it. Warnings are for what eBay ignores: it answers 200 all
 * the same. With a refusal it answers nothing else.
 */
export function readFilters(text: string, site: Site, q: string, sort: string | null) {
  const values = new Map(splitFilters(text));
  const tests: Test[] = [];
  const problems: ErrorDetail[] = [];
  const report = (errorId: number, filterName: string, filterValue: string) => {
    problems.push(browseError(errorId, { filterName, filterValue }));
  };
  for (const [name, value] of values) {
    if (PICKUP.includes(name)) continue;
    const parse = Object.hasOwn(PARSERS, name) ? PARSERS[name] : undefined;
    const test = parse?.(value, { site, values, sort }) ?? INVALID;
    if (typeof test === 'function') tests.push(test);
    else report(test, name, value);
    // Without a buyingOptions filter eBay shows only what can be bought at once.
    if (name === 'buyingOptions' && test === INVALID) tests.push(canBeBought);
  }
  if (!values.has('buyingOptions')) tests.push(canBeBought);
  const pickup = PICKUP.filter((name) => values.has(name));
  const needsPickup = pickup.length > 0 || sort === 'distance';
  if (needsPickup && pickup.length < PICKUP.length) problems.push(browseError(12010));
  const currency = values.get('priceCurrency');
  if (currency !== undefined && !values.has('price')) report(12012, 'priceCurrency', currency);
  const searchInDescription = values.get('searchInDescription') === 'true';
  if (searchInDescription && q.length === 1) report(12516, 'searchInDescription', 'true');
  return {
    tests,
    warnings: problems,
    refusal: problems.find(({ errorId }) => REFUSALS.includes(errorId)),
    searchInDescription,
  };
}

const canBeBought: Test = ({ buyingOptions }) => buyingOptions.includes('FIXED_PRICE');

const INVALID = 12002;
const always: Test = () => true;

/** `{A|B}` of allowed members. Without a test it is accepted and filters nothing. */
function set(allowed: RegExp, test: (listing: Listing, wanted: Set<string>) => boolean = always): Parser {
  return (value) => {
    const members = readSet(value);
    if (!members?.every((member) => allowed.test(member))) return INVALID;
    const wanted = new Set(members);
    return (listing) => test(listing, wanted);
  };
}

/** One of some words. Only the first has an effect. */
function word(words: string, test: Test = always): Parser {
  const [first, ...others] = words.split('|');
  return (value) => (value === first ? test : others.includes(value) ? always : INVALID);
}

/** `[a..b]`, `[a]` (at least a), `[a..]` or `[..b]` of a figure that a listing may lack. */
function range(
  read: (text: string) => number,
  figure: (listing: Listing, context: Context) => number | undefined,
): Parser {
  return (value, context) => {
    const [low = '', high = ''] = /^\[(.+)\]$/.exec(value)?.[1]?.split('..') ?? [];
    const least = low === '' ? Number.NEGATIVE_INFINITY : read(low);
    const most = high === '' ? Number.POSITIVE_INFINITY : read(high);
    // NaN: an end is unreadable, or both are missing.
    if (Number.isNaN(least + most)) return INVALID;
    return (listing) => {
      const known = figure(listing, context);
      return known !== undefined && known >= least && known <= most;
    };
  };
}

function decimal(text: string): number {
  return /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
}

function date(text: string): number {
  return /^\d{4}-\d\d-\d\dT/.test(text) ? Date.parse(text) : Number.NaN;
}

function sellers(isWanted: boolean): Parser {
  return (value) => {
    const members = readSet(value);
    if (members === null) return INVALID;
    if (members.length > 250) return 12032;
    return members.every(isSeller) ? ({ seller }) => members.includes(seller.username) === isWanted : 12003;
  };
}

const COUNTRY = /^[A-Z]{2}$/;
const WORD = /^[A-Z_]+$/;
const REGIONS = 'WORLDWIDE|EUROPEAN_UNION|NORTH_AMERICA|ASIA|CONTINENTAL_EUROPE|UK_AND_IRELAND';

const priceRange = range(decimal, ({ priceCents, auction, site, rate }, { values }) => {
  const cents = Math.round((priceCents ?? auction?.bidCents ?? 0) * rate);
  return convert(cents, site.currency, values.get('priceCurrency') ?? '') / 100;
});
const buyingOptions = set(/^(FIXED_PRICE|AUCTION|BEST_OFFER|CLASSIFIED_AD)$/, (listing, wanted) =>
  listing.buyingOptions.some((option) => wanted.has(option)),
);
const accountTypes = set(/^(BUSINESS|INDIVIDUAL)$/, ({ seller }, wanted) => wanted.has(seller.accountType));

const PARSERS: Readonly<Record<string, Parser>> = {
  price: (value, context) => {
    const test = priceRange(value, context);
    return test === INVALID || isCurrency(context.values.get('priceCurrency') ?? '') ? test : 12012;
  },
  // Alone it earns two warnings, as it does at eBay: this one and 12012 (see `readFilters`).
  priceCurrency: (value, { values }) => (values.has('price') && isCurrency(value) ? always : INVALID),
  // Only auctions have an end to sort by.
  buyingOptions: (value, context) =>
    context.sort === 'endingSoonest' && !value.includes('AUCTION') ? 12034 : buyingOptions(value, context),
  conditions: set(/^(NEW|USED|UNSPECIFIED)$/, ({ conditionId }, wanted) =>
    wanted.has(conditionId === null ? 'UNSPECIFIED' : Number(conditionId) < 2000 ? 'NEW' : 'USED'),
  ),
  conditionIds: set(
    /^(1000|1500|1750|2000|2010|2020|2030|2500|2750|2990|3000|3010|4000|5000|6000|7000)$/,
    ({ conditionId }, wanted) => wanted.has(conditionId ?? ''),
  ),
  bidCount: range(decimal, ({ auction }) => auction?.bids),
  sellers: sellers(true),
  excludeSellers: sellers(false),
  sellerAccountTypes: (value, context) =>
    hasAccountTypes(context.site) ? accountTypes(value, context) : 12014,
  itemLocationCountry: (value, { values }) => {
    if (values.has('itemLocationRegion')) return 12517;
    return COUNTRY.test(value) ? ({ country }) => country === value : INVALID;
  },
  itemLocationRegion: word(REGIONS),
  deliveryCountry: (value) =>
    COUNTRY.test(value) ? ({ shipsAbroad, country }) => shipsAbroad || country === value : INVALID,
  deliveryPostalCode: (value, { values }) => {
    const country = values.get('deliveryCountry');
    return country === undefined ? 12011 : isPostalCode(value, country) ? always : 12015;
  },
  deliveryOptions: set(WORD),
  maxDeliveryCost: (value) =>
    Number(value) === 0 ? ({ shipping }) => shipping?.kind === 'FIXED' && shipping.cents === 0 : INVALID,
  returnsAccepted: word('true|false', ({ returnsAccepted }) => returnsAccepted),
  searchInDescription: word('true|false'),
  charityOnly: word('true|false', () => false),
  priorityListing: word('true|false'),
  paymentMethods: set(WORD),
  qualifiedPrograms: set(WORD),
  excludeCategoryIds: set(
    /^\d+$/,
    ({ family: { leaf } }, excluded) => !excluded.has(leaf.id) && !excluded.has(leaf.department.id),
  ),
  itemStartDate: range(date, ({ listedAt }) => listedAt),
  itemEndDate: range(date, ({ auction }) => auction?.endsAt),
};

/** eBay's filter syntax: `name:value,name:value`, where commas inside braces or brackets do not divide. */
function splitFilters(text: string): [name: string, value: string][] {
  const parts = text.match(/(?:[{[][^}\]]*(?:[}\]]|$)|[^,{[])+/g) ?? [];
  return parts
    .filter((part) => part.trim() !== '')
    .map((part) => {
      const [name = '', ...value] = part.split(':');
      return [name.trim(), value.join(':').trim()];
    });
}

/** `{A|B}` or a single bare value; `\|` is a pipe that belongs to the value. Null when it is neither. */
function readSet(value: string): string[] | null {
  const inner = /^\{(.*)\}$/s.exec(value)?.[1] ?? (/[{}[\]]/.test(value) ? null : value);
  if (inner === null) return null;
  const members = inner.split(/(?<!\\)\|/).map((member) => member.replaceAll('\\|', '|').trim());
  return members.some((member) => member === '') ? null : members;
}

/** `categoryId:ID,Aspect:{A|B},…`, where the category has to be the one searched in. */
export function readAspectFilter(text: string, categoryId: string | null) {
  const tests: Test[] = [];
  const parts = splitFilters(text);
  const category = parts.find(([name]) => name === 'categoryId')?.[1];
  if (category === undefined || category !== categoryId) return { tests, warnings: [browseError(12017)] };
  const warnings: ErrorDetail[] = [];
  for (const [name, value] of parts.filter((part) => part[0] !== 'categoryId')) {
    const aspect = name === 'Colour' || name === 'Farbe' ? 'Color' : name;
    const read = Object.hasOwn(ASPECTS, aspect) ? ASPECTS[aspect] : undefined;
    const wanted = readSet(value);
    if (read !== undefined && wanted !== null) tests.push((listing) => wanted.includes(read(listing)));
    else warnings.push(browseError(12018, { aspectFilter: `${name}:${value}` }));
  }
  return { tests, warnings };
}
