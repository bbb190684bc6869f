import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Queue } from 'bullmq';
import { expect } from 'chai';
import { openEbay } from '../../src/app/client.ts';
import { quietLog } from '../../src/cli/commandSetup.ts';
import { setPace } from '../../src/queue/bullmq/queues.ts';
import { gaps, inFlight, rushed } from '../support/arrivals.ts';
import { deepSearch } from '../support/deepSearch.ts';
import { type Fleet, useFleet } from '../support/fleet.ts';
import { startTestRedis, useRedis } from '../support/redis.ts';
import { waitFor } from '../support/waitFor.ts';

const QUERY = 'watch';

describe('the fleet’s pace', function () {
  this.timeout(120_000);
  const redis = useRedis();
  const fleets = useFleet(redis, QUERY, 18);

  async function enqueue(fleet: Fleet, pages: number): Promise<string> {
    return (await fleet.producer.enqueue(deepSearch(QUERY, pages))).searchId;
  }

  async function outcome(fleet: Fleet, searchId: string) {
    const { summary, error } = await fleet.producer.waitFor(searchId, { timeoutMs: 60_000 });
    return summary?.outcome ?? error;
  }

  it('has calls of one deep search under way side by side, but its first page alone', async () => {
    const latencyMs = 400;
    const fleet = await fleets.start(2, { MIN_API_CALL_INTERVAL: '0.1' });
    await fleet.ebay.configure({ latencyMs });
    expect(await outcome(fleet, await enqueue(fleet, 18))).to.equal('complete');
    const calls = await fleet.calls();
    expect(new Set(calls.map(({ query }) => query.offset ?? '0')).size).to.equal(calls.length);
    expect(gaps(calls)[0]).to.be.at.least(latencyMs);
    expect(Math.max(...inFlight(calls, latencyMs))).to.be.within(3, 10);
    expect(rushed(calls, 100)).to.deep.equal([]);
  });

  it('makes one call for a deep search whose listing ends with its first page', async () => {
    const fleet = await fleets.start(2, { MIN_API_CALL_INTERVAL: '0.1' });
    await fleet.ebay.configure({ latencyMs: 300 });
    await fleet.ebay.addListing({ title: 'zqplumbus deluxe', price: '9.99' });
    const { searchId } = await fleet.producer.enqueue(deepSearch('zqplumbus', 18));
    expect(await outcome(fleet, searchId)).to.equal('complete');
    expect(await fleet.calls()).to.have.length(1);
  });

  it('follows an interval that changes while it runs, without a burst', async () => {
    const fleet = await fleets.start(2, { MIN_API_CALL_INTERVAL: '0.6' });
    const { gate, redis: connection, close } = openEbay(fleet.config, quietLog());
    const queue = new Queue('ebay-calls', { connection: redis.connect(), prefix: '{ebay}' });
    await waitFor('Redis', () => connection.ping().catch(() => undefined));
    const made = async () => (await fleet.calls()).length;
    /** What a worker does that starts with another interval. Resolves with the calls made before and after, and when. */
    const change = async (seconds: number) => {
      const before = await made();
      await gate.configure({ intervalMs: seconds * 1000, dailyLimit: 5000 });
      await setPace(queue, seconds);
      return { before, after: await made(), changedAt: Date.now() };
    };
    const arrived = (n: number) => waitFor(`${n} calls`, async () => (await made()) >= n, 60_000);

    const searches = [await enqueue(fleet, 18), await enqueue(fleet, 18)];
    await arrived(3);
    const faster = await change(0.1);
    await arrived(faster.after + 15);
    const slower = await change(0.6);
    await arrived(slower.after + 6);
    const calls = await fleet.calls();
    for (const searchId of searches) await fleet.producer.cancel(searchId);
    close();
    await queue.close();

    expect(rushed(calls.slice(0, faster.before), 600)).to.deep.equal([]);
    expect(rushed(calls.slice(faster.before, slower.after), 100)).to.deep.equal([]);
    // Two seconds are promised; calls that were on their way may be stamped late.
    const followed = calls.filter(({ time }) => time > slower.changedAt + 1000);
    expect(followed.length, 'calls at the last pace').to.be.at.least(3);
    expect(rushed(followed, 600)).to.deep.equal([]);
    const [first, last] = [calls[faster.after + 4], calls[faster.after + 14]];
    expect((last?.at ?? 0) - (first?.at ?? 0), 'ten gaps at the new pace').to.be.below(10 * 600);
  });

  it('pauses as long as a 429 says, all but the calls in flight, and charges no attempt', async () => {
    const fleet = await fleets.start(2, { MIN_API_CALL_INTERVAL: '0.1' });
    await fleet.ebay.arm({ fault: 'rate-limited', retryAfter: 2, skip: 4, count: 1 });
    const searches = await Promise.all([1, 2, 3].map(() => enqueue(fleet, 5)));
    for (const searchId of searches) expect(await outcome(fleet, searchId)).to.equal('complete');
    const calls = await fleet.calls();
    const throttled = calls.findIndex(({ status }) => status === 429);
    const pause = gaps(calls).findIndex((gap) => gap > 1500);
    expect(pause - throttled, 'calls that were in flight').to.be.within(0, 5);
    // The last call before the pause may have had its slot a lead (20 ms) before it left.
    expect(gaps(calls)[pause]).to.be.above(1900);
    expect(calls).to.have.length(16);

    const queue = new Queue('ebay-calls', { connection: redis.connect(), prefix: '{ebay}' });
    const pages = await queue.getCompleted(0, 50);
    await queue.close();
    expect(new Set(pages.map(({ attemptsMade }) => attemptsMade))).to.deep.equal(new Set([1]));
  });

  it('makes no call while Redis is stopped but those in flight, and goes on by itself with the count exact', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'dpf-redis-'));
    const persistent = ['--appendonly', 'yes', '--dir', folder];
    const own = await startTestRedis(persistent);
    const fleet = await fleets.start(2, { REDIS_URL: own.url, MIN_API_CALL_INTERVAL: '0.2' });
    const searchId = await enqueue(fleet, 18);
    await waitFor('calls', async () => (await fleet.calls()).length >= 4);
    await own.stop();
    const before = (await fleet.calls()).length;
    await Promise.all(fleet.workers.map((worker) => worker.waitForLine(/Redis connection failed/)));
    // They complain once a second: by then a fleet that called without counting would have made several calls.
    await Promise.all(
      fleet.workers.map((worker) => worker.waitForLine(/(Redis connection failed[\s\S]*){4}/)),
    );
    const during = (await fleet.calls()).length - before;
    const again = await startTestRedis(persistent, own.port);
    try {
      expect(await outcome(fleet, searchId)).to.equal('complete');
      const calls = await fleet.calls();
      expect(during, 'calls in flight').to.be.at.most(2);
      expect(rushed(calls, 200)).to.deep.equal([]);
      const { gate, redis: connection, close } = openEbay(fleet.config, quietLog());
      await waitFor('Redis', () => connection.ping().catch(() => undefined));
      expect((await gate.read()).used).to.equal(calls.length);
      close();
      await fleet.stop();
    } finally {
      await again.stop();
      await rm(folder, { recursive: true });
    }
  });
});
