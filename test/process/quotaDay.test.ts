import { expect } from 'chai';
import type { Priority } from '../../src/product/requestSchema.ts';
import { useFleet } from '../support/fleet.ts';
import { waitFor } from '../support/waitFor.ts';

const LIMIT = 20;

describe('a quota day over two workers', function () {
  this.timeout(120_000);
  const used = useFleet({
    query: 'phone case',
    pages: 18,
    env: { MIN_API_CALL_INTERVAL: '0.05', DAILY_CALL_LIMIT: String(LIMIT) },
    workers: [{}, {}],
  });

  async function enqueue(priority: Priority, pages: number): Promise<string> {
    const request = { query: 'phone case', maxItems: pages * 200, priority };
    return (await used.fleet.producer.enqueue(request)).searchId;
  }

  const isWaiting = (searchId: string) => async () => {
    const { state, progress } = await used.fleet.producer.get(searchId);
    return state === 'waiting' && progress?.reason === 'quota' ? progress : undefined;
  };

  const pagesUnderWay = () => used.pages.getJobCountByTypes('prioritized', 'waiting', 'delayed', 'active');

  /** Lines of the workers' logs that tell of a call which the gate turned away. */
  const refusals = () =>
    used.fleet.workers.flatMap(({ output }) => output.match(/"code":"(share-spent|gate-closed)"/g) ?? [])
      .length;

  it('makes no call that eBay would refuse, once a reconcile noticed that another program spends the quota', async () => {
    const { producer } = used.fleet;
    await used.beginDay(LIMIT);
    await producer.waitFor(await enqueue('interactive', 2), { timeoutMs: 30_000 });

    used.simulator.controls.quota({ remaining: 3 });
    await used.reconcile();
    const searchId = await enqueue('interactive', 18);
    await waitFor('the search to wait', isWaiting(searchId));
    await waitFor('the last answer', () => used.calls().filter(({ status }) => status !== null).length >= 5);
    // eBay itself counted down from 3 and never had to refuse one.
    expect(used.calls().map(({ status }) => status)).to.deep.equal([200, 200, 200, 200, 200]);
    expect(used.simulator.controls.quota()).to.include({ remaining: 0 });
    await producer.cancel(searchId);
    await waitFor('the end of its pages', async () => {
      // One that was added in the same moment waits as long as the queue is held, a minute at most, and makes no call.
      await used.pages.removeRateLimitKey();
      return (await pagesUnderWay()) === 0;
    });
    expect(used.calls()).to.have.length(5);
  });

  it('makes exactly the day’s calls, stops the classes in order, and finishes all after the reset with none failed', async () => {
    const { producer } = used.fleet;
    await used.beginDay(LIMIT);
    const startedAt = Date.now();
    await producer.waitFor(await enqueue('interactive', 5), { timeoutMs: 40_000 });
    // The reset must be far enough for a day's calls on this machine as busy as it is now, and be worth waiting for.
    await used.beginDay(LIMIT, 7 + ((Date.now() - startedAt) / 1000) * 4);
    used.simulator.controls.clearLog();
    const refusedBefore = refusals();

    // Each class wants more than it may have; the next one is asked for when the one before has stopped.
    const stoppedAt: number[] = [];
    const searches: string[] = [];
    for (const [priority, pages, upTo] of [
      ['backfill', 18, 0.7 * LIMIT],
      ['scheduled', 7, 0.9 * LIMIT],
      ['interactive', 5, LIMIT],
    ] as const) {
      const searchId = await enqueue(priority, pages);
      searches.push(searchId);
      const { until } = await waitFor(`${priority} to wait`, isWaiting(searchId), 30_000);
      expect(until, 'says until when').to.be.greaterThan(Date.now() - 1000);
      // The last one may still be on its way.
      await waitFor('the last call', () => used.calls().length >= upTo);
      stoppedAt.push(used.calls().length);
    }
    expect(stoppedAt).to.deep.equal([0.7 * LIMIT, 0.9 * LIMIT, LIMIT]);
    expect(refusals() - refusedBefore).to.be.at.most(await pagesUnderWay());

    const ends = await Promise.all(searches.map((id) => producer.waitFor(id, { timeoutMs: 90_000 })));
    expect(ends.map(({ summary, error }) => summary?.outcome ?? error)).to.deep.equal(
      searches.map(() => 'complete'),
    );
    const calls = used.calls();
    expect(calls).to.have.length(18 + 7 + 5);
    expect(new Set(calls.map(({ status }) => status))).to.deep.equal(new Set([200]));
  });
});
