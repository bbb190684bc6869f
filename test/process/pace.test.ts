import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { gaps, inFlight, rushed } from '../support/arrivals.ts';
import { deepSearch } from '../support/deepSearch.ts';
import { useFleet } from '../support/fleet.ts';
import { LONG } from '../support/long.ts';
import { waitFor } from '../support/waitFor.ts';

const QUERY = 'phone case';
/** Of a deep search. */
const PAGES = LONG ? 18 : 10;
const INTERVAL_MS = 300;
/** How late an arrival may be stamped on a busy machine: less than two calls without a slot gain. */
const LATE_MS = 2 * INTERVAL_MS;

/** The same two workers in all tests: the last one stops their Redis. */
describe('the fleet’s pace', function () {
  this.timeout(120_000);
  const folder = mkdtempSync(join(tmpdir(), 'dpf-redis-'));
  const used = useFleet({
    query: QUERY,
    pages: PAGES,
    env: { MIN_API_CALL_INTERVAL: String(INTERVAL_MS / 1000) },
    workers: [{}, {}],
    redisArgs: ['--appendonly', 'yes', '--dir', folder],
  });
  after(() => rm(folder, { recursive: true }));

  async function enqueue(pages: number): Promise<string> {
    return (await used.fleet.producer.enqueue(deepSearch(QUERY, pages))).searchId;
  }

  async function outcome(searchId: string) {
    const { summary, error } = await used.fleet.producer.waitFor(searchId, { timeoutMs: 60_000 });
    return summary?.outcome ?? error;
  }

  it('has calls of one deep search under way side by side, but its first page alone', async () => {
    const latencyMs = 4 * INTERVAL_MS;
    used.simulator.controls.configure({ latencyMs });
    expect(await outcome(await enqueue(PAGES))).to.equal('complete');
    const calls = used.calls();
    expect(calls).to.have.length(PAGES);
    expect(new Set(calls.map(({ query }) => query.offset ?? '0')).size).to.equal(calls.length);
    expect(gaps(calls)[0]).to.be.at.least(latencyMs);
    expect(Math.max(...inFlight(calls, latencyMs))).to.be.within(3, 10);
    expect(rushed(calls, INTERVAL_MS, LATE_MS)).to.deep.equal([]);
  });

  it('makes one call for a deep search whose listing ends with its first page', async () => {
    used.simulator.controls.configure({ latencyMs: INTERVAL_MS });
    used.simulator.controls.addListing({ title: 'zqplumbus deluxe', price: '9.99' });
    const { searchId } = await used.fleet.producer.enqueue(deepSearch('zqplumbus', 18));
    expect(await outcome(searchId)).to.equal('complete');
    expect(used.calls()).to.have.length(1);
  });

  it('pauses as long as a 429 says, all but the calls in flight, and charges no attempt', async () => {
    used.simulator.controls.arm({ fault: 'rate-limited', retryAfter: 2, skip: 4, count: 1 });
    const searches = await Promise.all([1, 2, 3].map(() => enqueue(5)));
    for (const searchId of searches) expect(await outcome(searchId)).to.equal('complete');
    const calls = used.calls();
    const throttled = calls.findIndex(({ status }) => status === 429);
    const pause = gaps(calls).findIndex((gap, index) => index >= throttled && gap > 1500);
    expect(pause - throttled, 'calls that were in flight').to.be.within(0, 5);
    // The last call before the pause may have had its slot a lead (20 ms) before it left.
    expect(gaps(calls)[pause]).to.be.above(1900);
    expect(calls).to.have.length(16);

    const pages = await used.pages.getCompleted(0, 50);
    expect(pages).to.have.length.of.at.least(15);
    expect(new Set(pages.map(({ attemptsMade }) => attemptsMade))).to.deep.equal(new Set([1]));
  });

  it('follows an interval that changes while it runs, without a burst', async () => {
    const slowMs = 3 * INTERVAL_MS;
    const made = () => used.calls().length;
    /** What a worker does that starts with another interval. Resolves with the calls made before and after, and when. */
    const change = async (ms: number) => {
      const before = made();
      await used.setInterval(ms / 1000);
      return { before, after: made(), changedAt: Date.now() };
    };
    const arrived = (n: number) => waitFor(`${n} calls`, () => made() >= n, 60_000);

    await used.setInterval(slowMs / 1000);
    const searches = await Promise.all(Array.from({ length: 4 }, () => enqueue(10)));
    await arrived(3);
    const faster = await change(INTERVAL_MS);
    await arrived(faster.after + 15);
    const slower = await change(slowMs);
    await arrived(slower.after + 6);
    const calls = used.calls();
    for (const searchId of searches) await used.fleet.producer.cancel(searchId);
    await used.setInterval(INTERVAL_MS / 1000);

    expect(rushed(calls.slice(0, faster.before), slowMs)).to.deep.equal([]);
    expect(rushed(calls.slice(faster.before, slower.after), INTERVAL_MS, LATE_MS)).to.deep.equal([]);
    // Two seconds are promised; calls that were on their way may be stamped late.
    const followed = calls.filter(({ time }) => time > slower.changedAt + 1000);
    expect(followed.length, 'calls at the last pace').to.be.at.least(3);
    expect(rushed(followed, slowMs)).to.deep.equal([]);
    const [first, last] = [calls[faster.after + 4], calls[faster.after + 14]];
    expect((last?.at ?? 0) - (first?.at ?? 0), 'ten gaps at the new pace').to.be.below(10 * slowMs);
  });

  it('makes no call while Redis is stopped but those in flight, and goes on by itself with the count exact', async () => {
    const { workers } = used.fleet;
    const counted = await used.counted();
    const searchId = await enqueue(10);
    await waitFor('calls', () => used.calls().length >= 4);
    const written = workers.map(({ output }) => output.length);
    await used.stopRedis();
    const before = used.calls().length;
    // They complain once a second: by the fourth time a fleet that called without counting would have made several calls.
    await waitFor('complaints', () =>
      workers.every(
        ({ output }, index) => output.slice(written[index]).split('Redis connection failed').length > 4,
      ),
    );
    const during = used.calls().length - before;
    await used.startRedis();
    expect(await outcome(searchId)).to.equal('complete');
    const calls = used.calls();
    expect(during, 'calls in flight').to.be.at.most(2);
    expect(rushed(calls, INTERVAL_MS, LATE_MS)).to.deep.equal([]);
    // Each slot is counted, so this finds a single call without one.
    expect((await used.counted()) - counted).to.equal(calls.length);
  });
});
