import { expect } from 'chai';
import type { PageAnswer } from '../../../src/collector/answers.ts';
import type { PageCall } from '../../../src/collector/collector.ts';
import { around, usePause } from '../../support/pause.ts';
import { useService } from '../../support/service.ts';
import { resultsKey, StoredJobs } from '../../support/storedJobs.ts';
import { waitFor } from '../../support/waitFor.ts';

const TTL_S = 60;
const PROMPTLY = { timeoutMs: 10_000 };

describe('what a search has collected', () => {
  const pageCall = usePause<PageCall>();
  const pageAnswer = usePause<PageCall>();
  let adapted: (answer: PageAnswer) => PageAnswer;
  let afterStore: () => Promise<unknown>;
  /** Answers of pages that were brought to the store. */
  let stores = 0;
  const service = useService(
    {
      RESULTS_TTL: String(TTL_S),
      EBAY_CALL_TIMEOUT: '1',
      EBAY_CONNECT_TIMEOUT: '1',
      WORKER_LOCK_DURATION: '1',
      WORKER_STALLED_INTERVAL: '0.2',
    },
    {},
    {
      adapt: (context) => ({
        ...context,
        collector: around(context.collector, {
          async collectPage(call) {
            await pageCall.pass(call);
            const answer = adapted(await context.collector.collectPage(call));
            await pageAnswer.pass(call);
            return answer;
          },
        }),
        store: around(context.store, {
          async step(...args) {
            const after = await context.store.step(...args);
            if (!Object.keys(args[1].answer).some((field) => /^\d+$/.test(field))) return after;
            stores += 1;
            await afterStore();
            return after;
          },
        }),
      }),
    },
  );
  let stored: StoredJobs;
  beforeEach(() => {
    adapted = (answer) => answer;
    afterStore = async () => undefined;
    stores = 0;
    stored = new StoredJobs(service.config.redis.url);
  });
  afterEach(() => stored.close());

  const request = { query: 'phone case', maxItems: 400 };
  const second = ({ offset }: PageCall) => offset === 200;
  const ended = (searchId: string) => service.producer.waitFor(searchId, PROMPTLY);

  /** A search whose second page is held before its call, and the key of its results. */
  async function halfWay(): Promise<{ searchId: string; key: string }> {
    pageCall.hold(second);
    const { searchId } = await service.producer.enqueue(request);
    await waitFor('the second page', () => pageCall.waiting === 1);
    return { searchId, key: await resultsKey(service.searches, searchId) };
  }

  it('ends RESULTS_TTL after the first answer, however late the last one comes', async () => {
    const { searchId, key } = await halfWay();
    expect(await stored.redis.pttl(key)).to.be.within((TTL_S - 20) * 1000, TTL_S * 1000);
    // As if half of its time had passed.
    await stored.redis.pexpire(key, (TTL_S / 2) * 1000);
    pageCall.release();
    const { summary } = await ended(searchId);
    expect(summary).to.deep.include({ outcome: 'complete', pages: 2 });
    expect(await stored.redis.pttl(key)).to.be.within(1, (TTL_S / 2) * 1000);
    expect(Date.parse(summary?.expiresAt ?? '')).to.be.at.most(Date.now() + (TTL_S / 2) * 1000);
  });

  it('ends RESULTS_TTL after the first answer also when details follow', async () => {
    pageCall.hold();
    const { searchId } = await service.producer.enqueue({ ...request, maxItems: 2, details: 'full' });
    await waitFor('the page', () => pageCall.waiting === 1);
    const key = await resultsKey(service.searches, searchId);
    afterStore = () => stored.redis.pexpire(key, (TTL_S / 2) * 1000);
    pageCall.release();
    const { summary } = await ended(searchId);
    expect(summary).to.deep.include({ outcome: 'complete', calls: 3 });
    expect(await stored.redis.pttl(key)).to.be.within(1, (TTL_S / 2) * 1000);
  });

  it('is the first answer of each page, when a worker that lost its job comes with a second one', async () => {
    adapted = (answer) => ({ ...answer, products: answer.products.slice(0, 5) });
    pageAnswer.hold();
    const { searchId } = await service.producer.enqueue({ ...request, maxItems: 10 });
    await waitFor('the late answer', () => pageAnswer.waiting === 1);
    // The job's lock is lost, so that another run of the same job answers first.
    pageAnswer.hold(() => false);
    adapted = (answer) => answer;
    await waitFor('the search to end without the late answer', async () => {
      await stored.redis.del(`{ebay}:ebay-calls:${searchId}-r1-p1:lock`);
      return (await service.producer.get(searchId)).summary;
    });
    expect(await service.producer.products(searchId)).to.have.length(10);
    expect(stores).to.equal(1);
    pageAnswer.release();
    await waitFor('the late answer to be stored', () => stores === 2);
    expect(await service.producer.products(searchId)).to.have.length(10);
    // The late page starts the search once more.
    expect((await ended(searchId)).summary?.counts.products).to.equal(10);
  });

  it('is collected again by a new run when it expires before the search ends', async () => {
    const { searchId, key } = await halfWay();
    expect(await stored.redis.del(key)).to.equal(1);
    pageCall.release();
    const { summary } = await ended(searchId);
    expect(summary).to.deep.include({ outcome: 'complete', pages: 2 });
    expect(await service.producer.products(searchId)).to.have.length(400);
    expect(service.calledOffsets()).to.deep.equal([0, 200, 0]);
  });

  it('is not collected a third time when it expires again: the search fails, and says why', async () => {
    const { searchId, key } = await halfWay();
    await stored.redis.del(key);
    pageCall.release();
    pageCall.hold(({ offset }) => offset === 0);
    await waitFor('the second run', () => pageCall.waiting === 1);
    await stored.redis.del(key);
    pageCall.release();
    pageCall.hold(({ offset }) => offset === 200);
    await waitFor('its second page', () => pageCall.waiting === 1);
    await stored.redis.del(key);
    pageCall.release();
    const { error } = await ended(searchId);
    expect(error).to.include({ code: 'gave-up-waiting' });
    expect(error?.message).to.include('RESULTS_TTL');
    expect(service.calledOffsets()).to.deep.equal([0, 200, 0, 200]);
  });
});

describe('a search that needs longer than its result is kept', () => {
  const found = { query: 'phone case', maxItems: 60, details: 'full', detailsMaxAge: 0 } as const;

  describe('ends in its second run', () => {
    const service = useService({ RESULTS_TTL: '3', SEARCH_DEADLINE: '60', MIN_API_CALL_INTERVAL: '0.1' });

    it('with what it has, early enough to be read', async () => {
      const { searchId, summary } = await service.search(found);
      expect(summary?.outcome).to.equal('partial');
      expect(summary?.error).to.include({ code: 'gave-up-waiting' });
      expect(summary?.error?.message).to.include('RESULTS_TTL');
      // Two lives of a result and no more: the first whole, of the second one half.
      expect(service.simulator.controls.log({ kind: 'item' }).length).to.be.within(30, 55);
      expect(Date.parse(summary?.expiresAt ?? '') - Date.parse(summary?.finishedAt ?? '')).to.be.within(
        500,
        2000,
      );
      const products = await service.producer.products(searchId);
      const without = products.flatMap(({ itemId, details }) => (details === undefined ? [itemId] : []));
      expect(products).to.have.length(60);
      expect(without.length).to.be.within(30, 59);
      expect(summary?.missing.map(({ itemId }) => itemId)).to.have.members(without);
    });
  });
});
