import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import { expect } from 'chai';
import fc from 'fast-check';
import { withDetails } from '../../../src/collector/assemble.ts';
import { mapDetails } from '../../../src/collector/mapDetails.ts';
import { mapItem } from '../../../src/collector/mapItem.ts';
import { mapPage } from '../../../src/collector/mapPage.ts';
import { ProductSchema } from '../../../src/product/product.ts';
import { LONG } from '../../support/long.ts';
import { listing, SIGHTING } from './listing.ts';

const ajv = addFormats.default(new Ajv({ strictTypes: false }));
const isProduct = ajv.compile(ProductSchema);
const REASONS = ['not-an-object', 'no-item-id', 'no-title', 'no-price', 'bad-price'];

/** Values that eBay never sent and one day may. */
const odd = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.string({ unit: 'binary', maxLength: 400 }),
  fc.constantFrom(
    '',
    'NaN',
    '1e309',
    '-1',
    '12.50',
    'http://',
    'https://x',
    '2026-13-45T99:99:99Z',
    'https://i.ebayimg.com/images/g/X/s-l1600.jpg',
    '\ud800',
    '__proto__',
    0,
    -0,
    1e21,
  ),
  fc.constantFrom(
    null,
    [],
    {},
    [null],
    [[]],
    [{ imageUrl: 5 }],
    [{ shippingCostType: 'FIXED', shippingCost: null }],
  ),
  fc.record({
    value: fc.constantFrom('1.00', '', 'NaN', 5, null),
    currency: fc.constantFrom('USD', 'JPY', 'usd', 5, null),
  }),
);

/** A plain listing of which some fields are odd. */
const oddListing = fc
  .dictionary(
    fc.constantFrom(...Object.keys(listing()), 'currentBidPrice', 'bidCount', 'itemGroupHref', 'epid'),
    odd,
    { maxKeys: 4 },
  )
  .map((change) => ({ ...listing(), ...change }));

describe('any JSON in place of a listing', () => {
  it('is a product that fits its published schema, or rejected for a reason of the closed list', () => {
    fc.assert(
      fc.property(fc.oneof({ weight: 4, arbitrary: oddListing }, { weight: 1, arbitrary: odd }), (json) => {
        const mapped = mapItem(json, SIGHTING);
        if ('rejected' in mapped) {
          expect(REASONS).to.include(mapped.rejected);
          return;
        }
        expect(isProduct(mapped.product), JSON.stringify(isProduct.errors)).to.equal(true);
        expect(JSON.parse(JSON.stringify(mapped.product))).to.deep.equal(mapped.product);
      }),
      { numRuns: LONG ? 1000 : 300 },
    );
  });

  it('never makes a page or the details of an item throw, and every item is accounted for', () => {
    const body = fc.record(
      {
        total: odd,
        next: odd,
        offset: fc.oneof(odd, fc.constant(0)),
        warnings: odd,
        itemSummaries: fc.array(oddListing, { maxLength: 5 }),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.oneof(body, odd), (json) => {
        const mapped = mapPage(json, { ...SIGHTING, offset: 0, limit: 200 });
        mapDetails(json, new Date(0));
        if (!mapped.ok) return;
        const { received, products, rejected } = mapped.page;
        const lost = Object.values(rejected).reduce((sum, n) => sum + n, 0);
        expect(products.length + lost).to.equal(received);
      }),
      { numRuns: LONG ? 500 : 150 },
    );
  });

  it('gives details that fit the published schema of a product', () => {
    const item = fc.record({
      itemId: fc.constant('v1|1|0'),
      buyingOptions: fc.oneof(odd, fc.constant(['FIXED_PRICE']), fc.constant(['AUCTION'])),
      price: fc.oneof(odd, fc.constant({ value: '1.00', currency: 'USD' })),
      shippingOptions: odd,
      itemLocation: odd,
      image: odd,
      seller: odd,
      brand: odd,
      mpn: odd,
      gtin: odd,
      returnTerms: odd,
      estimatedAvailabilities: odd,
      localizedAspects: fc.array(fc.record({ name: odd, value: odd })),
    });
    const mapped = mapItem(listing(), SIGHTING);
    if ('rejected' in mapped) throw new Error(mapped.rejected);
    const { product } = mapped;
    fc.assert(
      fc.property(item, (json) => {
        const answer = mapDetails(json, new Date(0));
        if (answer === null) throw new Error('no item');
        const { details, listing } = answer;
        const detailed = withDetails(product, {
          details,
          ...(listing && { listing }),
          calls: 1,
          latencyMs: 1,
        });
        expect(isProduct(detailed), JSON.stringify(isProduct.errors)).to.equal(true);
        expect(JSON.parse(JSON.stringify(detailed))).to.deep.equal(detailed);
      }),
    );
  });
});
