import { expect } from 'chai';
import { parseSearchRequest } from '../../../src/product/parseRequest.ts';

function errorsOf(input: unknown) {
  const result = parseSearchRequest(input, { marketplace: 'EBAY_US' });
  return result.ok ? [] : result.errors;
}

/** `path code` of each error. */
const brief = (input: unknown) => errorsOf(input).map(({ path, code }) => `${path} ${code}`);
const q = { query: 'usb hub' };
/** The beginning of a PNG. */
const PICTURE = 'iVBORw0KGgo=';
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
  ['a query beside a product code', { ...q, gtin: '4006381333931' }, ['gtin kind_conflict']],
  [
    'every kind at once',
    { ...q, gtin: '4006381333931', epid: '1', image: PICTURE, items: ['110000000000'] },
    ['gtin kind_conflict', 'epid kind_conflict', 'image kind_conflict', 'items kind_conflict'],
  ],
  ['a query beside a wrong product code', { ...q, gtin: 5 }, ['gtin invalid_gtin']],
  ['a query beside a picture that is a text', { ...q, image: btoa('no') }, ['image invalid_image']],
  ['a query beside what is no item', { ...q, items: ['hub'] }, ['items.0 invalid_item']],
  [
    'a wrong picture where eBay has no search by image',
    { image: btoa('no'), marketplaces: ['EBAY_FR'] },
    ['image invalid_image'],
  ],
  ['sellers alone', { filters: { sellers: ['a'] } }, ['query q_required']],
  ['a product code of 9 digits', { gtin: '123456789' }, ['gtin invalid_gtin']],
  ['a product of letters', { epid: 'x' }, ['epid invalid_epid']],
  ['a picture that is a text', { image: btoa('no picture at all') }, ['image invalid_image']],
  ['a picture that is no Base64', { image: 'ÿØÿ' }, ['image invalid_image']],
  ['a sorted search by image', { image: PICTURE, sort: 'price' }, ['sort image_sort']],
  [
    'a picture where eBay has no search by image',
    { image: PICTURE, marketplaces: ['EBAY_US', 'EBAY_FR'] },
    ['image image_unsupported'],
  ],
  [
    'a picture whose descriptions are searched',
    { image: PICTURE, filters: { searchInDescription: true } },
    ['filters.searchInDescription q_too_short'],
  ],
  ...(
    [
      ['categoryIds', ['1']],
      ['sort', 'price'],
      ['facets', true],
      ['autoCorrect', true],
      ['title', { include: ['a'] }],
      ['seller', { minFeedbackScore: 1 }],
      ['excludePickupOnly', true],
      ['maxCalls', 1],
      ['maxItems', 1],
      ['details', 'new'],
    ] as const
  ).map(([field, value]): [string, unknown, string[]] => [
    `items with ${field}`,
    { items: ['110000000000', '110000000001'], [field]: value },
    [`${field} items_conflict`],
  ]),
  [
    'items with a filter',
    { items: ['110000000000'], filters: { freeShipping: true } },
    ['filters.freeShipping items_conflict'],
  ],
  ['details of what is new without a track', { ...q, details: 'new' }, ['details track_required']],
  [
    'a language of another marketplace',
    { ...q, language: 'fr-BE', marketplaces: ['EBAY_BE', 'EBAY_FR'] },
    ['language language_unsupported'],
  ],
  ['a correction of no query', { gtin: '4006381333931', autoCorrect: true }, ['autoCorrect q_required']],
  [
    'a correction where eBay has none',
    { ...q, autoCorrect: true, marketplaces: ['EBAY_NL'] },
    ['autoCorrect auto_correct_unsupported'],
  ],
  ['the distance from nowhere', { ...q, sort: 'distance' }, ['sort pickup_required']],
  [
    'a place without a radius',
    { ...q, filters: { pickup: { country: 'US', postalCode: '19406' } } },
    ['filters.pickup.radius required', 'filters.pickup.unit required'],
  ],
  [
    'a place of no country',
    { ...q, filters: { pickup: { country: 'ZZ', postalCode: '1', radius: 1, unit: 'km' } } },
    ['filters.pickup.country unknown_country'],
  ],
  ...(
    [
      ['US', 'XYZ'],
      ['US', '1940'],
      ['DE', '1011'],
      ['GB', '12345'],
    ] as const
  ).map(([country, postalCode]): [string, unknown, string[]] => [
    `postal code ${postalCode} of ${country}`,
    {
      ...q,
      shipTo: { country, postalCode },
      filters: {
        deliveryCountry: country,
        deliveryPostalCode: postalCode,
        pickup: { country, postalCode, radius: 1, unit: 'km' },
      },
    },
    [
      'shipTo.postalCode invalid_postal_code',
      'filters.pickup.postalCode invalid_postal_code',
      'filters.deliveryPostalCode invalid_postal_code',
    ],
  ]),
  [
    'two filters of location',
    { ...q, filters: { itemLocationCountry: 'DE', itemLocationRegion: 'ASIA' } },
    ['filters.itemLocationRegion location_conflict'],
  ],
  ['an empty period', { ...q, filters: { itemStartDate: {} } }, ['filters.itemStartDate period_range']],
  [
    'a period that ends before it begins',
    { ...q, filters: { itemEndDate: { from: '2026-02-01', to: '2026-01-31' } } },
    ['filters.itemEndDate.from period_range'],
  ],
  ...[
    '2026-02-30',
    '2026-02-29T00:00:00.000Z',
    '2026-01-01T24:00Z',
    'yesterday',
    '2026-01-01T00:00:00+01:00',
    // In UTC where the program runs in UTC, else in its zone.
    '2026-01-01T00:00:00',
    '2026-01',
    '2026',
  ].map((from): [string, unknown, string[]] => [
    `the day ${from}`,
    { ...q, filters: { itemStartDate: { from } } },
    ['filters.itemStartDate.from invalid_date'],
  ]),
  ['bids of no auctions', { ...q, filters: { bidCount: { min: 1 } } }, ['filters.bidCount auction_required']],
  [
    'more bids than the most',
    { ...q, filters: { bidCount: { min: 2, max: 1 }, buyingOptions: ['AUCTION'] } },
    ['filters.bidCount.min bid_count_range'],
  ],
  [
    'an end of what does not end',
    { ...q, sort: 'endingSoonest', filters: { buyingOptions: ['FIXED_PRICE'] } },
    ['filters.buyingOptions auction_required'],
  ],
  [
    'a guarantee without a place',
    { ...q, filters: { qualifiedPrograms: ['AUTHENTICITY_GUARANTEE'], deliveryCountry: 'US' } },
    ['filters.qualifiedPrograms delivery_place_required'],
  ],
  [
    'a programme that the marketplace lacks',
    { ...q, filters: { qualifiedPrograms: ['EBAY_PLUS'] } },
    ['filters.qualifiedPrograms program_unsupported'],
  ],
  [
    'charities elsewhere',
    { ...q, marketplaces: ['EBAY_DE'], filters: { charityIds: ['53-0196605'] } },
    ['filters.charityIds charity_unsupported'],
  ],
  [
    'charities beside a product code',
    { gtin: '4006381333931', filters: { charityIds: ['53-0196605'] } },
    ['filters.charityIds charity_conflict'],
  ],
  [
    '21 charities',
    { ...q, filters: { charityIds: Array.from({ length: 21 }, (_, i) => `c${i}`) } },
    ['filters.charityIds charities_range'],
  ],
  [
    'promoted listings in an order',
    { ...q, sort: 'price', filters: { priorityListing: true } },
    ['filters.priorityListing priority_listing_sort'],
  ],
  [
    'a vehicle without a category',
    { ...q, filters: { compatibility: { Year: '2018' } } },
    ['filters.compatibility compatibility_category_required'],
  ],
  [
    'a vehicle with grammar in it',
    { ...q, categoryIds: ['1'], filters: { compatibility: { Year: '2018;Make:BMW' } } },
    ['filters.compatibility.Year invalid_compatibility'],
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
    const [postalCode] = errorsOf({ ...q, shipTo: { country: 'US', postalCode: 'XYZ' } });
    expect(postalCode?.message).to.equal(
      'must have the form that US uses, such as 19406 or 19406-1234; got "XYZ"',
    );
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
