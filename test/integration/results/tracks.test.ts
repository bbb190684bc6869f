import { expect } from 'chai';
import type { PageAnswer } from '../../../src/collector/answers.ts';
import { pack } from '../../../src/results/packing.ts';
import { keyOf, pageFields, type SearchRef, SearchStore } from '../../../src/results/searchStore.ts';
import { type TrackObservation, Tracks } from '../../../src/results/tracks.ts';
import { useRedis } from '../../support/redis.ts';

const DAY_MS = 24 * 3600 * 1000;
const PREFIX = '{ebay}';
const MINE = { tenant: 'default', name: 'mine', request: 'this request' };
const KEY = `${PREFIX}:track:default:mine:v2`;

describe('what a track remembers in Redis', () => {
  const server = useRedis();
  const parts = () => {
    const redis = server.connect();
    const tracks = new Tracks({ redis, prefix: PREFIX, ttlMs: 30 * DAY_MS });
    return {
      redis,
      tracks,
      store: new SearchStore({ redis, prefix: PREFIX, resultTtlMs: DAY_MS, runTtlMs: DAY_MS }),
    };
  };
  const search = (searchId: string) => ({ tenant: 'default', searchId, timestamp: 1 });
  const page = { marketplace: 'EBAY_US', products: [] } as unknown as PageAnswer;
  const storePage = (store: SearchStore, ref: SearchRef) =>
    store.step(ref, {
      run: 1,
      chain: 'EBAY_US',
      answer: pageFields(1, page, { ...page, products: [] }),
      followers: [],
      concurrency: 1,
    });

  function saw(
    itemIds: string[],
    began = Date.now(),
    change: Partial<TrackObservation> = {},
  ): TrackObservation {
    const usd = (value: string) => ({ value, currency: 'USD' });
    const products = itemIds.map((itemId) => ({
      itemId,
      marketplace: 'EBAY_US' as const,
      price: usd('12.50'),
      converted: null,
      shipping: { kind: 'fixed' as const, cost: usd('4.00') },
      total: usd('16.50'),
      listedAt: null,
      observedAt: new Date(began).toISOString(),
    }));
    const listed = new Set(itemIds);
    return { products, listed, began, complete: true, whole: true, ignored: '', ...change };
  }

  it('is the listing with its prices and when it was last seen, and it ends', async () => {
    const { redis, tracks, store } = parts();
    const began = Date.now();
    await storePage(store, search('a'));
    await tracks.compare(search('a'), MINE, saw(['v1|1|7'], began));
    const { 'the track': state, ...listings } = await redis.hgetall(KEY);
    expect(listings).to.deep.equal({
      1: JSON.stringify([began, 'v1|1|7', 1, 'USD', 0, ['7', 'EBAY_US', '12.50', '4.00', began]]),
    });
    expect(JSON.parse(state ?? '')).to.deep.equal({
      ...{ version: 1, request: 'this request', ignored: '', began, since: began, lastWhole: began },
      oldest: began,
    });
    expect(await redis.pttl(KEY)).to.be.within(29 * DAY_MS, 30 * DAY_MS);
    expect(await tracks.look(MINE, ['v1|1|9', 'v1|2|0'])).to.deep.include({
      since: began,
      listings: new Map([
        [
          '1',
          {
            lastSeen: began,
            itemId: 'v1|1|7',
            delivered: true,
            currency: 'USD',
            named: false,
            offers: [{ variation: '7', source: 'EBAY_US', price: '12.50', shipping: '4.00', seen: began }],
          },
        ],
      ]),
    });
  });

  it('forgets an item that was not seen for TRACK_TTL, which is new when it comes back', async () => {
    const { redis, tracks, store } = parts();
    await storePage(store, search('a'));
    await tracks.compare(search('a'), MINE, saw(['old'], Date.now() - 31 * DAY_MS));
    await storePage(store, search('b'));
    const second = await tracks.compare(search('b'), MINE, saw(['young']));
    expect(second?.gone).to.deep.equal([]);
    expect(await redis.hexists(KEY, 'old')).to.equal(0);
    await storePage(store, search('c'));
    const third = await tracks.compare(search('c'), MINE, saw(['old', 'young']));
    expect(third?.marks).to.deep.equal(
      new Map([
        ['old', 'new'],
        ['young', 'same'],
      ]),
    );
  });

  it('learns nothing from a search whose result has expired, so that the next one still reports it', async () => {
    const { redis, tracks } = parts();
    expect(await tracks.compare(search('a'), MINE, saw(['1']))).to.equal(undefined);
    expect(await redis.exists(KEY)).to.equal(0);
  });

  it('gives each new item to one of many searches that compare at the same time', async () => {
    const { tracks, store } = parts();
    await storePage(store, search('first'));
    await tracks.compare(search('first'), MINE, saw([]));
    const ids = Array.from({ length: 20 }, (_, n) => `search-${n}`);
    await Promise.all(ids.map((id) => storePage(store, search(id))));
    const items = Array.from({ length: 50 }, (_, n) => `v1|${n}|0`);
    const verdicts = await Promise.all(ids.map((id) => tracks.compare(search(id), MINE, saw(items))));
    const marked = verdicts.flatMap((verdict) =>
      [...(verdict?.marks ?? [])].filter(([, mark]) => mark === 'new'),
    );
    expect(marked.map(([itemId]) => itemId)).to.have.members(items);
  });

  it('gives the same search the same verdict however often, and at the same time', async () => {
    const { redis, tracks, store } = parts();
    await storePage(store, search('first'));
    await tracks.compare(search('first'), MINE, saw(['a', 'b']));
    await storePage(store, search('second'));
    const observation = saw(['b', 'c'], Date.now() + 1000);
    const verdicts = await Promise.all(
      Array.from({ length: 10 }, () => tracks.compare(search('second'), MINE, observation)),
    );
    const before = await redis.hgetall(KEY);
    verdicts.push(await tracks.compare(search('second'), MINE, observation));
    for (const verdict of verdicts) {
      expect(verdict?.marks).to.deep.equal(
        new Map([
          ['b', 'same'],
          ['c', 'new'],
        ]),
      );
      expect(verdict?.gone).to.deep.equal(['a']);
    }
    expect(await redis.hgetall(KEY)).to.deep.equal(before);
    expect((await store.readAll(search('second'))).verdict).to.deep.equal(verdicts[0]);
  });

  it('starts afresh for another request under the same name, without an event, and says so', async () => {
    const { redis, tracks, store } = parts();
    const other = { ...MINE, request: 'another request' };
    for (const id of ['a', 'b', 'c']) await storePage(store, search(id));
    await tracks.compare(search('a'), MINE, saw(['v1|1|0', 'v1|2|0'], 1000));
    const second = await tracks.compare(search('b'), other, saw(['v1|2|0', 'v1|3|0'], 2000));
    expect(second?.marks).to.deep.equal(
      new Map([
        ['v1|2|0', null],
        ['v1|3|0', null],
      ]),
    );
    expect(second).to.deep.include({ gone: [], firstRun: true });
    expect(second?.note).to.include('the request of this track has changed');
    expect(await redis.hkeys(KEY)).to.have.members(['the track', '2', '3']);
    expect((await tracks.look(MINE, ['v1|2|0'])).since).to.equal(null);
    const third = await tracks.compare(search('c'), other, saw(['v1|3|0'], 3000));
    expect(third).to.deep.include({ gone: [], firstRun: false });
    expect(third?.note).to.equal(undefined);
  });

  it('is not taken over by an older search with the former request, which says so and is not compared', async () => {
    const { redis, tracks, store } = parts();
    for (const id of ['new', 'old']) await storePage(store, search(id));
    await tracks.compare(search('new'), MINE, saw(['v1|1|0'], 2000));
    const before = await redis.hgetall(KEY);
    const old = await tracks.compare(search('old'), { ...MINE, request: 'former' }, saw(['v1|2|0'], 1000));
    expect(old).to.deep.include({ marks: new Map(), gone: [] });
    expect(old?.note).to.include('a later search with another request');
    expect(await redis.hgetall(KEY)).to.deep.equal(before);
  });

  it('does not compare a search in which eBay ignored other filters, and goes on with the next one', async () => {
    const { tracks, store } = parts();
    for (const id of ['a', 'b', 'c']) await storePage(store, search(id));
    const now = Date.now();
    await tracks.compare(search('a'), MINE, saw(['v1|1|0'], now));
    const ignoring = saw(['v1|1|0', 'v1|2|0'], now + 1, { ignored: '12002' });
    const second = await tracks.compare(search('b'), MINE, ignoring);
    expect(second?.marks.size).to.equal(0);
    expect(second?.note).to.include('eBay did not ignore the same filters');
    const third = await tracks.compare(search('c'), MINE, saw(['v1|3|0'], now + 2));
    expect(third?.marks).to.deep.equal(new Map([['v1|3|0', 'new']]));
    expect(third?.gone).to.deep.equal(['v1|1|0']);
  });

  it('is not what version 0.1 remembered under the name: that stays for its workers, and nothing is an event', async () => {
    const { redis, tracks, store } = parts();
    const old = `${PREFIX}:track:default:mine`;
    const state = JSON.stringify({ version: 3, established: true, lastWhole: 1000 });
    await redis.hset(old, { 'the track': state, 'v1|1|0': '1000 12.00 USD', 'v1|2|0': '1000' });
    await storePage(store, search('a'));
    const first = await tracks.compare(search('a'), MINE, saw(['v1|1|0', 'v1|3|0']));
    expect(first?.marks).to.deep.equal(
      new Map([
        ['v1|1|0', null],
        ['v1|3|0', null],
      ]),
    );
    expect(first).to.deep.include({ gone: [], firstRun: true });
    expect(first?.note).to.equal(undefined);
    expect(await redis.hlen(old)).to.equal(3);
  });

  it('adds nothing to what a search of version 0.1 decided when that search is continued', async () => {
    const { redis, tracks, store } = parts();
    await storePage(store, search('a'));
    const verdict = { marks: [['v1|1|0', 'new']], gone: ['v1|9|0'], whole: true };
    await redis.hset(keyOf(PREFIX, 'pages', search('a')), 'track', pack(verdict));
    const continued = await tracks.compare(search('a'), MINE, saw(['v1|1|0', 'v1|2|0']));
    expect(continued?.marks).to.deep.equal(
      new Map([
        ['v1|1|0', 'new'],
        ['v1|2|0', null],
      ]),
    );
    expect(continued?.gone).to.deep.equal(['v1|9|0']);
  });

  for (const [what, fields] of [
    ['a text', 'nonsense'],
    ['a hash', { x: 'y' }],
    ['a state that is no JSON', { 'the track': 'nonsense' }],
    ['a state without meaning', { 'the track': '[1]' }],
    ['listings that are no JSON', { 7: 'nonsense' }],
    ['listings without meaning', { 7: '{"lastSeen": 1}', 8: '[1, 2, 3, 4, 5, 6]', 9: 'null' }],
  ] as const)
    it(`is what searches saw, also where another program has written ${what} under its name`, async () => {
      const { redis, tracks, store } = parts();
      if (typeof fields === 'string') await redis.set(KEY, fields);
      else await redis.hset(KEY, fields);
      await Promise.all(['a', 'b'].map((id) => storePage(store, search(id))));
      const now = Date.now();
      expect((await tracks.look(MINE, ['v1|7|0'])).since).to.equal(null);
      const first = await tracks.compare(search('a'), MINE, saw(['v1|7|0'], now));
      expect(first).to.deep.include({ firstRun: true, marks: new Map([['v1|7|0', null]]) });
      const second = await tracks.compare(search('b'), MINE, saw(['v1|7|0', 'v1|8|0'], now + 1));
      expect([...(second?.marks ?? [])]).to.deep.equal([
        ['v1|7|0', 'same'],
        ['v1|8|0', 'new'],
      ]);
      expect(Object.keys(await redis.hgetall(KEY))).to.include.members(['the track', '7', '8']);
      expect(await redis.hget(KEY, '9')).to.equal(null);
    });

  it('stays where the result of a search is what another program has written', async () => {
    const { redis, tracks, store } = parts();
    await storePage(store, search('a'));
    await tracks.compare(search('a'), MINE, saw(['v1|7|0']));
    await redis.set(keyOf(PREFIX, 'pages', search('b')), 'nonsense');
    const failure = await tracks.compare(search('b'), MINE, saw(['v1|7|0'])).catch((thrown: Error) => thrown);
    expect(String(failure)).to.include('WRONGTYPE');
    expect(await redis.hlen(KEY)).to.equal(2);
  });
});
