import { type Answer, refuse, text } from '../answers.ts';
import { type Catalogue, cached } from '../catalogue/catalogue.ts';
import { conditionText, FAMILIES } from '../catalogue/families.ts';
import { ASPECTS, type BuyerContext, colourName, summarise } from '../catalogue/items.ts';
import type { Listing } from '../catalogue/listing.ts';
import { siteFor } from '../catalogue/marketplaces.ts';
import { fraction, hash } from '../random.ts';
import { distanceTo } from './filters.ts';
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

  const serialise = (
    listing: Listing,
    asked: SearchQuery,
    buyer: BuyerContext,
    extended: boolean,
  ): string => {
    const shown = () => summarise(listing, publicOrigin, buyer, extended);
    const make = () => JSON.stringify(shown());
    if (asked.place !== null || asked.vehicle.length > 0)
      return JSON.stringify({ ...shown(), ...matched(listing, asked) });
    if (buyer.country !== undefined || buyer.affiliateCampaignId !== undefined) return make();
    const cache = items[extended ? 'extended' : 'short'];
    const json = cache.get(listing) ?? make();
    cache.set(listing, json);
    return json;
  };

  const isWanted = (asked: SearchQuery) => (listing: Listing) => asked.tests.every((test) => test(listing));
  const find = (asked: SearchQuery) =>
    sortListings(catalogue.matching(asked).filter(isWanted(asked)), asked.sort, asked.place);

  /** What the page needs of the result, in its order, and how long the result is. */
  const read = (asked: SearchQuery, key: string): { listings: readonly Listing[]; total: number } => {
    if (catalogue.isLiving && asked.sort === 'newlyListed' && !asked.fieldgroups.some(refines)) {
      const lasting = cached(
        results,
        `${catalogue.version} ${key}`,
        () => sortListings(catalogue.lasting(asked).filter(isWanted(asked)), asked.sort, null),
        RESULTS,
      );
      return catalogue.newest(asked, lasting, isWanted(asked), asked.offset + asked.limit + 1);
    }
    const listings = cached(results, `${catalogue.versionFor(asked)} ${key}`, () => find(asked), RESULTS);
    return { listings, total: listings.length };
  };

  const page = (asked: SearchQuery, request: SearchRequest): Answer => {
    const { path, query, shown, buyer, origin, unsteady } = request;
    const { limit, offset, warnings, fieldgroups, autoCorrections } = asked;
    const key = `${searchKey(query, asked.site.id)}${shown ?? ''}`;
    const { listings, total: length } = read(asked, key);
    const { items, total } = cutPage(listings, length, asked, key, unsteady);
    const linkTo = (changed: URLSearchParams) => `${origin}${path}?${changed}`;
    const link = (change: Narrowing['change']) => linkTo(narrowedBy(query, { change }));
    const end = Math.min(length, REACHABLE);
    const pageAt = (from: number) => ({ limit: String(limit), offset: String(from) });
    const count = (narrowing: Narrowing) => {
      const narrowed = readQuery(narrowedBy(query, narrowing), asked.site, shown);
      return 'status' in narrowed ? 0 : find(narrowed).length;
    };
    const body = JSON.stringify({
      warnings: warnings.length > 0 ? warnings : undefined,
      href: link(pageAt(offset)),
      total,
      next: offset + limit < end ? link(pageAt(offset + limit)) : undefined,
      prev: offset > 0 ? link(pageAt(Math.max(0, offset - limit))) : undefined,
      limit,
      offset,
      autoCorrections,
      refinement: refine(listings, asked, (narrowing) => linkTo(narrowedBy(query, narrowing)), count),
    });
    // Refinements alone come without items.
    const wanted =
      fieldgroups.every((group) => !group.endsWith('_REFINEMENTS')) || fieldgroups.some(isOfItems);
    if (items.length === 0 || !wanted) return text(200, body, 'application/json');
    const extended = fieldgroups.some((group) => group === 'EXTENDED' || group === 'FULL');
    const summaries = items.map((listing) => serialise(listing, asked, buyer, extended)).join(',');
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
    return catalogue.isLiving ? make() : cached(pages, key, make, 200);
  };
}

/** Result lists that are kept. */
const RESULTS = 60;

const refines = (group: string) => group === 'FULL' || group.endsWith('_REFINEMENTS');

const isOfItems = (group: string) => /^(MATCHING_ITEMS|EXTENDED|FULL)$/.test(group);

function narrowedBy(query: URLSearchParams, { add, change = {} }: Narrowing): URLSearchParams {
  const narrowed = new URLSearchParams(query);
  narrowed.delete('offset');
  for (const [name, value] of Object.entries(change)) narrowed.set(name, value);
  if (add !== undefined) narrowed.set('filter', [...query.getAll('filter'), add].join(','));
  return narrowed;
}

/** What an item says only to those who asked for a place of pickup, or for parts of a vehicle. */
function matched(listing: Listing, { place, vehicle }: SearchQuery) {
  return {
    ...(place !== null && {
      pickupOptions: [{ pickupLocationType: 'ARRANGED_LOCATION' }],
      distanceFromPickupLocation: {
        value: distanceTo(place, listing).toFixed(1),
        unitOfMeasure: place.unit,
      },
    }),
    ...(vehicle.length > 0 && {
      compatibilityMatch: listing.dice % 3 === 0 ? 'POSSIBLE' : 'EXACT',
      compatibilityProperties: vehicle.map(([name, value]) => ({ name, localizedName: name, value })),
    }),
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

/** The items of one page of a result of `length` listings, and the total that it claims. `key` names the search. */
function cutPage(
  listings: readonly Listing[],
  length: number,
  { limit, offset }: SearchQuery,
  key: string,
  unsteady: Unsteadiness,
) {
  const items = listings.slice(offset, Math.min(offset + limit, REACHABLE));
  if (offset === 0 || items.length === 0) return { items, total: length };
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
  return { items, total: Math.round(length * (1 + off)) };
}

const REFINEMENTS = ['ASPECT', 'BUYING_OPTION', 'CATEGORY', 'CONDITION'];
const BUYING_OPTIONS = ['FIXED_PRICE', 'AUCTION', 'BEST_OFFER', 'CLASSIFIED_AD'];

/** How a search changes: `add` extends its filter, `change` replaces a parameter. */
interface Narrowing {
  readonly add?: string;
  readonly change?: Readonly<Record<string, string>>;
}

/**
 * The `refinement` container for the fieldgroups that ask for it. Each count is the total of the search that its address
 * names. `link` makes that address, `count` counts what a search finds.
 */
function refine(
  listings: readonly Listing[],
  { fieldgroups, aspects }: SearchQuery,
  link: (narrowing: Narrowing) => string,
  count: (narrowing: Narrowing) => number,
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
      refinementHref: link({ change: { category_ids: categoryId } }),
    }),
  );
  const dominantCategoryId = categoryDistributions[0]?.categoryId ?? '';
  // Aspects are those of one category.
  const ofCategory = listings.filter(({ family }) => family.leaf.id === dominantCategoryId);
  const narrowed = (name: string, value: string) => ({
    category_ids: dominantCategoryId,
    aspect_filter: `categoryId:${dominantCategoryId}${aspects},${name}:{${value}}`,
  });
  const aspectDistributions = ['Brand', 'Type', 'Color', 'Features'].map((aspect) => {
    const name = aspect === 'Color' ? colourName(first.site) : aspect;
    return {
      localizedAspectName: name,
      aspectValueDistributions: distribution(
        ofCategory.map((listing) => ASPECTS[aspect]?.(listing) ?? ''),
        (value) => ({
          localizedAspectValue: value || 'Not Specified',
          refinementHref: link({ change: narrowed(name, value || '!') }),
        }),
      ),
    };
  });
  const conditionDistributions = distribution(
    listings.flatMap(({ conditionId }) => conditionId ?? []),
    (conditionId) => ({
      condition: conditionText(conditionId, first.site.language),
      conditionId,
      refinementHref: link({ add: `conditionIds:{${conditionId}}` }),
    }),
  );
  return {
    ...(wants('ASPECT') && { dominantCategoryId, aspectDistributions }),
    ...(wants('BUYING_OPTION') && {
      buyingOptionDistributions: BUYING_OPTIONS.map((buyingOption) => {
        const narrowing = { add: `buyingOptions:{${buyingOption}}` };
        return { buyingOption, matchCount: count(narrowing), refinementHref: link(narrowing) };
      }).filter(({ matchCount }) => matchCount > 0),
    }),
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
