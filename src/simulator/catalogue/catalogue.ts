import { FAMILIES, type Family } from './families.ts';
import { decodeListing, drawListing, encodeListing, type Listing } from './listing.ts';
import { SITES, type Site } from './marketplaces.ts';
import { createRates, type Rates } from './rates.ts';
import { indexed, type KeywordTerm, matchesKeywords, vocabulary } from './title.ts';

export interface NewListing {
  readonly marketplace?: string;
  readonly title: string;
  /** Decimal string in the site's currency. */
  readonly price: string;
  readonly conditionId?: string;
  readonly freeShipping?: boolean;
}

/** What a search asks of the catalogue. */
export interface Wanted {
  readonly site: Site;
  readonly terms: readonly KeywordTerm[];
  /** Null: any. */
  readonly categoryId: string | null;
  /** Number of the family of a product that is asked for by its code. Undefined: any. */
  readonly family?: number | undefined;
  readonly searchInDescription: boolean;
  /** Only these sellers' listings are asked for; undefined or null: any. */
  readonly sellers?: readonly string[] | null;
}

/** Listings that appear, change and end while the simulator runs. */
export interface Living {
  /** Changes when something happens to a listing that such a search may find. */
  version(wanted: Wanted): string;
  /** Those that a search may show now. */
  matching(wanted: Wanted): Listing[];
  /** The same one after the other, newest first, and how many there are at most. */
  newest(wanted: Wanted): { readonly count: number; readonly listings: Iterator<Listing> };
  /** The listing with this number, sold out ones and those that have ended a short time ago too. */
  find(legacyId: string): Listing | null;
}

/** Family number of listings that a control call added. */
const ADDED_FAMILY = 99;

/**
 * All listings of one simulated eBay. A family's listings are drawn when first asked for, so starting
 * costs nothing; the changes of control calls are kept apart.
 */
export class Catalogue {
  readonly rates: Rates;
  private changed = 0;
  private readonly drawn = new Map<string, Listing[]>();
  private readonly vocabularies = new Map<string, string>();
  /** What control calls changed by listing number; null: the listing is removed. */
  private readonly changes = new Map<string, Partial<Listing> | null>();
  private readonly added: Listing[] = [];
  private readonly options: { readonly seed: number; readonly scale: number; readonly today: number };
  private readonly market: Living | null;

  constructor(options: { seed: number; scale: number; today: number }, market: Living | null = null) {
    this.options = options;
    this.market = market;
    this.rates = createRates(options.seed, options.today);
  }

  /** Changes with every control call and every step of the exchange rates: what was computed before is stale. */
  get version(): string {
    return `${this.changed}/${this.rates.step()}`;
  }

  /** Whether listings change by themselves: then a page is as old as its search's `versionFor`. */
  get isLiving(): boolean {
    return this.market !== null;
  }

  /** As `version`, for one search. */
  versionFor(wanted: Wanted): string {
    return this.market === null ? this.version : `${this.version}/${this.market.version(wanted)}`;
  }

  /** Listings whose title (or, in a description, also their family's vocabulary) has the keywords. */
  matching(wanted: Wanted): Listing[] {
    return [...this.lasting(wanted), ...this.present(this.market?.matching(wanted) ?? []).filter(isShown)];
  }

  /**
   * The first `count` of those that `fits` accepts, newest first, and how many there are: exact where all of a market's
   * fit, an estimate by those looked at where not. `lasting` are those outside the market, sorted.
   */
  newest(
    wanted: Wanted,
    lasting: readonly Listing[],
    fits: (listing: Listing) => boolean,
    count: number,
  ): { listings: Listing[]; total: number } {
    const market = this.market?.newest(wanted);
    const listings: Listing[] = [];
    let [tried, fitting, index] = [0, 0, 0];
    let next = market?.listings.next();
    while (listings.length < count) {
      const other = lasting[index];
      const fresh = next?.done === false ? next.value : undefined;
      if (fresh === undefined && other === undefined) break;
      if (fresh === undefined || (other !== undefined && other.listedAt > fresh.listedAt)) {
        listings.push(other as Listing);
        index += 1;
        continue;
      }
      const [current] = this.present([fresh]);
      tried += 1;
      if (current !== undefined && isShown(current) && fits(current)) {
        listings.push(current);
        fitting += 1;
      }
      next = market?.listings.next();
    }
    const isAll = next === undefined || next.done === true;
    const ofMarket = isAll || tried === 0 ? fitting : Math.round(((market?.count ?? 0) * fitting) / tried);
    return { listings, total: Math.max(listings.length, lasting.length + ofMarket) };
  }

  /** Those that neither appear nor end by themselves. */
  lasting({ site, terms, categoryId, family: only, searchInDescription }: Wanted): Listing[] {
    const vocabularyOf = (family: Family) =>
      cached(this.vocabularies, `${family.number}/${site.language}`, () =>
        indexed(vocabulary(family, site.language)),
      );
    const fits = ({ leaf }: Family) =>
      categoryId === null || leaf.id === categoryId || leaf.department.id === categoryId;
    const added = this.added.filter((listing) => listing.site === site && fits(listing.family));
    const families = FAMILIES.filter(
      (family) =>
        fits(family) &&
        (only === undefined || family.number === only) &&
        matchesKeywords(terms, vocabularyOf(family)),
    );
    const found = [added, ...families.map((family) => this.listings(site, family))]
      .flat()
      .filter(({ index, family }) =>
        matchesKeywords(terms, searchInDescription ? index + vocabularyOf(family) : index),
      );
    return this.present(found);
  }

  /** The listing with this number, or null when there is none or it was removed. */
  find(legacyId: string): Listing | null {
    const listing =
      this.added.find((each) => each.legacyId === legacyId) ??
      this.original(legacyId) ??
      this.market?.find(legacyId);
    return listing ? this.current(listing) : null;
  }

  private present(listings: readonly Listing[]): Listing[] {
    return listings.map((listing) => this.current(listing)).filter((listing) => listing !== null);
  }

  /** Changes a listing, or removes it (null). */
  change(legacyId: string, changes: Partial<Listing> | null): void {
    this.changes.set(legacyId, changes && { ...this.changes.get(legacyId), ...changes });
    this.changed += 1;
  }

  /** Adds a listing that is newest and ranks first; its shape follows the first family's. */
  add(fresh: NewListing): Listing {
    const site = SITES.find((each) => each.id === fresh.marketplace) ?? (SITES[0] as Site);
    const number = this.added.length;
    const model = this.draw(site, FAMILIES[0] as Family, number);
    const legacyId = encodeListing(site.number, ADDED_FAMILY, number);
    const listing: Listing = {
      ...model,
      itemId: `v1|${legacyId}|0`,
      legacyId,
      grouped: false,
      wording: { ...model.wording, title: fresh.title },
      index: indexed(fresh.title),
      buyingOptions: ['FIXED_PRICE'],
      priceCents: Math.round(Number(fresh.price) * 100),
      auction: null,
      foreignCurrency: null,
      conditionId: fresh.conditionId ?? '1000',
      country: site.country,
      shipping: fresh.freeShipping === false ? model.shipping : { kind: 'FIXED', cents: 0 },
      stock: 10,
      listedAt: Date.now(),
      rank: -1 - number,
    };
    this.added.push(listing);
    this.changed += 1;
    return listing;
  }

  private current(listing: Listing): Listing | null {
    const changes = this.changes.get(listing.legacyId);
    if (changes === null) return null;
    const { foreignCurrency, site } = listing;
    const rate = foreignCurrency === null ? 1 : this.rates.between(foreignCurrency, site.currency);
    return changes || rate !== 1 ? { ...listing, rate, ...changes } : listing;
  }

  /** The listing with this number as it was drawn. */
  private original(legacyId: string): Listing | null {
    const { site: siteNumber = -1, family: familyNumber, number = 0 } = decodeListing(legacyId) ?? {};
    const site = SITES[siteNumber];
    const family = FAMILIES.find((each) => each.number === familyNumber);
    if (site === undefined || family === undefined || number >= this.size(site, family)) return null;
    return this.drawn.get(`${site.id}/${family.number}`)?.[number] ?? this.draw(site, family, number);
  }

  private listings(site: Site, family: Family): Listing[] {
    return cached(this.drawn, `${site.id}/${family.number}`, () =>
      Array.from({ length: this.size(site, family) }, (_, number) => this.draw(site, family, number)),
    );
  }

  private size(site: Site, { listings }: Family): number {
    return listings <= 20 ? listings : Math.max(1, Math.round(listings * site.share * this.options.scale));
  }

  private draw(site: Site, family: Family, number: number): Listing {
    return drawListing(this.options.seed, this.options.today, site, family, number);
  }
}

/** In a market a search shows nothing that is sold out, also where a control says so. */
function isShown({ ofMarket, stock }: Listing): boolean {
  return !ofMarket || stock > 0;
}

/** The cached value, made when it is not there. Beyond `capacity` the least recently used ones go. */
export function cached<T>(cache: Map<string, T>, key: string, make: () => T, capacity = Infinity): T {
  const value = cache.get(key) ?? make();
  cache.delete(key);
  cache.set(key, value);
  const [oldest] = cache.keys();
  if (cache.size > capacity && oldest !== undefined) cache.delete(oldest);
  return value;
}
