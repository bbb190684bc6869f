import { expect } from 'chai';
import fc from 'fast-check';
import { valuesFrom } from '../../../../src/http/page/search/formRequest.ts';
import { costOf, costText } from '../../../../src/http/page/watching/cost.ts';
import { areTooMany, lineErrors, pastedListings } from '../../../../src/http/page/watching/pastedListings.ts';
import { alertFromForm, changedRequest } from '../../../../src/http/page/watching/scheduleEdit.ts';
import { newAddress, newValues } from '../../../../src/http/page/watching/scheduleForm.ts';
import { timingFrom, timingValues } from '../../../../src/http/page/watching/timing.ts';
import {
  choiceFrom,
  chosen,
  freeName,
  type Parts,
  watchedItems,
} from '../../../../src/http/page/watching/watchedItems.ts';
import { watchingLine } from '../../../../src/http/page/watching/watchingView.ts';
import { listFromForm, listValues, listView } from '../../../../src/http/page/watching/watchlistForm.ts';
import { parseSearchRequest } from '../../../../src/product/parseRequest.ts';
import type { PlanEntry, PlanReport } from '../../../../src/product/planReport.ts';
import type { NormalRequest } from '../../../../src/product/requestSchema.ts';
import type { WatchlistReport } from '../../../../src/queue/watch/watchlists/watchlists.ts';

const NOW = Date.parse('2026-05-01T12:00:00Z');
const inMinutes = (minutes: number) => new Date(NOW + minutes * 60_000).toISOString();

function requestOf(written: object): NormalRequest {
  const parsed = parseSearchRequest(written, { marketplace: 'EBAY_US' });
  if (!parsed.ok) throw new Error(parsed.errors.map(({ path, message }) => `${path} ${message}`).join());
  return parsed.request;
}

describe('what is watched, in words', () => {
  it('reads how often from a form, and writes it into one', () => {
    for (const [form, timing] of [
      [{ every: '3600' }, { every: 3600 }],
      [
        { every: 'day', at: '07:05', tz: 'Asia/Tokyo' },
        { cron: '5 7 * * *', tz: 'Asia/Tokyo' },
      ],
      [
        { every: 'weekdays', at: '00:30', tz: 'UTC' },
        { cron: '30 0 * * 1-5', tz: 'UTC' },
      ],
      [
        { every: 'cron', cron: '0 8,20 1 * *', tz: 'UTC' },
        { cron: '0 8,20 1 * *', tz: 'UTC' },
      ],
      [{ every: 'auto', atLeast: '21600' }, { auto: { atLeastEvery: 21_600 } }],
    ] as const) {
      expect(timingFrom(form)).to.deep.equal(timing);
      expect(timingFrom(timingValues(timing as never))).to.deep.equal(timing);
    }
    // What is no time is refused by the check of schedules, which names its field.
    expect(timingFrom({ every: 'day', at: '25:00' })).to.deep.equal({ cron: '', tz: 'UTC' });
    expect(timingFrom({ every: 'often' })).to.deep.equal({ every: 'often' });
  });

  it('gives back how often and where as it was filled in, whatever it is', () => {
    const timing = fc.oneof(
      fc.record({ every: fc.integer({ min: 1, max: 31_536_000 }) }),
      fc.record({
        auto: fc.record({ atLeastEvery: fc.double({ min: 0.001, max: 31_536_000, noNaN: true }) }),
      }),
      fc.record({
        cron: fc.constantFrom('@daily', '0 0 * * *', '59 23 * * 1-5', '*/5 8-18 * * *', '0 7 1 * *'),
        tz: fc.constantFrom('UTC', 'Asia/Tokyo'),
      }),
    );
    const list = fc.record({
      marketplace: fc.constantFrom('EBAY_US', 'EBAY_GB'),
      atLeastEvery: fc.integer({ min: 1, max: 2_592_000 }),
      quantity: fc.boolean(),
      shipTo: fc.constantFrom(undefined, { country: 'DE' }, { country: 'GB', postalCode: 'SW1A 1AA' }),
    });
    fc.assert(
      fc.property(timing, list, (when, { shipTo, ...options }) => {
        expect(timingFrom(timingValues(when as never))).to.deep.equal(when);
        const wanted = { ...options, ...(shipTo && { shipTo }) };
        const values = listValues({ ...wanted, name: 'mugs' } as WatchlistReport);
        expect(listFromForm({ ...values, name: 'mugs' })).to.deep.equal({ ...wanted, name: 'mugs' });
      }),
      { numRuns: 100 },
    );
  });

  it('reads the amounts of an alert as those of a search are read', () => {
    const when = (price: string, by: string) => {
      const form = { alertDrop: '1', by, alertBelow: '1', price, currency: 'usd' };
      return alertFromForm(form, 'hubs', 'hubs')?.when;
    };
    expect(when('$40', '5 %')).to.deep.equal([
      { on: 'drop', percent: 5 },
      { on: 'price-below', price: '40', currency: 'USD' },
    ]);
    // What is not certain stays wrong, so that the check names the field.
    expect(when('40 €', 'x')).to.deep.equal([
      { on: 'drop', percent: '?' },
      { on: 'price-below', price: '?', currency: 'USD' },
    ]);
  });

  it('offers a name that is free, however long it is', () => {
    expect(freeName('led-strip', ['other'])).to.equal('led-strip');
    expect(freeName('led-strip', ['led-strip', 'led-strip-2'])).to.equal('led-strip-3');
    const long = 'a'.repeat(40);
    expect(freeName(long, [long])).to.equal(`${'a'.repeat(38)}-2`);
    expect(freeName(`${'a'.repeat(37)}-bb`, [`${'a'.repeat(37)}-bb`])).to.equal(`${'a'.repeat(37)}-2`);
  });

  it('changes in a request only what a person changed', () => {
    const before = requestOf({
      query: 'led strip',
      track: 'strips',
      priority: 'scheduled',
      maxItems: 130,
      filters: { conditionIds: ['1000', '1500'], price: { max: '30', currency: 'USD' } },
      title: { exclude: ['used'] },
    });
    const form = valuesFrom(before);
    expect(changedRequest(before, form, 'EBAY_US')).to.deep.equal(before);
    const cheaper = changedRequest(before, { ...form, priceMax: '20' }, 'EBAY_US');
    expect(cheaper).to.deep.equal({
      ...before,
      filters: { ...before.filters, price: { max: '20', currency: 'USD' } },
    });
    const { priceMax: _, ...unlimited } = form;
    const { price: _price, ...filters } = before.filters;
    expect(changedRequest(before, unlimited, 'EBAY_US')).to.deep.equal({ ...before, filters });
  });

  it('finds listings in whatever is pasted, and the line of each mistake', () => {
    const a = '110587654321';
    const b = 'https://www.ebay.com/itm/110587654322';
    expect(pastedListings(`${a}\r\n\r\n${b} ${a}`)).to.deep.equal({
      source: { entries: [a, b, a] },
      lines: [1, 3, 3],
    });
    expect(pastedListings(`${a}, nothing`).source).to.deep.equal({ entries: [a, 'nothing'] });
    for (const table of [`sku;item\nA;${a}`, `item\n${a}`, `Item ID\n${a}`])
      expect(pastedListings(table)).to.deep.equal({ source: { csv: table }, lines: undefined });
    // Of a first line only as many columns are looked at as a CSV may have.
    expect(pastedListings(`${'x,'.repeat(1000)}${a}`).source).to.have.property('csv');
    const many = pastedListings(`${`${a} `.repeat(20_000)}\n${'b\n'.repeat(100_000)}`);
    expect([areTooMany(many), 'entries' in many.source && many.source.entries.length]).to.deep.equal([
      true,
      20_001,
    ]);
    expect(areTooMany(pastedListings('a\n'.repeat(20_000)))).to.equal(false);
    const pasted = pastedListings(`\n${a}\n\nnothing`);
    const error = (path: string) => ({ path, code: 'invalid_entry', message: 'is wrong' });
    expect(lineErrors([error('2'), error('entries')], pasted)).to.deep.equal([
      'Line 4: is wrong',
      'The text is wrong',
    ]);
    const table = pastedListings(`sku;item\nA;${a}`);
    expect(lineErrors([error('2.sku'), error('2.item')], table)).to.deep.equal([
      'Line 2, sku: is wrong',
      'Line 2: is wrong',
    ]);
  });

  const entry = (more: Partial<PlanEntry>): PlanEntry => ({
    ...{ name: 'hubs', kind: 'schedule', timing: 'every', what: 'hub', when: '', state: 'active', value: 1 },
    ...{ callsPerDay: 24, looksPerDay: 24, callsPerLook: 1, changesPerDay: null, assumed: false },
    ...{ delay: { expected: 1800, low: 1800, high: 1800 }, measured: null, guarantee: null, limitedBy: null },
    ...more,
  });
  const report = (entries: PlanEntry[], added: PlanEntry, fits = true): PlanReport =>
    ({
      totals: { scheduled: 100, fixed: 60, guaranteed: 10, planned: 40 },
      entries,
      add: { added: [added], fits },
    }) as unknown as PlanReport;

  it('says what something costs, and where the day has too few calls for it', () => {
    expect(costOf(report([], entry({})))).to.deep.equal({
      calls: '24 calls a day: 24 looks of 1 call',
      share: '24 % of the 100 that may be spent on watching; 30 of them are free',
      delay: 'a change is seen after 30 min on average',
      advice: undefined,
    });
    expect(costOf(report([], entry({ callsPerDay: 31 })))?.advice).to.include('do not suffice');
    // What it costs now is free once it is changed.
    const now = entry({ callsPerDay: 48 });
    expect(costOf(report([now], entry({ callsPerDay: 78 })))?.advice).to.equal(undefined);
    const weekly = entry({ callsPerDay: 0.72, looksPerDay: 0.72 });
    expect(costOf(report([], weekly))?.calls).to.equal('0.7 calls a day: 5 looks a week of 1 call');
    const auto = entry({
      timing: 'auto',
      callsPerDay: 90,
      guarantee: { every: 86_400, callsPerDay: 1, fits: true },
    });
    expect(costText(auto)).to.equal('1 to 90 calls a day');
    expect(costText({ ...auto, callsPerDay: 0 })).to.equal('1 call a day');
    expect(costOf(report([], auto))?.advice).to.equal(undefined);
    expect(costOf(report([], auto, false))?.advice)
      .to.include('do not suffice')
      .and.not.include('worth most');
  });

  it('lists what is looked at next first, with its alerts behind it, and finds it by words', () => {
    const schedule = (name: string, next: string | null, state = 'active') => ({
      ...{ name, next, state, when: 'every hour' },
      request: requestOf({ query: `${name} query`, track: name, marketplaces: ['EBAY_GB'] }),
    });
    const alert = (name: string, source: object) => ({
      ...{ name, state: 'active', when: [{ on: 'gone' }], ...source },
    });
    const parts = {
      schedules: [
        schedule('paused', null, 'paused'),
        schedule('late', inMinutes(60)),
        schedule('soon', inMinutes(5)),
      ],
      watchlists: [
        {
          name: 'mugs',
          state: 'active',
          entries: 2,
          lastLook: inMinutes(-50),
          nextCheck: inMinutes(10),
          marketplace: 'EBAY_DE',
        },
      ],
      alerts: [
        alert('all', { schedule: 'late' }),
        alert('lost', { track: 'nobody' }),
        alert('tracked', { track: 'soon' }),
      ],
      plan: { entries: [entry({ name: 'soon' })] },
      now: NOW,
    } as unknown as Parts;
    const items = watchedItems(parts);
    const names = (text: object) =>
      chosen(items, choiceFrom(text as never)).map(({ report: { name } }) => name);
    expect(names({})).to.deep.equal(['soon', 'tracked', 'mugs', 'late', 'all', 'paused', 'lost']);
    expect(items[0]).to.deep.include({ plan: parts.plan.entries[0], alerts: [parts.alerts[2]] });
    expect(names({ kind: 'alert' })).to.deep.equal(['tracked', 'all', 'lost']);
    expect(names({ state: 'paused' })).to.deep.equal(['paused']);
    expect(names({ text: 'ebay  GB LATE' })).to.deep.equal(['late']);
    expect(names({ kind: 'nonsense', state: '' })).to.have.length(7);
  });

  it('shows the listings of a watchlist page by page, with the way back to the first ones', () => {
    const page = (
      items: string[],
      of: { next?: string; isFirst?: boolean; mayChange?: boolean; count?: number },
    ) => {
      const { next = null, isFirst = true, mayChange = true, count = 250 } = of;
      const list = {
        ...{ name: 'mugs', state: 'active', marketplace: 'EBAY_DE', entries: count },
        ...{ counts: {}, lastLook: null, nextCheck: null },
      };
      const unseen = {
        state: 'waiting',
        price: null,
        shipping: null,
        quantity: null,
        quantityMoreThan: null,
      };
      const entries = items.map((item) => ({ item, ...unseen, lastSeen: null, columns: {} }));
      const parts = {
        list,
        alerts: [],
        entries: { entries, next },
        isFirst,
        mayChange,
        now: NOW,
        csrf: null,
      };
      const rest = { sent: { values: {}, mistakes: [] }, seen: '', isMeanwhile: false };
      return String(listView({ ...parts, ...rest } as never));
    };
    const FIRST = '<a href="/watching/lists/mugs">The first listings</a>';
    expect(page([], { count: 0 })).to.include('No listings yet: add some below.');
    expect(page([], { count: 0, mayChange: false })).to.include('No listings yet.');
    expect(page([], { isFirst: false }))
      .to.include(`No further listings. ${FIRST}`)
      .and.not.include('yet');
    const item = '110587654321';
    expect(page([item], { next: item })).to.include(
      'The first 1 of 250. <a href="/watching/lists/mugs?after=',
    );
    expect(page([item], { next: item, isFirst: false }))
      .to.include(`<p class="small">1 of 250. ${FIRST} <a href`)
      .and.not.include('The first 1');
    expect(page([item], { isFirst: false })).to.include(`1 of 250. ${FIRST}</p>`);
    expect(page([item], { count: 1 })).to.not.include('1 of 1');
  });

  it('says on the start page how many there are, and when the next look is', () => {
    const line = (...next: Array<string | null>) =>
      String(
        watchingLine(
          next.map((each) => ({ next: each })),
          1,
          NOW,
        ),
      ).replace(/<[^>]*>/g, '');
    expect(line(inMinutes(60), inMinutes(12), null)).to.equal('Watching: 4, next look in 12 min');
    expect(line(inMinutes(-1))).to.equal('Watching: 2, next look due now');
    expect(line(null)).to.equal('Watching: 2');
    const guess = { next: inMinutes(-1), latest: inMinutes(8) };
    expect(String(watchingLine([guess], 0, NOW))).to.include('next look in 8 min');
    expect(String(watchingLine([], 0, NOW))).to.include('nothing yet');
  });
});

describe('the address of the form that watches a search', () => {
  it('brings back what was filled in and what was emptied, and names no field that was not sent', () => {
    const sent = { name: 'lamps', every: '3600', by: '', searchId: 's_1', csrf: 'c' };
    const query = Object.fromEntries(new URLSearchParams(newAddress('s_1', sent).split('?')[1]));
    expect(query).to.deep.equal({ search: 's_1', name: 'lamps', every: '3600', by: '' });
    expect(newValues(query)).to.deep.equal({ name: 'lamps', every: '3600', by: '' });
  });
});
