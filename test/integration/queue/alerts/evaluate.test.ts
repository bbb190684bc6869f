import { expect } from 'chai';
import type { Redis } from 'ioredis';
import type { AlertMessage } from '../../../../src/product/alertMessage.ts';
import type { Alert, Condition } from '../../../../src/product/alertSchema.ts';
import { Alerts } from '../../../../src/queue/alerts/alerts.ts';
import {
  type AlertsContext,
  alertsOn,
  evaluate,
  goneSeen,
  type Look,
  type SeenEntry,
} from '../../../../src/queue/alerts/evaluate.ts';
import { alertKeys } from '../../../../src/queue/alerts/keys.ts';
import { release } from '../../../../src/queue/alerts/release.ts';
import { shownAs } from '../../../support/alertAnswers.ts';
import { connectTo, useRedis } from '../../../support/redis.ts';
import { useService } from '../../../support/service.ts';
import { waitFor } from '../../../support/waitFor.ts';

const [prefix, tenant] = ['{ebay}', 'default'];
const keys = alertKeys(prefix, tenant);
const BELOW: Condition = { on: 'price-below', price: '10.00', currency: 'USD' };

describe('what alerts find in a look', () => {
  const server = useRedis();
  /** When the first look began: a minute ago, ms. */
  let start = 0;
  const setUp = async (when: Alert['when'], more: Partial<Alert> = {}) => {
    start = Date.now() - 60_000;
    const redis = server.connect();
    const warnings: unknown[] = [];
    const log = { info: () => undefined, warn: (...said: unknown[]) => warnings.push(said) };
    const context = {
      ...{ redis, prefix, tenant, log, waitMs: 86_400_000, ttlMs: 86_400_000, textsMs: 3_600_000 },
      wake: async () => undefined,
    } as unknown as AlertsContext;
    const alerts = new Alerts({ redis, prefix, tenant, deadlineMs: 5000 });
    const channel = JSON.stringify({ kind: 'webhook', host: 'h', createdAt: 1, sealed: '{}' });
    await redis.hset(keys.channels, 'hook', channel);
    await alerts.put({ name: 'a', track: 't', when, dailyCap: 10_000, ...more });
    const outbox = async (): Promise<AlertMessage[]> =>
      (await redis.lrange(keys.outbox('hook'), 0, -1)).map((text) => JSON.parse(text));
    const items = async () => (await outbox()).flatMap(({ kind, hits }) => (kind === 'alert' ? hits : []));
    const run = async (look: Partial<Look>, all: readonly SeenEntry[], own: AlertsContext = context) => {
      const found = await alertsOn(context, { track: 't' });
      const [searchId, began] = [look.searchId ?? 's1', look.began ?? start];
      const whole = { baseline: searchId, isFresh: false, isWhole: () => true };
      await evaluate(own, found, { ...whole, ...look, searchId, began }, all);
    };
    return { redis, context, alerts, outbox, items, run, warnings };
  };

  /** Listings at a price in cents, seen so many seconds after the start. */
  const seen = (count: number, { cents = 2000, after = 0, isNew = false, from = 0 } = {}): SeenEntry[] =>
    Array.from({ length: count }, (_, index) => {
      const itemId = `v1|${110_000_000_000 + from + index}|0`;
      return {
        ...goneSeen(itemId, start + after * 1000),
        product: shownAs(itemId, { item: cents + index, shipping: 0 }),
        isNew,
      };
    });
  const idsOf = (all: readonly { itemId: string }[]) => all.map(({ itemId }) => itemId);

  /** The same connection, on which something happens before a script of a batch, or which then fails. */
  const disturbed = (context: AlertsContext, at: number, happens: () => Promise<unknown>): AlertsContext => {
    let scripts = 0;
    const redis = new Proxy(context.redis, {
      get(target, name) {
        const value = Reflect.get(target, name);
        if (typeof value !== 'function') return value;
        if (name !== 'evalsha') return value.bind(target);
        return async (...args: unknown[]) => {
          // Only scripts about a state keep a batch.
          if (String(args[3]).includes(':alert-state:')) scripts += 1;
          if (scripts === at) await happens();
          return value.apply(target, args);
        };
      },
    });
    return { ...context, redis: redis as Redis };
  };
  const dies = (context: AlertsContext, at: number) =>
    disturbed(context, at, async () => {
      throw new Error('the process ends here');
    });

  it('fills the state at first, and says once how many are there already, with the cheapest three', async () => {
    const { run, outbox, alerts } = await setUp([BELOW, { on: 'new' }]);
    expect((await alerts.get('a')).note).to.match(/waits for its first complete look/);
    await run({}, seen(450, { cents: 800, isNew: true }));
    const all = await outbox();
    expect(all.map(({ kind, matching }) => [kind, matching])).to.deep.equal([['baseline', 200]]);
    expect(all[0]?.hits.map(({ to }) => to?.value)).to.deep.equal(['8.00', '8.01', '8.02']);
    expect((await alerts.get('a')).note).to.equal(null);
    await run({}, seen(450, { cents: 800, isNew: true }));
    expect(await outbox()).to.have.length(1);
  });

  it('makes no hits of the rest of a first look that was cut off in the middle', async () => {
    const { run, outbox, context } = await setUp([BELOW, { on: 'new' }]);
    const all = seen(450, { cents: 800, isNew: true });
    for (const at of [2, 3]) await run({}, all, dies(context, at));
    expect(await outbox()).to.deep.equal([]);
    await run({}, all);
    expect((await outbox()).map(({ kind, matching }) => [kind, matching])).to.deep.equal([['baseline', 200]]);
  });

  it('keeps each hit once, however often a look is cut off and done again', async () => {
    const { run, items, context, warnings, redis } = await setUp([{ on: 'drop' }]);
    await run({}, seen(450));
    const cheaper = seen(450, { cents: 1500, after: 10 });
    for (const at of [2, 1]) await run({ searchId: 's2' }, cheaper, dies(context, at));
    expect(warnings).to.have.length(2);
    // The duty releases what the process that ended has kept.
    await release(context, 'a');
    expect(await items()).to.have.length(200);
    for (let again = 0; again < 3; again += 1) await run({ searchId: 's2' }, cheaper);
    const hits = await items();
    expect(idsOf(hits)).to.deep.equal(idsOf(cheaper));
    expect(new Set(hits.map(({ id }) => id)).size).to.equal(450);
    expect(hits[0]).to.include({ searchId: 's2', on: 'drop', title: null });
    expect(hits[0]?.from).to.deep.equal({ value: '20.00', currency: 'USD' });
    const text = keys.texts(hits[0]?.id as string);
    expect(JSON.parse((await redis.get(text)) ?? '')).to.include({ title: `Lens ${hits[0]?.itemId}` });
    // No longer after eBay's answer than was said: it is fifty seconds old.
    expect(await redis.pttl(text)).to.be.within(1, 3_600_000 - 49_000);
  });

  it('loses no hit and has none twice where two searches of a track end at the same time', async () => {
    const { run, items } = await setUp([{ on: 'drop' }, { on: 'new' }]);
    await run({}, seen(300));
    const [one, other] = [seen(300, { cents: 1500, after: 10 }), seen(300, { cents: 1500, after: 11 })];
    const added = seen(100, { after: 11, isNew: true, from: 1000 });
    await Promise.all([
      run({ searchId: 's2' }, one),
      run({ searchId: 's3' }, [...added, ...other]),
      run({ searchId: 's3' }, [...added, ...other]),
    ]);
    const hits = await items();
    const expected = [...idsOf(one), ...idsOf(added)].sort();
    expect(idsOf(hits).sort()).to.deep.equal(expected);
  });

  it('waits for a complete search before it alerts', async () => {
    const { run, outbox, items } = await setUp([{ on: 'new' }, BELOW]);
    const partial = { isWhole: () => false };
    await run({ searchId: 's1', ...partial }, seen(5, { cents: 900, isNew: true }));
    await run({ searchId: 's2', ...partial }, seen(8, { cents: 900, after: 1, isNew: true }));
    expect(await outbox()).to.deep.equal([]);
    await run({ searchId: 's3' }, seen(9, { cents: 900, after: 2, isNew: true }));
    expect((await outbox()).map(({ kind, matching }) => [kind, matching])).to.deep.equal([['baseline', 9]]);
    await run({ searchId: 's4' }, seen(10, { cents: 900, after: 3, isNew: true }));
    expect((await items()).map(({ on, itemId }) => [on, itemId.slice(-4)])).to.deep.equal([
      ['new', '09|0'],
      ['price-below', '09|0'],
    ]);
  });

  it('begins again where the track starts afresh, and not for a search that began before that', async () => {
    const { run, items, redis } = await setUp([{ on: 'new' }]);
    await run({}, seen(3));
    const other = seen(4, { after: 10, isNew: true, from: 50 });
    const fresh = { searchId: 's2', isFresh: true, began: start + 10_000 };
    for (let again = 0; again < 2; again += 1) await run(fresh, other);
    expect(await items()).to.deep.equal([]);
    expect(await redis.hexists(keys.state('a'), seen(1)[0]?.itemId as string)).to.equal(0);
    await run({ searchId: 's0', isFresh: true, began: start - 1 }, seen(3));
    expect(await redis.hexists(keys.state('a'), other[0]?.itemId as string)).to.equal(1);
    await run({ searchId: 's3' }, seen(1, { after: 20, isNew: true, from: 90 }));
    expect(await items()).to.have.length(1);
  });

  it('keeps nothing of an alert that is removed, paused or made again while a look is compared', async () => {
    const { run, items, context, alerts, redis } = await setUp([{ on: 'drop' }]);
    await run({}, seen(300));
    const cheaper = seen(300, { cents: 1500, after: 10 });
    const whileAt = (at: number, happens: () => Promise<unknown>) =>
      run({ searchId: 's2' }, cheaper, disturbed(context, at, happens));
    await whileAt(1, () => alerts.pause('a'));
    await alerts.resume('a');
    await whileAt(1, () => alerts.put({ name: 'a', track: 't', when: [{ on: 'rise' }] }));
    expect(await redis.exists(keys.state('a'))).to.equal(0);
    await alerts.put({ name: 'a', track: 't', when: [{ on: 'drop' }] });
    await whileAt(1, async () => {
      await alerts.remove('a');
      await alerts.put({ name: 'a', track: 't', when: [{ on: 'drop' }] });
    });
    await whileAt(1, () => alerts.remove('a').catch(() => undefined));
    expect(await items()).to.deep.equal([]);
    expect(await redis.exists(keys.state('a'), keys.hits('a'), keys.due)).to.equal(0);
  });

  it('goes on with an alert whose times change while a look is compared', async () => {
    const { run, items, context, alerts } = await setUp([{ on: 'drop' }]);
    await run({}, seen(3));
    const change = () => alerts.put({ name: 'a', track: 't', when: [{ on: 'drop' }], dailyCap: 99 });
    const cheaper = seen(3, { cents: 1500, after: 10 });
    await run({ searchId: 's2' }, cheaper, disturbed(context, 1, change));
    expect(await items()).to.have.length(3);
  });

  it('costs a search of nobody one command, and one that changes nothing no script', async () => {
    const { run, context } = await setUp([{ on: 'drop' }, { on: 'new' }]);
    await run({}, seen(1000));
    const commands: string[] = [];
    const redis = new Proxy(context.redis, {
      get(target, name) {
        const value = Reflect.get(target, name);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) => {
          commands.push(String(name));
          return value.apply(target, args);
        };
      },
    });
    await alertsOn({ ...context, redis }, { track: 'other', schedule: 'none' });
    expect(commands).to.deep.equal(['hgetall']);
    commands.length = 0;
    await run({ searchId: 's2' }, seen(1000, { after: 10 }), { ...context, redis });
    // Five batches, and whether the first look is over.
    expect(commands).to.deep.equal(Array.from({ length: 6 }, () => 'hmget'));
  });
});

describe('alerts on a track, a schedule and a watchlist', function () {
  this.timeout(20_000);
  const service = useService({
    ...{ PLAN_INTERVAL: '0.02', PLAN_DAY: '60', SCHEDULE_MIN_INTERVAL: '0.05', DAILY_CALL_LIMIT: '100000' },
  });
  let redis: Redis;
  beforeEach(() => {
    redis = connectTo(service.config.redis.url);
  });
  afterEach(() => redis.disconnect());
  /** No channel is there: what was found waits. */
  const waiting = async (alert: string) =>
    (await redis.lrange(keys.hits(alert), 0, -1)).map((text) => JSON.parse(text));
  const all: Alert['when'] = [{ on: 'new' }, { on: 'gone' }, { on: 'drop' }];

  it('say what changed since the last search and the last run, before these have ended', async () => {
    const request = { query: 'led strip', maxItems: 1000, track: 'strips' };
    const { alerts, schedule } = service.producer;
    await schedule.add({ name: 'hourly', every: 3600, request });
    await alerts.put({ name: 'of-track', track: 'strips', when: all });
    await alerts.put({ name: 'of-schedule', schedule: 'hourly', when: all });
    await alerts.put({ name: 'of-other', track: 'other', when: all });
    const look = async () => {
      const { searchId } = await service.producer.schedule.runNow('hourly');
      await service.producer.waitFor(searchId, { timeoutMs: 15_000 });
      return searchId;
    };
    const products = await service.producer.products(await look());
    expect(await waiting('of-track')).to.deep.equal([]);
    const { controls } = service.simulator;
    const priced = products.filter(({ total, converted, auction }) => total && !converted && !auction);
    const [cheaper, removed] = priced.slice(-2);
    controls.changeListing(cheaper?.itemId as string, {
      price: (Number(cheaper?.price?.value) / 2).toFixed(2),
    });
    controls.removeListing(removed?.itemId as string);
    const added = controls.addListing({ title: 'led strip with a kickstand', price: '9.99' });
    const searchId = await look();
    const expected = [
      ['drop', cheaper?.itemId],
      ['gone', removed?.itemId],
      ['new', added],
    ];
    for (const name of ['of-track', 'of-schedule']) {
      const hits = await waiting(name);
      expect(hits.map(({ on, itemId }) => [on, itemId]).sort()).to.deep.equal(expected);
      expect(new Set(hits.map((hit) => hit.searchId))).to.deep.equal(new Set([searchId]));
    }
    // A search of the track that is no run of the schedule.
    controls.changeListing(cheaper?.itemId as string, { price: '1.00' });
    await service.search(request);
    expect(await waiting('of-track')).to.have.length(4);
    expect(await waiting('of-schedule')).to.have.length(3);
    expect(await waiting('of-other')).to.deep.equal([]);
  });

  it('end the first look at a watchlist when every listing was seen, however many variations each has', async () => {
    const { alerts, watchlists } = service.producer;
    const { searchId } = await service.search({ query: 'led strip', maxItems: 1000 });
    const products = await service.producer.products(searchId);
    const varied = products.filter(({ itemId }) => !itemId.endsWith('|0'));
    const listings = [...new Set(varied.map(({ itemId }) => itemId.split('|')[1]))];
    expect(listings).to.have.lengthOf.above(30);
    await watchlists.put({ name: 'varied', atLeastEvery: 3600, atMostEvery: 1 });
    await alerts.put({ name: 'list', watchlist: 'varied', when: [{ ...BELOW, price: '100000.00' }] });
    await watchlists.import('varied', { csv: ['item', ...listings].join('\n') });
    await waitFor('the first look is over', async () => (await waiting('list')).length > 0);
    const seen = (await redis.hkeys(keys.state('list'))).filter((id) => id.startsWith('v1|'));
    expect(new Set(seen.map((id) => id.split('|')[1])).size).to.equal(listings.length);
  });

  it('say what a look at a watchlist has found, with the caller’s columns', async () => {
    const { alerts, watchlists } = service.producer;
    const { controls } = service.simulator;
    const own = ['lamp', 'vase', 'clock'].map((title) => {
      const itemId = controls.addListing({ title, price: '50.00' });
      return { itemId, legacyId: itemId.split('|')[1] };
    });
    const [first, second] = own;
    await watchlists.put({ name: 'mine', atLeastEvery: 1, atMostEvery: 1 });
    await alerts.put({
      ...{ name: 'list', watchlist: 'mine' },
      when: [{ on: 'gone' }, { on: 'drop' }, { on: 'back-in-stock' }, { ...BELOW, price: '100000.00' }],
    });
    await watchlists.import('mine', {
      csv: ['item,sku', ...own.map(({ legacyId }) => `${legacyId},s-${legacyId}`)].join('\n'),
    });
    await waitFor('the first look is over', async () => (await waiting('list')).length > 0);
    const [baseline] = await waiting('list');
    expect(baseline).to.include({ matching: own.length });
    // Prices of calls for a listing and of searches are not compared: what follows is seen by a search.
    await waitFor('a search has shown it', async () => {
      const state = JSON.parse((await redis.hget(keys.state('list'), first?.itemId as string)) ?? '[]');
      return state[5]?.length > 0;
    });
    controls.changeListing(first?.itemId as string, { price: '5.00' });
    controls.removeListing(second?.itemId as string);
    const hits = await waitFor('two alerts', async () => {
      const found = (await waiting('list')).slice(1);
      return found.length > 1 ? found : undefined;
    });
    const said = hits.map(({ on, itemId, columns }) => [on, itemId, columns.sku]).sort();
    expect(said).to.deep.equal([
      ['drop', first?.itemId, `s-${first?.legacyId}`],
      ['gone', second?.itemId, `s-${second?.legacyId}`],
    ]);
  });
});
