import { expect } from 'chai';
import { createMarket, type MarketOptions } from '../../../src/simulator/market/market.ts';
import { createPace } from '../../../src/simulator/market/pace.ts';
import type { MarketEvent } from '../../../src/simulator/market/pool.ts';
import { get, mintToken, SEARCH, useSimulator } from '../../support/simulator.ts';

const DAY = 86_400_000;
const START = Date.UTC(2026, 2, 1);

/** A market whose clock the test sets. */
function marketAt(options: MarketOptions) {
  const clock = { now: START };
  const market = createMarket({ seed: 5, clock: () => clock.now, ...options }, 1, START);
  return { clock, ...market.controls };
}

describe('A market’s events', () => {
  const options = {
    queries: [
      { words: 'k0001', perDay: 40, listings: 300, rhythm: { amplitude: 0.8, peak: 0.75 } },
      { words: 'k0002', perDay: 5, listings: 10, bursts: { share: 0.5, factor: 8, hours: 3 } },
    ],
    shops: [{ listings: 50, changesPerDay: 30 }],
  };

  it('are those of the seed, whatever is asked and when', () => {
    const [once, often, other] = [marketAt(options), marketAt(options), marketAt({ ...options, seed: 6 })];
    for (let hour = 1; hour <= 72; hour += 1) {
      often.clock.now = START + (hour * DAY) / 24 - (hour % 7);
      if (hour % 2 === 0) often.listings('k0002');
      else often.trace();
    }
    once.clock.now = START + 3 * DAY;
    often.clock.now = other.clock.now = once.clock.now;
    expect(once.trace()).to.have.length.above(150);
    expect(often.trace()).to.deep.equal(once.trace());
    expect(other.trace()).to.not.deep.equal(once.trace());
  });

  it('come as often as asked for in every part of the day', () => {
    const { clock, trace } = marketAt({
      queries: [
        { words: 'k', perDay: 200, changesPerDay: 0, listings: 1, rhythm: { amplitude: 0.8, peak: 0.75 } },
      ],
    });
    const days = 40;
    clock.now = START + days * DAY;
    const parts = Array.from({ length: 12 }, () => 0);
    for (const { at } of trace())
      parts[Math.floor(((at % DAY) / DAY) * 12)] = 1 + (parts[Math.floor(((at % DAY) / DAY) * 12)] ?? 0);
    // The mean of 1 + 0.8 · cos 2π(x − 0.75) over each part.
    const edge = (x: number) => x + (0.8 * Math.sin(2 * Math.PI * (x - 0.75))) / (2 * Math.PI);
    const chi2 = parts.reduce((sum, seen, part) => {
      const expected = days * 200 * (edge((part + 1) / 12) - edge(part / 12));
      return sum + (seen - expected) ** 2 / expected;
    }, 0);
    // 99.9 % of 12 degrees of freedom.
    expect(chi2).to.be.below(32.9);
  });

  it('come in bursts on the share of days asked for', () => {
    const pace = createPace(7, DAY, undefined, { share: 0.05, factor: 10, hours: 6 });
    const daily = Array.from({ length: 1000 }, (_, day) =>
      pace.expected(START + day * DAY, START + (day + 1) * DAY, 24),
    );
    const extra = daily.reduce((sum, each) => sum + each, 0) - 24_000;
    // One burst brings 6 hours × 9 more than usual.
    expect(extra / 54).to.be.within(35, 65);
    expect(daily.filter((each) => each < 24.001)).to.have.length.above(850);
  });

  it('come as often as a control call says from then on', () => {
    const { clock, trace, scaleRates } = marketAt({
      queries: [
        { words: 'k0001', perDay: 100, changesPerDay: 0, listings: 1 },
        { words: 'k0002', perDay: 100, changesPerDay: 0, listings: 1 },
      ],
    });
    clock.now = START + 2 * DAY;
    const before = trace();
    scaleRates(10, 'k0001');
    expect(trace()).to.deep.equal(before);
    clock.now = START + 4 * DAY;
    const after = trace({ since: START + 2 * DAY });
    const of = (name: string) => after.filter(({ words }) => words === name).length;
    expect(of('k0001')).to.be.within(1850, 2150);
    expect(of('k0002')).to.be.within(150, 250);
    scaleRates(0);
    clock.now = START + 5 * DAY;
    expect(trace({ since: START + 4 * DAY })).to.deep.equal([]);
    expect(() => scaleRates(1, 'unknown')).to.throw('no query or seller unknown');
  });
});

describe('A market on eBay’s paths', () => {
  const clock = { now: START };
  const simulator = useSimulator({
    market: {
      clock: () => clock.now,
      queries: [
        { words: 'qk01', perDay: 30, changesPerDay: 60, listings: 25 },
        { words: 'qk02', perDay: 10, listings: 25 },
      ],
      shops: [
        { listings: 40, category: '20349', changesPerDay: 60 },
        { listings: 10, category: '20349' },
      ],
    },
  });
  let token: string;
  before(async () => {
    token = await mintToken(simulator().url);
    simulator().controls.quota({ limit: 100_000 });
  });

  interface Item {
    itemId: string;
    title: string;
    price: { value: string };
    itemCreationDate: string;
    seller: { username: string };
    itemEndDate?: string;
    estimatedAvailabilities: [{ estimatedAvailabilityStatus: string }];
  }
  const search = async (query: string) => {
    const response = await get(simulator().url, `${SEARCH}?${query}`, token);
    const { itemSummaries = [], ...page } = (await response.json()) as {
      total: number;
      itemSummaries?: Item[];
    };
    return { ...page, items: itemSummaries };
  };
  const item = async (id: string) => {
    const response = await get(simulator().url, `/buy/browse/v1/item/${encodeURIComponent(id)}`, token);
    return { status: response.status, body: (await response.json()) as Item };
  };
  const newest = (words: string) => search(`q=${words}&sort=newlyListed&limit=200`);

  it('every event shows in a search and in the item from its time on, and not before', async () => {
    clock.now = START + 2 * DAY;
    const trace = simulator()
      .controls.market.trace()
      .filter(({ words }) => words === 'qk01');
    // The clock of a market does not go back: another one of the same seed is asked step by step.
    const again = createMarket(
      {
        seed: 1,
        clock: () => clock.now,
        start: START,
        queries: [{ words: 'qk01', perDay: 30, changesPerDay: 60, listings: 25 }],
      },
      1,
      START,
    );
    clock.now = START;
    const shown = () => new Map(again.controls.listings().map((each) => [each.legacyId, each]));
    const seen = new Set<string>();
    for (const event of trace) {
      const { at, kind, legacyId, price } = event;
      clock.now = at - 1;
      const before = shown().get(legacyId);
      clock.now = at;
      const after = shown().get(legacyId);
      seen.add(kind);
      expect(before !== undefined, `${kind} before`).to.equal(isShown(event, 'before'));
      expect(after !== undefined, `${kind} after`).to.equal(isShown(event, 'after'));
      if (kind === 'price') expect([before?.price, after?.price]).to.deep.equal([event.from, price]);
      if (kind === 'sold-out') expect(again.find(legacyId)?.stock).to.equal(0);
    }
    expect([...seen].sort()).to.deep.equal(['ended', 'listed', 'price', 'restocked', 'returned', 'sold-out']);
    clock.now = START + 2 * DAY;
    const page = await newest('qk01');
    expect(page.items.map(({ itemId }) => itemId).sort()).to.deep.equal(
      [...shown().values()].map(({ itemId }) => itemId).sort(),
    );
    expect(page.total).to.equal(page.items.length);
  });

  it('a newest-first page is the beginning of all that the search finds, with times in ms', async () => {
    const all = (await search('q=qk01&limit=200')).items;
    const byAge = all.sort((a, b) => b.itemCreationDate.localeCompare(a.itemCreationDate));
    const { items, total } = await search('q=qk01&sort=newlyListed&limit=10');
    expect(items.map(({ itemId }) => itemId)).to.deep.equal(byAge.slice(0, 10).map(({ itemId }) => itemId));
    expect(total).to.equal(all.length);
    expect(items.map(({ title }) => title).every((title) => title.includes('qk01'))).to.equal(true);
    const listed = simulator()
      .controls.market.trace()
      .filter(({ kind, was, words }) => words === 'qk01' && (kind === 'listed' || was !== undefined));
    const times = listed.map(({ at }) => new Date(at).toISOString());
    expect(items.every(({ itemCreationDate }) => times.includes(itemCreationDate))).to.equal(true);
  });

  it('a search for several words at once finds the listings of each, in one order', async () => {
    const { items, total } = await search(
      `q=${encodeURIComponent('(qk01, qk02)')}&sort=newlyListed&limit=200`,
    );
    const single = [...(await newest('qk01')).items, ...(await newest('qk02')).items];
    expect(total).to.equal(single.length);
    const byAge = single.sort((a, b) => b.itemCreationDate.localeCompare(a.itemCreationDate));
    expect(items.map(({ itemId }) => itemId)).to.deep.equal(byAge.map(({ itemId }) => itemId));
  });

  it('a search by price has only listings of that price, newest first', async () => {
    const filter = 'filter=price:[..20],priceCurrency:USD';
    const { items } = await search(`q=qk01&sort=newlyListed&limit=200&${filter}`);
    const all = (await newest('qk01')).items.filter(({ price }) => Number(price.value) <= 20);
    expect(items.map(({ itemId }) => itemId)).to.deep.equal(all.map(({ itemId }) => itemId));
  });

  it('a search that is asked again shows what has happened since', async () => {
    const shown = async (order: string) => {
      const { items } = await search(`q=qk01&limit=200&sort=${order}`);
      return items.map(({ itemId, price }) => `${itemId} ${price.value}`).sort();
    };
    const live = () => simulator().controls.market.listings('qk01');
    for (const order of ['price', 'newlyListed']) {
      const before = await shown(order);
      clock.now += DAY / 4;
      const after = await shown(order);
      expect(after).to.not.deep.equal(before);
      expect(after).to.deep.equal(
        live()
          .map(({ itemId, price }) => `${itemId} ${price}`)
          .sort(),
      );
    }
  });

  it('a shop’s listings are found by its seller and category, sold-out and ended ones by their id alone', async () => {
    const { market } = simulator().controls;
    const { items } = await search('category_ids=20349&filter=sellers:{seller_4000}&limit=200');
    const live = market.listings('seller_4000');
    expect(items.map(({ itemId }) => itemId).sort()).to.deep.equal(live.map(({ itemId }) => itemId).sort());
    expect(new Set(items.map(({ seller }) => seller.username))).to.deep.equal(new Set(['seller_4000']));
    const last = new Map<string, MarketEvent>();
    for (const event of market.trace()) if (event.seller === 'seller_4000') last.set(event.itemId, event);
    const lasts = (kind: string) => [...last.values()].filter((event) => event.kind === kind);
    const [soldOut] = lasts('sold-out');
    const ended = lasts('ended').find(({ at }) => at > clock.now - DAY);
    const { body } = await item(soldOut?.itemId ?? '');
    expect(body.estimatedAvailabilities[0].estimatedAvailabilityStatus).to.equal('OUT_OF_STOCK');
    expect(body.itemEndDate).to.equal(undefined);
    const over = await item(ended?.itemId ?? '');
    expect(over.status).to.equal(200);
    expect(Date.parse(over.body.itemEndDate ?? '')).to.be.within((ended?.at ?? 0) - 1000, ended?.at ?? 0);
    clock.now += 60 * DAY;
    const later = new Set(market.trace({ since: ended?.at ?? 0 }).map(({ itemId }) => itemId));
    expect((await item(ended?.itemId ?? '')).status).to.equal(later.has(ended?.itemId ?? '') ? 200 : 404);
  });

  it('an ended listing returns under its own number or a new one', () => {
    const returned = simulator()
      .controls.market.trace()
      .filter(({ kind }) => kind === 'returned');
    const renumbered = returned.filter(({ was }) => was !== undefined);
    expect(renumbered.length).to.be.within(1, returned.length - 1);
  });

  it('is read and scaled over HTTP', async () => {
    const ask = async (path: string, init?: RequestInit) => {
      const response = await fetch(`${simulator().url}/_sim/market${path}`, init);
      return response.status === 204 ? null : ((await response.json()) as unknown);
    };
    const since = clock.now - DAY;
    expect(await ask(`/trace?since=${since}`)).to.deep.equal(simulator().controls.market.trace({ since }));
    expect(await ask('/listings?of=qk02')).to.deep.equal(simulator().controls.market.listings('qk02'));
    expect(await ask('', { method: 'PUT', body: '{"factor": 0}' })).to.equal(null);
    const { now } = clock;
    clock.now += DAY;
    expect(await ask(`/trace?since=${now}`)).to.deep.equal([]);
    expect(await ask('', { method: 'PUT', body: '{"factor": -1}' })).to.deep.equal({
      error: '-1 is no factor',
    });
  });
});

/** Whether a search shows the listing before or after an event. */
function isShown({ kind, was }: MarketEvent, when: 'before' | 'after'): boolean {
  if (kind === 'price') return true;
  const appears = kind === 'listed' || kind === 'restocked' || kind === 'returned' || was !== undefined;
  return appears === (when === 'after');
}
