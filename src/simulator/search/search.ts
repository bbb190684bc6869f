import { type Answer, text } from '../answer.ts';
import type { Catalogue } from '../catalogue/catalogue.ts';
import { epidOf, gtinOf } from '../catalogue/itemId.ts';
import type { Listing } from '../catalogue/listing.ts';
import { siteFor } from '../catalogue/marketplaces.ts';
import { type BuyerContext, chance, summarise } from '../catalogue/summary.ts';
import { browseError, refuse } from '../errors.ts';
import { LruCache } from './lruCache.ts';
import { readQuery, type SearchQuery } from './query.ts';
import { refine } from './refinement.ts';
import { sortListings } from './sort.ts';
import { cutPage, type Unsteadiness } from './unsteady.ts';

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
