import { expect } from 'chai';
import { Failure } from '../../../../src/failures.ts';
import { narrowedRequest } from '../../../../src/http/page/search/facetView.ts';
import {
  kindOf,
  mistakesIn,
  requestFromForm,
  searchForm,
  understoodText,
  valuesFrom,
} from '../../../../src/http/page/search/searchForm.ts';
import { parseSearchRequest } from '../../../../src/product/parseRequest.ts';
import { request } from '../../collector/listing.ts';

const fromForm = (values: Record<string, string>) => requestFromForm(values, 'EBAY_US');

describe('what people type into the search box', () => {
  it('is a listing where each part is an address, an item id or the number of a listing', () => {
    for (const text of [
      'https://www.ebay.de/itm/some-title/110587654321?var=5#x',
      'ebay.co.uk/itm/110587654321',
      'http://127.0.0.1:4010/itm/110587654321',
      'v1|110587654321|0',
      '110587654321',
      '110587654321, v1|110587654322|7 https://www.ebay.com/itm/110587654323',
    ])
      expect(kindOf(text), text).to.equal('listing');
  });

  it('is a product code where its check digit is right', () => {
    // EAN-13, UPC-A, a UPC that begins with 19, EAN-8, ISBN-10 with an X.
    for (const text of ['4006381333931', '036000291452', '190199246850', '96385074', '080442957X'])
      expect(kindOf(text), text).to.equal('code');
    expect(fromForm({ query: '978-3-16-148410-0' })).to.include({ gtin: '9783161484100' });
    expect(kindOf('4006381333932')).to.equal('words');
    // A number of a listing may have a right check digit by chance.
    expect(kindOf('110587654320')).to.equal('listing');
  });

  it('is words in all other cases', () => {
    for (const text of ['usb c hub', '110587654321 hub', '100', 'ebay', '', 'v1|x|0'])
      expect(kindOf(text), text).to.equal('words');
  });

  it('asks for listings with all variations on the site of their address, whatever the conditions say', () => {
    const form = {
      query: 'https://www.ebay.de/itm/110587654321',
      priceMax: '5',
      sort: 'price',
      country: 'DE',
    };
    const wanted = fromForm({ ...form, marketplace: 'EBAY_US' });
    expect(wanted).to.deep.equal({
      items: ['https://www.ebay.de/itm/110587654321'],
      variations: 'all',
      marketplaces: ['EBAY_DE'],
      shipTo: { country: 'DE' },
    });
    expect(parseSearchRequest(wanted, { marketplace: 'EBAY_US' }).ok).to.equal(true);
    expect(understoodText(wanted)).to.equal('understood as 1 listing of eBay DE, with all variations');
  });

  it('is taken as something else where the form says so', () => {
    expect(fromForm({ query: '4006381333931', kind: 'words' })).to.include({ query: '4006381333931' });
    expect(fromForm({ query: '4006381333931' })).to.include({ gtin: '4006381333931', facets: true });
    expect(fromForm({ query: '190199246850', kind: 'listing' }).items).to.deep.equal(['190199246850']);
  });
});

describe('the form of a search', () => {
  it('comes back as it was from the request that it made', () => {
    const forms = [
      {
        ...{ query: 'usb c hub', marketplace: 'EBAY_GB', also: 'EBAY_DE\nEBAY_US', condition: 'NEW' },
        ...{ priceMax: '40', country: 'US', postalCode: '19406', maxItems: '50', exclude: 'case, cable' },
        ...{ minFeedback: '98', sort: 'price', freeShipping: '1', resalePrice: '29.99', feePercent: '13.25' },
        ...{ feeFixed: '0.3', importTax: '8', handling: '1.5', minMargin: '20', costsCurrency: 'USD' },
        rates: 'GBP 1.27, EUR 1.08',
      },
      { query: '4006381333931', marketplace: 'EBAY_US', maxItems: '200' },
      { query: '110587654321', marketplace: 'EBAY_US', maxItems: '200' },
    ];
    for (const form of forms) {
      const parsed = parseSearchRequest(fromForm(form), { marketplace: 'EBAY_US' });
      if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
      expect(valuesFrom(parsed.request)).to.deep.equal(form);
    }
  });

  it('takes exchange rates with a comma or a point, and refuses what it cannot read', () => {
    const ratesOf = (rates: string) =>
      (fromForm({ query: 'hub', rates }).costs as { exchangeRates: object }).exchangeRates;
    for (const text of [
      'GBP 1,27, EUR 1,08',
      'gbp: 1.27 eur=1.08',
      'GBP1.27;EUR 1,08',
      'GBP 1.27 ,EUR 1.08;',
    ])
      expect(ratesOf(text), text).to.deep.equal({ GBP: '1.27', EUR: '1.08' });
    for (const text of [
      '1.27 GBP 1.08 EUR',
      'GBP 1.27, EUR abc',
      'GBP 1.2.7',
      'GBP 1.27, 1.08',
      'GBP 1 GBP 2',
    ]) {
      const parsed = parseSearchRequest(fromForm({ query: 'hub', rates: text }), { marketplace: 'EBAY_US' });
      const mistakes = mistakesIn(
        new Failure('invalid_request', '', parsed.ok ? {} : { errors: parsed.errors }),
      );
      expect(new Set(mistakes.map(({ field }) => field)), text).to.deep.equal(new Set(['rates']));
    }
  });

  it('refuses an amount that is a thousand to some and one to others', () => {
    const form = { query: 'hub', priceMax: '1,000', resalePrice: '2,500' };
    const parsed = parseSearchRequest(fromForm(form), { marketplace: 'EBAY_US' });
    expect(parsed.ok ? [] : parsed.errors.map(({ path }) => path)).to.have.members([
      'filters.price.max',
      'costs.resalePrice',
    ]);
  });

  it('keeps costs that it has no field for, and shows them', () => {
    const costs = {
      ...{ currency: 'USD', dutyPercent: '4.7', markupPercent: '50', minMarginAmount: '5' },
      ...{ resaleTax: { percent: '19', onTop: true }, paymentFee: { percent: '2.9', fixed: '0.3' } },
    };
    for (const each of [costs, { currency: 'USD' }]) {
      const form = valuesFrom(request({ costs: each }));
      const parsed = parseSearchRequest(fromForm(form), {
        marketplace: 'EBAY_US',
        costs: { currency: 'EUR' },
      });
      expect(parsed.ok && parsed.request.costs).to.deep.equal(each);
    }
    const shown = String(
      searchForm({
        values: valuesFrom(request({ costs })),
        marketplace: 'EBAY_US',
        mistakes: [],
        csrf: null,
      }),
    );
    expect(shown).to.include(
      'duty 4.7 %, markup 50 %, least margin 5, tax of the sale 19 % on top, payment fee 2.9 % and 0.3',
    );
    const broken = parseSearchRequest(fromForm({ query: 'hub', otherCosts: '{' }), {
      marketplace: 'EBAY_US',
    });
    expect(broken.ok ? [] : broken.errors.map(({ path }) => path)).to.deep.equal(['costs.otherCosts']);
  });

  it('names a wrong figure beside its field, and opens the part that it is in', () => {
    const form = { query: 'hub', resalePrice: 'much', rates: 'dear' };
    const parsed = parseSearchRequest(fromForm(form), { marketplace: 'EBAY_US' });
    const errors = parsed.ok ? [] : parsed.errors;
    const mistakes = mistakesIn(new Failure('invalid_request', 'wrong', { errors }));
    expect(mistakes.map(({ field }) => field)).to.have.members(['resalePrice', 'rates']);
    const shown = String(searchForm({ values: form, marketplace: 'EBAY_US', mistakes, csrf: null }));
    expect(shown).to.include('<details class="costs" open>').and.include('id="resalePrice-problem"');
  });
});

describe('a search that is narrowed', () => {
  const searched = request({
    priority: 'backfill',
    maxAge: 60,
    track: 'hubs',
    filters: { conditions: ['NEW'] },
  });

  it('asks for what was chosen on that marketplace, aspects in the category that they belong to', () => {
    const form = {
      ...{ marketplace: 'EBAY_DE', dominant: '44995', category: '', condition: '1000\n3000' },
      ...{ buying: 'AUCTION', aspect: 'Brand:Acme\nBrand:A:B\nFarbe:Rot' },
    };
    const narrowed = narrowedRequest(searched, form);
    expect(narrowed).to.deep.include({ query: 'usb hub', marketplaces: ['EBAY_DE'], categoryIds: ['44995'] });
    expect(narrowed.filters).to.deep.equal({
      conditionIds: ['1000', '3000'],
      buyingOptions: ['AUCTION'],
      aspects: { Brand: ['Acme', 'A:B'], Farbe: ['Rot'] },
    });
    expect(narrowed).to.not.have.any.keys('track', 'priority', 'maxAge');
    expect(parseSearchRequest(narrowed, { marketplace: 'EBAY_US' }).ok).to.equal(true);
  });

  it('has no details of what is new, which need the track', () => {
    const fresh = request({ details: 'new', track: 'hubs' });
    const narrowed = narrowedRequest(fresh, { marketplace: 'EBAY_US', dominant: '', category: '' });
    expect(parseSearchRequest(narrowed, { marketplace: 'EBAY_US' }).ok).to.equal(true);
  });

  it('is wider again once nothing is chosen', () => {
    const narrow = request({ categoryIds: ['44995'], filters: { aspects: { Brand: ['Acme'] } } });
    const wide = narrowedRequest(narrow, { marketplace: 'EBAY_US', dominant: '44995', category: '' });
    expect(wide.categoryIds).to.equal(undefined);
    expect(wide.filters).to.deep.equal({});
  });
});
