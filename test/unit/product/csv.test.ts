import { expect } from 'chai';
import fc from 'fast-check';
import { CSV_COLUMNS, csvCell, csvColumns, csvForm, productCsv } from '../../../src/product/csv.ts';
import type { Product, ProductDetails } from '../../../src/product/product.ts';
import { productOf } from '../collector/listing.ts';

/** A line of CSV taken apart again, as RFC 4180 reads it. */
function cells(line: string): string[] {
  return [...line.matchAll(/("(?:[^"]|"")*"|[^,"]*)(?:,|$)/gs)]
    .slice(0, -1)
    .map(([, cell = '']) => (cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell));
}

const money = (value: string, currency = 'USD') => ({ value, currency });

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

  const SIGNS = [...'=+-@＝＋－＠−﹢﹣﹦﹫'];
  const FORMS = {
    comma: csvForm({}),
    semicolon: csvForm({ separator: 'semicolon' }),
    tab: csvForm({ separator: 'tab' }),
    excel: csvForm({ excel: true, locale: 'de-DE' }),
  };

  for (const start of [...SIGNS, '\t', '\r', '\n', ' =', '\u00a0+'])
    it(`lets no spreadsheet take text for a formula: ${JSON.stringify(start)}`, () => {
      for (const form of Object.values(FORMS))
        expect(csvCell(`${start}HYPERLINK("x")`, form).replace(/^"/, '').startsWith(`'${start}`)).to.equal(
          true,
        );
    });

  /** How a spreadsheet set to a separator reads lines: quotes count at a field's beginning alone. */
  function read(text: string, separator: string): string[] {
    const fields: string[] = [];
    for (let rest = text; ; ) {
      const [all, quoted = '', tail = '', end] =
        new RegExp(`^(?:"((?:[^"]|"")*)(?:"|$))?([^${separator}\r\n]*)([${separator}\r\n]|$)`).exec(rest) ??
        [];
      if (all === undefined) throw new Error(`unreadable: ${JSON.stringify(rest)}`);
      fields.push(quoted.replaceAll('""', '"') + tail);
      if (end === '') return fields;
      rest = rest.slice(all.length);
    }
  }

  it('lets no spreadsheet find a formula in text, whatever separator it is set to', () => {
    const sign = fc.constantFrom(
      ...SIGNS,
      '\t',
      ' ',
      '"',
      ',',
      ';',
      '|',
      '\r',
      '\n',
      'x',
      "cmd|' /C calc'!A0",
    );
    const texts = fc.array(
      fc.array(sign, { maxLength: 8 }).map((signs) => signs.join('')),
      { minLength: 1 },
    );
    fc.assert(
      fc.property(texts, fc.constantFrom(...Object.values(FORMS)), (cellTexts, form) => {
        const line = ['v1|1|0', ...cellTexts].map((text) => csvCell(text, form)).join(form.separator);
        for (const separator of [',', ';', '\t', '|'])
          for (const field of read(line, separator))
            expect(field, JSON.stringify([line, separator])).to.not.match(/^\s*[=+\-@＝＋－＠−﹢﹣﹦﹫]/);
      }),
      { numRuns: 2000 },
    );
  });

  it('writes a title with a formula behind a semicolon so that it stays text everywhere', () => {
    const line = csvCell("Case;=cmd|' /C calc'!A0;x");
    expect(line).to.equal(`"Case;'=cmd|' /C calc'!A0;x"`);
    expect(read(`v1|1|0,${line}`, ',')).to.deep.equal(['v1|1|0', "Case;'=cmd|' /C calc'!A0;x"]);
    expect(read(`v1|1|0,${line}`, ';')[1]).to.equal("'=cmd|' /C calc'!A0");
  });

  it('changes nothing behind the file’s own separator, at which its quotes keep the cell together', () => {
    expect(csvCell('Freezer, -20 °C')).to.equal('"Freezer, -20 °C"');
    expect(csvCell('Freezer; -20 °C', FORMS.semicolon)).to.equal('"Freezer; -20 °C"');
  });

  it('keeps JSON in a cell readable beside an apostrophe', () => {
    const aspects = JSON.stringify({ Range: ['a', '=1+1'] });
    const [cell] = read(csvCell(aspects, FORMS.semicolon), ';');
    expect(JSON.parse(cell ?? '')).to.deep.equal({ Range: ['a', "'=1+1"] });
  });

  it('leaves numbers as they are, also negative ones', () => {
    expect(csvCell(-3)).to.equal('-3');
    expect(csvCell('-3.50', csvForm({}), true)).to.equal('-3.50');
    expect(csvCell('-3.50+A1', csvForm({}), true)).to.equal("'-3.50+A1");
  });

  it('gives every text back, save for apostrophes', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme' }), { minLength: 1 }), (texts) => {
        const read = cells(`${texts.map((text) => csvCell(text)).join(',')},`);
        const bare = (text: string) => text.replaceAll("'", '');
        expect(read.map(bare)).to.deep.equal(texts.map(bare));
      }),
    );
  });

  describe('for Excel', () => {
    const header = ['legacyItemId', 'price', 'title'];
    const product = {
      ...productOf({ legacyItemId: '110587654321' }),
      price: { value: '1.12', currency: 'EUR' },
    };

    it('has a byte order mark, the separator and decimals of the locale, and ids as text', () => {
      const german = productCsv([product], header, csvForm({ excel: true, locale: 'de-DE' }));
      expect(german.split('\r\n')[0]).to.equal('\ufefflegacyItemId;price;title');
      expect(german.split('\r\n')[1]).to.match(/^"=""110587654321""";"1,12";/);
      const american = productCsv([product], header, csvForm({ excel: true, locale: 'en-US' }));
      expect(american.split('\r\n')[1]).to.match(/^"=""110587654321""",1\.12,/);
    });

    const locales = [
      ['de-DE', ';', ','],
      ['de', ';', ','],
      ['fr-FR', ';', ','],
      ['de-CH', ';', '.'],
      ['en-GB', ',', '.'],
      ['zh-HK', ',', '.'],
      ['pl-PL', ';', ','],
      [undefined, ',', '.'],
      ['*', ',', '.'],
      ['no_such locale', ',', '.'],
    ] as const;
    for (const [locale, separator, decimal] of locales)
      it(`divides by ${separator} and writes decimals with ${decimal} for ${locale}`, () => {
        expect(csvForm({ excel: true, locale })).to.deep.equal({ excel: true, separator, decimal });
      });

    it('takes the separator that is named, whatever the locale', () => {
      const asked = (separator: 'comma' | 'semicolon' | 'tab', locale: string) =>
        csvForm({ excel: true, separator, locale });
      expect(asked('semicolon', 'en-US')).to.include({ separator: ';', decimal: ',' });
      expect(asked('semicolon', 'de-CH')).to.include({ separator: ';', decimal: '.' });
      expect(asked('comma', 'de-DE')).to.include({ separator: ',', decimal: '.' });
      expect(asked('tab', 'de-DE')).to.include({ separator: '\t', decimal: '.' });
    });

    for (const mistaken of [
      '110587654321',
      '00123',
      '1E5',
      '2.5e-3',
      '3/4',
      '10-12',
      'MAR-10',
      '5 Mai',
      '12:30',
      '50%',
    ])
      it(`keeps ${mistaken} as text`, () => {
        expect(csvCell(mistaken, FORMS.excel).replaceAll('""', '"'))
          .to.match(/^"?="/)
          .and.include(`="${mistaken}"`);
        expect(csvCell(mistaken), 'other programs').to.equal(mistaken);
      });

    for (const plain of ['Phone case', 'NEW', 'v1|110587654321|0', '2026-02-03T05:00:00.000Z', ''])
      it(`leaves ${plain} as it is`, () => {
        expect(csvCell(plain, FORMS.excel)).to.equal(plain);
      });
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

  /** Every value is there, and no two are the same. */
  const full: Product = {
    ...productOf({
      itemId: 'v1|1001|7',
      legacyItemId: '1002',
      epid: '555',
      itemGroupType: 'OF_A_KIND',
      seller: { feedbackPercentage: '99.5', feedbackScore: 1200, sellerAccountType: 'BUSINESS' },
    }),
    images: ['https://a/1', 'https://a/2', 'https://a/3'],
    price: money('11.00'),
    shipping: { kind: 'fixed', cost: money('2.00', 'EUR'), converted: money('1.70', 'GBP') },
    total: money('13.00', 'CAD'),
    delivery: { earliest: '2026-02-06T08:00:00.000Z', latest: '2026-02-09T08:00:00.000Z' },
    converted: money('9.10', 'AUD'),
    auction: {
      currentBid: money('4.00', 'PLN'),
      bidCount: 17,
      endsAt: '2026-03-01T00:00:00.000Z',
      converted: money('16.10', 'CZK'),
    },
    originalPrice: money('22.00', 'SEK'),
    discountPercent: 51.5,
    priceTreatment: 'MARKDOWN',
    priceDisplay: 'ON_REQUEST',
    unitPrice: { price: money('0.61', 'DKK'), per: '100g' },
    coupons: true,
    programs: ['EBAY_PLUS', 'AUTHENTICITY_GUARANTEE'],
    shortDescription: 'A hub in short',
    pickup: ['STORE', 'ARRANGED_LOCATION'],
    pickupDistance: { value: 4.25, unit: 'mi' },
    categories: [{ id: '3709', name: 'Hubs' }],
    adultOnly: false,
    energyEfficiencyClass: 'A++',
    tyreLabelUrl: 'https://a/tyre',
    watchCount: 77,
    compatibility: {
      match: 'EXACT',
      properties: [{ name: 'Make', localizedName: 'Marke', value: 'BMW' }],
    },
    createdAt: '2026-01-02T03:04:06.000Z',
    affiliateUrl: 'https://a/affiliate',
    promoted: true,
    listingMarketplace: 'EBAY_MOTORS_US',
    location: { country: 'FR', stateOrProvince: 'Rhône', city: 'Lyon', postalCode: '690**' },
    mark: 'price-dropped',
    formerTotal: money('15.00', 'CHF'),
    formerSeenAt: '2026-02-02T04:00:00.000Z',
    landed: {
      cost: '33.31',
      currency: 'THB',
      parts: { item: '20.21', shipping: '8.22', duty: '1.23', importTax: '2.24', handling: '1.41' },
      unknown: ['shipping', 'duty'],
      missingRates: ['TRY', 'ZAR'],
    },
    margin: {
      amount: '-7.77',
      percent: -12.13,
      resale: '64.01',
      tax: '10.22',
      marketplaceFee: '8.83',
      paymentFee: '2.14',
    },
    details: {
      observedAt: '2026-02-03T05:00:00.000Z',
      brand: 'Acme',
      mpn: 'H-4',
      gtin: '0751492645032',
      ...detailsOfEveryKind(),
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
      originalPriceCurrency: 'SEK',
      unitPricePrice: '0.61',
      programs: 'EBAY_PLUS AUTHENTICITY_GUARANTEE',
      pickup: 'STORE ARRANGED_LOCATION',
      categories: '[{"id":"3709","name":"Hubs"}]',
      sellerAccountType: 'BUSINESS',
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

/** Details in which no list is empty and no value is null. */
function detailsOfEveryKind(): Omit<
  ProductDetails,
  | 'observedAt'
  | 'brand'
  | 'mpn'
  | 'gtin'
  | 'availability'
  | 'availableQuantity'
  | 'availableQuantityMoreThan'
  | 'estimatedSoldQuantity'
  | 'aspects'
> {
  return {
    subtitle: 'With a power supply',
    color: 'Pearl',
    size: '11.5',
    sizeSystem: 'BR',
    sizeType: 'Petite',
    material: 'Alloy',
    pattern: 'Paisley',
    gender: 'Unisex',
    ageGroup: 'Toddler',
    conditionDescription: 'A scratch below',
    conditionDescriptors: [{ name: 'Grade', values: ['Gem'], info: ['By a grader'] }],
    endsAt: '2026-04-05T06:07:08.000Z',
    quantityLimitPerBuyer: 12,
    lotSize: 24,
    deliveryOptions: ['SHIP_TO_HOME'],
    shippingServices: [
      {
        service: 'Parcel',
        carrier: 'Post',
        type: 'Economy',
        kind: 'fixed',
        cost: money('4.41', 'EUR'),
        converted: money('3.91', 'GBP'),
        costPerAdditionalUnit: money('1.21', 'EUR'),
        importCharges: money('0.77', 'EUR'),
        quantity: 13,
        earliest: '2026-02-07T08:00:00.000Z',
        latest: '2026-02-08T08:00:00.000Z',
        orderBefore: '2026-02-06T08:00:00.000Z',
        program: 'GLOBAL_SHIPPING',
        cheapest: true,
        fastest: false,
      },
    ],
    shippingTo: { country: 'SE', postalCode: '11122' },
    shipsTo: [{ id: 'EUROPE', name: 'Europe', type: 'WORLD_REGION' }],
    shipsNotTo: [{ id: 'IS', name: 'Iceland', type: 'COUNTRY' }],
    taxes: [
      {
        type: 'VAT',
        percent: 25,
        includedInPrice: true,
        shippingTaxed: false,
        collectedByEbay: true,
        regions: [{ id: 'SE', name: 'Sweden', type: 'COUNTRY' }],
      },
    ],
    returns: {
      accepted: true,
      days: 30,
      period: { value: 30, unit: 'CALENDAR_DAY' },
      paidBy: 'BUYER',
      refund: 'MONEY_BACK',
      method: 'REPLACEMENT',
      restockingFeePercent: 15,
      extendedHolidayReturns: true,
      instructions: 'In its box',
    },
    paymentMethods: [{ type: 'WALLET', brands: ['PAYPAL'], instructions: ['CASH_ON_PICKUP'] }],
    immediatePay: true,
    guestCheckout: false,
    inlineCheckout: true,
    coupons: [
      {
        code: 'SPRING',
        type: 'ITEM_PRICE',
        discount: money('2.50', 'EUR'),
        message: 'Off in spring',
        termsUrl: 'https://a/terms',
        expiresAt: '2026-05-01T00:00:00.000Z',
      },
    ],
    addons: [{ id: '55', type: 'ASSEMBLY', selection: 'OPTIONAL', fee: money('19.00', 'EUR') }],
    ecoFee: money('0.35', 'EUR'),
    bidding: { minimumBid: money('9.75', 'EUR'), bidders: 6, reserveMet: true },
    rating: { average: 4.5, count: 85, byStars: { 5: 44 } },
    productSheetUrl: 'https://a/sheet',
    repairScore: 7.4,
    hazards: {
      signalWord: 'Danger',
      statements: ['Burns'],
      pictograms: ['Flame'],
      note: 'Keep it dry',
    },
    safety: { statements: ['Not below 3 years'], pictograms: ['Age'] },
    catalogue: {
      title: 'Hub H-4',
      brand: 'Acme Works',
      identifiers: [{ type: 'EAN', value: '4006381333931' }],
      images: ['https://a/stock'],
      aspects: { Plug: ['Type C'] },
    },
    groupTitle: 'Hubs of all colours',
    groupImages: ['https://a/group'],
    revision: '17',
    warnings: [{ errorId: 11502, message: 'Left out', parameters: [{ name: 'part', value: 'x' }] }],
  };
}
