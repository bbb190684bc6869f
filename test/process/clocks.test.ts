import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { openProducer } from '../../src/app/producer.ts';
import { quietLog } from '../../src/cli/commandSetup.ts';
import type { SearchProducer } from '../../src/queue/producer.ts';
import { DEMO_CREDENTIALS } from '../../src/simulator/tokens.ts';
import { useFleet } from '../support/fleet.ts';
import { credentialOf } from '../support/tenants.ts';
import { waitFor } from '../support/waitFor.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 1440 * MINUTE_MS;
/** Each serves a tenant that no other worker serves. */
const WRONG = [
  { title: 'two days behind', aheadMs: -2 * DAY_MS, tenant: 'behind' },
  { title: 'two days ahead', aheadMs: 2 * DAY_MS, tenant: 'ahead' },
  { title: 'ten minutes ahead', aheadMs: 10 * MINUTE_MS, tenant: 'a-little-ahead' },
];
const TENANT_CALLS = 3;
const WRONG_CLOCK = fileURLToPath(new URL('../support/wrongClock.js', import.meta.url));

/** The environment of a process whose clock is so far ahead, and is set back an hour by SIGUSR2. */
const clock = (aheadMs: number) => ({
  NODE_OPTIONS: `--import=${WRONG_CLOCK}`,
  WRONG_CLOCK_MS: String(aheadMs),
  WRONG_CLOCK_JUMP_MS: String(-60 * MINUTE_MS),
});

/** Instants that processes with right clocks would write now. */
const isNow = (iso: string | null | undefined, plusMs = 0) =>
  expect(Date.parse(iso ?? '') - plusMs, String(iso)).to.be.closeTo(Date.now(), MINUTE_MS);

/** All scenarios have the same workers: one with a right clock, and one for each wrong one. */
describe('workers whose clocks are wrong', function () {
  this.timeout(60_000);
  const used = useFleet({
    query: 'phone case',
    pages: 10,
    env: {
      MIN_API_CALL_INTERVAL: '0',
      SCHEDULE_MIN_INTERVAL: '2',
      PAGE_BACKOFF: '2',
      // Of four calls at once each worker has one.
      WORKER_CONCURRENCY: '1',
      // Long enough for a process on a busy machine, which one of the tests must wait for.
      WORKER_LOCK_DURATION: '8',
      WORKER_STALLED_INTERVAL: '0.5',
      EBAY_CALL_TIMEOUT: '7.5',
      CIRCUIT_MIN_CALLS: '1000000',
      // A busy machine answers late.
      REDIS_COMMAND_TIMEOUT: '10',
    },
    tenants: Object.fromEntries(WRONG.map(({ tenant }) => [tenant, { dailyCallLimit: TENANT_CALLS }])),
    workers: [
      { ...clock(0), WORKER_TENANTS: 'default' },
      ...WRONG.map(({ aheadMs, tenant }) => ({ ...clock(aheadMs), WORKER_TENANTS: `default,${tenant}` })),
    ],
  });
  const waiting: string[] = [];
  beforeEach(() => used.beginDay(1_000_000));
  afterEach(async () => {
    for (const searchId of waiting.splice(0)) await used.fleet.producer.cancel(searchId);
  });

  /** Each has a word of its own, so that none is the same as another. */
  let words = 0;
  const search = async (pages: number, producer = used.fleet.producer) => {
    words += 1;
    const title = { exclude: [`zq${words}`] };
    const request = { query: 'phone case', maxItems: pages * 200, maxAge: 0, title };
    return (await producer.enqueue(request)).searchId;
  };

  const isWaiting = (searchId: string, producer = used.fleet.producer) =>
    waitFor('the search to wait for the day’s end', async () => {
      // On a busy machine Redis may answer late.
      const report = await producer.get(searchId).catch(() => undefined);
      if (report?.state === 'done') throw new Error('it gave up');
      return report?.state === 'waiting' && report.progress?.reason === 'quota';
    });

  /** The calls of the day, once the last of them has arrived. */
  async function callsOf(limit: number, clientId = DEMO_CREDENTIALS.clientId) {
    const calls = () => used.calls().filter(({ credential }) => credential === clientId);
    await waitFor('the last call', () => calls().length >= limit);
    return calls();
  }

  /** What the workers write from now on. */
  function written(): () => string {
    const before = used.fleet.workers.map(({ output }) => output.length);
    return () => used.fleet.workers.map(({ output }, index) => output.slice(before[index])).join('');
  }

  it('leave a call that failed delayed until its next attempt is due', async () => {
    used.simulator.controls.arm({ fault: 'status', status: 500, count: 1 });
    await used.fleet.producer.waitFor(await search(1), { timeoutMs: 20_000 });
    const [first, second, ...others] = used.calls();
    expect(others).to.deep.equal([]);
    // BullMQ takes up to half of the wait off at random.
    expect((second?.time ?? 0) - (first?.time ?? 0)).to.be.within(1000, 10_000);
  });

  it('make no call beyond the day’s limit, and remove nothing that others have finished', async () => {
    await used.beginDay(30);
    const { producer } = used.fleet;
    const ended: string[] = [];
    for (let i = 0; i < 12; i++) {
      ended.push(await search(2));
      await producer.waitFor(ended.at(-1) as string, { timeoutMs: 20_000 });
    }
    waiting.push(await search(10));
    await isWaiting(waiting[0] as string);
    expect(await callsOf(30)).to.have.length(30);
    for (const searchId of ended)
      expect((await producer.get(searchId)).summary?.outcome).to.equal('complete');
    const [last] = await producer.products(ended[0] as string);
    isNow(last?.observedAt);
  });

  for (const { title, tenant } of WRONG)
    it(`leave a search waiting that can go on tomorrow, and write the right times: ${title}`, async () => {
      const { clientId } = credentialOf(tenant);
      const producer: SearchProducer = openProducer(used.fleet.config, { tenant, log: quietLog() });
      try {
        await producer.ready();
        const { summary } = await producer.waitFor(await search(1, producer), { timeoutMs: 20_000 });
        isNow(summary?.startedAt);
        isNow(summary?.finishedAt);
        isNow(summary?.expiresAt, used.fleet.config.search.resultsTtl * 1000);
        await isWaiting(await search(5, producer), producer);
        const { progress } = await producer.get(await search(5, producer));
        expect(progress === null || (progress.until ?? 0) < Date.now() + 26 * 60 * MINUTE_MS).to.equal(true);
        expect(await callsOf(TENANT_CALLS, clientId)).to.have.length(TENANT_CALLS);
      } finally {
        await producer.close();
      }
    });

  for (const days of [-20, 20])
    it(`leave a search waiting whose producer’s clock is ${days} days ahead`, async () => {
      await used.beginDay(1);
      const since = written();
      const timestamp = Date.now() + days * DAY_MS;
      const { id = '' } = await used.searches.add(
        'search',
        { query: 'phone case', maxItems: 600 },
        { timestamp },
      );
      waiting.push(id);
      await waitFor('its second page', () => /"message":"page (deferred|failed)"/.test(since()));
      expect(since()).not.to.include('page failed');
      await isWaiting(id);
      expect(await callsOf(1)).to.have.length(1);
    });

  it('run a schedule at its times, each once and in order', async () => {
    const { producer } = used.fleet;
    const request = { query: 'phone case', maxItems: 1, maxAge: 0 };
    await producer.schedule.add({ name: 'tick', every: 2, limit: 4, request });
    const { lastRuns } = await waitFor(
      'the last run',
      async () => {
        const report = await producer.schedule.get('tick');
        // One that took longer than a run after it, which was skipped then, may be the last to end.
        const hasEnded = report.lastRuns.every(({ outcome }) => outcome !== null);
        return report.state === 'done' && hasEnded ? report : undefined;
      },
      40_000,
    );
    isNow(lastRuns[0]?.at);
    const runs = lastRuns.toReversed().map(({ at, outcome }) => ({ due: Date.parse(at), outcome }));
    const first = runs[0]?.due ?? 0;
    expect(runs.map(({ due }) => due)).to.deep.equal([0, 1, 2, 3].map((n) => first + 2000 * n));
    // A busy machine may be late, and skips a run while the one before is under way.
    const calling = runs.filter(({ outcome }) => outcome !== 'skipped');
    const calls = used.calls();
    expect(calls).to.have.length(calling.length);
    for (const [index, { due }] of calling.entries())
      expect(calls[index]?.time).to.be.within(due - 100, due + 4000);
  });

  it('keep calls that take longer than the locks of their jobs, also where a clock is set back an hour meanwhile', async () => {
    const since = written();
    // An attempt is shorter than the lock, and each call makes two of them.
    used.simulator.controls.configure({ latencyMs: 4500 });
    used.simulator.controls.arm({ fault: 'status', status: 503, count: 4 });
    const searches = await Promise.all(used.fleet.workers.map(() => search(1)));
    await waitFor('a call of each worker', () => used.calls().length === 4);
    const [right] = used.fleet.workers;
    right?.signal('SIGUSR2');
    await right?.waitForLine(/the clock was set/);
    for (const searchId of searches) {
      const { summary } = await used.fleet.producer.waitFor(searchId, { timeoutMs: 20_000 });
      expect(summary?.outcome).to.equal('complete');
    }
    const statuses = used.calls().map(({ status }) => status);
    expect(statuses).to.deep.equal([503, 503, 503, 503, 200, 200, 200, 200]);
    expect(since()).not.to.include('stalled job');
  });
});
