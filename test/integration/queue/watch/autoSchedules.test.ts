import { expect } from 'chai';
import type { Redis } from 'ioredis';
import { openQueues } from '../../../../src/queue/bullmq/openQueues.ts';
import { jobDefaults } from '../../../../src/queue/search/retryPolicy.ts';
import { PlanDuty } from '../../../../src/queue/watch/planDuty.ts';
import { PlanStore } from '../../../../src/queue/watch/planStore.ts';
import { ScheduleLooks } from '../../../../src/queue/watch/scheduleLooks.ts';
import { clockOf } from '../../../../src/redis/redisClock.ts';
import { NOOP_LOGGER } from '../../../../src/telemetry/logger.ts';
import { dyingAt, openGate } from '../../../support/plans.ts';
import { connectTo } from '../../../support/redis.ts';
import { useService } from '../../../support/service.ts';
import { waitFor } from '../../../support/waitFor.ts';

/** Rounds follow one another quickly, and a day of the planner lasts a minute. */
const SCALED = {
  PLAN_INTERVAL: '0.02',
  PLAN_DAY: '60',
  SCHEDULE_MIN_INTERVAL: '0.05',
  DAILY_CALL_LIMIT: '100000',
};
const AT_MOST_EVERY_MS = 200;

describe('auto schedules', function () {
  this.timeout(20_000);
  const service = useService(SCALED);
  let redis: Redis;
  beforeEach(() => {
    redis = connectTo(service.config.redis.url);
  });
  afterEach(() => redis.disconnect());

  const schedule = (name: string, fields: object = {}) => ({
    name,
    auto: { atLeastEvery: 0.3, atMostEvery: AT_MOST_EVERY_MS / 1000 },
    request: { query: `phone ${name}`, sort: 'newlyListed' as const, track: name, maxItems: 10 },
    ...fields,
  });
  const add = (name: string, fields: object = {}) => service.producer.schedule.add(schedule(name, fields));
  const callsFor = (name: string) =>
    service.simulator.controls.log({ kind: 'search' }).filter(({ query }) => query.q === `phone ${name}`);
  const reportOn = (name: string) => service.producer.schedule.get(name);
  const runs = (name: string, least: number) =>
    waitFor(`${least} runs of ${name}`, async () => {
      const report = await reportOn(name);
      return report.runs >= least ? report : undefined;
    });
  /** Until no search is under way. */
  const quiet = () =>
    waitFor('no search', async () => {
      const counts = await service.searches.getJobCounts(
        'active',
        'prioritized',
        'waiting',
        'waiting-children',
      );
      return Object.values(counts).every((count) => count === 0);
    });

  it('are run again and again by the planner, without a scheduler of BullMQ', async () => {
    // An answer that would do for other searches is none for a look.
    const { request } = schedule('case');
    expect(await add('case', { request: { ...request, maxAge: 3600 } })).to.include({
      when: 'when it is worth most, at least every 0.3 seconds, at most every 0.2 seconds',
      state: 'active',
      next: null,
    });
    const { lastRuns, latest } = await runs('case', 3);
    const numbers = lastRuns.map(({ searchId }) => Number(/^look_case_(\d+)$/.exec(searchId)?.[1]));
    expect(numbers).to.deep.equal(numbers.map((_, index) => (numbers[0] as number) - index));
    expect(Date.parse(latest as string)).to.be.above(Date.parse(lastRuns[0]?.at as string));
    expect(await service.searches.getJobSchedulersCount()).to.equal(0);
    expect(callsFor('case').length).to.be.at.least(2);
  });

  it('teach the planner how often something changes', async () => {
    await add('case');
    await runs('case', 3);
    const store = new PlanStore(redis, '{ebay}', 'default');
    const explanations = async () => (await store.load()).flows.get('case')?.rate.runs ?? [];
    /** By the first explanation: those that suppose a jump of the rate begin with one change each. */
    const changes = async () => (await explanations())[0]?.[1] ?? 0;
    await waitFor('two comparisons', async () => (await explanations()).length > 1);
    expect(await changes(), 'where nothing changes').to.be.below(0.1);
    service.simulator.controls.addListing({ title: 'phone case of bronze', price: '5.00' });
    service.simulator.controls.addListing({ title: 'phone case of copper', price: '5.00' });
    await waitFor('two changes', async () => (await changes()) > 1.5);
    expect(await changes()).to.be.below(2.1);
  });

  it('end at their limit, and at their end', async () => {
    await add('few', { limit: 2 });
    const end = new Date(Date.now() + 700).toISOString();
    await add('brief', { end });
    await waitFor('both done', async () => {
      const [few, brief] = await Promise.all(['few', 'brief'].map(reportOn));
      return few?.state === 'done' && brief?.state === 'done';
    });
    await quiet();
    expect(await reportOn('few')).to.include({ runs: 2, next: null, latest: null });
    expect(callsFor('few')).to.have.length(2);
    const made = callsFor('brief').length;
    expect(made).to.be.within(1, 4);
  });

  it('stand still while they are paused, go on when they are resumed, and stop when they are removed', async () => {
    await add('case');
    await runs('case', 1);
    await service.producer.schedule.pause('case');
    await quiet();
    const made = callsFor('case').length;
    // Another one shows that time has passed.
    await add('clock');
    await runs('clock', 3);
    expect(callsFor('case')).to.have.length(made);
    expect(await reportOn('case')).to.include({ state: 'paused', next: null, latest: null });
    await service.producer.schedule.resume('case');
    await waitFor('a call', () => callsFor('case').length > made);
    await service.producer.schedule.remove('case');
    await quiet();
    const after = callsFor('case').length;
    await runs('clock', 6);
    expect(callsFor('case')).to.have.length(after);
    const { units, flows } = await new PlanStore(redis, '{ebay}', 'default').load();
    expect([...units.keys(), ...flows.keys()]).to.have.members(['schedule:clock', 'clock']);
  });

  it('become schedules by the clock and back, and run as often as they then say', async () => {
    await add('case');
    await runs('case', 1);
    const { request } = schedule('case');
    const hourly = {
      name: 'case',
      every: 3600,
      request,
      start: new Date(Date.now() + 3_600_000).toISOString(),
    };
    await service.producer.schedule.add(hourly, { replace: true });
    expect(await service.searches.getJobSchedulersCount()).to.equal(1);
    await quiet();
    const made = callsFor('case').length;
    await add('clock');
    await runs('clock', 3);
    expect(callsFor('case')).to.have.length(made);
    await service.producer.schedule.add(schedule('case'), { replace: true });
    expect(await service.searches.getJobSchedulersCount()).to.equal(0);
    await waitFor('a call', () => callsFor('case').length > made);
  });

  it('look paused to release 0.2, which would give them a scheduler otherwise', async () => {
    await add('case');
    const stored = async () => JSON.parse((await redis.hget('{ebay}:schedules:default', 'case')) as string);
    expect(await stored()).to.include({ paused: true });
    expect(await reportOn('case')).to.include({ state: 'active' });
    await service.producer.schedule.pause('case');
    expect(await reportOn('case')).to.include({ state: 'paused' });
  });

  it('are neither doubled nor forgotten while processes that plan are killed between any two steps', async () => {
    const names = ['a1', 'b2', 'c3', 'd4'];
    const { searches, close } = openQueues(redis, '{ebay}', 'default');
    const began = performance.now();
    for (const name of names) await add(name);
    const rules = jobDefaults(service.config);
    const looks = new ScheduleLooks({
      searches,
      redis,
      prefix: '{ebay}',
      tenant: 'default',
      rules,
      minInterval: 0.05,
    });
    const now = () => clockOf(redis).current();
    let killed = 0;
    // The service's own planner goes on beside them.
    for (let life = 0; killed < 10; life += 1) {
      const rest = {
        steps: 1 + (life % 23),
        dies: life % 2 === 0 ? ('before' as const) : ('after' as const),
      };
      const duty = new PlanDuty({
        store: dyingAt(new PlanStore(redis, '{ebay}', 'default'), rest),
        sources: [dyingAt(looks, rest)],
        fixedCalls: () => 0,
        gate: dyingAt({ read: async () => openGate(await now(), { limit: 100_000 }) }, rest),
        admit: async () => undefined,
        now,
        limits: () => ({ scheduledShare: 0.9, dailyCalls: 0 }),
        dayMs: 60_000,
        intervalMs: 20,
        metrics: {
          begun: () => undefined,
          missed: () => undefined,
          delays: () => undefined,
          planned: () => undefined,
        },
        log: NOOP_LOGGER,
      });
      for (let round = 0; round < 5 && rest.steps > 0; round += 1)
        await duty.round(new AbortController().signal).catch(() => undefined);
      if (rest.steps <= 0) killed += 1;
    }
    for (const name of names) await runs(name, 4);
    for (const name of names) await service.producer.schedule.pause(name);
    await quiet();
    const most = Math.floor((performance.now() - began) / AT_MOST_EVERY_MS) + 1;
    for (const name of names) {
      const { runs: made } = await reportOn(name);
      expect(made, name).to.be.within(4, most);
      expect(callsFor(name), name).to.have.length(made);
    }
    await close();
  });
});
