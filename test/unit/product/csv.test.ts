import { expect } from 'chai';
import fc from 'fast-check';
import { csvCell, productCsv } from '../../../src/product/csv.ts';
import { productOf } from '../collector/listing.ts';

/** A line of CSV taken apart again, as RFC 4180 reads it. */
function cells(line: string): string[] {
  return [...line.matchAll(/("(?:[^"]|"")*"|[^,"]*)(?:,|$)/gs)]
    .slice(0, -1)
    .map(([, cell = '']) => (cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell));
}

describe('products as CSV', () => {
  it('has a header line and one line for each product, every line of the same length', () => {
    const [head = '', line = ''] = productCsv([productOf({ title: 'Hub, 4 ports, "slim"' })]).split('\r\n');
    const row = cells(`${line},`);
    expect(row).to.have.length(head.split(',').length);
    expect(row[head.split(',').indexOf('title')]).to.equal('Hub, 4 ports, "slim"');
    expect(row[head.split(',').indexOf('total')]).to.equal('15.50');
  });

  it('leaves empty what is not known', () => {
    const [head = '', line = ''] = productCsv([productOf({ shippingOptions: undefined })]).split('\r\n');
    const row = cells(`${line},`);
    expect(row[head.split(',').indexOf('shipping')]).to.equal('unknown');
    for (const column of ['shippingCost', 'total']) expect(row[head.split(',').indexOf(column)]).to.equal('');
  });

  for (const start of ['=', '+', '-', '@', '\t', '\r'])
    it(`lets no spreadsheet take text for a formula: ${JSON.stringify(start)}`, () => {
      expect(csvCell(`${start}HYPERLINK("x")`).replace(/^"/, '').startsWith(`'${start}`)).to.equal(true);
    });

  it('leaves numbers as they are, also negative ones', () => {
    expect(csvCell(-3)).to.equal('-3');
  });

  it('gives every text back, save for the apostrophe', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme' }), { minLength: 1 }), (texts) => {
        const read = cells(`${texts.map(csvCell).join(',')},`);
        expect(read).to.deep.equal(texts.map((text) => (/^[=+\-@\t\r]/.test(text) ? `'${text}` : text)));
      }),
    );
  });
});
