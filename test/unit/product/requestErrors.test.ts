import { expect } from 'chai';
import { parseSearchRequest } from '../../../src/product/parseRequest.ts';

function errorsOf(input: unknown) {
  const result = parseSearchRequest(input, { marketplace: 'EBAY_US' });
  return result.ok ? [] : result.errors;
}

/** `path code` of each error. */
const brief = (input: unknown) => errorsOf(input).map(({ path, code }) => `${path} ${code}`);
const q = { query: 'usb hub' };
const price = (range: object) => ({ ...q, filters: { price: range } });

const CASES: [what: string, input: unknown, expected: string[]][] = [
  ['nothing to search for', {}, ['query q_required']],
  ['a query of spaces only', { query: ' \t ' }, ['query q_required']],
  ['an empty query', { query: '' }, ['query q_required']],
  ['a query beyond 100 characters', { query: 'a'.repeat(101) }, ['query q_too_long']],
  ['a query beyond 100 UTF-16 units', { query: '😀'.repeat(51) }, ['query q_too_long']],
  ['a query with a star', { query: 'usb*' }, ['query q_wildcard']],
  ['a query that is a number', { query: 5 }, ['query invalid_query']],
  ['an unknown field', { ...q, limit: 3 }, ['limit unknown_field']],
  ['an unknown filter', { ...q, filters: { colour: 'red' } }, ['filters.colour unknown_field']],
  ['a newer version', { ...q, v: 2 }, ['v unknown_payload_version']],
  ['an unknown marketplace', { ...q, marketplaces: ['EBAY_XX'] }, ['marketplaces.0 unknown_marketplace']],
  [
    'a marketplace in the wrong case',
    { ...q, marketplaces: ['ebay_us'] },
    ['marketplaces.0 unknown_marketplace'],
  ],
  ['no marketplace', { ...q, marketplaces: [] }, ['marketplaces marketplaces_range']],
  [
    'a marketplace twice',
    { ...q, marketplaces: ['EBAY_US', 'EBAY_US'] },
    ['marketplaces marketplaces_range'],
  ],
  ['two category ids', { categoryIds: ['1', '2'] }, ['categoryIds invalid_category']],
  ['a category id that is a number', { categoryIds: [9355] }, ['categoryIds.0 invalid_category']],
  ['a price without its currency', price({ min: 1 }), ['filters.price.currency required']],
  ['a currency without a price', price({ currency: 'USD' }), ['filters.price price_range']],
  ['min above max', price({ min: 10, max: '9.99', currency: 'USD' }), ['filters.price.min price_range']],
  ['a price with a comma', price({ max: '1,00', currency: 'USD' }), ['filters.price.max price_range']],
  ['a country that does not exist', { ...q, shipTo: { country: 'UK' } }, ['shipTo.country unknown_country']],
  [
    'countries that do not exist, in filters',
    { ...q, filters: { deliveryCountry: 'EU', itemLocationCountry: 'ZZ' } },
    ['filters.deliveryCountry unknown_country', 'filters.itemLocationCountry unknown_country'],
  ],
  ['a country in small letters', { ...q, shipTo: { country: 'de' } }, ['shipTo.country unknown_country']],
  [
    'a postal code of a country that does not exist',
    { ...q, filters: { deliveryCountry: 'XX', deliveryPostalCode: '1' } },
    ['filters.deliveryCountry unknown_country'],
  ],
  [
    'a postal code without its country',
    { ...q, filters: { deliveryPostalCode: '10115' } },
    ['filters.deliveryPostalCode delivery_country_required'],
  ],
  [
    'conditions in both ways',
    { ...q, filters: { conditions: ['NEW'], conditionIds: ['1000'] } },
    ['filters.conditions conditions_conflict'],
  ],
  [
    'account types where eBay ignores them',
    { ...q, filters: { sellerAccountTypes: ['BUSINESS'] } },
    ['filters.sellerAccountTypes seller_account_types_unsupported'],
  ],
  [
    'aspects without a category',
    { ...q, filters: { aspects: { Color: ['Red'] } } },
    ['filters.aspects aspect_category_required'],
  ],
  [
    'an aspect name with grammar in it',
    { ...q, categoryIds: ['1'], filters: { aspects: { 'a:b': ['x'] } } },
    ['filters.aspects.a:b invalid_aspect'],
  ],
  [
    'an aspect value with grammar in it',
    { ...q, categoryIds: ['1'], filters: { aspects: { a: ['x}'] } } },
    ['filters.aspects.a.0 invalid_aspect'],
  ],
  [
    'a one-letter query in descriptions',
    { query: 'a', filters: { searchInDescription: true } },
    ['filters.searchInDescription q_too_short'],
  ],
  [
    '251 sellers',
    { ...q, filters: { sellers: Array.from({ length: 251 }, (_, i) => `s${i}`) } },
    ['filters.sellers sellers_range'],
  ],
  [
    'a seller name with grammar in it',
    { ...q, filters: { sellers: ['a|b'] } },
    ['filters.sellers.0 invalid_seller'],
  ],
  [
    'fewer items than marketplaces',
    { ...q, maxItems: 1, marketplaces: ['EBAY_US', 'EBAY_DE'] },
    ['maxItems max_items_range'],
  ],
  ['an unknown priority', { ...q, priority: 1 }, ['priority unknown_priority']],
  ['the reserved track name', { ...q, track: 'default' }, ['track invalid_track']],
  ...[-1, Number.POSITIVE_INFINITY, Number.NaN, 0.1 + 0.2, null, true].map(
    (max): [string, unknown, string[]] => [
      `a price of ${max}`,
      price({ max, currency: 'USD' }),
      ['filters.price.max price_range'],
    ],
  ),
  ...[0, -1, 10_001, '50', 1e9, 1.5, null].map((maxItems): [string, unknown, string[]] => [
    `maxItems ${JSON.stringify(maxItems)}`,
    { ...q, maxItems },
    ['maxItems max_items_range'],
  ]),
  ...['../x', 'a:b', '*', 'A', '', 'x'.repeat(10_000)].map((tenant): [string, unknown, string[]] => [
    `tenant ${tenant.slice(0, 9)}`,
    { ...q, tenant },
    ['tenant invalid_tenant'],
  ]),
];

describe('an invalid search request', () => {
  for (const [what, input, expected] of CASES) {
    it(`is refused for ${what}`, () => {
      expect(brief(input)).to.deep.equal(expected);
    });
  }

  it('tells all its errors at once, each once', () => {
    const input = {
      query: '',
      marketplaces: ['EBAY_UK'],
      maxItems: '5',
      filters: { price: { min: 5, max: 1 } },
      track: 'A B',
    };
    expect(brief(input)).to.deep.equal([
      'query q_required',
      'marketplaces.0 unknown_marketplace',
      'maxItems max_items_range',
      'filters.price.currency required',
      'track invalid_track',
    ]);
  });

  it('says what is allowed and which word was probably meant', () => {
    expect(errorsOf({ ...q, marketplaces: ['EBAY_UA'] })[0]?.message)
      .to.include('EBAY_GB')
      .and.include('did you mean EBAY_');
    expect(errorsOf({ ...q, marketplace: 'EBAY_US' })[0]?.message).to.include('did you mean marketplaces?');
    expect(errorsOf({ q: 'usb hub' })[0]?.message).to.include('did you mean query?');
    for (const [country, meant] of [
      ['UK', 'GB (United Kingdom)'],
      ['Deutschland', 'DE (Germany)'],
      ['usa', 'US (United States)'],
    ])
      expect(errorsOf({ ...q, shipTo: { country } })[0]?.message).to.include(`; did you mean ${meant}?`);
    expect(errorsOf({ ...q, tenant: 'T' })[0]?.message).to.include('a-z, 0-9 and hyphen');
  });

  it('echoes at most 64 characters of a value, escaped', () => {
    const [error] = errorsOf({ ...q, tenant: `\u202E${'x'.repeat(500)}` });
    expect(error?.message).to.include('\\u{202e}').and.not.include('\u202E').and.not.include('x'.repeat(60));
  });
});
