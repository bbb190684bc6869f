import { expect } from 'chai';
import { mapPage, mapWarnings } from '../../../src/collector/mapPage.ts';
import { listing } from './listing.ts';

const asked = {
  marketplace: 'EBAY_US',
  offset: 200,
  limit: 200,
  observedAt: '2026-02-03T04:05:06.000Z',
} as const;
const next = 'https://api.ebay.com/buy/browse/v1/item_summary/search?q=hub&limit=200&offset=400';

function page(body: object) {
  const mapped = mapPage(body, asked);
  if (!mapped.ok) throw new Error(mapped.reason);
  return mapped.page;
}

describe('a search answer', () => {
  it('becomes products, each with its place in the whole listing', () => {
    const items = [listing(), listing({ itemId: 'v1|1002|0' })];
    const mapped = page({ total: 5619, limit: 200, offset: 200, next, itemSummaries: items });
    expect(mapped).to.deep.include({
      ...asked,
      total: 5619,
      hasNext: true,
      received: 2,
      rejected: {},
      warnings: [],
    });
    expect(mapped.products.map(({ itemId, rank }) => [itemId, rank])).to.deep.equal([
      ['v1|1001|0', 201],
      ['v1|1002|0', 202],
    ]);
  });

  it('with nothing found has a total of 0 and no items key', () => {
    expect(page({ total: 0, limit: 200, offset: 200 })).to.deep.include({
      total: 0,
      hasNext: false,
      received: 0,
      products: [],
    });
  });

  it('loses an odd listing, counted by reason, and not the page', () => {
    const items = [null, listing(), listing({ itemId: undefined }), listing({ itemId: 7, title: null }), 5];
    const mapped = page({ total: 5, itemSummaries: items });
    expect(mapped).to.deep.include({
      received: 5,
      rejected: { 'not-an-object': 2, 'no-item-id': 1, 'no-title': 1 },
    });
    expect(mapped.products.map(({ rank }) => rank)).to.deep.equal([202]);
  });

  it('carries the warnings of filters that eBay ignored', () => {
    const warnings = [
      {
        errorId: 12002,
        domain: 'API_BROWSE',
        message: 'bad filter',
        parameters: [{ name: 'filterName', value: 'x' }],
      },
    ];
    expect(page({ total: 1, warnings }).warnings).to.deep.equal([
      { errorId: 12002, message: 'bad filter', parameters: [{ name: 'filterName', value: 'x' }] },
    ]);
  });

  it('may consist of warnings alone', () => {
    expect(page({ warnings: [{ errorId: 12017, message: 'ignored' }] })).to.deep.include({
      total: null,
      received: 0,
    });
  });
});

describe('the sign that a listing goes on', () => {
  const goesOn = (change: object, from: Partial<typeof asked> = {}) => {
    const mapped = mapPage({ total: 9, itemSummaries: [listing()], next, ...change }, { ...asked, ...from });
    return mapped.ok && mapped.page.hasNext;
  };

  it('is next, whatever total says', () => {
    expect(goesOn({ total: 1 })).to.equal(true);
    expect(goesOn({ total: 1e6, next: undefined })).to.equal(false);
  });

  it('is that of a search by image too', () => {
    expect(goesOn({ next: next.replace('/search?', '/search_by_image?') })).to.equal(true);
  });

  for (const odd of [5, '', '/somewhere/else?offset=400', 'file:///item_summary/search', 'http://[']) {
    it(`does not hold for next = ${JSON.stringify(odd)}`, () => {
      expect(goesOn({ next: odd })).to.equal(false);
    });
  }
});

describe('the place where the next page begins', () => {
  const answered = (change: object) =>
    page({ total: 900, limit: 200, itemSummaries: [listing()], next, ...change });

  it('is right behind this page unless eBay says less', () => {
    expect(answered({})).not.to.have.property('nextOffset');
    expect(answered({ next: next.replace('offset=400', 'offset=300') }).nextOffset).to.equal(300);
  });

  it('is behind the items that eBay showed, where it answers with a lower limit and its next leaves some out', () => {
    expect(answered({ limit: 100 }).nextOffset).to.equal(300);
    expect(answered({ next: next.replace('offset=400', 'offset=600') })).not.to.have.property('nextOffset');
    expect(answered({ limit: 500 })).not.to.have.property('nextOffset');
    expect(answered({ limit: 0 })).not.to.have.property('nextOffset');
  });
});

describe('the next page after a lower limit', () => {
  const beginsAfter = (offset: number, limit: number) => {
    const href = next.replace('offset=400', `offset=${offset + limit}`);
    const mapped = mapPage({ limit, next: href, itemSummaries: [listing()] }, { ...asked, offset });
    return mapped.ok && mapped.page.nextOffset;
  };

  it('begins right behind where eBay lets a page of that limit begin there', () => {
    expect([beginsAfter(0, 70), beginsAfter(200, 50), beginsAfter(400, 70)]).to.deep.equal([70, 250, 470]);
  });

  it('begins a little earlier where that shows more: at 421 a page of one item begins', () => {
    expect([beginsAfter(322, 99), beginsAfter(200, 99)]).to.deep.equal([396, 297]);
  });

  it('always begins behind the page before it', () => {
    for (let offset = 0; offset < 2000; offset += 200)
      for (let limit = 1; limit < 200; limit += 1) {
        const begins = Number(beginsAfter(offset, limit));
        expect(begins).to.be.within(offset + 1, offset + limit);
      }
  });
});

describe('an answer that contradicts itself', () => {
  const CASES: [reason: string, what: string, body: object][] = [
    ['no-items', 'no items of a total beyond this page', { total: 450 }],
    ['no-items', 'an empty list of items, and a next page', { total: 200, itemSummaries: [], next }],
    ['no-readable-item', 'items that are all unreadable', { total: 450, itemSummaries: [null, {}, 5] }],
    [
      'next-goes-back',
      'a next that is this very page',
      { total: 450, itemSummaries: [listing()], next: next.replace('offset=400', 'offset=200') },
    ],
  ];
  for (const [reason, what, body] of CASES) {
    it(`is no page: ${what}`, () => {
      expect(mapPage(body, asked)).to.deep.equal({ ok: false, reason, errors: [] });
    });
  }

  it('names what eBay said of it', () => {
    const warnings = [{ errorId: 12008, message: 'bad sort' }];
    expect(mapPage({ total: 450, warnings }, asked)).to.deep.equal({
      ok: false,
      reason: 'no-items',
      errors: warnings,
    });
  });

  it('is not a page behind the end of a listing that got shorter', () => {
    expect(page({ total: 199 })).to.deep.include({ received: 0, hasNext: false });
  });
});

describe('a body that is no search answer', () => {
  const CASES: [reason: string, what: string, body: unknown][] = [
    ['not-an-object', 'an HTML page', '<html>Please verify you are human</html>'],
    ['not-an-object', 'null', null],
    ['not-an-object', 'a list', []],
    ['not-a-search-answer', 'an empty object', {}],
    ['not-a-search-answer', 'a token', { access_token: 'x', expires_in: 7200 }],
    ['not-a-search-answer', 'items that are no list', { total: 1, itemSummaries: {} }],
    ['not-a-search-answer', 'a total that is no number', { total: 'many' }],
    ['other-page', 'the answer for another page', { total: 1, offset: 0, itemSummaries: [] }],
  ];
  for (const [reason, what, body] of CASES) {
    it(`is told by name: ${what} is ${reason}`, () => {
      expect(mapPage(body, asked)).to.deep.equal({ ok: false, reason, errors: [] });
    });
  }

  it('keeps the errors of an error body', () => {
    const body = { errors: [{ errorId: 2001, message: 'Too many requests.' }] };
    expect(mapPage(body, asked)).to.deep.equal({
      ok: false,
      reason: 'error-body',
      errors: [{ errorId: 2001, message: 'Too many requests.' }],
    });
  });
});

describe('warnings', () => {
  it('are read from whatever stands there, bounded and without control characters', () => {
    const odd = [
      null,
      'x',
      {},
      { errorId: '12003' },
      { longMessage: 'long\u0000' },
      { errorId: 1, message: 'm'.repeat(9999), parameters: [null, { name: 'a' }] },
    ];
    const [number, long, bounded] = mapWarnings(odd);
    expect(number).to.deep.equal({ errorId: 12003, message: 'no message' });
    expect(long).to.deep.equal({ errorId: null, message: 'long' });
    expect(bounded).to.deep.equal({
      errorId: 1,
      message: 'm'.repeat(500),
      parameters: [{ name: 'a', value: '' }],
    });
    expect(mapWarnings('nonsense')).to.deep.equal([]);
  });
});
