import { expect } from 'chai';
import fc from 'fast-check';
import { estimateCalls, pagePlan, pageSize, shareOf } from '../../../src/collector/query.ts';
import { MARKETPLACE_IDS } from '../../../src/product/marketplaces.ts';
import { request } from './listing.ts';

const offsets = (maxItems: number) =>
  pagePlan(request({ maxItems }), 'EBAY_US').map(({ offset, limit }) => [offset, limit]);

describe('the pages of a search', () => {
  it('are as few and as small as the items wanted allow', () => {
    expect(offsets(1)).to.deep.equal([[0, 1]]);
    expect(offsets(200)).to.deep.equal([[0, 200]]);
    expect(offsets(201)).to.deep.equal([
      [0, 200],
      [200, 200],
    ]);
  });

  it('end at the 10,000 items that eBay lets anyone reach', () => {
    expect(offsets(10_000)).to.have.length(50);
    expect(offsets(10_000).at(-1)).to.deep.equal([9800, 200]);
  });

  it('share the items equally, the first marketplaces take the remainder', () => {
    const shared = request({ maxItems: 500, marketplaces: ['EBAY_US', 'EBAY_DE', 'EBAY_GB'] });
    expect(shared.marketplaces.map((id) => shareOf(shared, id))).to.deep.equal([167, 167, 166]);
    expect(shareOf(shared, 'EBAY_FR')).to.equal(0);
    expect(pagePlan(shared, 'EBAY_FR')).to.deep.equal([]);
  });

  it('are full ones where conditions applied here may drop items, for a call costs the same', () => {
    expect(pageSize(request({ maxItems: 10, title: { exclude: ['broken'] } }), 'EBAY_US')).to.equal(200);
    expect(pageSize(request({ maxItems: 10, seller: { minFeedbackScore: 10 } }), 'EBAY_US')).to.equal(200);
    expect(pageSize(request({ maxItems: 10, excludePickupOnly: true }), 'EBAY_US')).to.equal(200);
    expect(pageSize(request({ maxItems: 10, excludePickupOnly: false }), 'EBAY_US')).to.equal(10);
    expect(pageSize(request({ maxItems: 10 }), 'EBAY_US')).to.equal(10);
  });

  it('always fit eBay: offset a multiple of limit and below 10,000, limit 1 to 200, enough for every share', () => {
    const some = fc.record({
      maxItems: fc.integer({ min: 5, max: 10_000 }),
      marketplaces: fc.uniqueArray(fc.constantFrom(...MARKETPLACE_IDS), { minLength: 1, maxLength: 5 }),
    });
    fc.assert(
      fc.property(some, (input) => {
        const search = request(input);
        const plans = search.marketplaces.map((id) => pagePlan(search, id));
        for (const { offset, limit } of plans.flat()) {
          expect(limit).to.be.within(1, 200);
          expect(offset % limit).to.equal(0);
          expect(offset).to.be.below(10_000);
        }
        for (const [place, id] of search.marketplaces.entries()) {
          const reach = plans[place]?.reduce((sum, { limit }) => sum + limit, 0) ?? 0;
          expect(reach).to.be.at.least(shareOf(search, id));
          expect(plans[place]).to.have.length(Math.ceil(shareOf(search, id) / 200));
        }
        const shares = search.marketplaces.reduce((sum, id) => sum + shareOf(search, id), 0);
        expect(shares).to.equal(search.maxItems);
      }),
    );
  });
});

describe('the estimate of a search', () => {
  it('is one call a page of each marketplace, and one an item for full details', () => {
    const marketplaces = ['EBAY_US', 'EBAY_DE'];
    expect(estimateCalls(request({ maxItems: 500, marketplaces }))).to.deep.equal({
      pages: 4,
      details: 0,
      total: 4,
    });
    expect(estimateCalls(request({ maxItems: 50, details: 'full' }))).to.deep.equal({
      pages: 1,
      details: 50,
      total: 51,
    });
  });
});
