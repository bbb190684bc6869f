import { expect } from 'chai';
import { Catalogue } from '../../../src/simulator/catalogue/catalogue.ts';
import type { Listing } from '../../../src/simulator/catalogue/listing.ts';
import { SITES, type Site } from '../../../src/simulator/catalogue/marketplaces.ts';
import { parseKeywords } from '../../../src/simulator/catalogue/title.ts';

const TODAY = Date.UTC(2026, 1, 16);
const [US] = SITES as [Site];

const catalogueOf = (seed: number) => new Catalogue({ seed, scale: 1, today: TODAY });
const find = (catalogue: Catalogue, q: string, site = US) =>
  catalogue.matching({ site, terms: parseKeywords(q), categoryId: null, searchInDescription: false });

describe("the simulator's catalogue", () => {
  const catalogue = catalogueOf(1);
  const share = (listings: Listing[], has: (listing: Listing) => boolean) =>
    listings.filter(has).length / listings.length;

  it('is the same for the same seed, and another for another', () => {
    expect(find(catalogueOf(1), 'slide rule')).to.deep.equal(find(catalogue, 'slide rule'));
    expect(find(catalogueOf(2), 'slide rule')).to.not.deep.equal(find(catalogue, 'slide rule'));
  });

  it('holds searches of every size', () => {
    expect(find(catalogue, 'usb charger').length).to.be.above(10_000);
    expect(find(catalogue, 'coffee grinder').length).to.be.within(100, 2000);
    expect(find(catalogue, 'slide rule')).to.have.length(5);
    expect(find(catalogue, 'unfindable')).to.deep.equal([]);
  });

  it('finds plurals and accents as eBay would', () => {
    expect(find(catalogue, 'yoga mats')).to.have.length(find(catalogue, 'yoga mat').length);
    expect(find(catalogue, 'Kaffeemühle', SITES[2]).length).to.be.above(0);
  });

  it('has the odd shapes of real answers in their realistic shares', () => {
    const listings = find(catalogue, 'phone case');
    expect(share(listings, ({ priceCents }) => priceCents === null)).to.be.within(0.04, 0.07);
    expect(share(listings, ({ shipping }) => shipping === null)).to.be.within(0.035, 0.055);
    expect(share(listings, ({ shipping }) => shipping?.kind === 'CALCULATED')).to.be.within(0.1, 0.15);
    expect(share(listings, ({ grouped }) => grouped)).to.be.within(0.1, 0.14);
    expect(share(listings, ({ foreignCurrency }) => foreignCurrency !== null)).to.be.within(0.02, 0.08);
    expect(share(listings, ({ pictured }) => !pictured)).to.be.within(0.001, 0.01);
  });

  it('gives every listing a number of its own that leads back to it', () => {
    const listings = find(catalogue, 'usb charger');
    expect(new Set(listings.map(({ legacyId }) => legacyId)).size).to.equal(listings.length);
    for (const listing of listings.slice(0, 50)) {
      expect(catalogueOf(1).find(listing.legacyId)).to.deep.equal(listing);
    }
    expect(catalogue.find('123456789012')).to.equal(null);
  });

  it('keeps titles within 80 characters and prices positive', () => {
    for (const listing of find(catalogue, 'charger', SITES[2])) {
      expect(listing.wording.title.length).to.be.within(5, 80);
      expect(listing.priceCents ?? listing.auction?.bidCents).to.be.above(0);
    }
  });
});
