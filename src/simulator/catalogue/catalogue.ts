import { FAMILIES, type Family } from './families.ts';
import {
  ADDED_FAMILY,
  decodeListing,
  drawListing,
  encodeListing,
  type Listing,
  sellerProfile,
} from './listing.ts';
import { SITES, type Site } from './marketplaces.ts';
import { indexed, type KeywordTerm, matchesKeywords, vocabulary } from './title.ts';

export interface NewListing {
  readonly marketplace?: string;
  readonly title: string;
  /** Decimal string in the site's currency. */
  readonly price: string;
  readonly conditionId?: string;
  readonly freeShipping?: boolean;
}

/**
 * All listings of one simulated eBay. A family's listings are drawn when first asked for, so starting
 * costs nothing; the changes of control calls are kept apart and raise `version`.
 */
export class Catalogue {
  /** Rises with every change: what was computed from an older version is stale. */
  version = 0;
  private readonly drawn = new Map<string, Listing[]>();
  private readonly vocabularies = new Map<string, string>();
  private readonly changed = new Map<string, Partial<Listing>>();
  private readonly removed = new Set<string>();
  private readonly added: Listing[] = [];
  private readonly seed: number;
  private readonly scale: number;
  private readonly today: number;

  constructor(options: { seed: number; scale: number; today: number }) {
    this.seed = options.seed;
    this.scale = options.scale;
    this.today = options.today;
  }

  /** Listings of a site whose title (or, `inDescription`, also their family's vocabulary) has the keywords. */
  matching(
    site: Site,
    terms: readonly KeywordTerm[],
    inDescription: boolean,
    familyFits: (family: Family) => boolean,
  ): Listing[] {
    const added = this.added.filter((listing) => listing.site === site && familyFits(listing.family));
    const families = FAMILIES.filter(
      (family) => familyFits(family) && matchesKeywords(terms, this.vocabularyOf(family, site)),
    );
    return [added, ...families.map((family) => this.listings(site, family))]
      .flat()
      .filter((listing) => {
        const index = inDescription ? listing.index + this.vocabularyOf(listing.family, site) : listing.index;
        return matchesKeywords(terms, index) && !this.removed.has(listing.legacyId);
      })
      .map((listing) => this.current(listing));
  }

  /** The listing with this number, or null when there is none or it was removed. */
  find(legacyId: string): Listing | null {
    if (this.removed.has(legacyId)) return null;
    const origin = decodeListing(legacyId);
    const site = SITES[origin?.site ?? -1];
    if (origin === null || site === undefined) return null;
    const { number } = origin;
    if (origin.family === ADDED_FAMILY) {
      const added = this.added[number];
      return added?.legacyId === legacyId ? this.current(added) : null;
    }
    const family = FAMILIES.find((each) => each.number === origin.family);
    if (family === undefined || number >= this.size(site, family)) return null;
    const drawn = this.drawn.get(`${site.number}/${family.number}`)?.[number];
    return this.current(drawn ?? drawListing(this.seed, this.today, site, family, number));
  }

  change(legacyId: string, changes: Partial<Listing>): boolean {
    if (this.find(legacyId) === null) return false;
    this.changed.set(legacyId, { ...this.changed.get(legacyId), ...changes });
    this.version += 1;
    return true;
  }

  remove(legacyId: string): boolean {
    if (this.find(legacyId) === null) return false;
    this.removed.add(legacyId);
    this.version += 1;
    return true;
  }

  /** Adds a listing that is newest and ranks first; its shape follows the first family's. */
  add(fresh: NewListing): Listing {
    const site = SITES.find((each) => each.id === fresh.marketplace) ?? (SITES[0] as Site);
    const number = this.added.length;
    const model = drawListing(this.seed, this.today, site, FAMILIES[0] as Family, number);
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
      bidCents: null,
      endsAt: null,
      foreignCurrency: null,
      conditionId: fresh.conditionId ?? '1000',
      country: site.country,
      shipping: fresh.freeShipping === false ? model.shipping : { kind: 'FIXED', cents: 0 },
      stock: 10,
      listedAt: Date.now(),
      rank: -1 - number,
    };
    this.added.push(listing);
    this.version += 1;
    return listing;
  }

  seller(number: number) {
    return sellerProfile(this.seed, number);
  }

  private current(listing: Listing): Listing {
    const changes = this.changed.get(listing.legacyId);
    return changes === undefined ? listing : { ...listing, ...changes };
  }

  private size(site: Site, family: Family): number {
    if (family.listings <= 20) return family.listings;
    return Math.max(1, Math.round(family.listings * site.share * this.scale));
  }

  private listings(site: Site, family: Family): Listing[] {
    const key = `${site.number}/${family.number}`;
    let drawn = this.drawn.get(key);
    if (drawn === undefined) {
      drawn = Array.from({ length: this.size(site, family) }, (_, number) =>
        drawListing(this.seed, this.today, site, family, number),
      );
      this.drawn.set(key, drawn);
    }
    return drawn;
  }

  private vocabularyOf(family: Family, site: Site): string {
    const key = `${family.number}/${site.language}`;
    let known = this.vocabularies.get(key);
    if (known === undefined) {
      known = indexed(vocabulary(family, site.language));
      this.vocabularies.set(key, known);
    }
    return known;
  }
}
