import { type Answer, marketplaceWithoutSearch, refuse, text } from '../answers.ts';
import type { Catalogue } from '../catalogue/catalogue.ts';
import { conditionText, FAMILIES } from '../catalogue/families.ts';
import { type BuyerContext, epidOf, gtinOf, summarise } from '../catalogue/items.ts';
import type { Listing } from '../catalogue/listing.ts';
import { siteFor } from '../catalogue/marketplaces.ts';
import { hash } from '../random.ts';
import { aspectOf } from './filters.ts';
import { REACHABLE, readQuery, type SearchQuery, sortListings } from './query.ts';

const PATH = '/buy/browse/v1/item_summary/search';

export interface SearchRequest {
  readonly query: URLSearchParams;
  /** The marketplace header as it came. */
  readonly marketplace: string | null;
  readonly buyer: BuyerContext;
  /** Origin that the client called, for `href` and `next`. */
  readonly origin: string;
}

/**
 * GET item_summary/search. Result lists, finished pages and serialised items are cached, so that a repeated page costs
 * almost nothing.
 */
export class Search {
  unsteady: Unsteadiness;
  private readonly catalogue: Catalogue;
  private readonly publicOrigin: string;
  private readonly results = new Map<string, readonly Listing[]>();
  private readonly pages = new Map<string, Answer>();
  private readonly items = {
    short: new WeakMap<Listing, string>(),
    extended: new WeakMap<Listing, string>(),
  };
  private cachedVersion = 0;

  constructor(catalogue: Catalogue, publicOrigin: string, unsteady: Unsteadiness) {
    this.catalogue = catalogue;
    this.publicOrigin = publicOrigin;
    this.unsteady = unsteady;
  }

  answer(request: SearchRequest): Answer {
    if (this.catalogue.version !== this.cachedVersion) {
      this.cachedVersion = this.catalogue.version;
      this.results.clear();
      this.pages.clear();
    }
    const { query, marketplace, buyer, origin } = request;
    const site = siteFor(marketplace);
    if (site === null) return marketplaceWithoutSearch(marketplace);
    const key = JSON.stringify([origin, site.id, query.toString(), buyer, this.unsteady]);
    return cached(this.pages, 200, key, () => {
      const asked = readQuery(query, site, this.catalogue);
      return 'error' in asked ? refuse(asked.status, asked.error) : this.page(asked, request);
    });
  }

  private page(asked: SearchQuery, { query, buyer, origin }: SearchRequest): Answer {
    const key = searchKey(query, asked.site.id);
    const listings = cached(this.results, 60, key, () => this.matching(asked));
    const { items, total } = cutPage(listings, asked, key, this.unsteady);
    const { limit, offset } = asked;
    const linkWith = (parameters: Record<string, string>) => {
      const changed = new URLSearchParams(query);
      for (const [name, value] of Object.entries(parameters)) changed.set(name, value);
      return `${origin}${PATH}?${changed}`;
    };
    const at = (position: number) => linkWith({ limit: String(limit), offset: String(position) });
    const end = Math.min(listings.length, REACHABLE);
    const head = {
      ...(asked.warnings.length > 0 && { warnings: asked.warnings }),
      href: at(offset),
      total,
      ...(offset + limit < end && { next: at(offset + limit) }),
      ...(offset > 0 && { prev: at(Math.max(0, offset - limit)) }),
      limit,
      offset,
      ...refine(listings, asked.fieldgroups, linkWith),
    };
    const body = JSON.stringify(head);
    if (items.length === 0) return text(200, body, 'application/json');
    const extended = asked.fieldgroups.some((group) => group === 'EXTENDED' || group === 'FULL');
    const shown = items.map((listing) => this.serialise(listing, buyer, extended)).join(',');
    return text(200, `${body.slice(0, -1)},"itemSummaries":[${shown}]}`, 'application/json');
  }

  private matching({ site, terms, searchInDescription, categoryId, tests, sort, epid, gtin }: SearchQuery) {
    const found = this.catalogue
      .matching(
        site,
        terms,
        searchInDescription,
        ({ leaf }) => categoryId === null || [leaf.id, leaf.department.id].includes(categoryId),
      )
      .filter(
        (listing) =>
          (epid === null || epidOf(listing) === epid) &&
          (gtin === null || gtinOf(listing) === gtin) &&
          tests.every((test) => test(listing)),
      );
    return sortListings(found, sort);
  }

  private serialise(listing: Listing, buyer: BuyerContext, extended: boolean): string {
    const make = () =>
      JSON.stringify(summarise(listing, this.catalogue, this.publicOrigin, { buyer, extended }));
    if (buyer.country !== null || buyer.affiliateCampaignId !== null) return make();
    const cache = this.items[extended ? 'extended' : 'short'];
    const json = cache.get(listing) ?? make();
    cache.set(listing, json);
    return json;
  }
}

/** The cached value, made when it is not there. The most recently used ones stay. */
function cached<T>(cache: Map<string, T>, capacity: number, key: string, make: () => T): T {
  const value = cache.get(key) ?? make();
  cache.delete(key);
  cache.set(key, value);
  const [oldest] = cache.keys();
  if (cache.size > capacity && oldest !== undefined) cache.delete(oldest);
  return value;
}

/** The key of a result list: the search without its page. */
function searchKey(query: URLSearchParams, siteId: string): string {
  const rest = new URLSearchParams(query);
  for (const name of ['limit', 'offset', 'fieldgroups']) rest.delete(name);
  rest.sort();
  return `${siteId} ${rest}`;
}

/**
 * How eBay's pages differ from a consistent database, as shares of the pages after the first. The same search of the same
 * seed is unsteady on the same pages.
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
function cutPage(
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

const REFINED_ASPECTS = ['Brand', 'Type', 'Color', 'Features'];

/** The `refinement` container for the fieldgroups that ask for it, or nothing. `link` makes a narrower search. */
function refine(
  listings: readonly Listing[],
  fieldgroups: readonly string[],
  link: (parameters: Record<string, string>) => string,
) {
  if (listings.length === 0) return {};
  const wants = (group: string) => fieldgroups.includes(group) || fieldgroups.includes('FULL');
  /** How often each value occurs, most frequent first, with a link to the search that has only it. */
  const distribution = <Entry extends object>(
    valueIn: (listing: Listing) => string,
    describe: (value: string) => Entry,
    narrower: (value: string) => Record<string, string>,
  ) => {
    const counts = new Map<string, number>();
    for (const listing of listings) counts.set(valueIn(listing), (counts.get(valueIn(listing)) ?? 0) + 1);
    return [...counts]
      .sort((a, b) => b[1] - a[1])
      .map(([value, matchCount]) => ({
        ...describe(value),
        matchCount,
        refinementHref: link(narrower(value)),
      }));
  };
  const categoryDistributions = distribution(
    ({ family }) => family.leaf.id,
    (categoryId) => ({
      categoryId,
      categoryName: FAMILIES.find(({ leaf }) => leaf.id === categoryId)?.leaf.name ?? '',
    }),
    (categoryId) => ({ category_ids: categoryId }),
  );
  const dominantCategoryId = categoryDistributions[0]?.categoryId ?? '';
  const refinement = {
    ...(wants('ASPECT_REFINEMENTS') && {
      dominantCategoryId,
      aspectDistributions: REFINED_ASPECTS.map((localizedAspectName) => ({
        localizedAspectName,
        aspectValueDistributions: distribution(
          (listing) => aspectOf(listing, localizedAspectName),
          (localizedAspectValue) => ({ localizedAspectValue }),
          (value) => ({
            aspect_filter: `categoryId:${dominantCategoryId},${localizedAspectName}:{${value}}`,
          }),
        ),
      })),
    }),
    ...(wants('BUYING_OPTION_REFINEMENTS') && {
      buyingOptionDistributions: distribution(
        ({ buyingOptions }) => buyingOptions[0] ?? '',
        (buyingOption) => ({ buyingOption }),
        (value) => ({ filter: `buyingOptions:{${value}}` }),
      ),
    }),
    ...(wants('CATEGORY_REFINEMENTS') && { categoryDistributions }),
    ...(wants('CONDITION_REFINEMENTS') && {
      conditionDistributions: distribution(
        (listing) => listing.conditionId ?? '',
        (conditionId) => ({
          condition: conditionText(conditionId, listings[0]?.site.language ?? 'en'),
          conditionId,
        }),
        (value) => ({ filter: `conditionIds:{${value}}` }),
      ),
    }),
  };
  return Object.keys(refinement).length > 0 ? { refinement } : {};
}
