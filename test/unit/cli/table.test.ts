import { expect } from 'chai';
import { chosenTable, productTable } from '../../../src/cli/table.ts';
import { hyperlink, shown } from '../../../src/cli/terminal.ts';
import type { Product } from '../../../src/product/product.ts';
import { productOf } from '../collector/listing.ts';
import { plainTerminal } from './plainTerminal.ts';

function tableOf(products: Product[], width = 140): string[] {
  return productTable(products, plainTerminal({ width })).split('\n');
}

/** The cells of a product's line, columns being two spaces apart. */
function cellsOf(change: Record<string, unknown>): string[] {
  const [, line = ''] = tableOf([productOf(change)]);
  return line.trim().split(/ {2,}/);
}

describe('the table of products', () => {
  it('shows price, shipping and the delivered price', () => {
    expect(cellsOf({})).to.include.members(['12.50 USD', '3.00 USD', '15.50 USD']);
  });

  it('names what is not known of the shipping, and never calls it free', () => {
    const calculated = { shippingOptions: [{ shippingCostType: 'CALCULATED' }] };
    expect(cellsOf(calculated).filter((cell) => cell === 'calc.')).to.have.length(2);
    expect(cellsOf({ shippingOptions: undefined }).filter((cell) => cell === 'unknown')).to.have.length(2);
  });

  it('says that nothing is sent where the buyer must fetch the item', () => {
    const fetched = { shippingOptions: undefined, pickupOptions: [{}] };
    expect(cellsOf(fetched)).to.include.members(['pick-up only', 'not sent']);
  });

  it('shows a rating that is not known as such, and Top Rated Plus beside it, not as the seller’s', () => {
    const change = { seller: { feedbackPercentage: '0.0', feedbackScore: 6 } };
    expect(cellsOf(change)).to.include.members(['? (6)', '★']);
    expect(cellsOf({ ...change, topRatedBuyingExperience: false })).to.not.include('★');
  });

  it('shows the bid of an auction, which has no price', () => {
    const auction = {
      ...{ price: undefined, buyingOptions: ['AUCTION'], bidCount: 2 },
      currentBidPrice: { value: '7.00', currency: 'USD' },
    };
    expect(cellsOf(auction)).to.include.members(['bid 7.00 USD', 'auction']);
  });

  for (const width of [60, 80, 100, 140])
    it(`fits a terminal of ${width} columns and keeps room for the title`, () => {
      const long = productOf({
        title: 'A rather long title of a thing '.repeat(6).trim(),
        condition: 'For parts or not working',
      });
      const lines = tableOf([long, { ...long, marketplace: 'EBAY_DE', rank: 9999 }], width);
      for (const line of lines) expect(line.length).to.be.at.most(width);
      expect(lines[1]).to.match(/A rather.*…/);
    });

  it('counts wide characters as two columns', () => {
    const [head = '', wide = '', plain = ''] = tableOf([
      productOf({ title: '無線マウス 静音' }),
      productOf({}),
    ]);
    const column = head.indexOf('Price');
    expect(plain.slice(0, column).trimEnd()).to.contain('USB hub');
    expect(wide.slice(0, column)).to.contain('無線マウス');
    expect(plain.indexOf('USD') - wide.indexOf('USD')).to.equal(7);
  });

  it('obeys no control sequence of a title', () => {
    const text = tableOf([productOf({ title: 'Mouse\u001b[2J\u202egnp' })]).join('\n');
    for (const control of ['\u001b', '\u202e']) expect(text).to.not.contain(control);
    expect(text).to.contain('Mouse');
  });

  it('has links to the listings where the terminal shows them, at the same places, also behind a title that is cut', () => {
    const products = [productOf({ title: 'A rather long title of a thing '.repeat(6) }), productOf({})];
    const link = (url: string, text: string) => hyperlink(url, text);
    const linked = productTable(products, plainTerminal({ width: 120, link }));
    const plain = tableOf(products, 120).join('\n');
    // Each link is opened by the address and ended without one.
    const opened = new RegExp(`${'\u001b'}]8;id=\\w+;(https://www\\.ebay\\.com/itm/\\S+?)${'\u0007'}`, 'g');
    expect([...linked.matchAll(opened)]).to.have.length(4);
    expect(linked.split('\u001b]8;;\u0007')).to.have.length(5);
    expect(linked.replace(opened, '').replaceAll('\u001b]8;;\u0007', '')).to.equal(plain);
    expect(shown(linked)).to.equal(linked);
    expect(plain).to.include(products[1]?.legacyItemId as string);
  });

  it('has the columns that are asked for, and cuts the widest where there is no room', () => {
    const products = [productOf({ title: 'A rather long title of a thing '.repeat(6) }), productOf({})];
    const lines = chosenTable(
      products,
      ['title', 'total', 'legacyItemId'],
      plainTerminal({ width: 60 }),
    ).split('\n');
    expect(lines[0]?.trim().split(/ {2,}/)).to.deep.equal(['title', 'total', 'legacyItemId']);
    expect(lines[1]).to.match(/^A rather long.*… +15\.50 +\d+$/);
    for (const line of lines) expect(line.length).to.be.at.most(60);
  });

  it('has a column of marketplaces only where there are several', () => {
    expect(tableOf([productOf({})])[0]).to.not.contain('Market');
    const two = tableOf([productOf({}), { ...productOf({}), marketplace: 'EBAY_DE' }]);
    expect(two[0]).to.contain('Market');
    expect(two[2]).to.contain(' DE ');
  });
});
