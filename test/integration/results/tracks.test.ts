import { expect } from 'chai';
import type { PageAnswer } from '../../../src/collector/answers.ts';
import type { Observation } from '../../../src/product/track.ts';
import { pageFields, type SearchRef, SearchStore } from '../../../src/results/searchStore.ts';
import { Tracks } from '../../../src/results/tracks.ts';
import { useRedis } from '../../support/redis.ts';

const DAY_MS = 24 * 3600 * 1000;
const PREFIX = '{ebay}';
const KEY = `${PREFIX}:track:default:mine`;

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

  function saw(itemIds: string[], began = Date.now()): Omit<Observation, 'before'> {
    const observedAt = new Date(began).toISOString();
    const total = { value: '12.50', currency: 'USD' };
    const products = itemIds.map((itemId) => ({ itemId, total, observedAt }));
    return { products, listed: new Set(itemIds), began, complete: true, whole: true };
  }

  it('is the item id, the delivered price and when it was last seen, and it ends', async () => {
    const { redis, tracks, store } = parts();
    const began = Date.now();
    await storePage(store, search('a'));
    await tracks.compare(search('a'), 'mine', saw(['v1|1|0'], began));
    const { 'the track': state, ...items } = await redis.hgetall(KEY);
    expect(items).to.deep.equal({ 'v1|1|0': `${began} 12.50 USD` });
    expect(Object.keys(JSON.parse(state ?? ''))).to.have.members(['version', 'established', 'lastWhole']);
    expect(await redis.pttl(KEY)).to.be.within(29 * DAY_MS, 30 * DAY_MS);
  });

  it('forgets an item that was not seen for TRACK_TTL, which is new when it comes back', async () => {
    const { redis, tracks, store } = parts();
    await storePage(store, search('a'));
    await tracks.compare(search('a'), 'mine', saw(['old'], Date.now() - 31 * DAY_MS));
    await storePage(store, search('b'));
    const second = await tracks.compare(search('b'), 'mine', saw(['young']));
    expect(second?.gone).to.deep.equal([]);
    expect(await redis.hexists(KEY, 'old')).to.equal(0);
    await storePage(store, search('c'));
    const third = await tracks.compare(search('c'), 'mine', saw(['old', 'young']));
    expect(third?.marks).to.deep.equal(
      new Map([
        ['old', 'new'],
        ['young', 'same'],
      ]),
    );
  });

  it('learns nothing from a search whose result has expired, so that the next one still reports it', async () => {
    const { redis, tracks } = parts();
    expect(await tracks.compare(search('a'), 'mine', saw(['1']))).to.equal(undefined);
    expect(await redis.exists(KEY)).to.equal(0);
  });

  it('gives each new item to one of many searches that compare at the same time', async () => {
    const { tracks, store } = parts();
    await storePage(store, search('first'));
    await tracks.compare(search('first'), 'mine', saw([]));
    const ids = Array.from({ length: 20 }, (_, n) => `search-${n}`);
    await Promise.all(ids.map((id) => storePage(store, search(id))));
    const items = Array.from({ length: 50 }, (_, n) => `v1|${n}|0`);
    const verdicts = await Promise.all(ids.map((id) => tracks.compare(search(id), 'mine', saw(items))));
    const marked = verdicts.flatMap((verdict) =>
      [...(verdict?.marks ?? [])].filter(([, mark]) => mark === 'new'),
    );
    expect(marked.map(([itemId]) => itemId)).to.have.members(items);
  });

  it('gives the same search the same verdict however often, and at the same time', async () => {
    const { redis, tracks, store } = parts();
    await storePage(store, search('first'));
    await tracks.compare(search('first'), 'mine', saw(['a', 'b']));
    await storePage(store, search('second'));
    const observation = saw(['b', 'c'], Date.now() + 1000);
    const verdicts = await Promise.all(
      Array.from({ length: 10 }, () => tracks.compare(search('second'), 'mine', observation)),
    );
    const before = await redis.hgetall(KEY);
    verdicts.push(await tracks.compare(search('second'), 'mine', observation));
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
});
