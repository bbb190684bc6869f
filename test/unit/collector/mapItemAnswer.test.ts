import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import { expect } from 'chai';
import fc from 'fast-check';
import { mapGroup, mapItemAnswer } from '../../../src/collector/mapDetails.ts';
import { ProductSchema } from '../../../src/product/product.ts';
import { MADE_UP } from '../../contract/madeUpAnswers.ts';

const OBSERVATION = { marketplace: 'EBAY_US', observedAt: '2026-02-03T00:00:00.000Z', rank: 3 } as const;
const isProduct = addFormats.default(new Ajv({ strictTypes: false })).compile(ProductSchema);
const dollars = (value: string) => ({ value, currency: 'USD' });

/** An invented item in the shape of an item answer. */
function item(change: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    itemId: 'v1|1001|5001',
    title: 'USB hub, 4 ports, red',
    itemWebUrl: 'https://www.ebay.com/itm/1001?var=5001',
    image: { imageUrl: 'https://i.ebayimg.com/images/g/a/s-l1600.jpg' },
    price: dollars('12.50'),
    buyingOptions: ['FIXED_PRICE'],
    shippingOptions: [{ shippingCostType: 'FIXED', shippingCost: dollars('3.00'), type: 'Standard' }],
    condition: 'New',
    conditionId: '1000',
    seller: { username: 'somebody', feedbackPercentage: '99.5', feedbackScore: 1200 },
    topRatedBuyingExperience: true,
    itemLocation: { city: 'Columbus', country: 'US', postalCode: '432**' },
    categoryId: '3709',
    categoryIdPath: '58058|175673|3709',
    epid: '4000000001',
    primaryItemGroup: { itemGroupId: '1001', itemGroupType: 'SELLER_DEFINED_VARIATIONS' },
    itemCreationDate: '2026-01-02T03:04:05.000Z',
    listingMarketplaceId: 'EBAY_US',
    priorityListing: false,
    estimatedAvailabilities: [{ estimatedAvailabilityStatus: 'IN_STOCK', estimatedAvailableQuantity: 7 }],
    ...change,
  };
}

function productOf(change: Record<string, unknown> = {}) {
  const mapped = mapItemAnswer(item(change), OBSERVATION);
  if (mapped === null) throw new Error('no product');
  expect(isProduct(mapped.product), JSON.stringify(isProduct.errors)).to.equal(true);
  return mapped.product;
}

describe('an item answer that no search answer came before', () => {
  it('becomes a whole product with details', () => {
    expect(productOf()).to.deep.include({
      itemId: 'v1|1001|5001',
      legacyItemId: '1001',
      marketplace: 'EBAY_US',
      title: 'USB hub, 4 ports, red',
      url: 'https://www.ebay.com/itm/1001?var=5001',
      images: ['https://i.ebayimg.com/images/g/a/s-l1600.jpg'],
      price: dollars('12.50'),
      shipping: { kind: 'fixed', cost: dollars('3.00') },
      total: dollars('15.50'),
      condition: 'New',
      conditionId: '1000',
      topRatedPlus: true,
      location: { country: 'US', stateOrProvince: null, city: 'Columbus', postalCode: '432**' },
      categoryIds: ['3709', '175673', '58058'],
      epid: '4000000001',
      group: { id: '1001', type: 'SELLER_DEFINED_VARIATIONS' },
      listedAt: '2026-01-02T03:04:05.000Z',
      observedAt: OBSERVATION.observedAt,
      rank: 3,
      promoted: false,
      listingMarketplace: 'EBAY_US',
    });
    expect(productOf().seller).to.include({ feedbackPercentage: 99.5, feedbackScore: 1200 });
    expect(productOf().details).to.include({ availability: 'in-stock', availableQuantity: 7 });
    expect(JSON.stringify(productOf())).to.not.include('somebody');
  });

  it('takes the category without its path, and the group from the address', () => {
    const group = { itemGroupHref: 'https://api.ebay.com/buy/browse/v1/x?item_group_id=77' };
    const product = productOf({ categoryIdPath: undefined, primaryItemGroup: group });
    expect(product).to.deep.include({ categoryIds: ['3709'], group: { id: '77', type: null } });
  });

  it('is a product without a price where it names no offer, and says when it has ended', () => {
    const ended = productOf({ price: undefined, itemEndDate: '2026-02-01T00:00:00.000Z' });
    expect(ended).to.deep.include({
      price: null,
      total: null,
      shipping: { kind: 'unknown', cost: null },
      buyingOptions: ['FIXED_PRICE'],
    });
    expect(ended.details.availability).to.equal('ended');
    const priced = productOf({ itemEndDate: '2026-02-01T00:00:00.000Z' });
    expect(priced.price).to.deep.equal(dollars('12.50'));
    expect(priced.details.availability).to.equal('ended');
  });

  it('without an id or a title is none', () => {
    for (const body of [
      null,
      'x',
      [],
      {},
      { errors: [] },
      item({ itemId: 'with space' }),
      item({ title: ' ' }),
    ])
      expect(mapItemAnswer(body, OBSERVATION)).to.equal(null);
  });

  it('of any JSON is a product that fits the schema, or null', () => {
    const full = MADE_UP['item-everything'] as Record<string, unknown>;
    const names = Object.keys(full);
    /** Values of one field in place of another's, and the same inside a list. */
    const moved = fc.constantFrom(...Object.values(full)).chain((value) => fc.constantFrom(value, [value]));
    const odd = fc.dictionary(fc.constantFrom(...names), fc.oneof(fc.jsonValue(), moved));
    fc.assert(
      fc.property(odd, (change) => {
        const mapped = mapItemAnswer({ ...full, ...change }, OBSERVATION);
        if (mapped !== null) {
          expect(isProduct(mapped.product), JSON.stringify(isProduct.errors)).to.equal(true);
          const { price, shipping, details } = mapped.product;
          const cheapest = details.shippingServices.find((service) => service.cheapest);
          if (price !== null && shipping.cost?.currency === price.currency)
            expect(cheapest?.cost).to.deep.equal(shipping.cost);
        }
        mapGroup(change, OBSERVATION);
        mapGroup({ items: [change, change.price] }, OBSERVATION);
      }),
      { numRuns: 200 },
    );
  });
});

describe('the answer for an item group', () => {
  it('becomes a product with details for every variation, in order; bad ones are counted by reason', () => {
    const items = [
      item({ itemId: 'v1|1001|5003', price: dollars('14.00') }),
      null,
      item({ title: undefined }),
      item({
        itemId: 'v1|1001|5002',
        estimatedAvailabilities: [{ estimatedAvailabilityStatus: 'OUT_OF_STOCK' }],
      }),
      { title: 'without an id' },
    ];
    const commonDescriptions = [{ description: '<b>red</b>', itemIds: ['v1|1001|5003'] }];
    const group = mapGroup({ items, commonDescriptions }, OBSERVATION);
    expect(group?.products.map(({ itemId }) => itemId)).to.deep.equal(['v1|1001|5003', 'v1|1001|5002']);
    expect(group?.products.map(({ rank }) => rank)).to.deep.equal([3, 6]);
    expect(group?.products.map(({ price }) => price?.value)).to.deep.equal(['14.00', '12.50']);
    expect(group?.products.map(({ details }) => details.availability)).to.deep.equal([
      'in-stock',
      'out-of-stock',
    ]);
    expect(group).to.deep.include({
      received: 5,
      rejected: { 'not-an-object': 1, 'no-title': 1, 'no-item-id': 1 },
    });
  });

  it('is none without a list of items', () => {
    for (const body of [null, [], {}, { items: {} }, { errors: [] }])
      expect(mapGroup(body, OBSERVATION)).to.equal(null);
  });
});
