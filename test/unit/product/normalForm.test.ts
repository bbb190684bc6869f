import { expect } from 'chai';
import fc from 'fast-check';
import { normalForm, parseSearchRequest, requestHash } from '../../../src/product/parseRequest.ts';
import { pictureName } from '../../../src/product/picture.ts';
import { trackFingerprint } from '../../../src/product/track.ts';

function hashOf(input: unknown): string {
  const result = parseSearchRequest(input, { marketplace: 'EBAY_US' });
  if (!result.ok) throw new Error(JSON.stringify(result.errors));
  return requestHash(result.request);
}

/** The beginning of a PNG. */
const PICTURE = 'iVBORw0KGgo=';

const search = {
  query: 'usb hub',
  categoryIds: ['58058'],
  filters: {
    conditionIds: ['1000', '3000'],
    sellers: ['a', 'b', 'c'],
    price: { min: 5, max: 10, currency: 'USD' },
    aspects: { Color: ['Red', 'Blue'], Ports: ['4', '7'] },
  },
  title: { exclude: ['broken', 'box only'] },
};

/** The same data with keys and the lists that are sets in another order. */
function shuffled(value: unknown): fc.Arbitrary<unknown> {
  if (Array.isArray(value)) return fc.shuffledSubarray(value, { minLength: value.length });
  if (typeof value !== 'object' || value === null) return fc.constant(value);
  const entries = Object.entries(value);
  return fc
    .tuple(
      fc.shuffledSubarray(entries, { minLength: entries.length }),
      fc.tuple(...entries.map(([, field]) => shuffled(field))),
    )
    .map(([order, fields]) =>
      Object.fromEntries(order.map(([key]) => [key, fields[entries.findIndex(([name]) => name === key)]])),
    );
}

describe('the hash of a search request', () => {
  it('does not depend on the order of keys and set-like lists', () => {
    fc.assert(
      fc.property(shuffled(search), (input) => {
        expect(hashOf(input)).to.equal(hashOf(search));
      }),
    );
  });

  const SAME: [what: string, other: object][] = [
    [
      'defaults written out',
      { ...search, v: 1, marketplaces: ['EBAY_US'], maxItems: 200, details: 'none', tenant: 'default' },
    ],
    ['white space', { ...search, query: ' usb   hub ' }],
    [
      'another form of a price',
      { ...search, filters: { ...search.filters, price: { min: '5.00', max: '10.0', currency: 'USD' } } },
    ],
    ['switches that are off', { ...search, filters: { ...search.filters, freeShipping: false } }],
    ['no wish to leave out pick-up', { ...search, excludePickupOnly: false }],
    ['empty groups', { ...search, seller: {} }],
    ['the case of title words', { ...search, title: { exclude: ['Broken', 'BOX only'] } }],
    ['how it is run', { ...search, priority: 'backfill', onFailure: 'degrade', maxAge: 300 }],
    ['the age that details may have where none are wanted', { ...search, detailsMaxAge: 60 }],
    [
      'additions that are off',
      { ...search, variations: 'none', facets: false, autoCorrect: false, strictFilters: false },
    ],
  ];
  for (const [what, other] of SAME) {
    it(`does not depend on ${what}`, () => {
      expect(hashOf(other)).to.equal(hashOf(search));
    });
  }

  it('does not depend on whether the picture or its name is there, but on which one it is', () => {
    const result = parseSearchRequest({ image: PICTURE }, { marketplace: 'EBAY_US' });
    if (!result.ok) throw new Error(JSON.stringify(result.errors));
    const named = { ...result.request, image: pictureName(PICTURE) };
    expect(requestHash(named)).to.equal(requestHash(result.request));
    expect(trackFingerprint(named)).to.equal(trackFingerprint(result.request));
    const other = { ...result.request, image: 'iVBORw0KGgoA' };
    expect(requestHash(other)).to.not.equal(requestHash(result.request));
    expect(trackFingerprint(other)).to.not.equal(trackFingerprint(result.request));
  });

  it('is what earlier releases made of a request that they know', () => {
    expect(hashOf(search)).to.equal('fc0d790ccf9686b7bc415042d3a25cda7879885b0e911cb7cd16100259265531');
  });

  it('does not depend on the order of listings: each search is read in its own', () => {
    const items = ['110000000000', '110000000001'];
    expect(hashOf({ items })).to.equal(hashOf({ items: items.toReversed() }));
  });

  it('depends on the age of answers where it asks for items, whose default is that of requests without one', () => {
    const items = ['110000000000', '110000000001'];
    for (const asking of [{ ...search, details: 'full' }, { ...search, variations: 'all' }, { items }]) {
      expect(hashOf({ ...asking, detailsMaxAge: 3600 })).to.equal(hashOf(asking));
      const hashes = [undefined, 0, 60, 7200].map((age) => hashOf({ ...asking, detailsMaxAge: age }));
      expect(new Set(hashes).size, JSON.stringify(asking)).to.equal(4);
    }
  });

  it('does not depend on how accents are composed', () => {
    expect(hashOf({ query: 'cafe\u0301' })).to.equal(hashOf({ query: 'café' }));
  });

  const OTHER: [what: string, other: object][] = [
    ['query', { ...search, query: 'usb hubs' }],
    ['tenant', { ...search, tenant: 'shop-1' }],
    ['maxItems', { ...search, maxItems: 100 }],
    ['marketplace', { ...search, marketplaces: ['EBAY_DE'] }],
    ['order of marketplaces', { ...search, marketplaces: ['EBAY_DE', 'EBAY_US'] }],
    ['place to ship to', { ...search, shipTo: { country: 'US' } }],
    ['switch that is on', { ...search, filters: { ...search.filters, freeShipping: true } }],
    ['variations', { ...search, variations: 'all' }],
    ['facets', { ...search, facets: true }],
    ['correction', { ...search, autoCorrect: true }],
    ['product', { gtin: '4006381333931' }],
    ['product of the catalogue', { epid: '15032' }],
    ['picture', { image: PICTURE }],
    ['listings', { items: ['110000000000', '110000000001'] }],
    ['list that a word stands in', { ...search, title: { include: ['broken', 'box only'] } }],
  ];
  it('differs with everything that decides the result', () => {
    const hashes = [
      search,
      ...OTHER.map(([, other]) => other),
      { ...search, marketplaces: ['EBAY_US', 'EBAY_DE'] },
    ].map(hashOf);
    expect(new Set(hashes).size).to.equal(hashes.length);
  });

  it('is SHA-256 in hex over a form without empty parts', () => {
    expect(hashOf(search)).to.match(/^[0-9a-f]{64}$/);
    const result = parseSearchRequest({ query: 'x' }, { marketplace: 'EBAY_US' });
    expect(result.ok && normalForm(result.request)).to.deep.equal({
      details: 'none',
      marketplaces: ['EBAY_US'],
      maxItems: 200,
      query: 'x',
      tenant: 'default',
    });
  });
});
