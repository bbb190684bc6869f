import { expect } from 'chai';
import type { PageCall } from '../../../src/collector/collector.ts';
import { PRIORITY } from '../../../src/queue/bullmq/queues.ts';
import type { SearchReport } from '../../../src/queue/searchReader.ts';
import { around, pausedCollector, usePause } from '../../support/pause.ts';
import { useService } from '../../support/service.ts';
import { resultsKey, StoredJobs } from '../../support/storedJobs.ts';
import { waitFor } from '../../support/waitFor.ts';

/** Below the 15 s after which a waiting search looks for its leader by itself. */
const PROMPTLY = { timeoutMs: 8000 };

describe('a search that waits for an identical one', () => {
  const pageCall = usePause<PageCall>();
  /** Held just before the waiting search is put aside, when it has seen that the other one is at work. */
  const raise = usePause();
  let afterEnd: () => Promise<unknown>;
  const service = useService(
    {},
    {},
    {
      adapt: (context) => ({
        ...context,
        collector: pausedCollector(context.collector, { page: pageCall }),
        store: around(context.store, {
          async raiseClass(...args) {
            await raise.pass(undefined);
            return context.store.raiseClass(...args);
          },
        }),
        coalesced: around(context.coalesced, {
          async finish(...args) {
            const waiting = await context.coalesced.finish(...args);
            await afterEnd();
            return waiting;
          },
        }),
      }),
    },
  );
  let stored: StoredJobs;
  beforeEach(() => {
    afterEnd = async () => undefined;
    stored = new StoredJobs(service.config.redis.url);
  });
  afterEach(() => stored.close());

  const request = { query: 'phone case', maxItems: 250 };
  const follows = (searchId: string, leader: string) =>
    waitFor('the second search to wait for the first one', async () => {
      const { progress } = await service.producer.get(searchId);
      return progress?.leader === leader;
    });
  /** Removes a search, with its pages, as soon as it waits for them and is not locked. */
  async function removeWaiting(searchId: string): Promise<void> {
    const search = await waitFor('the search', () => service.searches.getJob(searchId));
    await waitFor('the search to wait for its page', () => search.isWaitingChildren());
    await search.remove();
  }
  async function expectOwnResult({ searchId, summary }: SearchReport, calls: number): Promise<void> {
    expect(summary).to.deep.include({ outcome: 'complete', calls });
    expect(await service.producer.products(searchId)).to.have.length(250);
  }

  it('collects itself when the first one was withdrawn before it came', async () => {
    pageCall.hold();
    const first = await service.producer.enqueue(request);
    await waitFor('its call', () => pageCall.waiting === 1);
    await service.producer.cancel(first.searchId);
    // The withdrawn search has a page in flight, so it is still at work.
    const second = await service.producer.enqueue(request);
    await follows(second.searchId, first.searchId);
    pageCall.release();
    await expectOwnResult(await service.producer.waitFor(second.searchId, PROMPTLY), 2);
    expect((await service.producer.get(first.searchId)).summary?.outcome).to.equal('cancelled');
  });

  it('is answered at once when the first one ends just before it is put aside', async () => {
    pageCall.hold();
    const first = await service.producer.enqueue({ ...request, priority: 'backfill' });
    await waitFor('its call', () => pageCall.waiting === 1);
    raise.hold();
    const second = await service.producer.enqueue({ ...request, priority: 'interactive' });
    await waitFor('the second search to find the first one', () => raise.waiting === 1);
    pageCall.release();
    await service.producer.waitFor(first.searchId, PROMPTLY);
    raise.release();
    await expectOwnResult(await service.producer.waitFor(second.searchId, PROMPTLY), 0);
    expect(service.calledOffsets()).to.deep.equal([0, 200]);
  });

  it('takes what comes after the first one was cancelled, which keeps what it had', async () => {
    pageCall.hold(({ offset }) => offset > 0);
    const first = await service.producer.enqueue(request);
    const second = await service.producer.enqueue(request);
    await follows(second.searchId, first.searchId);
    await waitFor('the call of the second page', () => pageCall.waiting === 1);
    await service.producer.cancel(first.searchId);
    pageCall.release();
    await service.producer.waitFor(second.searchId, PROMPTLY);
    const productsOf = async ({ searchId }: { searchId: string }) => {
      const products = [];
      for await (const part of service.producer.productParts(searchId)) products.push(...part);
      expect(products).to.deep.equal(await service.producer.products(searchId));
      return products;
    };
    const { summary } = await service.producer.get(first.searchId);
    expect(summary).to.deep.include({ outcome: 'cancelled', pages: 1 });
    expect(summary?.counts.products).to.equal(200);
    const [own, all] = [await productsOf(first), await productsOf(second)];
    expect(all).to.have.length(250);
    expect(own).to.deep.equal(all.slice(0, 200));
    // An event of the end names products that came later.
    const last = all.at(-1)?.itemId as string;
    expect([...(await service.producer.productsNamed(first.searchId, new Set([last]))).keys()]).to.deep.equal(
      [last],
    );
  });

  it('stops the first one, which was cancelled before, when it is cancelled too', async () => {
    pageCall.hold();
    const first = await service.producer.enqueue(request);
    await waitFor('its call', () => pageCall.waiting === 1);
    const second = await service.producer.enqueue(request);
    await follows(second.searchId, first.searchId);
    for (const { searchId } of [first, second])
      expect(await service.producer.cancel(searchId)).to.equal(true);
    pageCall.release();
    for (const { searchId } of [first, second]) {
      await waitFor(
        'the job to end',
        async () => (await service.searches.getJobState(searchId)) === 'completed',
      );
      expect((await service.producer.get(searchId)).summary?.outcome).to.equal('cancelled');
    }
    // Only the page that was in flight.
    expect(service.calledOffsets()).to.deep.equal([0]);
  });

  it('raises the class of its waiting page as well as that of the search', async () => {
    await service.calls.pause();
    const first = await service.producer.enqueue({ ...request, priority: 'backfill' });
    const page = await waitFor('its page', () => service.calls.getJob(`${first.searchId}-r1-p1`));
    expect(page.priority).to.equal(PRIORITY.backfill);
    const second = await service.producer.enqueue({ ...request, priority: 'interactive' });
    await follows(second.searchId, first.searchId);
    expect((await service.calls.getJob(page.id as string))?.priority).to.equal(PRIORITY.interactive);
    await service.calls.resume();
    await expectOwnResult(await service.producer.waitFor(second.searchId, PROMPTLY), 0);
  });

  it('collects itself when the pages of the first one are gone by the time it is answered', async () => {
    pageCall.hold();
    const first = await service.producer.enqueue(request);
    await waitFor('its call', () => pageCall.waiting === 1);
    const second = await service.producer.enqueue(request);
    await follows(second.searchId, first.searchId);
    const key = await resultsKey(service.searches, first.searchId);
    afterEnd = async () => {
      afterEnd = async () => undefined;
      expect(await stored.redis.del(key)).to.equal(1);
    };
    pageCall.release();
    await expectOwnResult(await service.producer.waitFor(second.searchId, PROMPTLY), 2);
    expect(service.calledOffsets()).to.deep.equal([0, 200, 0, 200]);
  });

  it('collects itself when the first one was removed from the queue', async () => {
    await service.calls.pause();
    const first = await service.producer.enqueue(request);
    await removeWaiting(first.searchId);
    await service.calls.resume();
    const { searchId } = await service.producer.enqueue(request);
    await expectOwnResult(await service.producer.waitFor(searchId, PROMPTLY), 2);
  });

  it('collects itself when the job of the first one was replaced by another job of the same id', async () => {
    const add = (query: string) => service.searches.add('search', { ...request, query }, { jobId: 'mine' });
    await service.calls.pause();
    await add(request.query);
    await removeWaiting('mine');
    await add('yoga mat');
    await waitFor('the page of the other', () => service.calls.getJob('mine-r1-p1'));
    const { searchId } = await service.producer.enqueue(request);
    await waitFor('a page of its own', () => service.calls.getJob(`${searchId}-r1-p1`), 8000);
    await service.calls.resume();
    await expectOwnResult(await service.producer.waitFor(searchId, PROMPTLY), 2);
  });

  it('collects itself when the first one failed without an end of its own, because its workers died', async () => {
    pageCall.hold();
    const first = await service.producer.enqueue(request);
    await waitFor('its call', () => pageCall.waiting === 1);
    await stored.redis.hset(service.searches.toKey(first.searchId), 'stc', service.config.worker.maxRestarts);
    pageCall.release();
    const { error } = await service.producer.waitFor(first.searchId, PROMPTLY);
    expect(error?.code).to.equal('crashed-worker');
    const { searchId } = await service.producer.enqueue(request);
    await expectOwnResult(await service.producer.waitFor(searchId, PROMPTLY), 2);
  });
});

describe('a search with maxAge', () => {
  const service = useService();
  const request = { query: 'phone case', maxItems: 50 };

  it('is answered by one that ended less than maxAge ago, and not by one that ended longer ago', async () => {
    // With a track it takes no pages of another search.
    const tracked = { ...request, track: 'cases' };
    await service.search(tracked);
    const ended = Date.now();
    const young = await service.search({ ...tracked, maxAge: 60 });
    expect(young.summary).to.deep.include({ outcome: 'complete', calls: 0 });
    await waitFor('the end to be older than a second', () => Date.now() - ended > 1100);
    const old = await service.search({ ...tracked, maxAge: 1 });
    expect(old.summary).to.deep.include({ outcome: 'complete', calls: 1 });
    expect(service.calledOffsets()).to.deep.equal([0, 0]);
  });

  it('is not answered by one whose pages have expired', async () => {
    const first = await service.search(request);
    const stored = new StoredJobs(service.config.redis.url);
    await stored.redis.del(await resultsKey(service.searches, first.searchId));
    stored.close();
    const second = await service.search({ ...request, maxAge: 3600 });
    expect(second.summary).to.deep.include({ outcome: 'complete', calls: 1 });
  });

  it('is not answered by one that lacks a page', async () => {
    const deep = { ...request, maxItems: 250, onFailure: 'degrade' as const };
    service.simulator.controls.arm({ fault: 'status', status: 400, on: { offset: 200 }, count: 1 });
    const first = await service.search(deep);
    expect(first.summary?.outcome).to.equal('partial');
    const second = await service.search({ ...deep, maxAge: 60 });
    expect(second.summary).to.deep.include({ outcome: 'complete', calls: 2 });
  });
});
