import { type Answer, browseError, type ErrorDetail, refuse, refused } from '../answers.ts';
import { FAMILIES } from '../catalogue/families.ts';
import { epidOf, gtinOf } from '../catalogue/items.ts';
import type { Listing } from '../catalogue/listing.ts';
import type { Site } from '../catalogue/marketplaces.ts';
import { correctKeywords, parseKeywords } from '../catalogue/title.ts';
import {
  distanceTo,
  type Place,
  readAspectFilter,
  readCharities,
  readFilters,
  readVehicle,
} from './filters.ts';

/** No listing of a search beyond this position can be reached. */
export const REACHABLE = 10_000;
const MAX_KEYWORDS = 100;
const MAX_PAGE = 200;
const FIELDGROUPS = /^(MATCHING_ITEMS|EXTENDED|FULL|(ASPECT|BUYING_OPTION|CATEGORY|CONDITION)_REFINEMENTS)$/;
const AUTO_CORRECT = 'US AT AU CA CH DE ES FR GB IE IT'.split(' ');
const LEAVES = new Set(FAMILIES.map(({ leaf }) => leaf.id));
const TOP_LEVEL = new Set(FAMILIES.map(({ leaf }) => leaf.department.id));

export type SearchQuery = Exclude<ReturnType<typeof readQuery>, Answer>;

/**
 * Reads the parameters of a search for one site, or refuses it, in eBay's order of strictness. `shown` are the keywords
 * for the picture of a search by image, whose `q` and `sort` have no effect.
 */
export function readQuery(query: URLSearchParams, site: Site, shown: string | null = null) {
  const [limit, offset] = [query.get('limit') ?? '50', query.get('offset') ?? '0'];
  if (!/^-?\d+$/.test(limit)) return refuse(12007, { limit });
  if (Number(limit) < 1 || Number(limit) > MAX_PAGE) return refuse(12006, { limit });
  if (!/^-?\d+$/.test(offset)) return refuse(12005, { offset });
  if (Number(offset) < 0) return refuse(12004, { offset });
  if (Number(offset) >= REACHABLE) return refuse(12029, { offset });
  if (Number(offset) % Number(limit) !== 0) return refuse(12515, { offset });

  const warnings: ErrorDetail[] = [];
  /** The value, or null with a warning where it is not allowed. */
  const checked = (
    name: string,
    isAllowed: (value: string) => boolean,
    errorId: number,
    value = query.get(name),
  ) => {
    if (value === null || isAllowed(value)) return value;
    warnings.push(browseError(errorId, { [name]: value }));
    return null;
  };
  const keywords = (shown ?? query.get('q') ?? '').slice(0, MAX_KEYWORDS).trim();
  if (keywords.includes('*')) return refuse(12001, { q: keywords });
  const categories = list(query.get('category_ids'));
  if (categories.length > 1) return refuse(12030, { allowedMaxCategories: '1' });
  const categoryId = checked(
    'category_ids',
    (id) => LEAVES.has(id) || TOP_LEVEL.has(id),
    12009,
    categories[0] ?? null,
  );
  const epid = checked('epid', (code) => /^\d{1,20}$/.test(code), 12021);
  const gtin = checked('gtin', (code) => /^(\d{8}|\d{9}[\dX]|\d{12,14})$/.test(code), 12022);
  const charities = readCharities(query.get('charity_ids'), site);
  if ('status' in charities) return charities;
  const isNothing = [categoryId, epid, gtin, query.get('charity_ids')].every((value) => value === null);
  if (keywords === '' && isNothing) return refuse(12001);
  const filterText = query.getAll('filter').join(',');
  if (categoryId !== null && keywords === '' && filterText === '' && TOP_LEVEL.has(categoryId))
    return refuse(12013);
  const correction = query.get('auto_correct');
  if (correction !== null && correction !== 'KEYWORD') return refuse(12027, { auto_correct: correction });
  if (correction !== null && !AUTO_CORRECT.includes(site.country)) {
    return refuse(12028, { marketplaceId: site.id });
  }
  const q = correction === null ? keywords : correctKeywords(keywords, site.language);
  const sort = shown === null ? checked('sort', (name) => Object.hasOwn(ORDERS, name), 12008) : null;
  const filters = readFilters(filterText, site, shown === null ? q : '', sort);
  if (filters.refusal !== undefined) return refused(filters.refusal);
  const department = FAMILIES.find(({ leaf }) => [leaf.id, leaf.department.id].includes(categoryId ?? ''));
  const vehicle = readVehicle(query.get('compatibility_filter'), q, department?.leaf.department.name);
  if ('status' in vehicle) return vehicle;
  const aspectText = query.get('aspect_filter');
  const aspects =
    aspectText === null ? { tests: [], warnings: [] } : readAspectFilter(aspectText, categoryId);
  const fieldgroups = list(query.get('fieldgroups'));
  for (const unknown of fieldgroups.filter((group) => !FIELDGROUPS.test(group))) {
    warnings.push(browseError(12016, { fieldgroups: unknown }));
  }
  return {
    site,
    terms: epid === null && gtin === null ? parseKeywords(q) : [],
    categoryId,
    // Its number is in the codes of its products: nothing else need be drawn.
    family: gtin !== null ? Number(gtin.slice(1, 4)) : undefined,
    limit: Number(limit),
    offset: Number(offset),
    sort,
    fieldgroups,
    /** What the aspect filter says beside its category. */
    aspects: aspects.tests.length === 0 ? '' : (aspectText ?? '').replace(/^categoryId:\d+/, ''),
    tests: [
      (listing: Listing) => epid === null || epidOf(listing) === epid,
      (listing: Listing) => gtin === null || gtinOf(listing) === gtin,
      ...filters.tests,
      ...aspects.tests,
      ...charities.tests,
      ...vehicle.tests,
    ],
    searchInDescription: filters.searchInDescription,
    sellers: filters.sellers,
    place: filters.place,
    /** Names and values of `compatibility_filter`. */
    vehicle: vehicle.vehicle,
    autoCorrections: q === keywords ? undefined : { q },
    warnings: [warnings, filters.warnings, aspects.warnings, charities.warnings, vehicle.warnings].flat(),
  };
}

function list(value: string | null): string[] {
  return (value ?? '').split(',').filter((entry) => entry !== '');
}

type Order = (a: Listing, b: Listing) => number;

/** Price plus delivery; unknown delivery counts as none. */
function delivered({ priceCents, auction, shipping, rate }: Listing): number {
  const price = Math.round((priceCents ?? auction?.bidCents ?? 0) * rate);
  return price + (shipping?.kind === 'FIXED' ? Math.round(shipping.cents * rate) : 0);
}

const bestMatch: Order = (a, b) => a.rank - b.rank;

const ORDERS: Readonly<Record<string, Order>> = {
  price: (a, b) => delivered(a) - delivered(b),
  '-price': (a, b) => delivered(b) - delivered(a),
  newlyListed: (a, b) => b.listedAt - a.listedAt,
  endingSoonest: (a, b) => (a.auction?.endsAt ?? Number.MAX_VALUE) - (b.auction?.endsAt ?? Number.MAX_VALUE),
  // From a place that the request has to name, see `sortListings`.
  distance: bestMatch,
};

/** Sorts in place; ties keep Best Match order, so every page sees the same sequence. */
export function sortListings(listings: Listing[], name: string | null, place: Place | null): Listing[] {
  const byDistance: Order = (a, b) => (place === null ? 0 : distanceTo(place, a) - distanceTo(place, b));
  const order = name === 'distance' ? byDistance : (ORDERS[name ?? ''] ?? bestMatch);
  return listings.sort((a, b) => order(a, b) || bestMatch(a, b));
}
