import { expect } from 'chai';
import { parseSearchRequest } from '../../../src/product/parseRequest.ts';
import type { NormalRequest } from '../../../src/product/requestSchema.ts';

const defaults = { marketplace: 'EBAY_GB' };

function parsed(input: unknown): NormalRequest {
  const result = parseSearchRequest(input, defaults);
  if (!result.ok) throw new Error(JSON.stringify(result.errors));
  return result.request;
}

const everything = {
  v: 1,
  query: 'usb hub',
  categoryIds: ['58058'],
  marketplaces: ['EBAY_DE', 'EBAY_GB'],
  maxItems: 500,
  sort: '-price',
  filters: {
    price: { min: 5, max: '99.90', currency: 'EUR' },
    conditionIds: ['1000', '3000'],
    buyingOptions: ['FIXED_PRICE', 'AUCTION'],
    deliveryCountry: 'DE',
    deliveryPostalCode: '10115',
    itemLocationCountry: 'DE',
    freeShipping: true,
    returnsAccepted: true,
    sellers: ['some.seller'],
    excludeSellers: ['other-seller'],
    sellerAccountTypes: ['BUSINESS'],
    searchInDescription: true,
    aspects: { Farbe: ['Rot', 'Blau|Grün'] },
  },
  shipTo: { country: 'DE', postalCode: '10115' },
  title: { include: ['hub'], exclude: ['defekt', 'nur karton'] },
  seller: { minFeedbackPercentage: 98.5, minFeedbackScore: 100 },
  details: 'full',
  track: 'hubs',
  maxAge: 60,
  onFailure: 'degrade',
  priority: 'backfill',
  tenant: 'shop-1',
};

describe('a search request', () => {
  it('needs only a query; everything else has a default', () => {
    expect(parsed({ query: 'usb hub' })).to.deep.equal({
      v: 1,
      query: 'usb hub',
      marketplaces: ['EBAY_GB'],
      maxItems: 200,
      filters: {},
      details: 'none',
      maxAge: 0,
      onFailure: 'fail',
      priority: 'interactive',
      tenant: 'default',
    });
  });

  it('may search a category without a query', () => {
    expect(parsed({ categoryIds: ['9355'] }).categoryIds).to.deep.equal(['9355']);
  });

  it('keeps every field that the caller wrote, prices as decimal strings', () => {
    const filters = { ...everything.filters, price: { min: '5', max: '99.9', currency: 'EUR' } };
    expect(parsed(everything)).to.deep.equal({ ...everything, filters });
  });

  it('reads as itself again', () => {
    const once = parsed(everything);
    expect(parsed(once)).to.deep.equal(once);
    expect(parsed(JSON.parse(JSON.stringify(once)))).to.deep.equal(once);
  });

  it('brings text into NFC and white space down to single spaces', () => {
    expect(parsed({ query: '  cafe\u0301\t  au\nlait ' }).query).to.equal('café au lait');
  });

  it('takes right-to-left marks, zero-width joiners and emoji as they are', () => {
    const query = '\u202Eabc\u200D👩‍🔧';
    expect(parsed({ query }).query).to.equal(query);
  });

  it('takes a field that is undefined for one that is absent', () => {
    expect(parsed({ query: 'x', sort: undefined, filters: { price: undefined } })).to.deep.equal(
      parsed({ query: 'x' }),
    );
  });

  it('does not change what it is given', () => {
    const input = structuredClone(everything);
    parsed(input);
    expect(input).to.deep.equal(everything);
  });

  it('refuses a default marketplace that cannot be searched, naming the nearest', () => {
    expect(() => parseSearchRequest({ query: 'x' }, { marketplace: 'EBAY_UK' })).to.throw(
      RangeError,
      'EBAY_',
    );
  });
});
