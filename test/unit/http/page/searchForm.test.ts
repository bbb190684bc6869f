import { expect } from 'chai';
import fc from 'fast-check';
import { Failure } from '../../../../src/failures.ts';
import { conditionsOf } from '../../../../src/http/page/search/conditions.ts';
import { FIELDS } from '../../../../src/http/page/search/fields.ts';
import { requestFromForm, understoodText, valuesFrom } from '../../../../src/http/page/search/formRequest.ts';
import { mistakesIn } from '../../../../src/http/page/search/mistakes.ts';
import { changedRequest } from '../../../../src/http/page/search/narrowing.ts';
import { searchForm } from '../../../../src/http/page/search/searchForm.ts';
import { amountFrom, decimalFrom, kindOf } from '../../../../src/http/page/search/typed.ts';
import { normalForm, parseSearchRequest } from '../../../../src/product/parseRequest.ts';
import type { NormalRequest } from '../../../../src/product/requestSchema.ts';
import { CASES } from '../../../contract/requestCases.ts';
import { LONG } from '../../../support/long.ts';
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

  it('says the same as any request that it is filled with, whatever fields the request has', () => {
    const refused: string[] = [];
    const parsed = (input: unknown) => {
      const result = parseSearchRequest(input, { marketplace: 'EBAY_US', costs: { currency: 'CHF' } });
      if (!result.ok) refused.push(JSON.stringify(input));
      return result.ok ? result.request : undefined;
    };
    // Every field of a request, and the costs, which say nothing to eBay.
    const costs = {
      ...{ currency: 'EUR', dutyPercent: '4.7', markupPercent: '50', minMarginAmount: '5.12' },
      ...{ resaleTax: { percent: '19', onTop: true }, paymentFee: { percent: '2.9', fixed: '0.3' } },
      exchangeRates: { USD: '0.92', GBP: '1.1701' },
    };
    const odd = [
      { query: 'hub', title: { include: ['a, b', 'c'], exclude: ['d'] }, onFailure: 'degrade', maxAge: 60 },
      { query: 'hub', filters: { price: { min: '1.125', max: '1000', currency: 'USD' } }, maxItems: 333 },
      { query: 'hub', filters: { itemStartDate: { from: '2026-01-31T10:00:00Z', to: '2026-02-01' } } },
      { query: '4006381333931' },
      { query: '110587654321', filters: { conditionIds: ['1000', '9999'] }, reference: 'mine' },
      { items: ['110587654321'], variations: 'none', details: 'full' },
      { query: 'hub', costs: { currency: 'USD' } },
      { query: 'hub', costs },
    ];
    const cases = Object.values(CASES).flatMap(({ valid }) => valid);
    const requests = [...cases, ...odd].map((each) =>
      parsed(JSON.parse(JSON.stringify(each).replace(/\{(item|group)\}/g, '110587654321'))),
    );
    expect(refused).to.deep.equal([]);
    const ofForm = ({ maxAge, onFailure, ...request }: NormalRequest) => {
      const {
        track: _track,
        facets: _facets,
        tenant: _tenant,
        details,
        maxItems,
        ...rest
      } = normalForm({
        ...{ maxAge, onFailure },
        ...request,
      });
      // A track is of one request, the tenant is the caller’s, and listings say themselves how many they are.
      return {
        ...{ ...rest, maxAge, onFailure },
        details: details === 'new' ? 'none' : details,
        ...(request.items === undefined && { maxItems }),
      };
    };
    const fieldsOf = fc.subarray(requests, { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(fc.oneof(...requests.map((each) => fc.constant([each])), fieldsOf), (several) => {
        // Requests of different fields together are a request too, unless rules forbid it.
        const filters = Object.assign({}, ...several.map((each) => each?.filters));
        const wanted = parsed({ ...Object.assign({}, ...several), filters });
        fc.pre(wanted !== undefined);
        const values = valuesFrom(wanted as NormalRequest, 's_1');
        const sent = { ...fromForm(values), ...(wanted?.image && { image: wanted.image }) };
        const again = parsed(sent);
        if (again === undefined) throw new Error(`${JSON.stringify(values)} ${JSON.stringify(sent)}`);
        expect(ofForm(again), JSON.stringify(values)).to.deep.equal(ofForm(wanted as NormalRequest));
      }),
      { numRuns: LONG ? 1500 : 400 },
    );
  });

  it('shows what it has no field for, and refuses what nobody could have kept', () => {
    const costs = { currency: 'USD', resaleTax: { percent: '19', onTop: true } };
    const values = valuesFrom(
      request({ costs, onFailure: 'degrade', filters: { aspects: { Color: ['!'] } }, categoryIds: ['9355'] }),
    );
    const shown = String(searchForm({ values, marketplace: 'EBAY_US', mistakes: [], csrf: null }));
    for (const text of [
      'tax on top of your price',
      'when nothing could be collected: degrade',
      'Color: not stated',
    ])
      expect(shown).to.include(text);
    for (const keep of ['{', '[]', '{"__proto__":{"a":1}}', '{"tenant":7}', '{"filters":{"no":1}}'])
      expect(
        parseSearchRequest(fromForm({ query: 'hub', keep }), { marketplace: 'EBAY_US' }).ok,
        keep,
      ).to.equal(false);
  });

  it('names a wrong figure beside its field, and opens the part that it is in', () => {
    const form = { query: 'hub', resalePrice: 'much', rates: 'dear' };
    const parsed = parseSearchRequest(fromForm(form), { marketplace: 'EBAY_US' });
    const errors = parsed.ok ? [] : parsed.errors;
    const mistakes = mistakesIn(new Failure('invalid_request', 'wrong', { errors }));
    expect(mistakes.map(({ field }) => field)).to.have.members(['resalePrice', 'rates']);
    const shown = String(searchForm({ values: form, marketplace: 'EBAY_US', mistakes, csrf: null }));
    expect(shown).to.include('<details class="costs" open>').and.include('id="resalePrice-problem"');
    expect(shown).to.match(
      /<a href="#resalePrice">You sell it for<\/a>: Enter an amount such as 40 or 40\.50\./,
    );
  });
});

describe('amounts as people type them', () => {
  it('are read where their meaning is certain', () => {
    const sure = {
      ...{
        '40': '40',
        $40: '40',
        '40 $': '40',
        'US$ 40.50': '40.5',
        '40 USD': '40',
        usd40: '40',
        '19,99': '19.99',
      },
      ...{
        '1.000,50': '1000.5',
        '1,000.50': '1000.5',
        "1'000.50": '1000.5',
        '1 000,5': '1000.5',
        '0,125': '0.125',
      },
      ...{ '1.000.000': '1000000', '1234.567': '1234.567', ' 007 ': '7' },
    };
    for (const [text, amount] of Object.entries(sure)) expect(amountFrom(text, 'USD'), text).to.equal(amount);
    expect(amountFrom('40 €', 'EUR')).to.equal('40');
    expect(amountFrom('£40', 'GBP')).to.equal('40');
    for (const text of [
      '1,000',
      '1.250',
      '40 €',
      '£40',
      '40 EUR',
      '$40 USD',
      '-5',
      '4 0',
      '1,00,000',
      'much',
      '1.2.3',
      '40%',
    ])
      expect(amountFrom(text, 'USD'), text).to.equal('?');
  });

  it('are read as themselves in every way that groups and decimals are written', () => {
    const cents = fc.integer({ min: 0, max: 99_999_999 });
    const styles = fc.constantFrom(['.', ','], [',', '.'], ["'", '.'], [' ', ','], ['', ','], ['', '.']);
    fc.assert(
      fc.property(cents, styles, (amount, [group, point]) => {
        const [whole = '', rest] = (amount / 100).toFixed(2).split('.');
        const text = `${whole.replace(/\B(?=(\d{3})+$)/g, group as string)}${point}${rest}`;
        expect(Number(decimalFrom(text)), text).to.equal(amount / 100);
      }),
    );
  });
});

describe('what is wrong in a form', () => {
  const mistakesOf = (form: Record<string, string>) => {
    const parsed = parseSearchRequest(fromForm(form), { marketplace: 'EBAY_US' });
    const errors = parsed.ok ? [] : parsed.errors;
    if (errors.length === 0) return {};
    const mistakes = mistakesIn(new Failure('invalid_request', '', { errors }), form);
    return Object.fromEntries(mistakes.map(({ field, message }) => [field, message]));
  };

  it('is said beside each field in plain words, all of it at once', () => {
    const form = { query: 'hub*', priceMax: 'much', minFeedback: '120', postalCode: '19406', maxCalls: '0' };
    expect(mistakesOf(form)).to.deep.equal({
      query: 'Leave out the *: eBay does not allow it.',
      priceMax: 'Enter an amount such as 40 or 40.50.',
      minFeedback: 'Enter a percentage from 0 to 100, such as 98.',
      country: 'Choose the country that the postal code is in.',
      maxCalls: 'Enter a whole number from 1 to 1,000.',
    });
    expect(mistakesOf({})).to.deep.equal({ query: 'Type what you are looking for, or choose a category.' });
    expect(mistakesOf({ query: 'hub', priceMax: '1,000' }).priceMax).to.equal(
      '“1,000” can be read in two ways: write 1000 or 1.',
    );
    expect(mistakesOf({ query: 'hub', priceMax: '40 €' }).priceMax).to.include('Enter the amount in USD');
    expect(mistakesOf({ query: 'hub', priceMin: '50', priceMax: '40' })).to.deep.equal({
      priceMin: 'This is above “Item price up to”: swap the two.',
    });
    expect(mistakesOf({ query: 'hub', country: 'Germany' }).country).to.equal(
      'Choose a country from the list. Did you mean Germany?',
    );
    expect(mistakesOf({ query: 'hub', country: 'DE', postalCode: '1' }).postalCode).to.equal(
      'A postal code of Germany looks like 10115.',
    );
    expect(
      mistakesOf({ query: 'hub', minFeedback: '98%', priceMax: '$40', location: 'germany' }),
    ).to.deep.equal({});
  });

  it('names no path, no pattern and no value in braces, whatever is typed into whichever field', () => {
    const names = Object.keys(valuesFrom(request())).concat(
      FIELDS.map(({ name }) => name),
      'category',
      'also',
    );
    const texts = fc.constantFrom(
      'x',
      '-1',
      '1e9',
      '99999999999',
      'EBAY_XX',
      'a:b',
      '2026-02-30',
      '{}',
      '£',
      '%',
    );
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...names), texts, { maxKeys: 6 }), (form) => {
        for (const [field, message] of Object.entries(mistakesOf({ query: 'hub', ...form }))) {
          expect(field, message).to.not.equal('');
          expect(message, field).to.not.match(/filters\.|decimal string|; got|\^|EBAY_|ISO/);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('a search that is changed by a click', () => {
  const searched = request({
    ...{ priority: 'backfill', maxAge: 60, track: 'hubs', details: 'new', filters: { conditions: ['NEW'] } },
    shipTo: { country: 'US' },
  });
  const click = (from: NormalRequest, form: Record<string, string>) => changedRequest(from, form);
  const toggle = (...path: string[]) => ({
    toggle: JSON.stringify(path),
    marketplace: 'EBAY_DE',
    dominant: '44995',
  });

  it('asks for one value more on that marketplace, aspects in the category that they belong to', () => {
    const red = click(searched, toggle('filters', 'aspects', 'Farbe', 'Rot: hell'));
    expect(red).to.deep.include({ query: 'usb hub', marketplaces: ['EBAY_DE'], categoryIds: ['44995'] });
    expect(red).to.deep.include({ shipTo: { country: 'US' }, details: 'none' });
    expect(red).to.not.have.any.keys('track', 'priority', 'maxAge');
    const both = click(request(red), toggle('filters', 'aspects', 'Farbe', 'Blau'));
    expect(both.filters?.aspects).to.deep.equal({ Farbe: ['Rot: hell', 'Blau'] });
    const exact = click(request(both), toggle('filters', 'conditionIds', '1000'));
    expect(exact.filters).to.deep.equal({
      aspects: { Farbe: ['Rot: hell', 'Blau'] },
      conditionIds: ['1000'],
    });
    expect(searched.filters).to.deep.equal({ conditions: ['NEW'] });
  });

  it('is wider again by the same click, and without the category without its aspects', () => {
    const narrow = request({ categoryIds: ['44995'], filters: { aspects: { Brand: ['Acme'] } } });
    expect(click(narrow, toggle('filters', 'aspects', 'Brand', 'Acme'))).to.deep.include({
      categoryIds: ['44995'],
      filters: {},
    });
    const wide = click(narrow, toggle('categoryIds', '44995'));
    expect(wide.categoryIds).to.equal(undefined);
    expect(wide.filters).to.deep.equal({});
  });

  it('can do without each of its conditions that has a place', () => {
    const full = request({
      ...{
        categoryIds: ['44995'],
        sort: 'price',
        excludePickupOnly: true,
        title: { include: ['a'], exclude: ['b'] },
      },
      ...{
        shipTo: { country: 'US', postalCode: '19406' },
        seller: { minFeedbackPercentage: 98, minFeedbackScore: 5 },
      },
      filters: {
        ...{
          price: { min: '1', max: '9', currency: 'USD' },
          aspects: { Color: ['Red'], 'Item.Length': ['1 ft'] },
        },
        ...{ freeShipping: true, sellers: ['acme'], itemLocationCountry: 'US', buyingOptions: ['AUCTION'] },
      },
    });
    const conditions = conditionsOf(full);
    const texts = conditions.map(({ text }) => text);
    for (const text of [
      'from 1 up to 9 USD',
      'located in United States',
      'only these sellers: acme',
      'Item.Length: 1 ft',
    ])
      expect(texts).to.include(text);
    for (const { text, path } of conditions.filter((each) => each.path !== undefined)) {
      const less = request(click(full, { drop: JSON.stringify(path) }));
      expect(
        conditionsOf(less).map((each) => each.text),
        text,
      ).to.not.include(text);
    }
    // A form that no page sent changes nothing that it should not.
    for (const drop of ['["__proto__"]', '{', '["filters","__proto__","x"]', '[1]'])
      expect(normalForm(request(click(full, { drop })))).to.deep.include({ query: 'usb hub', sort: 'price' });
  });
});
