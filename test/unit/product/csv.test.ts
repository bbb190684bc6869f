import { expect } from 'chai';
import fc from 'fast-check';
import { CSV_COLUMNS, csvCell, csvColumns, productCsv } from '../../../src/product/csv.ts';
import type { Product } from '../../../src/product/product.ts';
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

  /** The header of release 0.1. A reader of its columns by place finds them there. */
  const FORMER =
    'itemId,legacyItemId,marketplace,rank,title,price,priceCurrency,shipping,shippingCost,shippingCurrency,total,' +
    'totalCurrency,currentBid,currentBidCurrency,bidCount,endsAt,condition,conditionId,buyingOptions,' +
    'sellerFeedbackPercentage,sellerFeedbackScore,sellerTopRated,country,city,postalCode,categoryIds,epid,groupId,' +
    'listedAt,observedAt,mark,formerTotal,url,image';

  it('begins with the columns of release 0.1', () => {
    expect(productCsv([]).startsWith(`${FORMER},`)).to.equal(true);
  });

  const money = (value: string, currency = 'USD') => ({ value, currency });
  /** Every value is there, and no two are the same. */
  const full: Product = {
    ...productOf({ itemId: 'v1|1001|7', legacyItemId: '1002', epid: '555', itemGroupType: 'OF_A_KIND' }),
    images: ['https://a/1', 'https://a/2', 'https://a/3'],
    price: money('11.00'),
    shipping: { kind: 'fixed', cost: money('2.00', 'EUR'), converted: money('1.70', 'GBP') },
    total: money('13.00', 'CAD'),
    delivery: { earliest: '2026-02-06T08:00:00.000Z', latest: '2026-02-09T08:00:00.000Z' },
    converted: money('9.10', 'AUD'),
    auction: { currentBid: money('4.00', 'PLN'), bidCount: 17, endsAt: '2026-03-01T00:00:00.000Z' },
    promoted: true,
    listingMarketplace: 'EBAY_MOTORS_US',
    location: { country: 'FR', city: 'Lyon', postalCode: '690**' },
    mark: 'price-dropped',
    formerTotal: money('15.00', 'CHF'),
    details: {
      observedAt: '2026-02-03T05:00:00.000Z',
      brand: 'Acme',
      mpn: 'H-4',
      gtin: '0751492645032',
      returns: { accepted: true, days: 30, paidBy: 'BUYER' },
      availability: 'limited',
      availableQuantity: 8,
      availableQuantityMoreThan: 10,
      estimatedSoldQuantity: 93,
      aspects: { Color: ['Red', 'Blue'], Ports: ['4'] },
    },
  };

  const table = (products: Product[], names?: string[]) => {
    const [head = '', ...lines] = productCsv(products, names).split('\r\n');
    return lines.map((line) => {
      const row = cells(`${line},`);
      return Object.fromEntries(head.split(',').map((name, index) => [name, row[index]]));
    });
  };

  it('loses no value of a product', () => {
    const text = JSON.stringify(table([full]));
    const values = (value: unknown): unknown[] =>
      typeof value === 'object' && value !== null ? Object.values(value).flatMap(values) : [value];
    for (const value of values(full)) expect(text, String(value)).to.include(String(value));
    const empty = Object.entries(table([full])[0] ?? {}).filter(([, cell]) => cell === '');
    expect(empty).to.deep.equal([]);
  });

  it('has several pictures, the original amounts and the details in columns of their own', () => {
    expect(table([full])[0]).to.include({
      image: 'https://a/1',
      images: 'https://a/1 https://a/2 https://a/3',
      converted: '9.10',
      convertedCurrency: 'AUD',
      shippingConverted: '1.70',
      groupType: 'OF_A_KIND',
      deliveryLatest: '2026-02-09T08:00:00.000Z',
      formerTotalCurrency: 'CHF',
      topRatedPlus: 'true',
      detailsReturnsDays: '30',
      detailsAvailability: 'limited',
      detailsAspects: '{"Color":["Red","Blue"],"Ports":["4"]}',
    });
  });

  it('has each column of another field, and all of them in the schema', () => {
    const paths = [...CSV_COLUMNS.values()].map(({ path }) => path);
    expect(new Set(paths).size).to.equal(paths.length);
    expect([...CSV_COLUMNS.keys()].every((name) => /^[a-zA-Z]+$/.test(name))).to.equal(true);
  });

  it('has the columns that are asked for, in that order', () => {
    const chosen = csvColumns('url, title');
    if (!chosen.ok) throw new Error(chosen.message);
    expect(productCsv([full], chosen.columns)).to.equal(`url,title\r\n${full.url},"${full.title}"`);
  });

  it('names the columns there are where one is asked for that there is not', () => {
    const chosen = csvColumns('title,pricecurrency,x');
    expect(chosen.ok).to.equal(false);
    const { message } = chosen as { message: string };
    expect(message).to.include('"pricecurrency", "x"; did you mean priceCurrency?');
    for (const name of CSV_COLUMNS.keys()) expect(message).to.include(name);
    for (const list of ['', ',', 'title,', '__proto__']) expect(csvColumns(list).ok).to.equal(false);
  });
});
