import { expect } from 'chai';
import { binsOf } from '../../../../src/http/page/result/priceHistogram.ts';
import {
  addressOf,
  mainCurrency,
  select,
  selectionFrom,
} from '../../../../src/http/page/result/selection.ts';
import type { Product } from '../../../../src/product/product.ts';

const product = (itemId: string, value: string | null, currency = 'USD', mark?: Product['mark']): Product =>
  ({ itemId, total: value === null ? null : { value, currency }, ...(mark && { mark }) }) as Product;

const products = [
  product('dear', '30.00'),
  product('unknown', null, 'USD', 'new'),
  product('cheap', '9.50', 'USD', 'price-dropped'),
  product('pounds', '1.00', 'GBP', 'same'),
];
const idsOf = (chosen: Product[]) => chosen.map(({ itemId }) => itemId);

describe('which products a page shows', () => {
  it('is all in eBay’s order unless the address says otherwise', () => {
    expect(idsOf(select(products, selectionFrom({})))).to.deep.equal(idsOf(products));
  });

  it('is by delivered price: other currencies after the main one, unknown ones last', () => {
    expect(mainCurrency(products)).to.equal('USD');
    expect(idsOf(select(products, selectionFrom({ order: 'delivered' })))).to.deep.equal([
      'cheap',
      'dear',
      'pounds',
      'unknown',
    ]);
  });

  it('leaves out what is not known to be delivered for as little', () => {
    expect(idsOf(select(products, selectionFrom({ most: '20' })))).to.deep.equal(['cheap']);
  });

  it('is by landed cost or by margin, best first, unknown ones last', () => {
    const costs = (cost: string | null, margin: string | null) => ({
      ...{ landed: { cost, currency: 'USD', parts: {}, unknown: [] } },
      margin: margin === null ? null : { amount: margin, percent: 1 },
    });
    const figures = [
      costs(null, null),
      costs('9.00', '-1.00'),
      costs('10.00', '4.00'),
      costs('8.00', '3.00'),
    ];
    const priced = products.map((each, at) => ({ ...each, ...figures[at] }) as Product);
    const inOrder = (order: string) => idsOf(select(priced, selectionFrom({ order })));
    expect(inOrder('landed')).to.deep.equal(['pounds', 'unknown', 'cheap', 'dear']);
    expect(inOrder('margin')).to.deep.equal(['cheap', 'pounds', 'unknown', 'dear']);
  });

  it('is only what changed, or that first', () => {
    expect(idsOf(select(products, selectionFrom({ changed: '1' })))).to.deep.equal(['unknown', 'cheap']);
    expect(idsOf(select(products, selectionFrom({ order: 'changed' })))).to.deep.equal([
      'unknown',
      'cheap',
      'dear',
      'pounds',
    ]);
  });

  it('comes back from its own address, and nonsense in one is ignored', () => {
    const selection = selectionFrom({ order: 'delivered', most: '12,5', changed: '1', page: '3' });
    const { searchParams, pathname } = new URL(addressOf('repeat:x:1', selection), 'http://localhost');
    expect(pathname).to.equal('/searches/repeat%3Ax%3A1');
    expect(selectionFrom(Object.fromEntries(searchParams))).to.deep.equal(selection);
    const nonsense = { order: '<', most: 'much', changed: 'yes', page: '-1' };
    expect(selectionFrom(nonsense)).to.deep.equal(selectionFrom({}));
  });
});

describe('the bars of a histogram', () => {
  it('hold every price once, in widths of 1, 2 or 5 times a power of ten', () => {
    const prices = Array.from({ length: 200 }, (_, n) => 3 + n / 4);
    const bins = binsOf([...prices, 4000]);
    expect(bins.reduce((sum, { count }) => sum + count, 0)).to.equal(201);
    expect(bins.length).to.be.within(5, 20);
    const widths = new Set(bins.slice(0, -1).map(({ from, to }) => to - from));
    expect([...widths]).to.deep.equal([5]);
    // The very dear one is in the last bar, which says how far it goes.
    expect(bins.at(-1)?.to).to.equal(4000);
  });

  it('are one where all prices are the same', () => {
    expect(binsOf([5, 5, 5])).to.deep.equal([{ from: 5, to: 6, count: 3 }]);
  });
});
