import { expect } from 'chai';
import { openEbay } from '../../../src/app/client.ts';
import { quietLog } from '../../../src/cli/commandSetup.ts';
import type { ItemAnswer } from '../../../src/collector/answers.ts';
import type { ItemCall } from '../../../src/collector/collector.ts';
import { Failure } from '../../../src/failures.ts';
import type { SearchRequest } from '../../../src/product/requestSchema.ts';
import { isBrowse } from '../../../src/simulator/log.ts';
import { takeOverQuota } from '../../support/ebayClient.ts';
import { around, usePause } from '../../support/pause.ts';
import { serviceEnv, startPair, useService } from '../../support/service.ts';
import { resultsKey, StoredJobs } from '../../support/storedJobs.ts';
import { waitFor } from '../../support/waitFor.ts';

describe('searches that want the same items', () => {
  const itemCall = usePause<ItemCall>();
  /** How long ago eBay answered items, as far as the service knows, ms. */
  let ageMs = 0;
  /** How often the cache of answers cannot be written. */
  let failingPuts = 0;
  const service = useService(
    { PAGE_ATTEMPTS: '1', RESULTS_TTL: '7200' },
    {},
    {
      adapt: (context) => ({
        ...context,
        itemAnswers: around(context.itemAnswers, {
          async put(...answered) {
            if (failingPuts-- > 0) throw new Failure('redis-unavailable', 'no answer');
            return context.itemAnswers.put(...answered);
          },
        }),
        collector: around(context.collector, {
          async collectItem(call): Promise<ItemAnswer> {
            await itemCall.pass(call);
            const answer = await context.collector.collectItem(call);
            const observedAt = new Date(Date.parse(answer.details.observedAt) - ageMs).toISOString();
            const { listing } = answer;
            return {
              ...answer,
              details: { ...answer.details, observedAt },
              ...(listing && { listing: { ...listing, observedAt } }),
            };
          },
        }),
      }),
    },
  );
  let stored: StoredJobs;
  beforeEach(() => {
    ageMs = 0;
    failingPuts = 0;
    stored = new StoredJobs(service.config.redis.url);
  });
  afterEach(() => stored.close());

  const cases: SearchRequest = { query: 'phone case', maxItems: 6, details: 'full' };
  /** Calls for pages, or for anything else of a listing. */
  const log = (kind: 'search' | 'item') =>
    service.simulator.controls
      .log()
      .filter((entry) => isBrowse(entry.kind) && (entry.kind === 'search') === (kind === 'search')).length;
  /** Calls that a search makes, with its summary and products. */
  async function run(request: SearchRequest) {
    service.simulator.controls.clearLog();
    const { searchId, summary } = await service.search(request);
    const products = await service.producer.products(searchId);
    return { searchId, summary, products, made: [log('search'), log('item')] as const };
  }

  it('ask for each once, and a copy keeps the time of its answer', async () => {
    const first = await run(cases);
    expect(first.made).to.deep.equal([1, 6]);
    for (const request of [cases, { ...cases, maxItems: 4 }]) {
      const again = await run(request);
      expect(again.made).to.deep.equal([1, 0]);
      expect(again.summary).to.deep.include({ outcome: 'complete', calls: 1, missing: [] });
      // So does the offer that it gives its product.
      expect(again.products.map(({ details }) => details?.observedAt)).to.deep.equal(
        first.products.slice(0, again.products.length).map(({ details }) => details?.observedAt),
      );
      expect(again.products[0]?.observedAt).to.equal(first.products[0]?.observedAt);
    }
  });

  it('ask again for what is older than detailsMaxAge, for another place, and where a listing’s price has changed', async () => {
    const three = { ...cases, maxItems: 3 };
    ageMs = 100_000;
    const { products } = await run(three);
    expect((await run({ ...three, detailsMaxAge: 200 })).made).to.deep.equal([1, 0]);
    expect((await run({ ...three, detailsMaxAge: 60 })).made).to.deep.equal([1, 3]);
    ageMs = 0;
    expect((await run({ ...three, detailsMaxAge: 0 })).made).to.deep.equal([1, 3]);
    expect((await run({ ...three, shipTo: { country: 'US', postalCode: '10001' } })).made).to.deep.equal([
      1, 3,
    ]);
    service.simulator.controls.changeListing(products[1]?.itemId as string, { price: '3.21' });
    const changed = await run(three);
    expect(changed.made).to.deep.equal([1, 1]);
    expect(changed.products[1]?.price).to.deep.equal({ value: '3.21', currency: 'USD' });
    expect((await run(three)).made).to.deep.equal([1, 0]);
  });

  it('learn from one call that an item is gone', async () => {
    const one = { ...cases, maxItems: 1 };
    const fault = {
      fault: 'status',
      status: 404,
      errorId: 11001,
      on: { endpoint: 'item' },
      count: 1,
    } as const;
    service.simulator.controls.arm(fault);
    const first = await run(one);
    expect(first.summary?.gone).to.have.length(1);
    const again = await run(one);
    expect(again.made).to.deep.equal([1, 0]);
    expect(again.summary).to.deep.include({ gone: first.summary?.gone, calls: 1 });
  });

  it('ask for nothing that is known of the items that a request names, a listing with variations included', async () => {
    const { products } = await run({ query: 'phone case', maxItems: 60, details: 'none' });
    const group = products.find((product) => product.group !== null)?.legacyItemId as string;
    const single = products.find((product) => product.group === null)?.itemId as string;
    const named: SearchRequest = { items: [single, group], variations: 'all' };
    const first = await run(named);
    expect(first.made[1]).to.equal(3);
    const again = await run({ ...named, items: [group, single] });
    expect(again.made).to.deep.equal([0, 0]);
    expect(again.summary).to.deep.include({ outcome: 'complete', calls: 0 });
    expect(again.products.map(({ itemId }) => itemId)).to.have.members(
      first.products.map(({ itemId }) => itemId),
    );
    const key = await resultsKey(service.searches, again.searchId);
    expect(await stored.redis.pttl(key)).to.be.within(7_100_000, 7_200_000);
  });

  it('end in time: a result that holds an older answer goes when that answer must go', async () => {
    ageMs = 1_800_000;
    const first = await run({ ...cases, maxItems: 2 });
    ageMs = 0;
    const copied = await run({ ...cases, maxItems: 2 });
    const left = await stored.redis.pttl(await resultsKey(service.searches, copied.searchId));
    expect(copied.made).to.deep.equal([1, 0]);
    expect(left).to.be.within(5_300_000, 5_400_000);
    expect(
      Date.parse(copied.summary?.expiresAt ?? '') - Date.parse(first.products[0]?.observedAt ?? ''),
    ).to.be.at.most(7_201_000);
    const timed = Number(
      await stored.redis.hget(await resultsKey(service.searches, copied.searchId), 'timed'),
    );
    expect(timed).to.be.at.most(Date.parse(first.products[0]?.observedAt ?? '') + 1);
  });

  it('wait for a call that another one makes, and make it themselves where that one fails', async () => {
    const one = { ...cases, maxItems: 1 };
    itemCall.hold();
    const first = await service.producer.enqueue(one);
    await waitFor('the first call', () => itemCall.waiting === 1);
    const second = await service.producer.enqueue({ ...one, title: { exclude: ['quetzal'] } });
    const waiting = await waitFor('the second job to wait', async () => {
      const [job] = await service.calls.getDelayed();
      return job?.attemptsMade === 0 ? job : undefined;
    });
    expect(waiting.data.search.searchId).to.equal(second.searchId);
    service.simulator.controls.clearLog();
    service.simulator.controls.arm({ fault: 'status', status: 500, on: { endpoint: 'item' }, count: 1 });
    itemCall.release();
    itemCall.hold();
    const failed = await service.producer.waitFor(first.searchId, { timeoutMs: 10_000 });
    expect(failed.summary?.outcome).to.equal('partial');
    itemCall.release();
    const found = await service.producer.waitFor(second.searchId, { timeoutMs: 10_000 });
    expect(found.summary).to.deep.include({ outcome: 'complete', calls: 2 });
    expect(log('item')).to.equal(2);
  });

  it('go on with the answer that they waited for, without a turn of their job in the queue', async () => {
    const one = { ...cases, maxItems: 1 };
    itemCall.hold();
    const first = await service.producer.enqueue(one);
    await waitFor('the first call', () => itemCall.waiting === 1);
    const others = await service.producer.enqueueMany([
      { ...one, title: { exclude: ['quetzal'] } },
      { ...one, title: { exclude: ['toucan'] } },
      { ...one, title: { exclude: ['hoatzin'] } },
    ]);
    await waitFor('the others to wait', async () => (await service.calls.getDelayedCount()) === 3);
    const [, cancelled] = others as [{ searchId: string }, { searchId: string }];
    await service.producer.cancel(cancelled.searchId);
    await waitFor('the cancelled one to wait no longer', async () => {
      return (await service.calls.getDelayedCount()) === 2;
    });
    itemCall.release();
    const reports = await Promise.all(
      [first, ...others].map(({ searchId }) => service.producer.waitFor(searchId, { timeoutMs: 10_000 })),
    );
    expect(reports.map(({ summary }) => [summary?.outcome, summary?.calls])).to.deep.equal([
      ['complete', 2],
      ['complete', 1],
      ['cancelled', 1],
      ['complete', 1],
    ]);
    const ended = await service.calls.getCompleted();
    expect(ended.filter(({ data }) => data.kind === 'item')).to.have.length(1);
    expect(await service.calls.getDelayedCount()).to.equal(0);
  });

  it('get an answer that could not be shared at once, from the job that has stored it with its own search', async () => {
    const one = { ...cases, maxItems: 1 };
    itemCall.hold();
    const first = await service.producer.enqueue(one);
    await waitFor('the first call', () => itemCall.waiting === 1);
    const second = await service.producer.enqueue({ ...one, title: { exclude: ['quetzal'] } });
    await waitFor('the second job to wait', async () => (await service.calls.getDelayedCount()) === 1);
    service.simulator.controls.clearLog();
    failingPuts = 1;
    itemCall.release();
    // The second one looks by itself after a longer time.
    const reports = await Promise.all(
      [first, second].map(({ searchId }) => service.producer.waitFor(searchId, { timeoutMs: 10_000 })),
    );
    expect(reports.map(({ summary }) => summary?.calls)).to.deep.equal([2, 1]);
    expect(log('item')).to.equal(1);
  });

  it('make one call for each item where eight of them run at once on three workers', async () => {
    const pairs = await Promise.all(
      [1, 2].map(() => startPair(serviceEnv(service.config.redis.url, service.simulator.url))),
    );
    service.simulator.controls.clearLog();
    const requests = Array.from({ length: 8 }, (_, n) => ({ ...cases, maxItems: 3 + n }));
    const added = await service.producer.enqueueMany(requests);
    const reports = await Promise.all(
      added.map(({ searchId }) => service.producer.waitFor(searchId, { timeoutMs: 60_000 })),
    );
    expect(reports.map(({ summary }) => summary?.outcome)).to.deep.equal(requests.map(() => 'complete'));
    const asked = service.simulator.controls.log({ kind: 'item' }).map(({ path }) => path);
    expect(asked).to.have.length(10);
    expect(new Set(asked).size).to.equal(10);
    expect(reports.reduce((sum, { summary }) => sum + (summary?.calls ?? 0), 0)).to.equal(8 + 10);
    await Promise.all(pairs.map((pair) => pair.stop()));
  });
});

describe('a search with details: new', () => {
  const service = useService({ PAGE_ATTEMPTS: '1' });
  const watch: SearchRequest = {
    query: 'phone case',
    maxItems: 6,
    details: 'new',
    detailsMaxAge: 0,
    track: 'watched',
  };
  async function run(change: Partial<SearchRequest> = {}) {
    service.simulator.controls.clearLog();
    const { searchId, summary } = await service.search({ ...watch, ...change });
    const products = await service.producer.products(searchId);
    const asked = service.simulator.controls
      .log({ kind: 'item' })
      .map(({ path }) => decodeURIComponent(path.split('/').at(-1) ?? ''));
    return { searchId, summary, products, asked };
  }
  const withDetails = (products: Array<{ itemId: string; details?: object }>) =>
    products.flatMap(({ itemId, details }) => (details === undefined ? [] : [itemId]));

  it('asks for all of them first, then for what is new or has another price, and for nothing else', async () => {
    const first = await run();
    expect(first.summary?.calls).to.equal(7);
    const again = await run();
    expect(again.summary).to.deep.include({ calls: 1, outcome: 'complete' });
    expect(withDetails(again.products)).to.deep.equal([]);

    const { controls } = service.simulator;
    const added = controls.addListing({ title: 'phone case of watched', price: '5.00' });
    const changed = again.products[4]?.itemId as string;
    controls.changeListing(changed, { price: '4.32' });
    const third = await run();
    expect(third.asked).to.have.members([added, changed]);
    expect(third.summary?.calls).to.equal(3);
    expect(withDetails(third.products)).to.have.members([added, changed]);
    const marks = new Map(third.products.map(({ itemId, mark }) => [itemId, mark]));
    expect(marks.get(added)).to.equal('new');
    expect(['price-dropped', 'price-rose']).to.include(marks.get(changed));
    expect((await run()).summary?.calls).to.equal(1);
    controls.removeListing(added);
  });

  it('has the details that are known by detailsMaxAge, which cost nothing', async () => {
    await run({ detailsMaxAge: 3600 });
    const again = await run({ detailsMaxAge: 3600 });
    expect(again.summary?.calls).to.equal(1);
    expect(withDetails(again.products)).to.have.length(6);
  });

  it('decides once: what it began to ask for is asked for when it goes on, though its track knows it by then', async () => {
    const { controls } = service.simulator;
    controls.arm({ fault: 'status', status: 500, on: { endpoint: 'item' }, skip: 4, count: 2 });
    const { searchId, summary } = await run();
    expect(summary).to.deep.include({ outcome: 'partial' });
    expect(summary?.missing).to.have.length(2);
    controls.clearLog();
    await service.producer.retry(searchId);
    const report = await service.producer.waitFor(searchId, { timeoutMs: 10_000 });
    expect(report.summary?.outcome).to.equal('complete');
    expect(controls.log({ kind: 'item' })).to.have.length(2);
    expect(withDetails(await service.producer.products(searchId))).to.have.length(6);
  });
});

describe('searches that want the same item when the share of their class is spent', () => {
  const itemCall = usePause<ItemCall>();
  let tries = 0;
  const service = useService(
    { DAILY_CALL_LIMIT: '100' },
    {},
    {
      adapt: (context) => ({
        ...context,
        collector: around(context.collector, {
          async collectItem(call): Promise<ItemAnswer> {
            await itemCall.pass(call);
            tries += 1;
            return context.collector.collectItem(call);
          },
        }),
      }),
    },
  );

  it('wait for it, and do not call each other up', async () => {
    const ebay = openEbay(service.config, quietLog());
    await waitFor('Redis', () => ebay.redis.ping().catch(() => undefined));
    const one = { query: 'phone case', maxItems: 1, details: 'full', priority: 'backfill' } as const;
    itemCall.hold();
    await service.producer.enqueue(one);
    await waitFor('the call', () => itemCall.waiting === 1);
    for (const word of ['quetzal', 'axolotl'])
      await service.producer.enqueue({ ...one, title: { exclude: [word] } });
    await waitFor('the others to wait', async () => (await service.calls.getDelayedCount()) === 2);
    service.simulator.controls.quota({ limit: 100, used: 70, resetInS: 3600 });
    await takeOverQuota(ebay, service.simulator);
    itemCall.release();
    await waitFor('the first one to wait too', async () => (await service.calls.getDelayedCount()) === 3);
    // The interactive class has calls left.
    await service.search({ query: 'usb c hub', maxItems: 5, details: 'full' });
    expect(tries).to.equal(1 + 5);
    await ebay.close();
  });
});
