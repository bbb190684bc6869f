import { expect } from 'chai';
import { addressOf, mainCurrency, select, selectionFrom } from '../../../../src/http/page/selection.ts';
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
