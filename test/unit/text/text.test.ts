import { expect } from 'chai';
import type { ServiceEvent } from '../../../src/events/event.ts';
import { type SearchSummary, STOPPED_BY } from '../../../src/product/summary.ts';
import {
  canRetry,
  estimateTexts,
  eventText,
  partialReasons,
  summaryFacts,
  waitReasonText,
} from '../../../src/text/searches.ts';
import { countText, distanceText, durationText, instantText, moneyText } from '../../../src/text/values.ts';

const NOW = Date.parse('2026-03-02T12:00:00Z');
const [S, MIN, H] = [1000, 60_000, 3_600_000];

describe('texts of values', () => {
  it('show a duration in its two largest units and leave out what is zero', () => {
    const durations = [0, 9 * S, MIN, 119 * S, 250 * S, H, 112 * MIN, 47 * H, 48 * H, 50 * H, 49.6 * H];
    expect(durations.map(durationText)).to.deep.equal(
      '0 s,9 s,1 min,1 min 59 s,4 min 10 s,1 h,1 h 52 min,47 h,2 days,2 days 2 h,2 days 2 h'.split(','),
    );
  });

  it('carry a duration that rounds up into the next unit', () => {
    expect([59.6 * S, 59 * MIN + 59.6 * S, 48 * H - S, -5 * S].map(durationText)).to.deep.equal([
      '1 min',
      '1 h',
      '2 days',
      '0 s',
    ]);
  });

  it('say how far away an instant is, in either direction', () => {
    const texts = [1000, 15_000, -240_000].map((ms) => distanceText(new Date(NOW + ms).toISOString(), NOW));
    expect(texts).to.deep.equal(['now', 'in 15 s', '4 min ago']);
    expect(instantText('2026-05-01T06:30:59.000Z')).to.equal('2026-05-01 06:30 UTC');
  });

  it('keep currencies and amounts exact', () => {
    const amounts = [
      { value: '12.50', currency: 'USD' },
      { value: '12.50', currency: 'CAD' },
      { value: '1200', currency: 'JPY' },
      { value: '999999999999999.99', currency: 'USD' },
    ];
    expect(amounts.map(moneyText)).to.deep.equal(['$12.50', 'CA$12.50', '¥1,200', '$999,999,999,999,999.99']);
  });

  it('count', () => {
    expect([0, 1, 1200].map((n) => countText(n, 'call'))).to.deep.equal(['0 calls', '1 call', '1,200 calls']);
  });
});

describe('texts of searches', () => {
  it('say why one waits, and show a reason that they do not know', () => {
    expect(waitReasonText('circuit')).to.equal('eBay is failing');
    expect(waitReasonText('tides')).to.equal('tides');
  });

  it('show products, calls and each other count that is not zero', () => {
    const counts = { found: 1234, collected: 9, products: 1, duplicates: 2, filteredOut: 0, rejected: {} };
    const summary = { counts, lookedAt: 7, calls: 3, gone: [], warnings: [] } as unknown as SearchSummary;
    expect(summaryFacts(summary)).to.deep.equal([
      '1 product',
      '7 of about 1,234 listings looked at',
      '2 duplicates',
      '3 calls',
    ]);
    // Listings that were named are not looked through.
    expect(summaryFacts({ ...summary, pages: 0 })).to.deep.equal(['1 product', '2 duplicates', '3 calls']);
    expect(summaryFacts({ ...summary, callsLeft: 4997 })).to.include('4,997 left that day');
    expect(summaryFacts({ ...summary, callsLeft: null }).join()).to.not.include('left');
    const rejected = { 'no-id': 2, 'no-title': 1 };
    expect(
      summaryFacts({ ...summary, counts: { ...counts, rejected }, gone: ['v1|1|0'] }),
    ).to.include.members(['3 unreadable', '1 gone']);
    const filteredOutBy = { title: 2, 'seller-rating-unknown': 3 };
    expect(summaryFacts({ ...summary, counts: { ...counts, filteredOut: 5, filteredOutBy } })).to.include(
      '5 filtered out (3 with an unknown rating)',
    );
  });

  const stopped = (own: Partial<SearchSummary>) =>
    ({
      ...{ outcome: 'partial', pages: 5, lookedAt: 812, calls: 6, missing: [], gone: [], warnings: [] },
      counts: { found: 1976, collected: 1000, products: 12, duplicates: 188, filteredOut: 800, rejected: {} },
      ...own,
    }) as unknown as SearchSummary;
  const failed = (page: number | null) => ({
    marketplace: 'EBAY_GB' as const,
    page,
    code: 'x',
    message: 'x',
  });

  it('say why a search is partial though no call failed, and how much it looked at', () => {
    const reasons = STOPPED_BY.map((stoppedBy) => partialReasons(stopped({ stoppedBy })));
    expect(reasons).to.deep.equal([
      [],
      [],
      ['eBay shows no more than the first 10,000 listings: 812 of about 1,976 listings looked at'],
      ['stopped after 5 calls (maxCalls): 812 of about 1,976 listings looked at'],
      ['the rest was known to the track: 812 of about 1,976 listings looked at'],
    ]);
    expect(canRetry(stopped({ stoppedBy: 'max-calls' }))).to.equal(false);
  });

  it('say of a partial search what failed, each reason once', () => {
    const missing = [failed(3), failed(4), failed(null), failed(null)];
    expect(partialReasons(stopped({ stoppedBy: null, missing }))).to.deep.equal([
      'a page of eBay GB failed',
      'the details of 2 products failed',
    ]);
    const both = stopped({ stoppedBy: 'max-calls', missing: [failed(null)] });
    expect(partialReasons(both).map((reason) => reason.slice(0, 23))).to.deep.equal([
      'the details of 1 produc',
      'stopped after 5 calls (',
    ]);
    expect(canRetry(both)).to.equal(true);
  });

  it('say of every ended search how much it looked at, once', () => {
    const looked = (own: Partial<SearchSummary>) =>
      [...summaryFacts(stopped(own)), ...partialReasons(stopped(own))].filter((text) =>
        text.includes('looked at'),
      );
    for (const stoppedBy of STOPPED_BY)
      for (const outcome of ['complete', 'partial', 'cancelled'] as const)
        expect(looked({ stoppedBy, outcome }), `${outcome} ${stoppedBy}`).to.have.length(1);
    const ended = { outcome: 'complete', stoppedBy: 'end' } as const;
    expect(looked(ended)).to.deep.equal([
      '812 of about 1,976 listings looked at, where eBay’s listing ended',
    ]);
    const { counts } = stopped({});
    expect(looked({ ...ended, counts: { ...counts, found: 812 } })).to.deep.equal([
      'all 812 listings looked at',
    ]);
    expect(looked({ stoppedBy: 'wanted', counts: { ...counts, found: 0 } })).to.deep.equal([
      '812 listings looked at',
    ]);
    // Version 0.1 stored neither field.
    const { lookedAt: _lookedAt, ...former } = stopped({ outcome: 'complete' });
    expect(summaryFacts(former as SearchSummary)).to.include('812 of about 1,976 listings looked at');
    const nothing = { ...stopped({}).counts, found: 0, collected: 0, duplicates: 0 };
    expect(looked({ outcome: 'none-found', stoppedBy: 'end', lookedAt: 0, counts: nothing })).to.deep.equal(
      [],
    );
  });

  const estimate = {
    calls: { pages: 3, details: 0, total: 3, atMost: 15 },
    class: 'interactive' as const,
    remaining: 1400,
    shareOfRemaining: 3 / 1400,
    reset: '2026-03-03T08:00:00.000Z',
    budget: null,
    ahead: 12,
    earliestFinish: '2026-03-02T12:00:15.000Z',
  };
  const when = (iso: string) => distanceText(iso, NOW);

  it('say calls, share of what is left, queue and earliest finish', () => {
    expect(estimateTexts(estimate, when)).to.deep.equal({
      calls: '3 calls, at most 15',
      share: '0.2 % of the 1,400 that interactive searches have left today',
      queue: '12 calls before its first one',
      finish: 'in 15 s at the earliest',
    });
  });

  it('say what is left of the tightest budget, and that a search does not fit', () => {
    const budget = { kind: 'key', name: '4f9q2c81ab', limit: 500, used: 480, reserved: 15, left: 5 } as const;
    const { reset } = estimate;
    expect(estimateTexts({ ...estimate, budget: { ...budget, reset } }, when).budget).to.equal(
      '5 of 500 calls a day are left to this API key',
    );
    const spent = { ...budget, kind: 'schedule', name: 'daily', left: 2, reset } as const;
    expect(estimateTexts({ ...estimate, budget: spent }, when).budget).to.equal(
      '2 of 500 calls a day are left to the schedule daily: too few; more in 20 h',
    );
  });

  it('say when a search continues that is larger than the rest of the day', () => {
    expect(estimateTexts({ ...estimate, shareOfRemaining: 1.4 }, when).share).to.equal(
      'more than the 1,400 that interactive searches have left today; it continues in 20 h',
    );
    expect(estimateTexts({ ...estimate, remaining: 0, shareOfRemaining: null }, when).share).to.equal(
      'interactive searches have none left today; more in 20 h',
    );
  });

  const textOf = (event: object) => eventText(event as ServiceEvent, ({ value }) => value);

  it('say how a search ended and what its track found', () => {
    const event = { type: 'search.completed', outcome: 'complete', counts: { products: 4 }, calls: 1 };
    const track = { name: 't', firstRun: false, new: 3, priceDropped: 0, priceRose: 0, gone: 1 };
    expect(textOf({ ...event, track })).to.equal('complete, 4 products, 1 call; 3 new, 1 gone');
    expect(textOf({ ...event, track: { ...track, new: 0, gone: 0 } })).to.match(/; no changes$/);
    expect(textOf({ ...event, type: 'search.cancelled', track: null })).to.equal(
      'cancelled, 4 products, 1 call',
    );
  });

  it('say how a price changed, and never take an unknown one for zero', () => {
    const [formerTotal, total] = [{ value: '9.99' }, { value: '5.00' }];
    expect(textOf({ type: 'product.price-dropped', formerTotal, product: { total } })).to.equal(
      'dropped, 9.99 → 5.00',
    );
    const times = { at: '2026-03-02T12:00:00.000Z', formerSeenAt: '2026-03-02T10:00:00.000Z' };
    expect(textOf({ type: 'product.price-rose', formerTotal, product: { total }, ...times })).to.equal(
      'rose, 9.99 (2 h before) → 5.00',
    );
    expect(textOf({ type: 'product.new', product: { total: null } })).to.equal(
      'new, delivered price unknown',
    );
  });

  it('keep a price that eBay lets appear only later out of sight', () => {
    const product = { total: { value: '5.00' }, priceDisplay: 'IN_CART' };
    const event = { formerTotal: { value: '9.99' }, product };
    for (const type of ['product.new', 'product.price-dropped', 'watchlist.price-rose', 'watchlist.returned'])
      expect(textOf({ ...event, type }), type)
        .to.include('eBay shows the price')
        .and.not.match(/5|9/);
  });
});
