import { expect } from 'chai';
import type { PageAnswer } from '../../../src/collector/answers.ts';
import { headOf } from '../../../src/collector/assemble.ts';
import type { Product } from '../../../src/product/product.ts';
import { pack, packHead, packPage, unpack, unpackHead, unpackPage } from '../../../src/results/packing.ts';
import { productOf, request, SIGHTING } from '../collector/listing.ts';

const bid = { currentBidPrice: { value: '8.00', currency: 'USD' }, bidCount: 3 };

/** Fields that few listings have. */
const RARE = {
  adultOnly: true,
  seller: { feedbackPercentage: '98.6', feedbackScore: 3, sellerAccountType: 'INDIVIDUAL' },
  itemLocation: { country: 'US', stateOrProvince: 'Ohio', city: 'Columbus', postalCode: '432**' },
  priceDisplayCondition: 'ONLY_SHOW_WHEN_ADDED_IN_CART',
  unitPrice: { value: '1.25', currency: 'USD' },
  unitPricingMeasure: '100g',
  qualifiedPrograms: ['EBAY_PLUS'],
  shortDescription: 'Four ports, new.',
  pickupOptions: [{ pickupLocationType: 'STORE' }],
  distanceFromPickupLocation: { value: '4.2', unitOfMeasure: 'mi' },
  energyEfficiencyClass: 'A++',
  tyreLabelImageUrl: 'https://i.ebayimg.com/tyre.jpg',
  watchCount: 12,
  compatibilityMatch: 'POSSIBLE',
  compatibilityProperties: [{ name: 'Make', localizedName: 'Marke', value: 'BMW' }],
};

const products: Record<string, Product> = {
  'as most are': productOf(),
  'with as little as may be': productOf({
    image: undefined,
    additionalImages: undefined,
    shippingOptions: undefined,
    condition: undefined,
    conditionId: undefined,
    seller: undefined,
    topRatedBuyingExperience: undefined,
    itemLocation: undefined,
    leafCategoryIds: undefined,
    categories: undefined,
    itemCreationDate: undefined,
    listingMarketplaceId: undefined,
    priorityListing: undefined,
  }),
  'at auction': productOf({
    ...bid,
    buyingOptions: ['AUCTION'],
    price: undefined,
    itemEndDate: '2026-03-04T05:06:07.000Z',
  }),
  'at auction without a bid': productOf({ buyingOptions: ['AUCTION', 'FIXED_PRICE'] }),
  'of a group': productOf({ itemId: 'v1|1001|7', itemGroupType: 'SELLER_DEFINED_VARIATIONS' }),
  'of a group without a type': productOf({ itemId: 'v1|1001|7' }),
  converted: productOf({
    price: { value: '12.50', currency: 'USD', convertedFromValue: '10.00', convertedFromCurrency: 'GBP' },
  }),
  'converted with its shipping': productOf({
    price: { value: '12.50', currency: 'USD', convertedFromValue: '10.00', convertedFromCurrency: 'GBP' },
    shippingOptions: [
      {
        shippingCostType: 'FIXED',
        shippingCost: {
          value: '2.50',
          currency: 'USD',
          convertedFromValue: '2.00',
          convertedFromCurrency: 'GBP',
        },
      },
    ],
  }),
  'with a day of delivery': productOf({
    shippingOptions: [
      {
        shippingCostType: 'FIXED',
        shippingCost: { value: '2.50', currency: 'USD' },
        maxEstimatedDeliveryDate: '2026-02-09T08:00:00.000Z',
      },
    ],
  }),
  'that can only be fetched': productOf({ shippingOptions: undefined, pickupOptions: [{}] }),
  'with a discount': productOf({
    marketingPrice: {
      originalPrice: { value: '20.00', currency: 'USD' },
      discountPercentage: '38',
      priceTreatment: 'LIST_PRICE',
    },
    availableCoupons: true,
  }),
  'with all that few have': productOf({ ...RARE, itemAffiliateWebUrl: 'https://www.ebay.com/itm/1001?x=1' }),
  'listed again': productOf({ itemOriginDate: '2025-01-02T03:04:05.000Z' }),
  'without a date': productOf({ itemCreationDate: undefined, itemOriginDate: '2025-01-02T03:04:05.000Z' }),
  'in categories with names': productOf({
    categories: [
      { categoryId: '3709', categoryName: 'USB Hubs' },
      { categoryId: '58058', categoryName: 'Computers' },
    ],
  }),
  'in the same categories, one without a name': productOf({
    categories: [{ categoryId: '3709' }, { categoryId: '58058', categoryName: 'Computers' }],
  }),
  'whose bid eBay converted': productOf({
    ...bid,
    currentBidPrice: {
      value: '8.00',
      currency: 'USD',
      convertedFromValue: '6.00',
      convertedFromCurrency: 'GBP',
    },
    buyingOptions: ['AUCTION'],
  }),
  'in other letters': productOf({ title: 'Ölkännchen 煤油壶 🛢' }),
};

function page(change: Partial<PageAnswer> = {}): PageAnswer {
  return {
    marketplace: SIGHTING.marketplace,
    offset: 200,
    limit: 200,
    observedAt: SIGHTING.observedAt,
    total: 1234,
    hasNext: true,
    received: 9,
    products: Object.values(products),
    rejected: { 'no-price': 1 },
    warnings: [{ errorId: 12002, message: 'ignored' }],
    calls: 2,
    latencyMs: 71.5,
    ...change,
  };
}

describe('a packed page', () => {
  for (const [what, product] of Object.entries(products))
    it(`gives back a product ${what}`, () => {
      expect(unpackPage(packPage(page({ products: [product] }))).products).to.deep.equal([product]);
    });

  it('gives back all that is known of the page', () => {
    expect(unpackPage(packPage(page()))).to.deep.equal(page());
  });

  it('may be empty, and the last one', () => {
    const last = page({ products: [], total: null, hasNext: false, endsAtKnown: true });

    expect(unpackPage(packPage(last))).to.deep.equal(last);
  });

  it('has a head that says which products meet the conditions', () => {
    const wanted = request({ title: { include: ['hub'] } });
    const head = headOf(wanted, page());

    expect(head.products.map(({ fits }) => fits))
      .to.include(true)
      .and.include(false);
    expect(unpackHead(packHead(head))).to.deep.equal(head);
  });

  it('says why others do not', () => {
    const wanted = request({ title: { exclude: ['hub'] } });
    expect(headOf(wanted, page()).products.map(({ dropped }) => dropped)).to.include('title');
  });

  /** As `productOf` reads a row that ends before what was added after release 0.2. */
  const SINCE_0_2 = {
    createdAt: null,
    categories: productOf().categoryIds.map((id) => ({ id, name: null })),
  };

  it('of release 0.2 has the values that it stored, and null for those added since', () => {
    const { products: _, ...rest } = page();
    const all = productOf({ ...RARE, marketingPrice: { discountPercentage: '5' } });
    const plain = productOf({
      itemLocation: { ...RARE.itemLocation, stateOrProvince: undefined },
      seller: { ...RARE.seller, sellerAccountType: undefined },
    });
    const [row] = unpack<{ rows: unknown[][] }>(packPage(page({ products: [all] }))).rows;
    const { products } = unpackPage(pack({ ...rest, rows: [row?.slice(0, 29)] }));
    expect(products).to.deep.equal([{ ...plain, ...SINCE_0_2 }]);
  });

  it('has the names of its categories once', () => {
    const categories = [{ categoryId: '3709', categoryName: 'USB Hubs' }];
    const many = Array.from({ length: 200 }, (_, rank) => ({ ...productOf({ categories }), rank }));
    const stored = unpack<{ categoryNames: unknown }>(packPage(page({ products: many })));
    expect(stored.categoryNames).to.deep.equal([['USB Hubs']]);
    expect(JSON.stringify(stored).split('USB Hubs')).to.have.length(2);
  });

  it('of release 0.1 has neither reasons nor what was added since', () => {
    const { products: _, ...rest } = page();
    const [row] = unpack<{ rows: unknown[][] }>(packPage(page({ products: [productOf()] }))).rows;
    const { products } = unpackPage(pack({ ...rest, rows: [row?.slice(0, 25)] }));
    const unknown = { listingMarketplace: null, promoted: null, ...SINCE_0_2 };
    expect(products).to.deep.equal([{ ...productOf(), ...unknown }]);

    const head = unpackHead(pack({ ...rest, ids: ['a', 'b'], unfit: [1] }));
    expect(head.products.map(({ fits, dropped }) => [fits, dropped])).to.deep.equal([
      [true, undefined],
      [false, undefined],
    ]);
  });
});
