import { expect } from 'chai';
import type { Redis } from 'ioredis';
import { latestEvents } from '../../../../src/events/stream.ts';
import type { QueueContext } from '../../../../src/queue/search/context.ts';
import { jobDefaults } from '../../../../src/queue/search/retryPolicy.ts';
import { WatchStore } from '../../../../src/queue/watch/watchlists/store.ts';
import { WatchLooks } from '../../../../src/queue/watch/watchlists/watchLooks.ts';
import { BASE_SCOPE, BULK_SCOPE, DEMO_CREDENTIALS } from '../../../../src/simulator/tokens.ts';
import { connectTo } from '../../../support/redis.ts';
import { useService } from '../../../support/service.ts';
import { waitFor } from '../../../support/waitFor.ts';

/** The planner begins no look: the test does. */
const OWN_LOOKS = {
  PLAN_INTERVAL: '3600',
  WORKER_BLOCKING_READ: '0.1',
  DAILY_CALL_LIMIT: '100000',
  EBAY_BULK_ITEMS: 'true',
  EBAY_SCOPES: `${BASE_SCOPE} ${BULK_SCOPE}`,
};

/** One call for several is full, the other one is not. */
const LISTINGS = 25;

describe('looks at listings, up to twenty in a call', function () {
  this.timeout(20_000);
  const warnings: string[] = [];
  /** Calls of the last look, as its report says. */
  let counted: unknown;
  const adapt = (context: QueueContext): QueueContext => {
    const { log } = context;
    const warn: typeof log.warn = (message, fields) => {
      if (fields?.setting === 'EBAY_BULK_ITEMS') warnings.push(message);
      log.warn(message, fields);
    };
    const info: typeof log.info = (message, fields) => {
      if (message === 'look at watchlist ended') counted = fields?.calls;
      log.info(message, fields);
    };
    return { ...context, log: Object.assign(Object.create(log), { warn, info }) };
  };
  const service = useService(
    OWN_LOOKS,
    {
      credentials: [{ ...DEMO_CREDENTIALS, scopes: [BASE_SCOPE, BULK_SCOPE] }],
      market: { seed: 5, shops: [{ listings: 240, changesPerDay: 0 }] },
    },
    { adapt },
  );
  let redis: Redis;
  let looked = 0;
  /** Each has listings of its own, as what it changes stays. */
  let tests = 0;
  let ids: string[];

  /** Looks at every group of the list once. */
  const look = async () => {
    const { queue } = service.config;
    const looks = new WatchLooks({
      redis,
      prefix: queue.prefix,
      tenant: 'default',
      rules: jobDefaults(service.config),
      watch: { ttlMs: 30 * 86_400_000, dayMs: 60_000 },
      searches: service.searches,
    });
    service.simulator.controls.clearLog();
    looked += 1;
    counted = undefined;
    const units = (await looks.units()).map(({ id }) => id);
    for (const unit of units) await looks.begin({ unit, number: looked, at: Date.now() });
    const store = new WatchStore(redis, queue.prefix, 'default');
    await waitFor('the look has ended', async () => {
      const under = await Promise.all(units.map((id) => store.look('supplies', id.split(':')[2] as string)));
      // The log's line follows.
      return counted !== undefined && under.every((each) => each === undefined);
    });
    return service.simulator.controls.log().filter(({ kind }) => kind !== 'token' && kind !== 'rate-limit');
  };
  const events = async () =>
    (await latestEvents(redis, '{ebay}', 'default', 100)).filter(({ type }) => type.startsWith('watchlist.'));
  const sizes = (calls: Awaited<ReturnType<typeof look>>) =>
    calls.filter(({ kind }) => kind === 'bulk-items').map(({ query }) => query.item_ids?.split(',').length);

  beforeEach(async () => {
    redis = connectTo(service.config.redis.url);
    warnings.length = 0;
    ids = service.simulator.controls.market
      .listings('seller_4000')
      .filter(({ itemId }) => itemId.endsWith('|0'))
      .slice(LISTINGS * tests, LISTINGS * (tests + 1))
      .map(({ legacyId }) => legacyId);
    expect(ids).to.have.length(LISTINGS);
    tests += 1;
    await service.producer.watchlists.put({
      name: 'supplies',
      quantity: true,
      shipTo: { country: 'US', postalCode: '19406' },
    });
    await service.producer.watchlists.import('supplies', { entries: ids });
    // What nothing is known of takes a call each.
    const isKnown = async () => (await service.producer.watchlists.get('supplies')).counts.waiting === 0;
    while (!(await isKnown())) expect(sizes(await look())).to.deep.equal([]);
  });
  afterEach(() => redis.disconnect());

  it('take two calls for 25 listings, and see what has changed', async () => {
    const { controls } = service.simulator;
    const [cheaper, soldOut, fewer] = ids as [string, string, string];
    const { price } = controls.market.listings('seller_4000').find((each) => each.legacyId === cheaper) ?? {};
    controls.changeListing(cheaper, { price: (Number(price) * 0.8).toFixed(2) });
    controls.changeListing(soldOut, { stock: 0 });
    controls.changeListing(fewer, { stock: 3 });
    // Long enough for other jobs of the look to begin, if there were any.
    controls.arm({ fault: 'latency', ms: 100, on: { endpoint: 'bulk-items' } });
    const calls = await look();
    expect(sizes(calls)).to.deep.equal([20, 5]);
    expect(calls).to.have.length(2);
    expect(counted).to.equal(2);
    const seen = (await events()).map((event) => [event.type, 'item' in event && event.item]);
    expect(seen).to.have.deep.members([
      ['watchlist.price-dropped', cheaper],
      ['watchlist.out-of-stock', soldOut],
      ['watchlist.quantity-changed', fewer],
    ]);
    // The same answers once more are no change.
    expect(sizes(await look())).to.deep.equal([20, 5]);
    expect(await events()).to.have.length(3);
    expect(warnings).to.deep.equal([]);
  });

  it('ask for a listing that has ended by itself, and lose none of the others', async () => {
    const ended = ids[10] as string;
    service.simulator.controls.removeListing(ended);
    const calls = await look();
    const own = calls.filter(({ kind }) => kind !== 'bulk-items');
    expect(own.map(({ query }) => query.legacy_item_id)).to.deep.equal([ended]);
    expect(calls.length).to.be.below(15);
    expect(counted).to.equal(calls.length);
    expect((await service.producer.watchlists.get('supplies')).counts).to.deep.equal({
      waiting: 0,
      'in-stock': 24,
      'out-of-stock': 0,
      ended: 1,
    });
    const [only, ...others] = await events();
    expect(only).to.include({ type: 'watchlist.ended', item: ended });
    expect(others).to.deep.equal([]);
  });

  it('take a call for each listing where eBay does not let the keyset share calls, and say so once', async () => {
    const { controls } = service.simulator;
    controls.arm({ fault: 'status', status: 403, errorId: 1100, on: { endpoint: 'bulk-items' } });
    controls.changeListing(ids[7] as string, { stock: 0 });
    const calls = await look();
    expect(sizes(calls)).to.deep.equal([20]);
    expect(calls.filter(({ kind }) => kind === 'legacy-item')).to.have.length(LISTINGS);
    expect(counted).to.equal(1 + LISTINGS);
    expect(await events()).to.have.length(1);
    expect(sizes(await look())).to.deep.equal([]);
    expect(warnings).to.deep.equal(['until a restart each item takes a call of its own']);
  });

  it('take a call for each listing where eBay refuses each call for several, whatever it asks for', async () => {
    const { controls } = service.simulator;
    controls.arm({ fault: 'status', status: 400, errorId: 11001, on: { endpoint: 'bulk-items' } });
    const calls = await look();
    expect(sizes(calls)).to.have.length(21);
    expect(calls.filter(({ kind }) => kind === 'legacy-item')).to.have.length(LISTINGS);
    expect(counted).to.equal(21 + LISTINGS);
    expect(await events()).to.deep.equal([]);
    expect(sizes(await look())).to.deep.equal([]);
    expect(warnings).to.deep.equal(['for an hour each item takes a call of its own']);
  });

  const others: Array<[what: string, status: number, errorId: number | undefined]> = [
    ['has had too many calls for several', 429, 2001],
    ['refuses a call for several as such', 400, 11012],
    ['answers a call for several without any', 200, undefined],
  ];
  for (const [what, status, errorId] of others)
    it(`take a call for each listing for an hour where eBay ${what}`, async () => {
      service.simulator.controls.arm({
        fault: 'status',
        status,
        ...(errorId === undefined ? { body: '{"total":0}' } : { errorId }),
        on: { endpoint: 'bulk-items' },
      });
      const calls = await look();
      expect(sizes(calls)).to.deep.equal([20]);
      expect(calls.filter(({ kind }) => kind === 'legacy-item')).to.have.length(LISTINGS);
      expect(counted).to.equal(1 + LISTINGS);
      expect(warnings).to.deep.equal(['for an hour each item takes a call of its own']);
      // eBay's count of these calls is not that of all others.
      expect(await redis.hget('{ebay}:gate:default', 'until')).to.equal(null);
    });
});
