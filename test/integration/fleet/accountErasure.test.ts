import { PassThrough } from 'node:stream';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { expect } from 'chai';
import type { Redis } from 'ioredis';
import { openProducer } from '../../../src/app/producer.ts';
import { DeletionNotices, type DeletionRecord } from '../../../src/fleet/accountDeletion.ts';
import { AccountErasure } from '../../../src/fleet/accountErasure.ts';
import { hasEnded } from '../../../src/queue/bullmq/queues.ts';
import { PlanStore } from '../../../src/queue/watch/planStore.ts';
import { WatchStore } from '../../../src/queue/watch/watchlists/store.ts';
import { keysBeginning } from '../../../src/redis/nodes.ts';
import { LogRoot } from '../../../src/telemetry/logRoot.ts';
import { connectTo } from '../../support/redis.ts';
import { useService } from '../../support/service.ts';
import { waitFor } from '../../support/waitFor.ts';

/** A shop of the simulated market, as callers write its name. */
const GONE = 'Seller_4000';
const OTHER = 'seller_4001';
/** Category of the other shop's listings. */
const CARDS = '183454';
/** eBay knows it no more, and says so of each search that names it. */
const GHOST = 'ghost_of_a_seller';
const NAMES = /seller_4000|ghost_of_a_seller|u53r1dentifier|e1asT0ken/i;

/** Every key whose name or content holds one of the names, packed content too. */
async function placesWithNames(redis: Redis): Promise<string[]> {
  const found = await Promise.all(
    (await keysOf(redis, '')).map(async (key) => {
      const all = [Buffer.from(key), ...(await contentOf(redis, key))];
      return all.some((each) => NAMES.test(each.toString('latin1'))) ? [key] : [];
    }),
  );
  return found.flat().sort();
}

async function keysOf(redis: Redis, start: string): Promise<string[]> {
  const keys = new Set<string>();
  for await (const some of keysBeginning(redis, start)) for (const key of some) keys.add(key);
  return [...keys];
}

async function contentOf(redis: Redis, key: string): Promise<Buffer[]> {
  const flat = (reply: unknown): Buffer[] =>
    Array.isArray(reply) ? reply.flatMap(flat) : Buffer.isBuffer(reply) ? [reply] : [];
  const reads: Record<string, () => Promise<unknown>> = {
    string: () => redis.getBuffer(key),
    hash: () => redis.callBuffer('HGETALL', key),
    list: () => redis.lrangeBuffer(key, 0, -1),
    set: () => redis.smembersBuffer(key),
    zset: () => redis.callBuffer('ZRANGE', key, 0, -1),
    stream: () => redis.callBuffer('XRANGE', key, '-', '+'),
  };
  const values = flat(await reads[await redis.type(key)]?.());
  return values.flatMap((value) => [value, ...unpacked(value)]);
}

function unpacked(value: Buffer): Buffer[] {
  // Text is packed by nothing.
  if (/^[\x20-\x7e]*$/.test(value.toString('latin1'))) return [];
  return [brotliDecompressSync, gunzipSync].flatMap((unpack) => {
    try {
      return [unpack(value)];
    } catch {
      return [];
    }
  });
}

describe('the erasure of a deleted account', function () {
  this.timeout(20_000);
  const service = useService(
    { PLAN_INTERVAL: '0.02', PLAN_DAY: '60', SWEEP_INTERVAL: '0.2', DAILY_CALL_LIMIT: '100000' },
    {
      market: {
        seed: 5,
        shops: [
          { listings: 60, changesPerDay: 0 },
          { listings: 40, changesPerDay: 0 },
        ],
      },
    },
    {
      // The worker itself would erase too, and count a part of it.
      adapt: (context) => {
        void context.redis.set('{ebay}:lease:account-deletion', 'the test', 'PX', 120_000);
        return context;
      },
    },
  );
  let redis: Redis;
  let logged = '';
  beforeEach(() => {
    redis = connectTo(service.config.redis.url);
    logged = '';
  });
  afterEach(() => redis.disconnect());

  const sink = new PassThrough().setEncoding('utf8');
  sink.on('data', (text: string) => {
    logged += text;
  });
  const log = new LogRoot({ level: 'debug', levels: '', format: 'json' }, sink);
  const erasure = (againAfterMs = 0) =>
    new AccountErasure({
      ...{ redis, prefix: '{ebay}', againAfterMs, config: () => service.config },
      log: log.component('worker'),
    });
  const never = new AbortController().signal;
  const receive = async () => {
    const notices = new DeletionNotices(redis, '{ebay}');
    const eventDate = '2026-11-29T07:00:00.000Z';
    await notices.receive({
      ...{ notificationId: 'shop', eventDate, username: GONE.toUpperCase() },
      ...{ userId: 'u53r1dentifier', eiasToken: 'e1asT0ken' },
    });
    await notices.receive({
      ...{ notificationId: 'ghost', eventDate, username: GHOST, userId: '', eiasToken: '' },
    });
    return notices;
  };

  it('takes it out of all that Redis holds, and changes no search into one of other sellers', async () => {
    const { producer, searches, simulator, config } = service;
    const request = (filters: object, more: object = {}) => ({
      ...{ categoryIds: [CARDS], maxItems: 20, marketplaces: ['EBAY_US' as const], filters, ...more },
    });
    // Ended searches: with results, with warnings of eBay, and one that failed for them.
    await Promise.all([
      service.search(request({ sellers: [GONE] }, { maxAge: 600 })),
      service.search(request({ sellers: [OTHER, GONE] })),
      service.search(request({ excludeSellers: ['u53r1dentifier', OTHER] })),
      service.search(request({ sellers: [GHOST] })),
      service.search(request({ sellers: [GHOST] }, { strictFilters: true })),
    ]);

    // A watchlist that has found out who sells its listings.
    const idsOf = (name: string) =>
      simulator.controls.market
        .listings(name)
        .flatMap(({ itemId, legacyId }) => (itemId.endsWith('|0') ? [legacyId] : []));
    const entries = [...idsOf('seller_4000').slice(0, 12), ...idsOf(OTHER).slice(0, 8)];
    await producer.watchlists.import('supplies', { entries });
    await producer.watchlists.put({ name: 'supplies', atLeastEvery: 86_400, atMostEvery: 60 });
    const store = new WatchStore(redis, '{ebay}', 'default');
    const sellersOf = async () => (await store.groups('supplies')).flatMap(({ sellers }) => sellers);
    await waitFor('groups by seller', async () => {
      const { groups } = await producer.watchlists.get('supplies');
      return groups.unknown === 0 && (await sellersOf()).includes('seller_4000');
    });

    // Schedules, and what another tenant has that nobody serves here.
    const far = { cron: '0 3 1 1 *' };
    await producer.schedule.add({ name: 'only', ...far, request: request({ sellers: [GONE] }) });
    await producer.schedule.add({ name: 'several', ...far, request: request({ sellers: [GONE, OTHER] }) });
    await producer.schedule.add({
      name: 'without',
      every: 86_400,
      start: '2030-01-01T00:00:00Z',
      request: request({ excludeSellers: [GONE] }),
    });
    await producer.schedule.pause('without');
    const second = openProducer(config, { tenant: 'second', log });
    await second.ready();
    await second.schedule.add({ name: 'theirs', ...far, request: request({ sellers: [GONE] }) });
    await second.enqueue(request({ sellers: [GONE] }), { idempotencyKey: 'once' });

    // A job that no worker can read.
    const broken = await searches.add('search', request({ sellers: [GONE] }), { delay: 3_600_000 });
    await redis.hset(`{ebay}:ebay-search:${broken.id}`, 'opts', 'none');
    await waitFor('quarantine', async () => (await redis.llen('{ebay}:quarantine')) > 0);

    // Searches under way, and searches that wait.
    simulator.controls.arm({ fault: 'latency', on: { endpoint: 'search' }, ms: 400 });
    const running = await Promise.all(
      [[GONE], [GONE, OTHER]].map((sellers) => producer.enqueue(request({ sellers }, { maxItems: 30 }))),
    );
    await waitFor('runs', async () => {
      const runs = await Promise.all(
        running.map(({ searchId }) => keysOf(redis, `{ebay}:run:default:${searchId}:`)),
      );
      return runs.every((keys) => keys.length === 1);
    });
    await searches.pause();
    const waiting = await Promise.all(
      [[GONE], [GONE, OTHER]].map((sellers) => producer.enqueue(request({ sellers }, { maxItems: 40 }))),
    );
    await searches.add('search', request({ sellers: [GHOST] }), { delay: 3_600_000, jobId: 'later' });

    const before = await placesWithNames(redis);
    const kinds = new Set(before.map((key) => key.replace(/^\{ebay\}:/, '').replace(/:.*/, '')));
    expect([...kinds]).to.include.members([
      ...['ebay-search', 'ebay-search-second', 'run', 'quarantine', 'schedules'],
      ...['watch-sellers', 'watch-groups', 'watch-totals'],
    ]);

    // eBay ends the listings of an account with it.
    for (const id of idsOf('seller_4000')) simulator.controls.removeListing(id);
    const notices = await receive();
    simulator.controls.clearLog();
    const aborted = new AbortController();
    aborted.abort();
    // A process that stops in the middle leaves the notices to the next one.
    await erasure()
      .round(aborted.signal)
      .catch(() => undefined);
    expect(await notices.countPending()).to.equal(2);
    await erasure().round(never);
    await searches.resume();
    // Whatever was under way, looks at the watchlist too, may have read a name before, and writes it until it ends.
    const plan = new PlanStore(redis, '{ebay}', 'default');
    // No look is chosen any more from what was read before.
    await plan.touch();
    const looks = async () => {
      const { units } = await plan.load();
      return [...units].flatMap(([unit, { busy, number }]) => (busy ? [`${unit} ${number}`] : []));
    };
    const chosen = new Set(await looks());
    await waitFor('looks at the watchlist', async () => !(await looks()).some((look) => chosen.has(look)));
    const underWay = await searches.getJobs(['active', 'waiting-children', 'prioritized', 'waiting']);
    const ids = [
      ...[...running, ...waiting].map(({ searchId }) => searchId),
      ...underWay.map(({ id }) => id),
    ];
    await waitFor('what is under way', async () => {
      const states = await Promise.all(ids.map((id) => searches.getJobState(id as string)));
      return states.every(hasEnded);
    });
    await erasure().round(never);

    expect(await redis.get('{ebay}:lease:account-deletion')).to.equal('the test');
    expect(await placesWithNames(redis)).to.deep.equal([]);
    expect(logged).to.not.match(NAMES);
    expect(await notices.countPending()).to.equal(0);
    const records = new Map((await notices.found(10)).map((record) => [record.notificationId, record]));
    const shop = records.get('shop') as DeletionRecord;
    expect(shop).to.include({ eventDate: '2026-11-29T07:00:00.000Z' });
    expect(Date.parse(shop.erasedAt ?? '')).to.be.at.least(Date.parse(shop.receivedAt));
    expect(shop.erased).to.include({ schedulesRemoved: 2, schedulesChanged: 2 });
    expect(shop.erased.searches).to.be.at.least(8);
    expect(shop.erased.watchlists).to.be.at.least(12);
    expect(records.get('ghost')?.erased.searches).to.be.at.least(3);

    // What is left goes on as it was asked for: with the other seller, or not at all.
    const schedules = await producer.schedule.list();
    expect(schedules.map(({ name, state, request: { filters } }) => [name, state, filters])).to.deep.equal([
      ['several', 'active', { sellers: [OTHER] }],
      ['without', 'paused', {}],
    ]);
    expect(await second.schedule.list()).to.deep.equal([]);
    await second.close();
    const [onlyRan, otherRan, onlyWaited, otherWaited] = await Promise.all(
      [...running, ...waiting].map(async ({ searchId }) => {
        const job = await searches.getJob(searchId);
        return job?.returnvalue?.outcome ?? job?.failedReason;
      }),
    );
    expect(onlyRan).to.match(/invalid_payload|cancelled/);
    expect(onlyWaited).to.match(/invalid_payload/);
    expect([otherRan, otherWaited]).to.deep.equal(['complete', 'complete']);
    const asked = simulator.controls.log({ kind: 'search' }).map(({ query }) => query.filter ?? '');
    expect(asked.filter((filter) => !filter.includes('sellers:{'))).to.deep.equal([]);
    await waitFor('groups without it', async () => {
      const { groups } = await producer.watchlists.get('supplies');
      return groups.bySearch > 0 && (await sellersOf()).join() === OTHER;
    });
    expect(
      await notices.receive({
        notificationId: 'shop',
        eventDate: shop.eventDate,
        username: GONE,
        userId: '',
        eiasToken: '',
      }),
    ).to.equal(false);
  });
});
