import type { Job } from 'bullmq';
import { expect } from 'chai';
import type { Redis } from 'ioredis';
import { latestEvents } from '../../../../src/events/stream.ts';
import { Failure } from '../../../../src/failures.ts';
import type { QueueContext } from '../../../../src/queue/search/context.ts';
import { jobDefaults } from '../../../../src/queue/search/retryPolicy.ts';
import { PlanStore } from '../../../../src/queue/watch/planStore.ts';
import { packWatched, type Watched } from '../../../../src/queue/watch/watchlists/compare.ts';
import { endLookJob } from '../../../../src/queue/watch/watchlists/lookEnd.ts';
import { watchJobId, watchLookOf, watchUnit } from '../../../../src/queue/watch/watchlists/lookIds.ts';
import { type LookState, WatchStore } from '../../../../src/queue/watch/watchlists/store.ts';
import { importWith } from '../../../../src/queue/watch/watchlists/upsert.ts';
import { reportLook, WatchLooks } from '../../../../src/queue/watch/watchlists/watchLooks.ts';
import { Watchlists } from '../../../../src/queue/watch/watchlists/watchlists.ts';
import { isQuiet } from '../../../support/isQuiet.ts';
import { connectTo } from '../../../support/redis.ts';
import { useService } from '../../../support/service.ts';
import { waitFor } from '../../../support/waitFor.ts';

/** Rounds follow one another quickly, and a day of the planner lasts a minute. */
const SCALED = {
  PLAN_INTERVAL: '0.02',
  PLAN_DAY: '60',
  SCHEDULE_MIN_INTERVAL: '0.05',
  DAILY_CALL_LIMIT: '100000',
};
/** A list that is not looked at by itself within a test. */
const NEVER = { atLeastEvery: 86_400, atMostEvery: 86_400 };

/** Fails after it has written, as a process that dies at that moment: `left` times. */
const accident = { left: 0 };
const adapt = (context: QueueContext): QueueContext => {
  const change = context.events.change.bind(context.events);
  context.events.change = async (...args) => {
    const changed = await change(...args);
    if (accident.left > 0 && args[2].length > 0) {
      accident.left -= 1;
      throw new Failure('redis-unavailable', 'the test cuts the connection');
    }
    return changed;
  };
  return context;
};

describe('watchlists', function () {
  this.timeout(20_000);
  const service = useService(
    SCALED,
    {
      market: {
        seed: 5,
        shops: [
          { listings: 260, changesPerDay: 0 },
          { listings: 90, changesPerDay: 0 },
        ],
      },
    },
    { adapt },
  );
  let redis: Redis;
  /** Numbers that the planner does not give. */
  let looked = 0;
  beforeEach(() => {
    redis = connectTo(service.config.redis.url);
  });
  afterEach(() => redis.disconnect());

  const lists = () => service.producer.watchlists;
  const shop = (n: number) => service.simulator.controls.market.listings(`seller_${4000 + n}`);
  const idsOf = (n: number, count: number) =>
    shop(n)
      .filter(({ itemId }) => itemId.endsWith('|0'))
      .slice(0, count)
      .map(({ legacyId }) => legacyId);
  /** Whether every group, as it is formed now, has been looked at and no look is under way. */
  const isLookedAt = async (name: string) => {
    const { units } = await new PlanStore(redis, '{ebay}', 'default').load();
    const list = await new WatchStore(redis, '{ebay}', 'default').get(name);
    const isDone = (id: string) => units.get(watchUnit(name, id))?.busy === false;
    return list?.plan.change === list?.change && list?.plan.groups.every(({ id }) => isDone(id));
  };
  const settled = (name: string) =>
    waitFor(`every listing of ${name} was looked at, by search`, async () => {
      const report = await lists().get(name);
      const { counts, groups } = report;
      const isKnown = counts.waiting === 0 && groups.unknown === 0 && groups.bySearch > 0;
      return isKnown && (await isLookedAt(name)) ? report : undefined;
    });
  const quiet = () => waitFor('no job', () => isQuiet(service.searches));
  const calls = () =>
    service.simulator.controls
      .log()
      .map(({ kind }) => kind)
      .filter((kind) => kind !== 'token');
  const events = async () =>
    (await latestEvents(redis, '{ebay}', 'default', 100)).filter(({ type }) => type.startsWith('watchlist.'));
  /** Calls and events of one look at every group of a list, beside those that the planner decides on. */
  const lookAgain = async (name: string) => {
    const { queue } = service.config;
    const watch = { ttlMs: 30 * 86_400_000, dayMs: 60_000 };
    const place = {
      redis,
      prefix: queue.prefix,
      tenant: 'default',
      rules: jobDefaults(service.config),
      watch,
    };
    const looks = new WatchLooks({ ...place, searches: service.searches });
    await quiet();
    service.simulator.controls.clearLog();
    looked += 1;
    for (const { id } of await looks.units())
      if (id.startsWith(`watch:${name}:`)) await looks.begin({ unit: id, number: looked, at: Date.now() });
    await quiet();
    return { calls: calls(), events: await events() };
  };

  it('find out who sells their listings, and look at all of them with a search for each category', async () => {
    const ids = [...idsOf(0, 20), ...idsOf(1, 10)];
    await lists().import('supplies', { entries: ids });
    await lists().put({ name: 'supplies', ...NEVER });
    const report = await settled('supplies');
    expect(report).to.deep.include({
      entries: 30,
      groups: { searches: 2, bySearch: 30, byItem: 0, unknown: 0 },
    });
    expect(report.counts).to.deep.equal({ waiting: 0, 'in-stock': 30, 'out-of-stock': 0, ended: 0 });
    // Ten calls name both sellers, and a search of each shows the other listings.
    expect(calls().filter((kind) => kind !== 'search').length).to.be.below(25);
    const look = await lookAgain('supplies');
    // 260 listings on two pages, 90 on one.
    expect(look.calls).to.deep.equal(['search', 'search', 'search']);
    expect(look.events).to.deep.equal([]);
    // The answers have been compared, and are not kept as long as those of other searches.
    const results = await redis.keys('{ebay}:pages:*');
    expect(results).to.not.deep.equal([]);
    for (const key of results) expect(await redis.pttl(key)).to.be.at.most(600_000);
  });

  it('report what changes once, with own columns, and ask for what a search no longer shows', async () => {
    const [cheaper, soldOut, ended, ...others] = idsOf(0, 12) as [string, string, string];
    const entries = [cheaper, soldOut, ended, ...others].map((item, index) => ({ item, sku: `S-${index}` }));
    await lists().import('supplies', { entries });
    await lists().put({ name: 'supplies', ...NEVER });
    await settled('supplies');
    const { controls } = service.simulator;
    const price = Number(shop(0).find(({ legacyId }) => legacyId === cheaper)?.price);
    controls.changeListing(cheaper, { price: (price * 0.8).toFixed(2) });
    controls.changeListing(soldOut, { stock: 0 });
    controls.removeListing(ended);
    const first = await lookAgain('supplies');
    expect(first.calls.filter((kind) => kind === 'search')).to.have.length(2);
    expect(first.calls.filter((kind) => kind !== 'search')).to.have.length(2);
    const byItem = new Map(first.events.map((event) => ['item' in event ? event.item : '', event]));
    expect(first.events).to.have.length(3);
    expect(byItem.get(cheaper)).to.deep.include({
      type: 'watchlist.price-dropped',
      watchlist: 'supplies',
      columns: { sku: 'S-0' },
    });
    expect(byItem.get(soldOut)).to.deep.include({ type: 'watchlist.out-of-stock', columns: { sku: 'S-1' } });
    expect(byItem.get(ended)).to.deep.include({ type: 'watchlist.ended', columns: { sku: 'S-2' } });
    expect((await lists().get('supplies')).counts).to.deep.equal({
      waiting: 0,
      'in-stock': 10,
      'out-of-stock': 1,
      ended: 1,
    });

    // What is known to be sold out or to have ended takes no call in the next look.
    const second = await lookAgain('supplies');
    expect(second.calls).to.deep.equal(['search', 'search']);
    expect(second.events).to.have.length(3);

    controls.changeListing(soldOut, { stock: 4 });
    const third = await lookAgain('supplies');
    // A search may still show what is sold out: a call says that it is back.
    expect(third.calls.filter((kind) => kind !== 'search')).to.have.length(1);
    const [latest] = third.events;
    expect(third.events).to.have.length(4);
    expect(latest).to.deep.include({ type: 'watchlist.returned', item: soldOut, from: 'out-of-stock' });
  });

  it('lose and double no event where a process stops between what was seen and what follows', async () => {
    const ids = idsOf(1, 8);
    await lists().import('supplies', { entries: ids });
    await lists().put({ name: 'supplies', ...NEVER });
    await settled('supplies');
    for (const id of ids.slice(0, 2)) service.simulator.controls.changeListing(id, { stock: 0 });
    accident.left = 2;
    const look = await lookAgain('supplies');
    expect(accident.left).to.equal(0);
    expect(look.events.map((event) => ('item' in event ? event.item : ''))).to.have.members(ids.slice(0, 2));
    expect(look.calls.filter((kind) => kind !== 'search')).to.have.length(2);
  });

  it('say nothing of changes after a look at listings of unknown sellers', async () => {
    // No planner takes the reports of this tenant.
    const place = { redis, prefix: '{ebay}', tenant: 'other' };
    const store = new WatchStore(redis, place.prefix, place.tenant);
    const look = { number: 1, at: 1, calls: 2, complete: true, compared: 0, changes: 0, began: 1 };
    for (const kind of ['new', 'items'])
      await reportLook(place, store, { list: 'any', group: kind }, { ...look, kind } as LookState);
    const reports = await redis.lrange('{ebay}:looks:other', 0, -1);
    const flows = new Map(reports.map((text) => JSON.parse(text)).map(({ unit, flows }) => [unit, flows]));
    expect(flows.get('watch:any:new')).to.deep.equal([]);
    expect(flows.get('watch:any:items')).to.have.length(1);
  });

  /** Lists of a tenant whose looks no worker makes, and the end of one of their jobs. */
  const still = async (shipTo?: { country: string; postalCode: string }) => {
    const [prefix, tenant] = ['{ebay}', 'other'];
    const place = { redis, prefix, tenant, defaults: { marketplace: 'EBAY_US' } };
    const own = new Watchlists({ ...place, minInterval: 1, deadlineMs: 5000 });
    const store = new WatchStore(redis, prefix, tenant);
    await own.put({ name: 'still', ...(shipTo && { shipTo }) });
    await own.import('still', { entries: ['110000000001', '110000000002'] });
    const asked: string[] = [];
    const context = {
      ...{ redis, tenant, rules: jobDefaults(service.config) },
      searches: {
        opts: { prefix },
        add: async (_: string, __: unknown, { jobId }: { jobId: string }) => asked.push(jobId),
      },
      watch: { ttlMs: 60_000, dayMs: 86_400_000 },
      log: { info: () => undefined, warn: () => undefined },
      store: { readRun: async () => undefined, storedPages: async () => [], storedItems: async () => [] },
    };
    const id = { list: 'still', group: 'a', number: 1, step: 1 };
    const end = async (look: Partial<LookState>, ended: object) => {
      const state = {
        ...{ number: 1, at: 1, step: 1, kind: 'search', category: '9', sellers: [], total: null, open: [] },
        ...{ asked: [], calls: 0, compared: 0, changes: 0, began: null, complete: true },
      };
      await store.setLook('still', 'a', undefined, { ...state, ...look } as LookState);
      const job = { id: watchJobId(id), timestamp: 1 };
      await endLookJob(context as unknown as QueueContext, job as Job, ended as { failure: Failure });
      const reports = await redis.lrange('{ebay}:looks:other', 0, -1);
      return reports.map((text) => JSON.parse(text));
    };
    return { own, store, context, end, asked };
  };
  const HERE = { country: 'US', postalCode: '19406' };
  const THERE = { country: 'DE', postalCode: '10115' };
  const WHOLE = { summary: { outcome: 'complete', calls: 1, missing: [] } };

  it('say which options are wrong when an import is only tried', async () => {
    const { own } = await still();
    const tried = (value: number) =>
      importWith(own, { name: 'still', value }, { entries: [] }, { dryRun: true });
    expect(await tried(2)).to.include({ added: 0, entries: 2 });
    expect(await own.get('still')).to.include({ value: 1 });
    const code = await tried(-1).catch((error: Failure) => error.code);
    expect(code).to.equal('invalid_request');
  });

  it('are not emptied by a file that names no listing', async () => {
    const { own } = await still();
    for (const source of [{ csv: 'item,sku\n' }, { csv: 'item\nnonsense\n' }, { entries: ['nonsense'] }]) {
      const replaced = own.import('still', source, { mode: 'replace', skipWrong: true });
      expect(await replaced.catch(({ code }: Failure) => code)).to.equal('invalid_request');
    }
    expect(await own.get('still')).to.include({ entries: 2 });
    expect(await own.import('still', { entries: [] }, { mode: 'replace' })).to.include({ entries: 0 });
  });

  it('compare nothing with what was seen for another destination, also of a look that is under way', async () => {
    const { own, store, context, end } = await still(HERE);
    await redis.hset(store.key('still', 'seen'), '110000000001', 'seen');
    await own.put({ name: 'still', shipTo: HERE, value: 2 });
    expect(await store.allSeen('still')).to.have.all.keys('110000000001');
    await own.put({ name: 'still', shipTo: THERE });
    expect(await store.allSeen('still')).to.deep.equal({});

    // It began for the former destination.
    const before = JSON.stringify(['EBAY_US', HERE.country, HERE.postalCode]);
    const [report] = await end({ place: before }, WHOLE);
    expect(report).to.deep.include({ unit: 'watch:still:a', complete: false });

    // The destination changes while the answers are compared.
    context.store.storedPages = async () => {
      await own.put({ name: 'still', shipTo: HERE });
      await redis.hset(store.key('still', 'seen'), '110000000001', 'seen for the former destination');
      return [];
    };
    const reports = await end({ place: JSON.stringify(['EBAY_US', 'DE', '10115']) }, WHOLE);
    expect(reports.map(({ complete }) => complete)).to.deep.equal([false, false]);
    expect(await store.allSeen('still')).to.deep.equal({});
  });

  it('measure sellers again, in the end one by one, where eBay refuses their search', async () => {
    const { store, end } = await still();
    const failure = new Failure('filter-ignored', 'eBay does not know a seller');
    await end({ sellers: ['one', 'two'], total: 90 }, { failure });
    const totals = async () =>
      [...(await store.totals('still'))].map(([atom, { total, isPartly }]) => [atom, total, isPartly]);
    expect(await totals()).to.deep.equal([
      ['9 one', -1, false],
      ['9 two', -1, false],
    ]);
    await end({ sellers: ['one', 'two'], total: null }, { failure });
    expect(await totals()).to.deep.equal([
      ['9 one', -1, true],
      ['9 two', -1, true],
    ]);
    await end({ sellers: ['two'], total: null }, { failure });
    expect(await totals()).to.deep.equal([
      ['9 one', -1, true],
      ['9 two', 1_000_000_000, false],
    ]);
  });

  it('keep names of sellers of their listings only, and form groups when one becomes known later', async () => {
    const { own, store } = await still();
    const names = new Map([
      ['110000000001', 'one'],
      ['110000000002', 'two'],
      ['110000000003', 'three'],
    ]);
    const change = async () => (await store.get('still'))?.change ?? 0;
    const before = await change();
    await redis.hset(store.key('still', 'seen'), '110000000002', 'seen');
    await store.noteSellers('still', new Map([...names].slice(0, 1)), 60_000);
    // What has not been seen yet is in no group of its seller.
    expect(await change()).to.equal(before);
    await store.noteSellers('still', names, 60_000);
    await store.noteSellers('still', names, 60_000);
    expect(await change()).to.equal(before + 1);
    expect(await store.allSellers('still')).to.deep.equal({ '110000000001': 'one', '110000000002': 'two' });
    expect(await redis.pttl(store.key('still', 'sellers'))).to.be.within(1, 60_000);

    await own.remove('still');
    await store.noteSellers('still', names, 60_000);
    await store.writeTotals('still', new Map([['9 one', { total: 1, at: 1, isPartly: false }]]), 60_000);
    await store.changed('still');
    expect(await redis.keys('{ebay}:watch*other*')).to.deep.equal([]);
  });

  it('forget the sellers of listings that have ended, and of those that are removed', async () => {
    const { own, store } = await still();
    const seen = (state: Watched['state']) =>
      packWatched({
        ...{ state, seen: Date.now(), checked: Date.now(), category: '9', quantity: null, moreThan: null },
        ...{ arrival: null, known: undefined },
      });
    const [gone, there] = ['110000000001', '110000000002'] as const;
    await redis.hset(store.key('still', 'seen'), { [gone]: seen('ended'), [there]: seen('in-stock') });
    await store.noteSellers(
      'still',
      new Map([
        [gone, 'one'],
        [there, 'two'],
      ]),
      60_000,
    );
    const total = { total: 1, at: Date.now(), isPartly: false };
    await store.writeTotals(
      'still',
      new Map([
        ['9 one', total],
        ['9 two', total],
      ]),
      60_000,
    );
    const watch = { ttlMs: 60_000, dayMs: 86_400_000 };
    const rules = jobDefaults(service.config);
    const place = { redis, prefix: '{ebay}', tenant: 'other', rules, watch };
    const looks = new WatchLooks({ ...place, searches: service.searches });
    await looks.units();
    expect(await store.allSellers('still')).to.deep.equal({ [there]: 'two' });
    expect([...(await store.totals('still')).keys()]).to.deep.equal(['9 two']);
    const { groups, callsPerLook } = await own.get('still');
    // What has ended takes a call a day, not in each look.
    expect({ groups, callsPerLook }).to.deep.equal({
      groups: { searches: 1, bySearch: 1, byItem: 1, unknown: 0 },
      callsPerLook: 2,
    });
    await own.import('still', { entries: [there] }, { mode: 'remove' });
    await looks.units();
    expect([
      ...(await store.totals('still')).keys(),
      ...Object.keys(await store.allSellers('still')),
    ]).to.deep.equal([]);
  });

  it('leave nothing behind when they are removed, also during a look', async () => {
    const ids = idsOf(1, 8);
    await lists().import('supplies', { entries: ids });
    await waitFor('a look', async () =>
      (await service.searches.getJobs()).some((job) => watchLookOf(job.id as string) !== undefined),
    );
    await lists().remove('supplies');
    await quiet();
    const keys = await redis.keys('{ebay}:watch*');
    expect(keys).to.deep.equal([]);
    expect(await lists().list()).to.deep.equal([]);
    const code = await lists()
      .get('supplies')
      .catch((error) => (error as Failure).code);
    expect(code).to.equal('watchlist_not_found');
  });

  it('keep sellers’ names in their own state only', async () => {
    await lists().import('supplies', { entries: idsOf(1, 3) });
    await lists().put({ name: 'supplies', ...NEVER });
    await settled('supplies');
    await quiet();
    const holding = new Set<string>();
    for (const key of await redis.keys('*'))
      if (/seller_4001/.test(JSON.stringify(await contentOf(redis, key))))
        holding.add(key.split(':')[1] ?? key);
    // A request that filters by sellers names them: the searches of the looks, while they are kept.
    const allowed = /^(ebay-search|run|watch-(groups|looks|sellers|totals))$/;
    expect([...holding].filter((kind) => !allowed.test(kind))).to.deep.equal([]);
    expect(holding).to.include('watch-sellers');
  });
});

async function contentOf(redis: Redis, key: string): Promise<unknown> {
  switch (await redis.type(key)) {
    case 'hash': {
      const fields = await redis.hgetallBuffer(key);
      return Object.entries(fields).map(([field, value]) => [field, value.toString('latin1')]);
    }
    case 'stream':
      return redis.xrange(key, '-', '+');
    case 'string':
      return redis.get(key);
    default:
      return null;
  }
}
