import { expect } from 'chai';
import type { ItemAnswer } from '../../../src/collector/answers.ts';
import { assemble } from '../../../src/collector/assemble.ts';
import { deliveredBy, itemsWanted, placesOf, productsAt } from '../../../src/collector/deliver.ts';
import { estimateCalls } from '../../../src/collector/query.ts';
import type { Product } from '../../../src/product/product.ts';
import type { NormalRequest } from '../../../src/product/requestSchema.ts';
import { productOf, request } from './listing.ts';

const asking = (change: object) =>
  ({ marketplaces: ['EBAY_GB'], details: 'none', ...change }) as unknown as NormalRequest;
const listed = (...itemIds: string[]) =>
  itemIds.map((itemId) => ({ itemId, marketplace: 'EBAY_GB' as const }));
const HAS_VARIATIONS = { products: [], hasVariations: true } as unknown as ItemAnswer;

describe('the item calls of a search', () => {
  const found = listed('v1|1|0', 'v1|2|21', 'v1|2|22', 'v1|3|0');
  const askedFor = (request: NormalRequest, answers: ReadonlyMap<string, ItemAnswer> = new Map()) =>
    itemsWanted(request, found, answers).map(({ itemId }) => itemId);

  it('are none without details and variations, and one for each product with details', () => {
    expect(askedFor(asking({}))).to.deep.equal([]);
    expect(askedFor(asking({ details: 'full' }))).to.deep.equal(found.map(({ itemId }) => itemId));
  });

  it('are one for each listing with variations, and with details one for each other product', () => {
    expect(askedFor(asking({ variations: 'all' }))).to.deep.equal(['group:2']);
    expect(askedFor(asking({ variations: 'all', details: 'full' }))).to.deep.equal([
      'v1|1|0',
      'group:2',
      'v1|3|0',
    ]);
  });

  it('go on with the variations of a listing that turned out to have some', () => {
    const request = asking({ items: ['110000000001', '110000000002'], variations: 'all' });
    const answers = new Map([['listing:110000000002', HAS_VARIATIONS]]);
    expect(itemsWanted(request, [], answers)).to.deep.equal(
      listed('listing:110000000001', 'listing:110000000002', 'group:110000000002'),
    );
  });
});

describe('the estimate of item calls', () => {
  const items = ['110000000001', 'v1|110000000002|0', 'v1|110000000003|31', 'v1|110000000003|32'];

  it('is one for each item, and with variations at most one more for each listing that may have some', () => {
    expect(estimateCalls(asking({ items }))).to.deep.equal({ pages: 0, details: 4, total: 4, atMost: 4 });
    const all = estimateCalls(asking({ items, variations: 'all' }));
    expect(all).to.deep.equal({ pages: 0, details: 3, total: 3, atMost: 4 });
  });

  it('is at most one for each listing of a search for variations, with details or without', () => {
    const search = { query: 'phone', maxItems: 50, maxCalls: 2, variations: 'all' };
    expect(estimateCalls(asking(search))).to.deep.equal({ pages: 1, details: 0, total: 1, atMost: 52 });
    const both = estimateCalls(asking({ ...search, details: 'full' }));
    expect(both).to.deep.equal({ pages: 1, details: 50, total: 51, atMost: 52 });
  });
});

describe('the places of a list of products', () => {
  const among =
    (...answers: string[]) =>
    (reference: string) =>
      answers.includes(reference);

  it('have the variations of a listing where it stands first, and once', () => {
    const products = listed('v1|2|21', 'v1|1|0', 'v1|2|22', 'v1|3|31');
    const [first, second, , last] = products;
    expect(placesOf(asking({ variations: 'all' }), products, among('group:2'))).to.deep.equal([
      { listed: first, reference: 'group:2' },
      { listed: second },
      { listed: last },
    ]);
    expect(placesOf(asking({ details: 'full' }), products, among('v1|1|0'))).to.have.length(4);
  });

  it('are those of the entries of a request, with what answered each last', () => {
    const request = asking({ items: ['110000000001', '110000000002', '110000000003'], variations: 'all' });
    const isThere = among('listing:110000000001', 'listing:110000000003', 'group:110000000003');
    expect(placesOf(request, [], isThere)).to.deep.equal([
      { reference: 'listing:110000000001', rank: 1 },
      { reference: 'group:110000000003', rank: 3 },
    ]);
  });
});

const PAGE = {
  marketplace: 'EBAY_US' as const,
  ...{ offset: 0, limit: 200, observedAt: '2026-01-01T00:00:00.000Z', total: 5 },
  ...{ hasNext: false, received: 5, rejected: {}, warnings: [], calls: 1, latencyMs: 1 },
};

describe('a product whose own answer names another offer', () => {
  const offer = (price: string, cost: string | null = '0.00') => ({
    price: { value: price, currency: 'USD' },
    shipping: { kind: 'fixed', cost: cost === null ? null : { value: cost, currency: 'USD' } },
  });
  const answer = (listing?: object) =>
    ({ details: { availability: 'in-stock' }, ...(listing && { listing }) }) as unknown as ItemAnswer;

  it('is left out and counted where that leaves less than the least margin, or nobody knows', () => {
    const asked = request({
      details: 'full',
      costs: { currency: 'USD', resalePrice: 30, minMarginPercent: 20 },
    });
    const products = ['a', 'b', 'c', 'd', 'e'].map(
      (itemId) => ({ ...productOf(), itemId, ...offer('10.00') }) as Product,
    );
    const assembled = assemble(asked, [{ ...PAGE, products }]);
    expect(assembled.counts.products).to.equal(5);
    const answers = new Map([
      ['a', answer(offer('12.00'))],
      ['b', answer(offer('29.00'))],
      ['c', answer(offer('10.00', null))],
      // It names no offer, so that of the page stands.
      ['d', answer()],
    ]);
    const places = placesOf(asked, assembled.products, (id) => answers.has(id));
    const shown = places.flatMap((place) => productsAt(asked, place, answers));
    expect(shown.map(({ itemId }) => itemId)).to.deep.equal(['a', 'd', 'e']);
    const { counts } = deliveredBy(asked, assembled, answers);
    expect(counts).to.deep.include({ products: 3, filteredOut: 2, collected: 5 });
    expect(counts.filteredOutBy).to.deep.equal({ margin: 1, 'margin-unknown': 1 });
  });
});
