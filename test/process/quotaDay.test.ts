import { Queue } from 'bullmq';
import { expect } from 'chai';
import { openEbay } from '../../src/app/client.ts';
import { quietLog } from '../../src/cli/commandSetup.ts';
import type { Priority } from '../../src/product/requestSchema.ts';
import { type Fleet, useFleet } from '../support/fleet.ts';
import { useRedis } from '../support/redis.ts';
import { waitFor } from '../support/waitFor.ts';

const LIMIT = 20;

describe('a quota day over two workers', function () {
  this.timeout(120_000);
  const redis = useRedis();
  const fleets = useFleet(redis, 'watch', 18);

  /** Compares the gate's ledger with eBay's own count, as one process of the fleet does now and then. */
  async function reconcile(fleet: Fleet): Promise<void> {
    const { gate, client, redis: connection, close } = openEbay(fleet.config, quietLog());
    await waitFor('Redis', () => connection.ping().catch(() => undefined));
    // A worker may be asking at the same time: whose question brings the figures does not matter.
    await client.reconcile();
    const { limit, remaining } = await fleet.ebay.quota();
    expect(await gate.read()).to.include({ limit, remaining });
    close();
  }

  async function enqueue(fleet: Fleet, priority: Priority, pages: number): Promise<string> {
    const request = { query: 'watch', maxItems: pages * 200, priority };
    return (await fleet.producer.enqueue(request)).searchId;
  }

  const isWaiting = (fleet: Fleet, searchId: string) => async () => {
    const { state, progress } = await fleet.producer.get(searchId);
    return state === 'waiting' && progress?.reason === 'quota' ? progress : undefined;
  };

  async function pagesUnderWay(): Promise<number> {
    const queue = new Queue('ebay-calls', { connection: redis.connect(), prefix: '{ebay}' });
    const unfinished = await queue.getJobCountByTypes('prioritized', 'waiting', 'delayed', 'active');
    await queue.close();
    return unfinished;
  }

  /** Lines of the workers' logs that tell of a call which the gate turned away. */
  const refusals = (fleet: Fleet) =>
    fleet.workers.flatMap(({ output }) => output.match(/"code":"(share-spent|gate-closed)"/g) ?? []).length;

  it('makes exactly the day’s calls, stops the classes in order, and finishes all after the reset with none failed', async () => {
    const env = { MIN_API_CALL_INTERVAL: '0.05', DAILY_CALL_LIMIT: String(LIMIT) };
    const fleet = await fleets.start(2, env);
    const startedAt = Date.now();
    await fleet.producer.waitFor(await enqueue(fleet, 'interactive', 5), { timeoutMs: 40_000 });
    // The reset must be far enough for a day's calls on this machine as busy as it is now, and be worth waiting for.
    await fleet.freshDay(LIMIT, 7 + ((Date.now() - startedAt) / 1000) * 4);
    await fleet.ebay.clearLog();
    await reconcile(fleet);

    // Each class wants more than it may have; the next one is asked for when the one before has stopped.
    const stoppedAt: number[] = [];
    const searches: string[] = [];
    for (const [priority, pages, upTo] of [
      ['backfill', 18, 0.7 * LIMIT],
      ['scheduled', 7, 0.9 * LIMIT],
      ['interactive', 5, LIMIT],
    ] as const) {
      const searchId = await enqueue(fleet, priority, pages);
      searches.push(searchId);
      const { until } = await waitFor(`${priority} to wait`, isWaiting(fleet, searchId), 30_000);
      expect(until, 'says until when').to.be.greaterThan(Date.now() - 1000);
      // The last one may still be on its way.
      await waitFor('the last call', async () => (await fleet.calls()).length >= upTo);
      stoppedAt.push((await fleet.calls()).length);
    }
    expect(stoppedAt).to.deep.equal([0.7 * LIMIT, 0.9 * LIMIT, LIMIT]);
    expect(refusals(fleet)).to.be.at.most(await pagesUnderWay());

    const ends = await Promise.all(searches.map((id) => fleet.producer.waitFor(id, { timeoutMs: 90_000 })));
    expect(ends.map(({ summary, error }) => summary?.outcome ?? error)).to.deep.equal(
      searches.map(() => 'complete'),
    );
    const calls = await fleet.calls();
    expect(calls).to.have.length(18 + 7 + 5);
    expect(new Set(calls.map(({ status }) => status))).to.deep.equal(new Set([200]));
  });

  it('makes no call that eBay would refuse, once a reconcile noticed that another program spends the quota', async () => {
    const fleet = await fleets.start(2, { MIN_API_CALL_INTERVAL: '0.05', DAILY_CALL_LIMIT: '1000' });
    await fleet.freshDay(1000);
    await reconcile(fleet);
    await fleet.producer.waitFor(await enqueue(fleet, 'interactive', 2), { timeoutMs: 30_000 });

    await fleet.ebay.quota({ remaining: 3 });
    await reconcile(fleet);
    const searchId = await enqueue(fleet, 'interactive', 18);
    await waitFor('the search to wait', isWaiting(fleet, searchId));
    await waitFor('the last call', async () => (await fleet.calls()).length >= 5);
    // eBay itself counted down from 3 and never had to refuse one.
    expect((await fleet.calls()).map(({ status }) => status)).to.deep.equal([200, 200, 200, 200, 200]);
    expect(await fleet.ebay.quota()).to.include({ remaining: 0 });
  });
});
