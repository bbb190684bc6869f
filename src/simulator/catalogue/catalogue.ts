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
interface Wanted {
  readonly site: Site;
  readonly terms: readonly KeywordTerm[];
  /** Null: any. */
  readonly categoryId: string | null;
  /** Number of the family of a product that is asked for by its code. Undefined: any. */
  readonly family?: number | undefined;
  readonly searchInDescription: boolean;
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

  constructor(options: { seed: number; scale: number; today: number }) {
    this.options = options;
    this.rates = createRates(options.seed, options.today);
  }

  /** Changes with every control call and every step of the exchange rates: what was computed before is stale. */
  get version(): string {
    return `${this.changed}/${this.rates.step()}`;
  }

  /** Listings whose title (or, in a description, also their family's vocabulary) has the keywords. */
  matching({ site, terms, categoryId, family: only, searchInDescription }: Wanted): Listing[] {
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
    return [added, ...families.map((family) => this.listings(site, family))]
      .flat()
      .filter(({ index, family }) =>
        matchesKeywords(terms, searchInDescription ? index + vocabularyOf(family) : index),
      )
      .map((listing) => this.current(listing))
      .filter((listing) => listing !== null);
  }

  /** The listing with this number, or null when there is none or it was removed. */
  find(legacyId: string): Listing | null {
    const listing = this.added.find((each) => each.legacyId === legacyId) ?? this.original(legacyId);
    return listing && this.current(listing);
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

/** The cached value, made when it is not there. Beyond `capacity` the least recently used ones go. */
export function cached<T>(cache: Map<string, T>, key: string, make: () => T, capacity = Infinity): T {
  const value = cache.get(key) ?? make();
  cache.delete(key);
  cache.set(key, value);
  const [oldest] = cache.keys();
  if (cache.size > capacity && oldest !== undefined) cache.delete(oldest);
  return value;
}
