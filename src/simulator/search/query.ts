import type { Catalogue } from '../catalogue/catalogue.ts';
import { FAMILIES, isTopLevel } from '../catalogue/families.ts';
import type { Listing } from '../catalogue/listing.ts';
import type { Site } from '../catalogue/marketplaces.ts';
import { type KeywordTerm, parseKeywords } from '../catalogue/title.ts';
import { browseError, type ErrorDetail } from '../errors.ts';
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
  readonly fieldgroups: ReadonlySet<string>;
  readonly tests: readonly Test[];
  readonly searchInDescription: boolean;
  readonly warnings: readonly ErrorDetail[];
}

/** A request that eBay refuses outright. */
export interface Refusal {
  readonly status: 400 | 409;
  readonly error: ErrorDetail;
}

const MAX_KEYWORDS = 100;
const MAX_PAGE = 200;
const REACHABLE = 10_000;
const FIELDGROUPS = new Set(
  'MATCHING_ITEMS EXTENDED FULL ASPECT_REFINEMENTS BUYING_OPTION_REFINEMENTS CATEGORY_REFINEMENTS CONDITION_REFINEMENTS'.split(
    ' ',
  ),
);
const AUTO_CORRECT = new Set('US AT AU CA CH DE ES FR GB IE IT'.split(' '));
const CATEGORIES = new Set(FAMILIES.flatMap(({ leaf }) => [leaf.id, leaf.department.id]));

/** Reads the parameters of a search for one site in eBay's order of strictness. */
export function readQuery(query: URLSearchParams, site: Site, catalogue: Catalogue): SearchQuery | Refusal {
  const page = readPage(query);
  if ('error' in page) return page;
  const warnings: ErrorDetail[] = [];

  const q = (query.get('q') ?? '').slice(0, MAX_KEYWORDS).replaceAll('*', ' ').trim();
  const categories = (query.get('category_ids') ?? '').split(',').filter((id) => id !== '');
  if (categories.length > 1) return refusal(400, browseError(12030, { allowedMaxCategories: '1' }));
  let categoryId = categories[0] ?? null;
  if (categoryId !== null && !CATEGORIES.has(categoryId)) {
    warnings.push(browseError(12009, { category_ids: categoryId }));
    categoryId = null;
  }
  const epid = readCode(query, 'epid', /^\d{6,14}$/, 12021, warnings);
  const gtin = readCode(query, 'gtin', /^\d{8,14}$/, 12022, warnings);
  if (q === '' && categoryId === null && epid === null && gtin === null) {
    return refusal(400, browseError(12001));
  }
  const filterText = query.getAll('filter').join(',');
  if (categoryId !== null && q === '' && filterText === '' && isTopLevel(categoryId)) {
    return refusal(409, browseError(12013));
  }
  const refusedCorrection = checkAutoCorrect(query.get('auto_correct'), site);
  if (refusedCorrection !== null) return refusal(400, refusedCorrection);

  const filters = readFilters(filterText, site, catalogue, q.length);
  if (filters.refusal !== null) return refusal(400, filters.refusal);
  const aspects = readAspectFilter(query.get('aspect_filter'), categoryId);
  let sort = query.get('sort');
  if (sort !== null && !isSort(sort)) {
    warnings.push(browseError(12008, { sort }));
    sort = null;
  }
  return {
    site,
    terms: epid === null && gtin === null ? parseKeywords(q) : [],
    categoryId,
    epid,
    gtin,
    ...page,
    sort,
    fieldgroups: readFieldgroups(query.get('fieldgroups'), warnings),
    tests: [...filters.tests, ...aspects.tests],
    searchInDescription: filters.searchInDescription,
    warnings: [...warnings, ...filters.warnings, ...aspects.warnings],
  };
}

function refusal(status: 400 | 409, error: ErrorDetail): Refusal {
  return { status, error };
}

function readPage(query: URLSearchParams): { limit: number; offset: number } | Refusal {
  const limitText = query.get('limit') ?? '50';
  const offsetText = query.get('offset') ?? '0';
  if (!/^-?\d+$/.test(limitText)) return refusal(400, browseError(12007, { limit: limitText }));
  const limit = Number(limitText);
  if (limit < 1 || limit > MAX_PAGE) return refusal(400, browseError(12006, { limit: limitText }));
  if (!/^-?\d+$/.test(offsetText)) return refusal(400, browseError(12005, { offset: offsetText }));
  const offset = Number(offsetText);
  if (offset < 0) return refusal(400, browseError(12004, { offset: offsetText }));
  if (offset >= REACHABLE) return refusal(400, browseError(12029, { offset: offsetText }));
  if (offset % limit !== 0) return refusal(400, browseError(12515, { offset: offsetText }));
  return { limit, offset };
}

function readCode(
  query: URLSearchParams,
  name: 'epid' | 'gtin',
  form: RegExp,
  errorId: number,
  warnings: ErrorDetail[],
): string | null {
  const code = query.get(name);
  if (code === null) return null;
  if (form.test(code)) return code;
  warnings.push(browseError(errorId, { [name]: code }));
  return null;
}

function checkAutoCorrect(value: string | null, site: Site): ErrorDetail | null {
  if (value === null) return null;
  if (value !== 'KEYWORD') return browseError(12027, { auto_correct: value });
  return AUTO_CORRECT.has(site.country) ? null : browseError(12028, { marketplaceId: site.id });
}

function readFieldgroups(value: string | null, warnings: ErrorDetail[]): Set<string> {
  const asked = (value ?? '').split(',').filter((group) => group !== '');
  for (const unknown of asked.filter((group) => !FIELDGROUPS.has(group))) {
    warnings.push(browseError(12016, { fieldgroups: unknown }));
  }
  return new Set(asked.filter((group) => FIELDGROUPS.has(group)));
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

export function isSort(name: string): boolean {
  return Object.hasOwn(ORDERS, name);
}

/** Sorts in place; ties keep Best Match order, so every page sees the same sequence. */
export function sortListings(listings: Listing[], name: string | null): Listing[] {
  const order = (name === null ? undefined : ORDERS[name]) ?? bestMatch;
  return listings.sort((a, b) => order(a, b) || bestMatch(a, b));
}
