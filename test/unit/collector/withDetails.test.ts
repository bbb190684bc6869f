import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import { expect } from 'chai';
import type { ItemAnswer } from '../../../src/collector/answers.ts';
import { withDetails } from '../../../src/collector/assemble.ts';
import { mapDetails } from '../../../src/collector/mapDetails.ts';
import { type ListingNow, type Product, ProductSchema } from '../../../src/product/product.ts';
import type { NormalRequest } from '../../../src/product/requestSchema.ts';
import { completed } from '../../../src/results/products.ts';
import { productOf } from './listing.ts';

const isProduct = addFormats.default(new Ajv({ strictTypes: false })).compile(ProductSchema);
const LATER = new Date('2026-02-03T04:30:00.000Z');
const dollars = (value: string) => ({ value, currency: 'USD' });

const found = productOf({
  itemId: 'v1|1001|0',
  price: dollars('1900.00'),
  shippingOptions: [{ shippingCostType: 'CALCULATED' }],
  pickupOptions: [{ pickupLocationType: 'STORE' }],
});

const fixedPrice = { itemId: 'v1|1001|0', buyingOptions: ['FIXED_PRICE'], price: dollars('999.00') };

function answerOf(item: object): ItemAnswer {
  const mapped = mapDetails(item, LATER);
  if (mapped === null) throw new Error('no item');
  const { details, listing } = mapped;
  return { details, ...(listing && { listing }), calls: 1, latencyMs: 1 };
}

describe('a product with details', () => {
  it('has the offer of its own answer alone, and that answer’s time', () => {
    const shippingOptions = [
      { type: 'PICKUP', shippingCostType: 'FIXED', shippingCost: dollars('0.00') },
      { type: 'Express', shippingCostType: 'FIXED', shippingCost: dollars('30.00') },
      {
        type: 'Standard Shipping',
        shippingCostType: 'CALCULATED',
        shippingCost: dollars('12.34'),
        minEstimatedDeliveryDate: '2026-02-06T08:00:00.000Z',
        maxEstimatedDeliveryDate: '2026-02-09T08:00:00.000Z',
      },
    ];
    const product = withDetails(found, answerOf({ ...fixedPrice, shippingOptions }));
    expect(product).to.deep.include({
      price: dollars('999.00'),
      shipping: { kind: 'calculated', cost: dollars('12.34') },
      total: dollars('1011.34'),
      delivery: { earliest: '2026-02-06T08:00:00.000Z', latest: '2026-02-09T08:00:00.000Z' },
      observedAt: LATER.toISOString(),
    });
    expect(product.details?.observedAt).to.equal(product.observedAt);
  });

  it('has no shipping cost of the page beside a newer price', () => {
    const shipped = productOf({ price: dollars('1900.00') });
    const { price, shipping, total } = withDetails(shipped, answerOf(fixedPrice));
    expect({ price, shipping, total }).to.deep.equal({
      price: dollars('999.00'),
      shipping: { kind: 'unknown', cost: null },
      total: null,
    });
  });

  it('takes bids, not their amount as a price', () => {
    const bid = { currentBidPrice: dollars('4.00'), bidCount: 3, itemEndDate: '2026-03-01T00:00:00.000Z' };
    const auction = answerOf({ ...fixedPrice, ...bid, buyingOptions: ['AUCTION'], price: dollars('4.00') });
    expect(withDetails(found, auction)).to.deep.include({
      price: null,
      total: null,
      buyingOptions: ['AUCTION'],
      auction: { currentBid: dollars('4.00'), bidCount: 3, endsAt: '2026-03-01T00:00:00.000Z' },
    });
  });

  it('keeps of the page what its own answer does not state, and takes what it states', () => {
    const item = {
      ...fixedPrice,
      title: 'USB hub, revised',
      image: { imageUrl: 'https://i.ebayimg.com/images/g/a/s-l1600.jpg' },
      itemLocation: { city: 'Columbus', country: 'US' },
      seller: { feedbackPercentage: '0.0', feedbackScore: 12 },
      topRatedBuyingExperience: false,
    };
    const product = withDetails(found, answerOf(item));
    expect(product).to.deep.include({
      title: 'USB hub, revised',
      images: ['https://i.ebayimg.com/images/g/a/s-l1600.jpg'],
      location: { country: 'US', stateOrProvince: null, city: 'Columbus', postalCode: null },
      seller: { feedbackPercentage: null, feedbackScore: 12, accountType: null, topRated: false },
      topRatedPlus: false,
      condition: 'New',
      url: found.url,
      categoryIds: found.categoryIds,
      rank: found.rank,
    });
    expect(withDetails(found, answerOf(fixedPrice)).images).to.deep.equal(found.images);
  });

  it('stays what the page said where its own answer names no offer', () => {
    const answer = answerOf({ itemId: 'v1|1001|0', brand: 'Acme' });
    expect(withDetails(found, answer)).to.deep.equal({ ...found, details: answer.details });
    expect(answer.details.observedAt).to.equal(LATER.toISOString());
  });

  it('may have been stored by release 0.1, without a time of its own', () => {
    const { brand, mpn, gtin, availability, availableQuantity, aspects } = answerOf(fixedPrice).details;
    const details = { brand, mpn, gtin, availability, availableQuantity, aspects, returns: null };
    const stored = { details, calls: 1, latencyMs: 1 } as unknown as ItemAnswer;
    const answers = new Map([[found.itemId, stored]]);
    const [product] = completed({} as NormalRequest, { listed: found }, answers, undefined) as [Product];
    expect(product).to.deep.include({ price: found.price, observedAt: found.observedAt });
    expect(product.details).to.deep.include({
      observedAt: found.observedAt,
      availableQuantityMoreThan: null,
    });
  });

  it('may have been stored by release 0.2: what that did not store is not known, and the product fits the schema', () => {
    const stored = {
      observedAt: LATER.toISOString(),
      brand: 'Acme',
      mpn: null,
      gtin: null,
      returns: { accepted: true, days: 30, paidBy: 'BUYER' },
      availability: 'limited',
      availableQuantity: 2,
      availableQuantityMoreThan: null,
      estimatedSoldQuantity: 3,
      aspects: { Color: ['Red'] },
    };
    const {
      originalPrice: _,
      discountPercent: __,
      priceDisplay: ___,
      ...listing
    } = answerOf(fixedPrice).listing as ListingNow;
    const answers = new Map([[found.itemId, { details: stored, listing, calls: 1, latencyMs: 1 } as never]]);
    const [product] = completed({} as NormalRequest, { listed: found }, answers, undefined) as [Product];
    expect(isProduct(product), JSON.stringify(isProduct.errors)).to.equal(true);
    expect(product.details).to.deep.include({
      ...stored,
      returns: {
        ...stored.returns,
        period: null,
        refund: null,
        method: null,
        restockingFeePercent: null,
        extendedHolidayReturns: null,
        instructions: null,
      },
      shippingServices: [],
      taxes: [],
      lotSize: null,
      rating: null,
    });
  });
});
