import { type Answer, refuse, text } from '../answers.ts';
import { type Catalogue, cached } from '../catalogue/catalogue.ts';
import { conditionText, FAMILIES } from '../catalogue/families.ts';
import { ASPECTS, type BuyerContext, summarise } from '../catalogue/items.ts';
import type { Listing } from '../catalogue/listing.ts';
import { siteFor } from '../catalogue/marketplaces.ts';
import { fraction, hash } from '../random.ts';
import { REACHABLE, readQuery, type SearchQuery, sortListings } from './query.ts';

export interface SearchRequest {
  /** Its path, for `href` and `next`. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** What a search by image finds its picture to show. */
  readonly shown?: string | undefined;
  /** The marketplace header as it came. */
  readonly marketplace: string | null;
  readonly buyer: BuyerContext;
  /** Origin that the client called, for `href` and `next`. */
  readonly origin: string;
  readonly unsteady: Unsteadiness;
}

/**
 * GET item_summary/search and POST item_summary/search_by_image. Result lists, finished pages and serialised items are
 * cached, so that a repeated page costs almost nothing. `publicOrigin` is that of pictures and item pages.
 */
export function createSearch(catalogue: Catalogue, publicOrigin: string): (request: SearchRequest) => Answer {
  const pages = new Map<string, Answer>();
  const results = new Map<string, readonly Listing[]>();
  const items = { short: new WeakMap<Listing, string>(), extended: new WeakMap<Listing, string>() };

  const serialise = (listing: Listing, buyer: BuyerContext, extended: boolean): string => {
    const make = () => JSON.stringify(summarise(listing, publicOrigin, buyer, extended));
    if (buyer.country !== undefined || buyer.affiliateCampaignId !== undefined) return make();
    const cache = items[extended ? 'extended' : 'short'];
    const json = cache.get(listing) ?? make();
    cache.set(listing, json);
    return json;
  };

  const find = (asked: SearchQuery) => {
    const found = catalogue.matching(asked).filter((listing) => asked.tests.every((test) => test(listing)));
    return sortListings(found, asked.sort);
  };

  const page = (asked: SearchQuery, request: SearchRequest): Answer => {
    const { path, query, shown, buyer, origin, unsteady } = request;
    const { limit, offset, warnings, fieldgroups, autoCorrections } = asked;
    const key = `${searchKey(query, asked.site.id)}${shown ?? ''}`;
    const listings = cached(results, `${catalogue.version} ${key}`, () => find(asked), 60);
    const { items, total } = cutPage(listings, asked, key, unsteady);
    const link = (parameters: object) => {
      const changed = new URLSearchParams(query);
      for (const [name, value] of Object.entries(parameters)) changed.set(name, String(value));
      return `${origin}${path}?${changed}`;
    };
    const end = Math.min(listings.length, REACHABLE);
    const body = JSON.stringify({
      warnings: warnings.length > 0 ? warnings : undefined,
      href: link({ limit, offset }),
      total,
      next: offset + limit < end ? link({ limit, offset: offset + limit }) : undefined,
      prev: offset > 0 ? link({ limit, offset: Math.max(0, offset - limit) }) : undefined,
      limit,
      offset,
      autoCorrections,
      refinement: refine(listings, fieldgroups, link),
    });
    if (items.length === 0) return text(200, body, 'application/json');
    const extended = fieldgroups.some((group) => group === 'EXTENDED' || group === 'FULL');
    const summaries = items.map((listing) => serialise(listing, buyer, extended)).join(',');
    return text(200, `${body.slice(0, -1)},"itemSummaries":[${summaries}]}`, 'application/json');
  };

  return (request) => {
    const { query, marketplace } = request;
    const site = siteFor(marketplace);
    if (site === null) return refuse(12019, { marketplaceId: marketplace ?? '' });
    const key = JSON.stringify([catalogue.version, site.id, { ...request, query: query.toString() }]);
    const make = () => {
      const asked = readQuery(query, site, request.shown);
      return 'status' in asked ? asked : page(asked, request);
    };
    return cached(pages, key, make, 200);
  };
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
  { limit, offset }: SearchQuery,
  key: string,
  unsteady: Unsteadiness,
) {
  const items = listings.slice(offset, Math.min(offset + limit, REACHABLE));
  if (offset === 0 || items.length === 0) return { items, total: listings.length };
  const draw = (what: string) => fraction(key, what, offset);
  if (draw('repeats') < unsteady.repeats) {
    const before = listings.slice(offset - limit, offset);
    const count = Math.min(items.length, before.length, 1 + (hash(key, 'count', offset) % 6));
    items.splice(0, count, ...before.slice(-count));
  }
  if (items.length === limit && limit > 10 && draw('short') < unsteady.shortPages) {
    items.length -= 1 + (hash(key, 'missing', offset) % 3);
  }
  const off = draw('drift') < unsteady.drift ? (draw('by') - 0.5) / 50 : 0;
  return { items, total: Math.round(listings.length * (1 + off)) };
}

const REFINEMENTS = ['ASPECT', 'BUYING_OPTION', 'CATEGORY', 'CONDITION'];

/** The `refinement` container for the fieldgroups that ask for it. `link` makes the search that has only one value. */
function refine(
  listings: readonly Listing[],
  fieldgroups: readonly string[],
  link: (parameters: object) => string,
) {
  const [first] = listings;
  const wants = (name: string) =>
    fieldgroups.some((group) => group === 'FULL' || group === `${name}_REFINEMENTS`);
  if (first === undefined || !REFINEMENTS.some(wants)) return undefined;
  const categoryDistributions = distribution(
    listings.map(({ family }) => family.leaf.id),
    (categoryId) => ({
      categoryId,
      categoryName: FAMILIES.find(({ leaf }) => leaf.id === categoryId)?.leaf.name,
      refinementHref: link({ category_ids: categoryId }),
    }),
  );
  const dominantCategoryId = categoryDistributions[0]?.categoryId;
  const aspectDistributions = ['Brand', 'Type', 'Color', 'Features'].map((name) => ({
    localizedAspectName: name,
    aspectValueDistributions: distribution(
      listings.map((listing) => ASPECTS[name]?.(listing) ?? ''),
      (value) => ({
        localizedAspectValue: value,
        refinementHref: link({ aspect_filter: `categoryId:${dominantCategoryId},${name}:{${value}}` }),
      }),
    ),
  }));
  const buyingOptionDistributions = distribution(
    listings.map(({ buyingOptions }) => buyingOptions[0] ?? ''),
    (buyingOption) => ({ buyingOption, refinementHref: link({ filter: `buyingOptions:{${buyingOption}}` }) }),
  );
  const conditionDistributions = distribution(
    listings.map(({ conditionId }) => conditionId ?? ''),
    (conditionId) => ({
      condition: conditionText(conditionId, first.site.language),
      conditionId,
      refinementHref: link({ filter: `conditionIds:{${conditionId}}` }),
    }),
  );
  return {
    ...(wants('ASPECT') && { dominantCategoryId, aspectDistributions }),
    ...(wants('BUYING_OPTION') && { buyingOptionDistributions }),
    ...(wants('CATEGORY') && { categoryDistributions }),
    ...(wants('CONDITION') && { conditionDistributions }),
  };
}

/** How often each value occurs, most frequent first. */
function distribution<Entry extends object>(values: readonly string[], describe: (value: string) => Entry) {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  const sorted = [...counts].sort((a, b) => b[1] - a[1]);
  return sorted.map(([value, matchCount]) => ({ ...describe(value), matchCount }));
}
