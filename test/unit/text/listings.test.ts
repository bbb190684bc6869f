import { expect } from 'chai';
import type { Product } from '../../../src/product/product.ts';
import { arrivalText, aspectText, listingsOf, returnsText, stockText } from '../../../src/text/listings.ts';
import { aspects, variation } from '../collector/listing.ts';

const stock = (change: object) => ({ estimatedAvailabilities: [change] });

describe('a listing with variations', () => {
  it('has all of them, and the aspects in which they differ', () => {
    const red = variation(1, aspects({ Color: 'Red', Brand: 'Acme', Size: 'S' }));
    const blue = variation(2, aspects({ Color: 'Blue', Brand: 'Acme' }));
    const other = variation(3, { legacyItemId: '1002', itemId: 'v1|1002|3' });
    const [first, second, ...more] = listingsOf([red, other, blue]);
    expect(first?.products).to.deep.equal([red, blue]);
    expect(first?.differences).to.deep.equal(['Color', 'Size']);
    expect([red, blue].map(aspectText('Size'))).to.deep.equal(['S', '']);
    expect(second).to.deep.include({ products: [other], differences: [] });
    expect(more).to.deep.equal([]);
  });

  it('is another one on another marketplace, and a name of every object is no aspect', () => {
    const here = variation(1);
    expect(listingsOf([here, { ...here, marketplace: 'EBAY_DE' }])).to.have.length(2);
    expect(aspectText('constructor')(here)).to.equal('');
  });
});

describe('texts of an offer', () => {
  it('keep “more than 10” as eBay says it, and name what is not known', () => {
    const texts = [
      {
        estimatedAvailabilityStatus: 'IN_STOCK',
        availabilityThreshold: 10,
        availabilityThresholdType: 'MORE_THAN',
      },
      { estimatedAvailabilityStatus: 'IN_STOCK', estimatedAvailableQuantity: 1200 },
      { estimatedAvailabilityStatus: 'OUT_OF_STOCK', estimatedAvailableQuantity: 0 },
      { estimatedAvailabilityStatus: 'LIMITED_STOCK' },
    ].map((change) => stockText(variation(1, stock(change))));
    expect(texts).to.deep.equal(['more than 10', '1,200', 'out of stock', 'few left']);
    expect(stockText({ ...variation(1), details: undefined } as unknown as Product)).to.equal('unknown');
  });

  it('say who pays the way back', () => {
    const terms = { returnsAccepted: true, returnPeriod: { value: 30, unit: 'CALENDAR_DAY' } };
    const returnTerms = { ...terms, returnShippingCostPayer: 'BUYER' };
    expect(returnsText(variation(1, { returnTerms }))).to.equal(
      'within 30 days, the buyer pays the way back',
    );
    expect(returnsText(variation(1, { returnTerms: { returnsAccepted: false } }))).to.equal('not accepted');
    expect(returnsText(variation(1))).to.equal(undefined);
  });

  it('say when it arrives as far as eBay says it', () => {
    const [first, last] = ['2026-12-01T08:00:00.000Z', '2026-12-03T08:00:00.000Z'];
    expect(arrivalText({ earliest: first, latest: last })).to.match(/^1\s?–\s?3 Dec$/);
    expect(arrivalText({ earliest: null, latest: last })).to.equal('by 3 Dec');
    expect(arrivalText({ earliest: first, latest: null })).to.equal('from 1 Dec on');
    // The wrong way round: only the later one is safe to say.
    expect(arrivalText({ earliest: last, latest: first })).to.equal('by 1 Dec');
    expect(arrivalText(null)).to.equal(undefined);
  });
});
