import type { Catalogue } from '../catalogue/catalogue.ts';
import { conditionText } from '../catalogue/families.ts';
import { epidOf, gtinOf, type Listing } from '../catalogue/listing.ts';
import { siteFor } from '../catalogue/marketplaces.ts';
import { type BuyerContext, chance, summarise } from '../catalogue/summary.ts';
import { type Answer, browseError, refuse, text } from '../errors.ts';
import { hash } from '../random.ts';
import { aspectValues } from './filters.ts';
import { readQuery, type SearchQuery, sortListings } from './query.ts';

const PATH = '/buy/browse/v1/item_summary/search';
const REACHABLE = 10_000;

export interface SearchRequest {
  readonly query: URLSearchParams;
  /** The marketplace header as it came. */
  readonly marketplace: string | undefined;
  readonly buyer: BuyerContext;
  /** Origin that the client called, for `href` and `next`. */
  readonly origin: string;
}

/**
 * GET item_summary/search. Result lists, finished pages and serialised items are kept, so that a page that
 * was asked for before costs next to nothing.
 */
export class Search {
  unsteady: Unsteadiness;
  private readonly catalogue: Catalogue;
  private readonly publicOrigin: string;
  private readonly results = new LruCache<readonly Listing[]>(60);
  private readonly pages = new LruCache<Answer>(200);
  private readonly serialised = {
    short: new WeakMap<Listing, string>(),
    extended: new WeakMap<Listing, string>(),
  };
  private seenVersion = 0;

  constructor(catalogue: Catalogue, publicOrigin: string, unsteady: Unsteadiness) {
    this.catalogue = catalogue;
    this.publicOrigin = publicOrigin;
    this.unsteady = unsteady;
  }

  answer(request: SearchRequest): Answer {
    this.forgetStale();
    const { query, marketplace, buyer, origin } = request;
    const site = siteFor(marketplace);
    if (site === null) return refuse(409, browseError(12019, { marketplaceId: marketplace ?? '' }));
    const key = JSON.stringify([origin, site.id, query.toString(), buyer, this.unsteady]);
    const kept = this.pages.get(key);
    if (kept !== undefined) return kept;
    const asked = readQuery(query, site, this.catalogue);
    if ('error' in asked) return refuse(asked.status, asked.error);
    const answer = this.page(asked, request);
    this.pages.set(key, answer);
    return answer;
  }

  private page(asked: SearchQuery, { query, buyer, origin }: SearchRequest): Answer {
    const key = searchKey(query, asked.site.id);
    const listings = this.result(key, asked);
    const { items, total } = cutPage(listings, asked, key, this.unsteady);
    const { limit, offset } = asked;
    const at = (place: number) => `${origin}${PATH}?${withPage(query, limit, place)}`;
    const end = Math.min(listings.length, REACHABLE);
    const narrower = (parameter: string, value: string) => {
      const narrowed = new URLSearchParams(query);
      narrowed.set(parameter, value);
      return `${origin}${PATH}?${narrowed}`;
    };
    const head = {
      ...(asked.warnings.length > 0 && { warnings: asked.warnings }),
      href: at(offset),
      total,
      ...(offset + limit < end && { next: at(offset + limit) }),
      ...(offset > 0 && { prev: at(Math.max(0, offset - limit)) }),
      limit,
      offset,
      ...refine(listings, asked.fieldgroups, narrower),
    };
    const body = JSON.stringify(head);
    if (items.length === 0) return text(200, body, 'application/json');
    const extended = asked.fieldgroups.has('EXTENDED') || asked.fieldgroups.has('FULL');
    const shown = items.map((listing) => this.serialise(listing, buyer, extended)).join(',');
    return text(200, `${body.slice(0, -1)},"itemSummaries":[${shown}]}`, 'application/json');
  }

  private result(key: string, asked: SearchQuery): readonly Listing[] {
    const kept = this.results.get(key);
    if (kept !== undefined) return kept;
    const { catalogue } = this;
    const found = catalogue.matching(
      asked.site,
      asked.terms,
      asked.searchInDescription,
      ({ leaf }) => asked.categoryId === null || [leaf.id, leaf.department.id].includes(asked.categoryId),
    );
    const fitting = found.filter(
      (listing) => hasCodes(listing, asked) && asked.tests.every((test) => test(listing)),
    );
    const listings = sortListings(fitting, asked.sort);
    this.results.set(key, listings);
    return listings;
  }

  private serialise(listing: Listing, buyer: BuyerContext, extended: boolean): string {
    const forAnybody = buyer.country === null && buyer.affiliateCampaignId === null;
    const known = this.serialised[extended ? 'extended' : 'short'];
    const kept = forAnybody ? known.get(listing) : undefined;
    if (kept !== undefined) return kept;
    const made = JSON.stringify(summarise(listing, this.catalogue, this.publicOrigin, { buyer, extended }));
    if (forAnybody) known.set(listing, made);
    return made;
  }

  private forgetStale(): void {
    if (this.catalogue.version === this.seenVersion) return;
    this.seenVersion = this.catalogue.version;
    this.results.clear();
    this.pages.clear();
  }
}

/** A search apart from its page: what its result list is kept under, whatever the page size. */
function searchKey(query: URLSearchParams, siteId: string): string {
  const rest = new URLSearchParams(query);
  for (const name of ['limit', 'offset', 'fieldgroups']) rest.delete(name);
  rest.sort();
  return `${siteId} ${rest}`;
}

function withPage(query: URLSearchParams, limit: number, offset: number): string {
  const page = new URLSearchParams(query);
  page.set('limit', String(limit));
  page.set('offset', String(offset));
  return page.toString();
}

function hasCodes(listing: Listing, { epid, gtin }: SearchQuery): boolean {
  const model = listing.dice % 900;
  return (
    (epid === null || (chance(listing, 'epid', 0.35) && epidOf(listing.family.number, model) === epid)) &&
    (gtin === null || (chance(listing, 'gtin', 0.6) && gtinOf(listing.family.number, model) === gtin))
  );
}

/** Keeps the most recently used values, up to a number of them. */
export class LruCache<T> {
  private readonly entries = new Map<string, T>();
  private readonly capacity: number;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  get(key: string): T | undefined {
    const value = this.entries.get(key);
    if (value !== undefined) {
      this.entries.delete(key);
      this.entries.set(key, value);
    }
    return value;
  }

  set(key: string, value: T): void {
    this.entries.set(key, value);
    const oldest = this.entries.keys().next();
    if (this.entries.size > this.capacity && !oldest.done) this.entries.delete(oldest.value);
  }

  clear(): void {
    this.entries.clear();
  }
}

/**
 * What makes eBay's pages differ from a tidy database, as shares of the pages beyond the first. All of it
 * is repeatable: the same search of the same seed is unsteady in the same places.
 */
export interface Unsteadiness {
  /** Pages that show 1 to 6 items of the page before again, in place of their own. */
  readonly repeats: number;
  /** Pages that lack up to three of their items. */
  readonly shortPages: number;
  /** Pages that claim a `total` up to 1 % off. */
  readonly drift: number;
}

export const REAL_LIFE: Unsteadiness = { repeats: 0.06, shortPages: 0.02, drift: 0.3 };
export const STEADY: Unsteadiness = { repeats: 0, shortPages: 0, drift: 0 };

/** The items of one page and the total that it claims. `key` names the search. */
export function cutPage(
  listings: readonly Listing[],
  page: { limit: number; offset: number },
  key: string,
  unsteady: Unsteadiness,
): { items: Listing[]; total: number } {
  const { limit, offset } = page;
  const items = listings.slice(offset, Math.min(offset + limit, REACHABLE));
  if (offset === 0 || items.length === 0) return { items, total: listings.length };
  const chance = (what: string) => hash(key, what, offset) / 4294967296;

  if (chance('repeats') < unsteady.repeats) {
    const before = listings.slice(offset - limit, offset);
    const count = Math.min(items.length, before.length, 1 + (hash(key, 'count', offset) % 6));
    items.splice(0, count, ...before.slice(-count));
  }
  if (items.length === limit && limit > 10 && chance('short') < unsteady.shortPages) {
    items.length -= 1 + (hash(key, 'missing', offset) % 3);
  }
  const off = chance('drift') < unsteady.drift ? (chance('by') - 0.5) / 50 : 0;
  return { items, total: Math.round(listings.length * (1 + off)) };
}

const NAMES = ['Brand', 'Type', 'Color', 'Features'];

/** The `refinement` container for the fieldgroups that ask for it, or nothing. `link` makes a narrower search. */
export function refine(
  listings: readonly Listing[],
  fieldgroups: ReadonlySet<string>,
  link: (parameter: string, value: string) => string,
) {
  const wants = (group: string) => fieldgroups.has(group) || fieldgroups.has('FULL');
  const counted = (of: (listing: Listing) => string) => {
    const counts = new Map<string, number>();
    for (const listing of listings) counts.set(of(listing), (counts.get(of(listing)) ?? 0) + 1);
    return [...counts].sort((a, b) => b[1] - a[1]);
  };
  const categories = counted(({ family }) => family.leaf.id);
  const refinement = {
    ...(wants('ASPECT_REFINEMENTS') && {
      dominantCategoryId: categories[0]?.[0] ?? '',
      aspectDistributions: NAMES.map((localizedAspectName) => ({
        localizedAspectName,
        aspectValueDistributions: aspectValues(listings, localizedAspectName).map(([value, matchCount]) => ({
          localizedAspectValue: value,
          matchCount,
          refinementHref: link(
            'aspect_filter',
            `categoryId:${categories[0]?.[0]},${localizedAspectName}:{${value}}`,
          ),
        })),
      })),
    }),
    ...(wants('BUYING_OPTION_REFINEMENTS') && {
      buyingOptionDistributions: counted(({ buyingOptions }) => buyingOptions[0] ?? '').map(
        ([buyingOption, matchCount]) => ({
          buyingOption,
          matchCount,
          refinementHref: link('filter', `buyingOptions:{${buyingOption}}`),
        }),
      ),
    }),
    ...(wants('CATEGORY_REFINEMENTS') && {
      categoryDistributions: categories.map(([categoryId, matchCount]) => ({
        categoryId,
        categoryName: listings.find(({ family }) => family.leaf.id === categoryId)?.family.leaf.name ?? '',
        matchCount,
        refinementHref: link('category_ids', categoryId),
      })),
    }),
    ...(wants('CONDITION_REFINEMENTS') && {
      conditionDistributions: counted(({ conditionId }) => conditionId ?? '').map(
        ([conditionId, matchCount]) => ({
          condition: conditionText(conditionId, listings[0]?.site.language ?? 'en'),
          conditionId,
          matchCount,
          refinementHref: link('filter', `conditionIds:{${conditionId}}`),
        }),
      ),
    }),
  };
  return Object.keys(refinement).length > 0 && listings.length > 0 ? { refinement } : {};
}
