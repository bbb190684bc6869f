import { expect } from 'chai';
import fc from 'fast-check';
import { headersOf, searchCall } from '../../../src/collector/query.ts';
import { recordingBrowse } from '../../support/recordingBrowse.ts';
import { request } from './listing.ts';

const page = { marketplace: 'EBAY_DE', offset: 400, limit: 200 } as const;

/** `a:1,b:{x|y}` → pairs, commas inside braces and brackets left alone; a reader of eBay's documented grammar. */
function readPairs(parameter = ''): [name: string, value: string][] {
  const parts = parameter.match(/(?:\{(?:\\.|[^}])*\}|\[[^\]]*\]|[^,])+/g) ?? [];
  return parts.map((part) => [part.slice(0, part.indexOf(':')), part.slice(part.indexOf(':') + 1)]);
}

function readSet(value = '{}'): string[] {
  const inside = value.slice(1, -1).match(/(?:\\\||[^|])+/g) ?? [];
  return inside.map((entry) => entry.replaceAll('\\|', '|'));
}

describe('the search call', () => {
  it('carries query, category, sort, page and marketplace; EXTENDED is sent', () => {
    const call = searchCall(request({ categoryIds: ['58058'], sort: '-price' }), page);
    expect(call).to.deep.equal({
      params: {
        q: 'usb hub',
        category_ids: '58058',
        sort: '-price',
        fieldgroups: 'EXTENDED',
        limit: '200',
        offset: '400',
      },
      headers: { 'X-EBAY-C-MARKETPLACE-ID': 'EBAY_DE' },
    });
  });

  it('leaves out what the request does not ask for, buying options included', () => {
    const { params } = searchCall(request(), page);
    expect(Object.keys(params)).to.deep.equal(['q', 'fieldgroups', 'limit', 'offset']);
    const off = searchCall(request({ filters: { freeShipping: false, returnsAccepted: false } }), page);
    expect(off.params).to.not.have.property('filter');
  });

  it('writes every filter in the form that eBay documents', () => {
    const filters = {
      price: { min: '5.00', max: 99.5, currency: 'EUR' },
      conditions: ['NEW', 'USED'],
      buyingOptions: ['AUCTION', 'FIXED_PRICE'],
      deliveryCountry: 'DE',
      deliveryPostalCode: '10115',
      itemLocationCountry: 'DE',
      freeShipping: true,
      returnsAccepted: true,
      sellers: ['a', 'b'],
      excludeSellers: ['c'],
      sellerAccountTypes: ['BUSINESS'],
      searchInDescription: true,
    };
    const { params } = searchCall(request({ marketplaces: ['EBAY_DE'], filters }), page);
    expect(params.filter).to.equal(
      'price:[5..99.5],priceCurrency:EUR,conditions:{NEW|USED},buyingOptions:{AUCTION|FIXED_PRICE},' +
        'deliveryCountry:DE,deliveryPostalCode:10115,itemLocationCountry:DE,maxDeliveryCost:0,returnsAccepted:true,' +
        'sellers:{a|b},excludeSellers:{c},sellerAccountTypes:{BUSINESS},searchInDescription:true',
    );
  });

  it('writes the filters of place, time, auctions, programmes and charities', () => {
    const filters = {
      deliveryOptions: ['SHIP_TO_HOME'],
      pickup: { country: 'GB', postalCode: 'SW1A 1AA', radius: 20, unit: 'mi' },
      itemLocationRegion: 'UK_AND_IRELAND',
      itemStartDate: { from: '2026-01-31' },
      itemEndDate: { from: '2026-02-01T10:00Z', to: '2026-02-28' },
      bidCount: { max: 5 },
      buyingOptions: ['AUCTION'],
      excludeCategoryIds: ['1', '220'],
      paymentMethods: ['PAYPAL'],
      qualifiedPrograms: ['EBAY_REFURBISHED'],
      charityOnly: true,
      priorityListing: true,
      charityIds: ['1000', '1001'],
      compatibility: { Year: '2018', Make: 'BMW' },
    };
    const asked = request({ marketplaces: ['EBAY_GB'], categoryIds: ['33559'], filters });
    const { params } = searchCall(asked, { ...page, marketplace: 'EBAY_GB' });
    expect(params.filter).to.equal(
      'buyingOptions:{AUCTION},deliveryOptions:{SHIP_TO_HOME},pickupCountry:GB,pickupPostalCode:SW1A 1AA,' +
        'pickupRadius:20,pickupRadiusUnit:mi,itemLocationRegion:UK_AND_IRELAND,itemStartDate:[2026-01-31T00:00:00.000Z],' +
        'itemEndDate:[2026-02-01T10:00:00.000Z..2026-02-28T23:59:59.999Z],bidCount:[..5],excludeCategoryIds:{1|220},' +
        'paymentMethods:{PAYPAL},qualifiedPrograms:{EBAY_REFURBISHED},charityOnly:true,priorityListing:true',
    );
    expect(params.charity_ids).to.equal('1000,1001');
    expect(params.compatibility_filter).to.equal('Year:2018;Make:BMW');
  });

  it('looks for a product by its codes, and for a picture with a body of its own', () => {
    const codes = request({ query: undefined, gtin: '4006381333931', epid: '15032', categoryIds: ['1'] });
    expect(searchCall(codes, page).params).to.include({
      gtin: '4006381333931',
      epid: '15032',
      category_ids: '1',
    });
    expect(searchCall(codes, page).params).to.not.have.any.keys('q');
    const image = 'iVBORw0KGgo=';
    const picture = searchCall(request({ query: undefined, image }), page);
    expect(picture.image).to.equal(image);
    expect(Object.keys(picture.params)).to.deep.equal(['fieldgroups', 'limit', 'offset']);
  });

  it('asks for corrections and for the other language where the request does', () => {
    const { params } = searchCall(request({ autoCorrect: true }), page);
    expect(params.auto_correct).to.equal('KEYWORD');
    const french = request({ language: 'fr-CA', marketplaces: ['EBAY_CA'] });
    expect(searchCall(french, page).headers['Accept-Language']).to.equal('fr-CA');
    expect(headersOf(french, 'EBAY_CA')['Accept-Language']).to.equal('fr-CA');
  });

  it('writes half-open price ranges', () => {
    const filterOf = (price: object) =>
      searchCall(request({ filters: { price: { ...price, currency: 'USD' } } }), page).params.filter;
    expect(filterOf({ min: 10 })).to.equal('price:[10],priceCurrency:USD');
    expect(filterOf({ max: 10 })).to.equal('price:[..10],priceCurrency:USD');
  });

  it('repeats the category in the aspect filter and escapes a pipe', () => {
    const aspects = { Brand: ['Bed|Stü', 'Nike'], 'Chipset/GPU Model': ['T4'] };
    const { params } = searchCall(request({ categoryIds: ['3034'], filters: { aspects } }), page);
    expect(params.aspect_filter).to.equal('categoryId:3034,Brand:{Bed\\|Stü|Nike},Chipset/GPU Model:{T4}');
    expect(params).to.not.have.property('filter');
  });

  it('sends where the buyer is, encoded once', () => {
    const { headers } = searchCall(request({ shipTo: { country: 'US', postalCode: '19406' } }), page);
    expect(headers['X-EBAY-C-ENDUSERCTX']).to.equal('contextualLocation=country%3DUS%2Czip%3D19406');
    const { headers: country } = searchCall(request({ shipTo: { country: 'US' } }), page);
    expect(country['X-EBAY-C-ENDUSERCTX']).to.equal('contextualLocation=country%3DUS');
  });

  it('sends which affiliate asks, and the reference only beside the campaign', () => {
    const contextIn = (input: object, campaignId?: string) =>
      [
        searchCall(request(input), page, campaignId).headers,
        headersOf(request(input), 'EBAY_US', campaignId),
      ].map((headers) => headers['X-EBAY-C-ENDUSERCTX']);
    const twice = (context: string | undefined) => [context, context];
    expect(contextIn({}, '53')).to.deep.equal(twice('affiliateCampaignId=53'));
    expect(contextIn({ reference: 'a.b-C_1' }, '53')).to.deep.equal(
      twice('affiliateCampaignId=53,affiliateReferenceId=a.b-C_1'),
    );
    expect(contextIn({ shipTo: { country: 'US' } }, '53')).to.deep.equal(
      twice('contextualLocation=country%3DUS,affiliateCampaignId=53'),
    );
    expect(contextIn({ reference: 'a' })).to.deep.equal(twice(undefined));
    expect(contextIn({ reference: 'a' }, '')).to.deep.equal(twice(undefined));
  });

  it('reads back as what the request said, whatever its values are', () => {
    const unique = <Value>(values: fc.Arbitrary<Value>) =>
      fc.uniqueArray(values, { minLength: 1, maxLength: 5 });
    const text = (allowed: RegExp) =>
      fc
        .string({ unit: 'grapheme', minLength: 1, maxLength: 8 })
        .map((said) => said.normalize('NFC').replace(/\s+/g, ' ').trim())
        .filter((said) => allowed.test(said) && !['__proto__', 'constructor', 'prototype'].includes(said));
    const seller = text(/^[^\s,:{}[\]|\\\p{Cc}]+$/u);
    const value = text(/^[^{}[\]\\\p{Cc}]+$/u);
    const name = text(/^[^,:|{}[\]\\\p{Cc}]+$/u);
    const filters = fc.record({
      sellers: unique(seller),
      aspects: fc.dictionary(name, unique(value), { minKeys: 1, maxKeys: 4, noNullPrototype: true }),
    });
    fc.assert(
      fc.property(filters, (written) => {
        const asked = request({ categoryIds: ['1'], filters: written });
        const { params } = searchCall(asked, page);
        const sent = new URLSearchParams(new URLSearchParams(params).toString());
        expect(readSet(new Map(readPairs(sent.get('filter') ?? '')).get('sellers'))).to.deep.equal(
          asked.filters.sellers,
        );
        const [category, ...aspects] = readPairs(sent.get('aspect_filter') ?? '');
        expect(category).to.deep.equal(['categoryId', '1']);
        expect(Object.fromEntries(aspects.map(([key, set]) => [key, readSet(set)]))).to.deep.equal(
          asked.filters.aspects,
        );
      }),
    );
  });
});

describe('the item call', () => {
  it('has the right path, and no id leads it to another; pipes are percent-encoded', async () => {
    const { browse, sent } = recordingBrowse();
    const headers = headersOf(request({ shipTo: { country: 'DE' } }), 'EBAY_DE');
    for (const id of ['v1|123|0', '../x?y#z']) await browse.getItem(id, headers, { class: 'interactive' });
    expect(sent.map(({ path }) => path)).to.deep.equal([
      '/buy/browse/v1/item/v1%7C123%7C0',
      '/buy/browse/v1/item/..%2Fx%3Fy%23z',
    ]);
    expect(sent[0]?.headers).to.deep.equal({
      'X-EBAY-C-MARKETPLACE-ID': 'EBAY_DE',
      'X-EBAY-C-ENDUSERCTX': 'contextualLocation=country%3DDE',
    });
  });
});
