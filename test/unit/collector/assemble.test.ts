import { expect } from 'chai';
import fc from 'fast-check';
import { type AnsweredPage, assemble } from '../../../src/collector/assemble.ts';
import { productOf, request } from './listing.ts';

function page(ids: string[], change: Partial<AnsweredPage> & { titles?: string } = {}): AnsweredPage {
  const { marketplace = 'EBAY_US', offset = 0, titles = 'USB hub' } = change;
  const products = ids.map((id, index) => ({
    ...productOf({ itemId: id, title: titles }),
    marketplace: marketplace as 'EBAY_US',
    rank: offset + index + 1,
  }));
  return {
    marketplace,
    offset,
    limit: 200,
    hasNext: true,
    total: 100,
    received: ids.length,
    products,
    rejected: {},
    warnings: [],
    ...change,
  };
}

const ids = ({ products }: { products: { itemId: string }[] }) => products.map(({ itemId }) => itemId);

describe('the result of a search', () => {
  it('is its pages in order, whatever order they came in, each product with its rank', () => {
    const result = assemble(request(), [
      page(['c', 'd'], { offset: 2 }),
      page(['a', 'b'], { nextOffset: 2 }),
    ]);
    expect(result.products.map(({ itemId, rank }) => [itemId, rank])).to.deep.equal([
      ['a', 1],
      ['b', 2],
      ['c', 3],
      ['d', 4],
    ]);
  });

  it('holds an item once, where it stood first, over pages and marketplaces', () => {
    const marketplaces = ['EBAY_US', 'EBAY_DE'];
    const result = assemble(request({ marketplaces }), [
      page(['a', 'x'], { marketplace: 'EBAY_DE' }),
      page(['a', 'b', 'a']),
      page(['b', 'c'], { offset: 200 }),
    ]);
    expect(ids(result)).to.deep.equal(['a', 'b', 'c', 'x']);
    expect(result.counts).to.deep.include({ collected: 7, products: 4, duplicates: 3 });
  });

  it('the same page twice is the same result', () => {
    const pages = [page(['a', 'b']), page(['c'], { offset: 200, rejected: { 'no-title': 1 }, received: 2 })];
    expect(assemble(request(), [...pages, ...pages])).to.deep.equal(assemble(request(), pages));
  });

  it('applies the title and seller conditions after duplicates are gone, and counts what they drop', () => {
    const search = request({ title: { exclude: ['broken'] } });
    const result = assemble(search, [
      page(['a', 'b']),
      page(['b', 'c', 'd'], { offset: 200, titles: 'broken hub' }),
    ]);
    expect(ids(result)).to.deep.equal(['a', 'b']);
    expect(result.counts).to.deep.include({ collected: 5, products: 2, duplicates: 1, filteredOut: 2 });
  });

  it('sums what eBay claims from the first page of each marketplace, and rejections by reason', () => {
    const search = request({ marketplaces: ['EBAY_US', 'EBAY_DE'] });
    const { counts } = assemble(search, [
      page(['a'], { total: 500, rejected: { 'no-title': 1 }, received: 2 }),
      page(['b'], { offset: 200, total: 480, rejected: { 'no-title': 2, 'bad-price': 1 }, received: 4 }),
      page([], { marketplace: 'EBAY_DE', total: null }),
    ]);
    expect(counts).to.deep.include({ found: 500, collected: 6, rejected: { 'no-title': 3, 'bad-price': 1 } });
  });

  it('tells a warning once', () => {
    const warning = { errorId: 12002, message: 'ignored' };
    const pages = [
      page(['a'], { warnings: [warning] }),
      page(['b'], { offset: 200, warnings: [{ ...warning }] }),
    ];
    expect(assemble(request(), pages).warnings).to.deep.equal([warning]);
  });

  it('leaves out a page that does not belong to it: eBay’s next named another place', () => {
    const pages = [page(['a'], { nextOffset: 100 }), page(['c'], { offset: 200 })];
    const { next, ...result } = assemble(request(), pages);
    expect(ids(result)).to.deep.equal(['a']);
    expect(next).to.deep.equal([{ marketplace: 'EBAY_US', offset: 100, limit: 100 }]);
  });

  it('warns when a fifth of a page could not be read', () => {
    const rejected = { 'no-title': 1 };
    const warningsOf = (received: number) =>
      assemble(request(), [page(['a'], { rejected, received })]).warnings;
    expect(warningsOf(6)).to.deep.equal([]);
    expect(warningsOf(5)).to.deep.equal([
      { errorId: null, message: '1 of 5 items could not be read and are left out' },
    ]);
  });

  it('is cut to maxItems, an equal share for each marketplace', () => {
    const search = request({
      maxItems: 3,
      marketplaces: ['EBAY_US', 'EBAY_DE'],
      title: { exclude: ['broken'] },
    });
    const pages = [page(['a', 'b', 'c', 'd']), page(['x', 'y', 'z'], { marketplace: 'EBAY_DE' })];
    expect(ids(assemble(search, pages))).to.deep.equal(['a', 'b', 'x']);
  });

  it('fills up what one marketplace leaves of its share', () => {
    const search = request({ maxItems: 4, marketplaces: ['EBAY_US', 'EBAY_DE'] });
    const pages = [page(['a', 'b', 'c', 'd']), page(['x'], { marketplace: 'EBAY_DE' })];
    expect(ids(assemble(search, pages))).to.deep.equal(['a', 'b', 'c', 'x']);
  });

  it('of nothing is nothing', () => {
    const counts = { found: 0, collected: 0, products: 0, duplicates: 0, filteredOut: 0, rejected: {} };
    expect(assemble(request(), [])).to.deep.equal({
      products: [],
      counts,
      warnings: [],
      said: {},
      pages: 0,
      lookedAt: 0,
      stoppedBy: undefined,
      next: [{ marketplace: 'EBAY_US', offset: 0, limit: 200 }],
    });
  });

  it('accounts for every item that eBay sent', () => {
    const some = fc.array(fc.tuple(fc.array(fc.constantFrom(...'abcdefgh')), fc.boolean()), { maxLength: 6 });
    fc.assert(
      fc.property(some, fc.integer({ min: 1, max: 10 }), (answers, maxItems) => {
        const pages = answers.map(([items, broken], index) =>
          page(items, { offset: index * 200, titles: broken ? 'broken' : 'fine' }),
        );
        const { products, counts } = assemble(request({ maxItems, title: { exclude: ['broken'] } }), pages);
        const fitting = counts.collected - counts.duplicates - counts.filteredOut;
        expect(counts.products).to.equal(Math.min(maxItems, fitting)).and.equal(products.length);
        expect(new Set(ids({ products })).size).to.equal(products.length);
      }),
    );
  });
});
