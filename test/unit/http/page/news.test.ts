import { expect } from 'chai';
import type { News, NewsEntry } from '../../../../src/events/news.ts';
import { comparePlaces, isNews } from '../../../../src/events/news.ts';
import { filterFrom, fits, newsAddress } from '../../../../src/http/page/news/newsFilter.ts';
import {
  changeWords,
  countsText,
  dayText,
  groupNews,
  unreadText,
} from '../../../../src/http/page/news/newsWords.ts';

const usd = (value: string) => ({ value, currency: 'USD' });
const DROP = {
  type: 'product.price-dropped',
  at: '2026-11-29T23:30:00.000Z',
  track: 'hubs',
  product: { itemId: 'v1|110587654321|0', url: 'https://www.ebay.com/itm/1', total: usd('3.10') },
  formerTotal: usd('6.99'),
  formerSeenAt: '2026-11-29T21:30:00.000Z',
};
const entry = (change: object = {}, place = '1-0') =>
  ({ place, event: { ...DROP, ...change } }) as unknown as NewsEntry;
const words = (change: object) => changeWords({ ...DROP, ...change } as unknown as News);

describe('the words of news', () => {
  it('say from which price to which, by how much, and how old the former one was', () => {
    expect(words({})).to.deep.equal({
      ...{ label: 'Cheaper', tone: 'good', from: '$6.99', to: '$3.10 delivered' },
      ...{ percent: '−56 %', age: '2 h before' },
    });
    const { age, ...rose } = words({
      type: 'watchlist.price-rose',
      formerSeenAt: undefined,
      formerTotal: usd('3.00'),
    });
    expect([age, rose]).to.deep.equal([
      undefined,
      { label: 'Dearer', tone: 'bad', from: '$3.00', to: '$3.10 delivered', percent: '+3.3 %' },
    ]);
  });

  it('show no price that eBay lets appear only later, and none that is not known', () => {
    const product = { ...DROP.product, priceDisplay: 'ON_REQUEST' };
    for (const type of ['product.new', 'product.price-dropped', 'watchlist.returned'])
      expect(JSON.stringify(words({ type, product, from: 'ended' })), type).to.not.match(/3\.10|6\.99|%/);
    expect(words({ type: 'product.new', product: { ...DROP.product, total: null } }).to).to.equal(
      'delivered price unknown',
    );
  });

  it('say what is left, when it arrives, and why a run failed', () => {
    const [many, few] = [
      { quantity: null, moreThan: 10 },
      { quantity: 3, moreThan: null },
    ];
    expect(words({ type: 'watchlist.quantity-changed', from: many, to: few })).to.include({
      from: 'more than 10',
      to: '3 left',
    });
    const later = { from: { days: 1 }, to: { days: 5 } };
    expect(words({ type: 'watchlist.delivery-later', ...later })).to.include({
      from: 'in 1 day',
      to: 'in 5 days',
    });
    expect(words({ type: 'search.failed', error: { message: 'eBay refused it' } })).to.include({
      label: 'Look failed',
      to: 'eBay refused it',
    });
  });

  it('are grouped by day in the reader’s time zone and by what they are about, in their order', () => {
    const entries = [
      entry({ at: '2026-11-29T23:30:00.000Z' }),
      entry({ at: '2026-11-29T22:59:00.000Z', type: 'product.new' }),
      entry({ at: '2026-11-29T22:58:00.000Z', track: undefined, watchlist: 'mine', type: 'watchlist.ended' }),
      entry({ at: '2026-11-29T22:57:00.000Z' }),
    ];
    const days = groupNews(entries, 'Europe/Berlin').map(({ date, groups }) => [
      date,
      ...groups.map(({ source, entries: own }) => `${source} ${countsText(own)}`),
    ]);
    expect(days).to.deep.equal([
      ['2026-11-30', 'track:hubs 1 cheaper'],
      ['2026-11-29', 'track:hubs 1 new, 1 cheaper', 'watchlist:mine 1 ended'],
    ]);
    const now = Date.parse('2026-11-30T08:00:00Z');
    const texts = ['2026-11-30', '2026-11-29', '2026-11-22'].map((date) => dayText(date, 'UTC', now));
    expect(texts).to.deep.equal(['Today', 'Yesterday', 'Sunday 22 November']);
    // Where the clocks change, the day before has 23 or 25 hours.
    const inBerlin = (date: string, at: string) => dayText(date, 'Europe/Berlin', Date.parse(at));
    expect(
      ['2027-03-29', '2027-03-28', '2027-03-27'].map((date) => inBerlin(date, '2027-03-28T22:30Z')),
    ).to.deep.equal(['Today', 'Yesterday', 'Saturday 27 March']);
    expect(
      ['2027-10-31', '2027-10-30', '2027-10-29'].map((date) => inBerlin(date, '2027-10-31T22:30Z')),
    ).to.deep.equal(['Today', 'Yesterday', 'Friday 29 October']);
    expect([unreadText(7, 100), unreadText(100, 100)]).to.deep.equal(['7', '99+']);
  });
});

describe('the filter of news', () => {
  it('is the whole of it in the address, and nothing else is', () => {
    const query = { of: 'track:hubs', kind: 'cheaper', unread: '1', text: ' usb hub ', before: '12-3' };
    const filter = filterFrom(query);
    const address = newsAddress(filter);
    expect(filterFrom(Object.fromEntries(new URL(address, 'http://a').searchParams))).to.deep.equal(filter);
    expect(
      newsAddress(filterFrom({ of: 'x', kind: '__proto__', unread: '2', before: '- +', after: '5' })),
    ).to.equal('/news');
    // Before the first place of all there is nothing, and Redis takes no such range.
    for (const before of ['0-0', '00-00'])
      expect(newsAddress(filterFrom({ before, after: '5-0', kind: 'new' }))).to.equal(
        '/news?kind=new&after=5-0',
      );
    expect(newsAddress(filterFrom({ before: '0-1' }))).to.equal('/news?before=0-1');
    // The page itself asks so for what came since it was empty.
    expect(newsAddress(filterFrom({ after: '0-0' }))).to.equal('/news?after=0-0');
  });

  it('chooses by track or list, kind, what is unread, and words of title, number and own columns', () => {
    const all = filterFrom({});
    const known = { title: 'Anker USB-C Hub', readUntil: '9-1' };
    const chosen = (query: object, event: object = {}, place = '10-0') =>
      fits(entry(event, place), filterFrom({ ...query }), known);
    expect(fits(entry(), all, { title: undefined, readUntil: undefined })).to.equal(true);
    expect([chosen({ of: 'track:hubs' }), chosen({ of: 'watchlist:hubs' })]).to.deep.equal([true, false]);
    expect([chosen({ kind: 'cheaper' }), chosen({ kind: 'dearer' })]).to.deep.equal([true, false]);
    expect([chosen({ unread: '1' }), chosen({ unread: '1' }, {}, '9-1')]).to.deep.equal([true, false]);
    expect([chosen({ text: 'hub ANKER' }), chosen({ text: 'hub bose' })]).to.deep.equal([true, false]);
    expect(chosen({ text: '110587654321' })).to.equal(true);
    const list = { type: 'watchlist.ended', track: undefined, watchlist: 'mine', columns: { sku: 'AB-7' } };
    expect([chosen({ text: 'ab-7' }, list), chosen({ text: 'ab-7' })]).to.deep.equal([true, false]);
  });

  it('orders places by number, and takes ended searches and failures of single searches for no news', () => {
    expect(['10-0', '9-12', '9-2'].toSorted(comparePlaces)).to.deep.equal(['9-2', '9-12', '10-0']);
    const event = (type: string, schedule: string | null) => ({ type, schedule }) as never;
    expect(isNews(event('search.failed', 'hubs'))).to.equal(true);
    for (const none of [event('search.failed', null), event('search.completed', 'hubs'), null as never])
      expect(isNews(none)).to.equal(false);
  });
});
