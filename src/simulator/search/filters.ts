import { type Answer, browseError, type ErrorDetail, refuse } from '../answers.ts';
import {
  ASPECTS,
  canOnlyBeFetched,
  hasAccountTypes,
  hasPlus,
  isPromoted,
  qualifiedPrograms,
} from '../catalogue/items.ts';
import { chance, isSeller, type Listing } from '../catalogue/listing.ts';
import { convert, isCurrency, isPostalCode, type Site } from '../catalogue/marketplaces.ts';
import { fraction } from '../random.ts';

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
const REFUSALS = [12032, 12033, 12034, 12512, 12514, 12516, 12517, 12518];

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
  const isNear = PICKUP.some((name) => values.has(name)) || sort === 'distance';
  const place = isNear ? readPlace(values) : null;
  if (place !== null)
    tests.push((listing) => canBeFetched(listing) && distanceTo(place, listing) <= place.radius);
  else if (isNear) problems.push(browseError(12010));
  const currency = values.get('priceCurrency');
  if (currency !== undefined && !values.has('price')) report(12012, 'priceCurrency', currency);
  const searchInDescription = values.get('searchInDescription') === 'true';
  if (searchInDescription && q.length <= 1) report(12516, 'searchInDescription', 'true');
  return {
    tests,
    warnings: problems,
    refusal: problems.find(({ errorId }) => REFUSALS.includes(errorId)),
    searchInDescription,
    place,
    sellers: readSet(values.get('sellers') ?? '{'),
  };
}

/** Where the buyer can fetch something. */
export interface Place {
  readonly postalCode: string;
  readonly radius: number;
  readonly unit: string;
}

/** How far a listing is from a place, in its unit: any number of up to 60 miles. */
export function distanceTo({ postalCode, unit }: Place, { dice }: Listing): number {
  return fraction(dice, 'distance', postalCode) * (unit === 'km' ? 96.6 : 60);
}

/** The place of the four pickup filters; null where one is missing or invalid. */
function readPlace(values: ReadonlyMap<string, string>): Place | null {
  const [country = '', postalCode = '', radius = '', unit = ''] = PICKUP.map((name) => values.get(name));
  const isPlace = COUNTRY.test(country) && postalCode !== '' && isPostalCode(postalCode, country);
  return isPlace && /^[1-9]\d*$/.test(radius) && /^(mi|km)$/.test(unit)
    ? { postalCode, radius: Number(radius), unit }
    : null;
}

const canBeFetched: Test = (listing) => canOnlyBeFetched(listing) || chance(listing, 'fetched', 0.1);
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
/** Countries of listings by region; those of a site's neighbours are not modelled. Null: everywhere. */
const REGIONS: Readonly<Record<string, string | null>> = {
  WORLDWIDE: null,
  BORDER_COUNTRIES: null,
  NORTH_AMERICA: 'US CA',
  EUROPEAN_UNION: 'DE FR IT ES AT BE IE NL PL',
  CONTINENTAL_EUROPE: 'DE FR IT ES AT BE CH NL PL',
  UK_AND_IRELAND: 'GB IE',
  ASIA: 'CN HK JP SG',
};
const PROGRAMS = /^(AUTHENTICITY_GUARANTEE|AUTHENTICITY_VERIFICATION|EBAY_PLUS|EBAY_REFURBISHED)$/;
/** Two of every hundred are sold for charity. */
const isForCharity: Test = (listing) => chance(listing, 'charity', 0.02);

const priceRange = range(decimal, ({ priceCents, auction, site, rate }, { values }) => {
  const cents = Math.round((priceCents ?? auction?.bidCents ?? 0) * rate);
  return convert(cents, site.currency, values.get('priceCurrency') ?? '') / 100;
});
const buyingOptions = set(/^(FIXED_PRICE|AUCTION|BEST_OFFER|CLASSIFIED_AD)$/, (listing, wanted) =>
  listing.buyingOptions.some((option) => wanted.has(option)),
);
const accountTypes = set(/^(BUSINESS|INDIVIDUAL)$/, ({ seller }, wanted) => wanted.has(seller.accountType));

const programs = set(PROGRAMS, (listing, wanted) =>
  (qualifiedPrograms(listing) ?? []).some((program) => wanted.has(program)),
);

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
  itemLocationRegion: (value) => {
    if (!Object.hasOwn(REGIONS, value)) return 12518;
    const countries = REGIONS[value] ?? null;
    return countries === null ? always : ({ country }) => countries.includes(country);
  },
  deliveryCountry: (value) =>
    COUNTRY.test(value) ? ({ shipsAbroad, country }) => shipsAbroad || country === value : INVALID,
  deliveryPostalCode: (value, { values }) => {
    const country = values.get('deliveryCountry');
    return country === undefined ? 12011 : isPostalCode(value, country) ? always : 12015;
  },
  deliveryOptions: set(
    /^(SHIP_TO_HOME|SELLER_ARRANGED_LOCAL_PICKUP|IN_STORE_PICKUP|PICKUP_DROP_OFF|DIGITAL_DELIVERY)$/,
    (listing, wanted) =>
      (wanted.has('SHIP_TO_HOME') && !canOnlyBeFetched(listing)) ||
      (wanted.has('SELLER_ARRANGED_LOCAL_PICKUP') && canBeFetched(listing)),
  ),
  maxDeliveryCost: (value) =>
    Number(value) === 0 ? ({ shipping }) => shipping?.kind === 'FIXED' && shipping.cents === 0 : INVALID,
  returnsAccepted: word('true|false', ({ returnsAccepted }) => returnsAccepted),
  searchInDescription: word('true|false'),
  charityOnly: word('true|false', isForCharity),
  priorityListing: (value, context) =>
    context.sort === null ? word('true|false', isPromoted)(value, context) : 12514,
  paymentMethods: set(/^(CREDIT_CARD|PAYPAL)$/),
  qualifiedPrograms: (value, context) => {
    const members = readSet(value) ?? [];
    if (members.includes('EBAY_PLUS') && !hasPlus(context.site)) return 12512;
    const isSent = context.values.has('deliveryCountry') && context.values.has('deliveryPostalCode');
    if (members.includes('AUTHENTICITY_GUARANTEE') && !isSent) return 12033;
    return programs(value, context);
  },
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

const MAX_CHARITIES = 20;

/** `charity_ids`: tax numbers of charities in the US, registration numbers in GB. */
export function readCharities(
  text: string | null,
  site: Site,
): Answer | { tests: Test[]; warnings: ErrorDetail[] } {
  const ids = (text ?? '').split(',').filter((id) => id !== '');
  if (ids.length === 0) return { tests: [], warnings: [] };
  if (ids.length > MAX_CHARITIES) return refuse(12025);
  if (site.country !== 'US' && site.country !== 'GB') return refuse(12026, { marketplaceId: site.id });
  const form = site.country === 'US' ? /^\d{2}-?\d{7}$/ : /^(SC0?|NIC)?\d{5,8}$/;
  const wrong = ids.filter((id) => !form.test(id));
  const known = ids.filter((id) => form.test(id));
  const isFor: Test = (listing) =>
    known.some((id) => chance(listing, `charity ${id.replace('-', '')}`, 0.01));
  return {
    tests: known.length === 0 ? [] : [isFor],
    warnings: wrong.map((id) => browseError(12024, { charity_id: id })),
  };
}

/** What describes a vehicle on EBAY_US. */
export const VEHICLE = ['Year', 'Make', 'Model', 'Trim', 'Engine'];

/** `compatibility_filter=Year:2018;Make:BMW`, for parts: needs keywords and a category of them. */
export function readVehicle(
  text: string | null,
  q: string,
  department: string | undefined,
): Answer | { tests: Test[]; warnings: ErrorDetail[]; vehicle: string[][] } {
  if (text === null) return { tests: [], warnings: [], vehicle: [] };
  const pairs = text.split(';').map((pair) => pair.split(':').map((part) => part.trim()));
  if (!pairs.every(([name, value, ...more]) => name && value && more.length === 0))
    return { tests: [], warnings: [browseError(12502, { compatibilityFilter: text })], vehicle: [] };
  if (department === undefined) return refuse(12504);
  if (!department.startsWith('Vehicle Parts')) return refuse(12506);
  const unknown = pairs.map(([name = '']) => name).filter((name) => !VEHICLE.includes(name));
  if (unknown.length > 0) return refuse(12505, { attributes: unknown.join(', ') });
  if (q === '') return refuse(12503);
  const vehicle = pairs.map((pair) => pair.join(':')).sort();
  return { tests: [(listing) => chance(listing, vehicle.join(';'), 0.4)], warnings: [], vehicle: pairs };
}

/** `categoryId:ID,Aspect:{A|B},…`, where the category has to be the one searched in; `!` is a listing without the aspect. */
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
    if (read !== undefined && wanted !== null) tests.push((listing) => wanted.includes(read(listing) || '!'));
    else warnings.push(browseError(12018, { aspectFilter: `${name}:${value}` }));
  }
  return { tests, warnings };
}
