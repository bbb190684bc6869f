import { expect } from 'chai';
import fc from 'fast-check';
import { priceHistogram } from '../../../../src/http/page/result/priceHistogram.ts';
import type { Product } from '../../../../src/product/product.ts';

const product = (cents: number): Product =>
  ({ total: { value: (cents / 100).toFixed(2), currency: 'USD' }, priceDisplay: null }) as Product;

describe('the bars of prices', () => {
  it('lead to ranges that hold each price once, between bounds with whole cents', () => {
    const prices = fc.array(fc.integer({ min: 0, max: 500_000 }), { minLength: 5, maxLength: 200 });
    fc.assert(
      fc.property(prices, (cents) => {
        const drawn = String(
          priceHistogram(cents.map(product), { least: undefined, most: undefined }, ({ least, most }) =>
            least === undefined ? '/all' : `/${least}/${most}/`,
          ),
        );
        const ranges = [
          ...drawn.matchAll(/href="\/([\d.]+)\/([\d.]+)\/" aria-label="[^"]*: ([\d,]+) product/g),
        ].map(([, least, most, count]) => [least, most, count].map(Number) as [number, number, number]);
        for (const [least, most, count] of ranges) {
          expect(`${least} ${most}`).to.match(/^\d+(\.\d{1,2})? \d+(\.\d{1,2})?$/);
          const inside = cents.filter((each) => each / 100 >= least && each / 100 <= most);
          expect(inside, `${least} to ${most}`).to.have.length(count);
        }
        expect(ranges.reduce((sum, [, , count]) => sum + count, 0)).to.equal(cents.length);
      }),
    );
  });

  it('widen a range that is shown, and say what half of the products cost less than', () => {
    const products = [100, 200, 300, 400, 1000, 1000].map(product);
    const shown = { least: 2, most: 2.49 };
    const drawn = String(priceHistogram(products, shown, ({ least, most }) => `/${least}-${most}/`));
    expect(drawn).to.include('half cost less than <strong>$3.50</strong>');
    expect(drawn).to.include('href="/1-2.49/"').and.include('href="/2-4.49/"');
    expect(drawn.match(/class="chosen"/g)).to.have.length(1);
    expect(drawn).to.include('<a href="/undefined-undefined/">all prices</a>');
    expect(priceHistogram(products.slice(0, 4), shown, () => '')).to.equal(null);
  });
});
