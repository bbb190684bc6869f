import { fileURLToPath } from 'node:url';
import { Queue } from 'bullmq';
import { expect } from 'chai';
import { type Fleet, useFleet } from '../support/fleet.ts';
import { useRedis } from '../support/redis.ts';
import { waitFor } from '../support/waitFor.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 1440 * MINUTE_MS;
const WRONG = {
  'two days behind': -2 * DAY_MS,
  'two days ahead': 2 * DAY_MS,
  'ten minutes ahead': 10 * MINUTE_MS,
};
const WRONG_CLOCK = fileURLToPath(new URL('../support/wrongClock.js', import.meta.url));

/** The environment of a process whose clock is wrong. */
const clock = (aheadMs: number, jumpMs = 0) => ({
  NODE_OPTIONS: `--import=${WRONG_CLOCK}`,
  WRONG_CLOCK_MS: String(aheadMs),
  WRONG_CLOCK_JUMP_MS: String(jumpMs),
});

/** Instants that processes with right clocks would write now. */
const isNow = (iso: string | null | undefined, plusMs = 0) =>
  expect(Date.parse(iso ?? '') - plusMs, String(iso)).to.be.closeTo(Date.now(), MINUTE_MS);

describe('workers whose clocks are wrong', function () {
  this.timeout(60_000);
  const redis = useRedis();
  const fleets = useFleet(redis, 'watch', 10);

  /** One worker with a right clock, and one for each wrong one. @param dailyLimit of calls, here and at eBay */
  async function mixed(env: Record<string, string>, dailyLimit = 1_000_000): Promise<Fleet> {
    const fleet = await fleets.start(0, { ...env, DAILY_CALL_LIMIT: String(dailyLimit) });
    await fleet.freshDay(dailyLimit);
    await fleet.addWorkers(1);
    for (const aheadMs of Object.values(WRONG)) await fleet.addWorkers(1, clock(aheadMs));
    return fleet;
  }

  const search = async ({ producer }: Fleet, pages: number) =>
    (await producer.enqueue({ query: 'watch', maxItems: pages * 200, maxAge: 0 })).searchId;

  const isWaiting = ({ producer }: Fleet, searchId: string) =>
    waitFor('the search to wait for the day’s end', async () => {
      const { state, progress } = await producer.get(searchId);
      if (state === 'done') throw new Error('it gave up');
      return state === 'waiting' && progress?.reason === 'quota';
    });

  /** The calls of the day, once the last of them has arrived. */
  async function callsOf(fleet: Fleet, limit: number) {
    await waitFor('the last call', async () => (await fleet.calls()).length >= limit);
    return fleet.calls();
  }

  it('make no call beyond the day’s limit, and remove nothing that others have finished', async () => {
    const fleet = await mixed({ MIN_API_CALL_INTERVAL: '0' }, 30);
    const ended: string[] = [];
    for (let i = 0; i < 12; i++) {
      ended.push(await search(fleet, 2));
      await fleet.producer.waitFor(ended.at(-1) as string, { timeoutMs: 20_000 });
    }
    await isWaiting(fleet, await search(fleet, 10));
    expect(await callsOf(fleet, 30)).to.have.length(30);
    for (const searchId of ended)
      expect((await fleet.producer.get(searchId)).summary?.outcome).to.equal('complete');
    const [last] = await fleet.producer.products(ended[0] as string);
    isNow(last?.observedAt);
  });

  for (const [title, aheadMs] of Object.entries(WRONG))
    it(`leave a search waiting that can go on tomorrow, and write the right times: ${title}`, async () => {
      const fleet = await fleets.start(0, { MIN_API_CALL_INTERVAL: '0', DAILY_CALL_LIMIT: '3' });
      await fleet.freshDay(3);
      await fleet.addWorkers(1, clock(aheadMs));
      const { summary } = await fleet.producer.waitFor(await search(fleet, 1), { timeoutMs: 20_000 });
      isNow(summary?.startedAt);
      isNow(summary?.finishedAt);
      isNow(summary?.expiresAt, fleet.config.search.resultsTtl * 1000);
      await isWaiting(fleet, await search(fleet, 5));
      const { progress } = await fleet.producer.get(await search(fleet, 5));
      expect(progress === null || (progress.until ?? 0) < Date.now() + 26 * 60 * MINUTE_MS).to.equal(true);
      expect(await callsOf(fleet, 3)).to.have.length(3);
    });

  for (const days of [-20, 20])
    it(`leave a search waiting whose producer’s clock is ${days} days ahead`, async () => {
      const fleet = await mixed({ MIN_API_CALL_INTERVAL: '0' }, 1);
      const queue = new Queue('ebay-search', { connection: redis.connect(), prefix: '{ebay}' });
      const timestamp = Date.now() + days * DAY_MS;
      const { id = '' } = await queue.add('search', { query: 'watch', maxItems: 600 }, { timestamp });
      await queue.close();
      const written = () => fleet.workers.map(({ output }) => output).join('');
      await waitFor('its second page', () => /"message":"page (deferred|failed)"/.test(written()));
      expect(written()).not.to.include('page failed');
      await isWaiting(fleet, id);
      expect(await callsOf(fleet, 1)).to.have.length(1);
    });

  it('run a schedule at its times, each once and in order', async () => {
    const fleet = await mixed({ MIN_API_CALL_INTERVAL: '0', SCHEDULE_MIN_INTERVAL: '2' });
    const request = { query: 'watch', maxItems: 1, maxAge: 0 };
    await fleet.producer.schedule.add({ name: 'tick', every: 2, limit: 4, request });
    const { lastRuns } = await waitFor(
      'the last run',
      async () => {
        const report = await fleet.producer.schedule.get('tick');
        return report.state === 'done' && report.lastRuns[0]?.outcome != null ? report : undefined;
      },
      40_000,
    );
    isNow(lastRuns[0]?.at);
    const runs = lastRuns.toReversed().map(({ at, outcome }) => ({ due: Date.parse(at), outcome }));
    const first = runs[0]?.due ?? 0;
    expect(runs.map(({ due }) => due)).to.deep.equal([0, 1, 2, 3].map((n) => first + 2000 * n));
    // A busy machine may be late, and skips a run while the one before is under way.
    const calling = runs.filter(({ outcome }) => outcome !== 'skipped');
    const calls = await fleet.calls();
    expect(calls).to.have.length(calling.length);
    for (const [index, { due }] of calling.entries())
      expect(calls[index]?.time).to.be.within(due - 100, due + 4000);
  });

  it('leave a call that failed delayed until its next attempt is due', async () => {
    const fleet = await mixed({ MIN_API_CALL_INTERVAL: '0', PAGE_BACKOFF: '2' });
    await fleet.ebay.arm({ fault: 'status', status: 500, count: 1 });
    await fleet.producer.waitFor(await search(fleet, 1), { timeoutMs: 20_000 });
    const [first, second, ...others] = await fleet.calls();
    expect(others).to.deep.equal([]);
    // BullMQ takes up to half of the wait off at random.
    expect((second?.time ?? 0) - (first?.time ?? 0)).to.be.within(1000, 10_000);
  });

  for (const [title, aheadMs, jumpMs] of [
    ['two days behind', -2 * DAY_MS, 0],
    ['set back an hour meanwhile', 0, -60 * MINUTE_MS],
  ] as const)
    it(`keep a call that takes longer than the lock of its job: ${title}`, async () => {
      const fleet = await fleets.start(0, {
        MIN_API_CALL_INTERVAL: '0',
        WORKER_LOCK_DURATION: '2',
        WORKER_STALLED_INTERVAL: '0.5',
        EBAY_CALL_TIMEOUT: '1.9',
      });
      const [worker] = await fleet.addWorkers(1, clock(aheadMs, jumpMs));
      // An attempt is shorter than the lock, and this call makes two of them.
      await fleet.ebay.configure({ latencyMs: 1700 });
      await fleet.ebay.arm({ fault: 'status', status: 503, count: 1 });
      const searchId = await search(fleet, 1);
      await waitFor('the call', async () => (await fleet.calls()).length > 0);
      await fleet.addWorkers(1);
      if (jumpMs !== 0) {
        worker?.signal('SIGUSR2');
        await worker?.waitForLine(/the clock was set/);
      }
      const { summary } = await fleet.producer.waitFor(searchId, { timeoutMs: 20_000 });
      expect(summary?.outcome).to.equal('complete');
      expect((await fleet.calls()).map(({ status }) => status)).to.deep.equal([503, 200]);
      expect(fleet.workers.map(({ output }) => output).join('')).not.to.include('stalled job');
    });
});
