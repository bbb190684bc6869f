import { expect } from 'chai';
import { openEbay } from '../../../src/app/client.ts';
import { quietLog } from '../../../src/cli/commandSetup.ts';
import type { ItemCall, PageCall } from '../../../src/collector/collector.ts';
import { takeOverQuota } from '../../support/ebayClient.ts';
import { around, pausedCollector, usePause } from '../../support/pause.ts';
import { useService } from '../../support/service.ts';
import { waitFor } from '../../support/waitFor.ts';

const PROMPTLY = { timeoutMs: 10_000 };

describe('a call of a search', () => {
  const pageCall = usePause<PageCall>();
  const itemCall = usePause<ItemCall>();
  /** Held when the job of a page or an item looks whether its search was cancelled. */
  const look = usePause();
  /** Held when a search asks whether its class may call now. */
  const admission = usePause();
  const service = useService(
    { PAGE_ATTEMPTS: '1', EBAY_QUICK_RETRY_DELAY: '0' },
    // More pages than a search has under way at once.
    { catalogueScale: 0.3 },
    {
      adapt: (context) => ({
        ...context,
        collector: pausedCollector(context.collector, { page: pageCall, details: itemCall }),
        store: around(context.store, {
          async look(...args) {
            await look.pass(undefined);
            return context.store.look(...args);
          },
        }),
        admission: around(context.admission, {
          async closedFor(callClass) {
            const closed = await context.admission.closedFor(callClass);
            await admission.pass(undefined);
            return closed;
          },
        }),
      }),
    },
  );
  const at = (offset: number) => (call: PageCall) => call.offset === offset;
  const ended = (searchId: string) => service.producer.waitFor(searchId, PROMPTLY);
  const callsAt = (offset: number) => service.calledOffsets().filter((each) => each === offset);
  const job = (id: string) => waitFor(`job ${id}`, () => service.calls.getJob(id));

  it('is not made when the search is cancelled just after the job of its page has started', async () => {
    look.hold();
    const { searchId } = await service.producer.enqueue({ query: 'phone case', maxItems: 10 });
    await waitFor('the job of the page', () => look.waiting === 1);
    expect(await service.producer.cancel(searchId)).to.equal(true);
    look.release();
    const { summary } = await ended(searchId);
    expect(summary).to.deep.include({ outcome: 'cancelled', calls: 0, pages: 0 });
    expect(service.calledOffsets()).to.deep.equal([]);
  });

  it('is not made when the search is cancelled just after the job of its item has started', async () => {
    pageCall.hold();
    const { searchId } = await service.producer.enqueue({
      query: 'phone case',
      maxItems: 1,
      details: 'full',
    });
    await waitFor('the call', () => pageCall.waiting === 1);
    look.hold();
    pageCall.release();
    await waitFor('the job of the details', () => look.waiting === 1);
    expect(await service.producer.cancel(searchId)).to.equal(true);
    look.release();
    const { summary } = await ended(searchId);
    expect(summary).to.deep.include({ outcome: 'cancelled', calls: 1, pages: 1 });
    expect(service.simulator.controls.log({ kind: 'item' })).to.deep.equal([]);
  });

  describe('after the end of the quota', () => {
    /** The gate knows of it: a call that it turns away holds the calls queue for a minute, and classes are closed. */
    async function spendQuota(): Promise<void> {
      service.simulator.controls.quota({ remaining: 0, resetInS: 3600 });
      const ebay = openEbay(service.config, quietLog());
      await waitFor('Redis', () => ebay.redis.ping().catch(() => undefined));
      await takeOverQuota(ebay, service.simulator);
      ebay.close();
    }
    afterEach(() => service.simulator.controls.quota({ used: 0, resetInS: 86_400 }));

    it('does not hold up a search that was cancelled just before the call was turned away', async () => {
      pageCall.hold(({ request }) => request.maxItems === 10);
      const { searchId } = await service.producer.enqueue({ query: 'phone case', maxItems: 10 });
      await waitFor('the call', () => pageCall.waiting === 1);
      await spendQuota();
      expect(await service.producer.cancel(searchId)).to.equal(true);
      pageCall.release();
      const { summary } = await ended(searchId);
      expect(summary).to.deep.include({ outcome: 'cancelled', calls: 0 });
    });

    it('does not hold up a search that was cancelled just before it was put aside', async () => {
      await spendQuota();
      admission.hold();
      const { searchId } = await service.producer.enqueue({ query: 'phone case', maxItems: 10 });
      await waitFor('the question whether it may call', () => admission.waiting === 1);
      expect(await service.producer.cancel(searchId)).to.equal(true);
      admission.release();
      const { summary } = await ended(searchId);
      expect(summary).to.deep.include({ outcome: 'cancelled', calls: 0 });
    });
  });

  it('is made at once where another program has added it to begin in an hour', async () => {
    pageCall.hold(at(0));
    const { searchId } = await service.producer.enqueue({ query: 'phone case', maxItems: 400 });
    await waitFor('the first page', () => pageCall.waiting === 1);
    const { data, opts } = await job(`${searchId}-r1-p1`);
    const { priority, parent } = opts;
    const delayed = { jobId: `${searchId}-r1-p2`, priority, parent, delay: 3_600_000 };
    await service.calls.add('page', { ...data, page: 2, offset: 200 }, delayed);
    pageCall.release();
    const { summary } = await ended(searchId);
    expect(summary).to.deep.include({ outcome: 'complete', calls: 2, pages: 2 });
  });

  it('is left alone by the page before it, which runs again', async () => {
    pageCall.hold(at(200));
    const { searchId } = await service.producer.enqueue({ query: 'phone case', maxItems: 400 });
    await waitFor('the second page', () => pageCall.waiting === 1);
    const completed = async (least: number) => {
      const { finishedOn = 0, returnvalue } = await job(`${searchId}-r1-p1`);
      return returnvalue && finishedOn >= least ? finishedOn : undefined;
    };
    const before = await waitFor('the first page', () => completed(1));
    // As the dashboard does.
    await (await job(`${searchId}-r1-p1`)).retry('completed');
    await waitFor('the first page again', () => completed(before + 1));
    pageCall.release();
    const { summary } = await ended(searchId);
    expect(summary).to.deep.include({ outcome: 'complete', calls: 2, pages: 2 });
    expect(callsAt(200)).to.have.length(1);
  });

  it('is made once when two pages add it, and neither of them fails', async () => {
    pageCall.hold(at(400));
    const { searchId } = await service.producer.enqueue({ query: 'phone case', maxItems: 600 });
    await waitFor('the last page to be under way', () => pageCall.waiting === 1);
    // The second page has ended and has asked for the third one, as the first one has.
    await waitFor('the second page', async () => {
      const state = await service.calls.getJobState(`${searchId}-r1-p2`);
      return state === 'completed' || state === 'failed';
    });
    pageCall.release();
    const { summary } = await ended(searchId);
    expect(summary).to.deep.include({ outcome: 'complete', calls: 3, pages: 3 });
    expect(await service.calls.getFailed()).to.deep.equal([]);
    expect(await service.calls.getCompletedCount()).to.equal(3);
  });

  it('is made for the present search only, when an earlier one of the same id has left its page behind', async () => {
    const add = () =>
      service.searches.add('search', { query: 'phone case', maxItems: 10 }, { jobId: 'mine' });
    await service.calls.pause();
    const first = await add();
    await waitFor('the search to wait for its page', () => first.isWaitingChildren());
    await first.remove({ removeChildren: false });
    const second = await add();
    await waitFor(
      'the page of the second search',
      async () => (await service.calls.getJob('mine-r1-p1'))?.data.search.timestamp === second.timestamp,
    );
    await service.calls.resume();
    const { summary } = await ended('mine');
    expect(summary).to.deep.include({ outcome: 'complete', calls: 1 });
    expect(service.calledOffsets()).to.deep.equal([0]);
  });

  it('is not added for a marketplace whose earlier page has failed', async () => {
    service.simulator.controls.arm({ fault: 'status', status: 400, on: { offset: 200 } });
    pageCall.hold(({ offset }) => offset > 200);
    const { searchId } = await service.producer.enqueue({ query: 'phone case', maxItems: 3000 });
    await waitFor(
      'the second page to fail',
      async () => (await service.calls.getJobState(`${searchId}-r1-p2`)) === 'failed',
    );
    pageCall.release();
    const { summary } = await ended(searchId);
    // The pages that were under way are stored, for a retry. Those of the result end where one has failed.
    expect(summary).to.deep.include({ outcome: 'partial', pages: 1, calls: 11 });
    expect(service.calledOffsets().filter((offset) => offset > 2000)).to.deep.equal([]);
  });

  it('is not added by a page of an earlier run', async () => {
    // Newest first with a track, one page is under way at a time: the first run ends without a third page.
    const fault = service.simulator.controls.arm({ fault: 'status', status: 500, on: { offset: 200 } });
    const { searchId, summary } = await service.search({
      query: 'phone case',
      maxItems: 600,
      sort: 'newlyListed',
      track: 'newest',
    });
    expect(summary).to.deep.include({ outcome: 'partial', pages: 1 });
    service.simulator.controls.clear(fault);
    service.simulator.controls.clearLog();

    pageCall.hold(({ ids }) => ids?.run === 2);
    await service.producer.retry(searchId);
    await waitFor('the page of the second run', () => pageCall.waiting === 1);
    // As the dashboard does.
    await (await job(`${searchId}-r1-p2`)).retry('failed');
    await waitFor(
      'the page of the first run',
      async () => (await service.calls.getJobState(`${searchId}-r1-p2`)) === 'completed',
    );
    expect(await service.calls.getJob(`${searchId}-r1-p3`)).to.equal(undefined);
    pageCall.release();
    await waitFor(
      'the end',
      async () => (await service.producer.get(searchId)).summary?.outcome === 'complete',
    );
    expect(callsAt(400)).to.have.length(1);
    expect(await service.producer.products(searchId)).to.have.length(600);
  });
});
