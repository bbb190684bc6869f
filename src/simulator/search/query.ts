import { browseError, type ErrorDetail } from '../answers.ts';
import type { Catalogue } from '../catalogue/catalogue.ts';
import { FAMILIES, isTopLevel } from '../catalogue/families.ts';
import type { Listing } from '../catalogue/listing.ts';
import type { Site } from '../catalogue/marketplaces.ts';
import { type KeywordTerm, parseKeywords } from '../catalogue/title.ts';
import { readAspectFilter, readFilters, type Test } from './filters.ts';

export interface SearchQuery {
  readonly site: Site;
  readonly terms: readonly KeywordTerm[];
  readonly categoryId: string | null;
  readonly epid: string | null;
  readonly gtin: string | null;
  readonly limit: number;
  readonly offset: number;
  readonly sort: string | null;
  readonly fieldgroups: readonly string[];
  readonly tests: readonly Test[];
  readonly searchInDescription: boolean;
  readonly warnings: readonly ErrorDetail[];
}

/** A request that eBay refuses. */
interface Refusal {
  readonly status: 400 | 409;
  readonly error: ErrorDetail;
}

/** No listing of a search beyond this position can be reached. */
export const REACHABLE = 10_000;
const MAX_KEYWORDS = 100;
const MAX_PAGE = 200;
const FIELDGROUPS =
  'MATCHING_ITEMS EXTENDED FULL ASPECT_REFINEMENTS BUYING_OPTION_REFINEMENTS CATEGORY_REFINEMENTS CONDITION_REFINEMENTS'.split(
    ' ',
  );
const AUTO_CORRECT = 'US AT AU CA CH DE ES FR GB IE IT'.split(' ');
const CATEGORIES = new Set(FAMILIES.flatMap(({ leaf }) => [leaf.id, leaf.department.id]));

/** Reads the parameters of a search for one site in eBay's order of strictness. */
export function readQuery(query: URLSearchParams, site: Site, catalogue: Catalogue): SearchQuery | Refusal {
  const page = readPage(query);
  if ('error' in page) return page;
  const warnings: ErrorDetail[] = [];
  /** The value, or null with a warning where it is not allowed. */
  const checked = (name: string, isAllowed: (value: string) => boolean, errorId: number) => {
    const value = query.get(name);
    if (value === null || isAllowed(value)) return value;
    warnings.push(browseError(errorId, { [name]: value }));
    return null;
  };

  const q = (query.get('q') ?? '').slice(0, MAX_KEYWORDS).replaceAll('*', ' ').trim();
  const categories = list(query.get('category_ids'));
  if (categories.length > 1) return refusal(12030, { allowedMaxCategories: '1' });
  let categoryId = categories[0] ?? null;
  if (categoryId !== null && !CATEGORIES.has(categoryId)) {
    warnings.push(browseError(12009, { category_ids: categoryId }));
    categoryId = null;
  }
  const epid = checked('epid', (code) => /^\d{6,14}$/.test(code), 12021);
  const gtin = checked('gtin', (code) => /^\d{8,14}$/.test(code), 12022);
  if (q === '' && categoryId === null && epid === null && gtin === null) return refusal(12001);
  const filterText = query.getAll('filter').join(',');
  if (categoryId !== null && q === '' && filterText === '' && isTopLevel(categoryId)) {
    return { status: 409, error: browseError(12013) };
  }
  const correction = query.get('auto_correct');
  if (correction !== null && correction !== 'KEYWORD') return refusal(12027, { auto_correct: correction });
  if (correction !== null && !AUTO_CORRECT.includes(site.country)) {
    return refusal(12028, { marketplaceId: site.id });
  }
  const filters = readFilters(filterText, site, catalogue, q.length);
  if (filters.refusal !== null) return { status: 400, error: filters.refusal };
  const aspects = readAspectFilter(query.get('aspect_filter'), categoryId);
  const sort = checked('sort', (name) => Object.hasOwn(ORDERS, name), 12008);
  const fieldgroups = list(query.get('fieldgroups'));
  for (const unknown of fieldgroups.filter((group) => !FIELDGROUPS.includes(group))) {
    warnings.push(browseError(12016, { fieldgroups: unknown }));
  }
  return {
    site,
    terms: epid === null && gtin === null ? parseKeywords(q) : [],
    categoryId,
    epid,
    gtin,
    ...page,
    sort,
    fieldgroups,
    tests: [...filters.tests, ...aspects.tests],
    searchInDescription: filters.searchInDescription,
    warnings: [...warnings, ...filters.warnings, ...aspects.warnings],
  };
}

function refusal(errorId: number, parameters?: Readonly<Record<string, string>>): Refusal {
  return { status: 400, error: browseError(errorId, parameters) };
}

function list(value: string | null): string[] {
  return (value ?? '').split(',').filter((entry) => entry !== '');
}

function readPage(query: URLSearchParams): { limit: number; offset: number } | Refusal {
  const limit = query.get('limit') ?? '50';
  const offset = query.get('offset') ?? '0';
  if (!/^-?\d+$/.test(limit)) return refusal(12007, { limit });
  if (Number(limit) < 1 || Number(limit) > MAX_PAGE) return refusal(12006, { limit });
  if (!/^-?\d+$/.test(offset)) return refusal(12005, { offset });
  if (Number(offset) < 0) return refusal(12004, { offset });
  if (Number(offset) >= REACHABLE) return refusal(12029, { offset });
  if (Number(offset) % Number(limit) !== 0) return refusal(12515, { offset });
  return { limit: Number(limit), offset: Number(offset) };
}

type Order = (a: Listing, b: Listing) => number;

/** Price plus delivery; unknown delivery counts as none. */
function delivered({ priceCents, bidCents, shipping }: Listing): number {
  return (priceCents ?? bidCents ?? 0) + (shipping?.kind === 'FIXED' ? shipping.cents : 0);
}

const ORDERS: Readonly<Record<string, Order>> = {
  price: (a, b) => delivered(a) - delivered(b),
  '-price': (a, b) => delivered(b) - delivered(a),
  newlyListed: (a, b) => b.listedAt - a.listedAt,
  endingSoonest: (a, b) => (a.endsAt ?? Number.MAX_VALUE) - (b.endsAt ?? Number.MAX_VALUE),
  // Distance needs a pickup place, which the simulator does not model: Best Match.
  distance: () => 0,
};

const bestMatch: Order = (a, b) => a.rank - b.rank;

/** Sorts in place; ties keep Best Match order, so every page sees the same sequence. */
export function sortListings(listings: Listing[], name: string | null): Listing[] {
  const order = (name === null ? undefined : ORDERS[name]) ?? bestMatch;
  return listings.sort((a, b) => order(a, b) || bestMatch(a, b));
}
