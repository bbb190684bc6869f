import { EventEmitter, once } from 'node:events';
import { expect } from 'chai';
import type { Redis } from 'ioredis';
import { PlanStore } from '../../../../src/queue/watch/planStore.ts';
import { DAY, dyingAt, HOUR, Killed, openPlan, reportOf } from '../../../support/plans.ts';
import { useRedis } from '../../../support/redis.ts';

const BEGIN = Date.parse('2026-05-05T08:00:00Z');

describe('the planner of a tenant', () => {
  const server = useRedis();
  let redis: Redis;
  let plan: ReturnType<typeof openPlan>;
  beforeEach(() => {
    redis = server.connect();
    plan = openPlan(redis, BEGIN);
  });

  it('looks at what is new once, with a number that follows from the clock, and at nothing that is under way', async () => {
    plan.looks.define('lamps');
    const leader = plan.leader();
    await plan.round(leader);
    plan.now += 7 * HOUR;
    await plan.round(leader);
    expect(plan.looks.begun).to.deep.equal([{ unit: 'schedule:lamps', number: BEGIN / 1000, at: BEGIN }]);
  });

  it('keeps what a report says with the report’s removal, and begins the next look when its guarantee is due', async () => {
    plan.looks.define('lamps');
    const leader = plan.leader();
    await plan.round(leader);
    plan.now += 500;
    await plan.looks.work(plan.now);
    await plan.round(leader);
    expect((await plan.store.peek()).reports).to.have.length(0);
    expect((await plan.store.load()).flows.get('lamps')?.seenUntil).to.equal(BEGIN + 500);
    plan.now += 6 * HOUR;
    await plan.round(leader);
    expect(plan.looks.numbers('lamps')).to.deep.equal([BEGIN / 1000, BEGIN / 1000 + 1]);
    expect(plan.missed).to.equal(0);
  });

  it('learns from each look once, however often it is reported', async () => {
    plan.looks.define('lamps');
    const leader = plan.leader();
    await plan.round(leader);
    await plan.looks.work(BEGIN);
    await plan.round(leader);
    plan.now += 6 * HOUR;
    await plan.round(leader);
    const before = (await plan.store.load()).flows.get('lamps')?.rate;
    const [, second] = plan.looks.begun;
    const times = [BEGIN + HOUR, BEGIN + 5 * HOUR, BEGIN - HOUR];
    const flows = [{ flow: 'lamps', changes: 4, times }];
    const report = reportOf(second as never, { seenUntil: plan.now, calls: 3, flows });
    for (let i = 0; i < 3; i += 1) await plan.store.report(report);
    await plan.looks.work(plan.now, {}, true);
    await plan.round(leader);
    // A change before the look before was seen by that one.
    expect(plan.delays).to.deep.equal([5 * HOUR, HOUR]);
    const { flows: learned, units } = await plan.store.load();
    expect(learned.get('lamps')?.delay).to.deep.equal({ count: 2, ms: 6 * HOUR, at: plan.now });
    expect(learned.get('lamps')?.rate).not.to.deep.equal(before);
    expect(units.get('schedule:lamps')).to.deep.include({ calls: 1.2, busy: false });
  });

  it('counts the calls of a run that is no look once, however often it is reported', async () => {
    plan.looks.define('lamps');
    const leader = plan.leader();
    const run = (at: number) => reportOf({ unit: 'schedule:cron', number: 0, at }, { calls: 50, flows: [] });
    for (const at of [BEGIN, BEGIN, BEGIN + 1]) await plan.store.report(run(at));
    await plan.round(leader);
    await plan.store.report(run(BEGIN + 1));
    await plan.round(leader);
    const { made, calls } = (await plan.store.load()).units.get('schedule:cron') ?? {};
    expect(made?.calls).to.be.closeTo(100, 0.001);
    expect(calls).to.equal(50);
  });

  it('learns nothing from a failed look, and waits longer with each', async () => {
    plan.looks.define('lamps', { atMostEveryMs: HOUR, atLeastEveryMs: HOUR });
    const leader = plan.leader();
    for (let i = 0; i < 8; i += 1) {
      await plan.round(leader);
      await plan.looks.work(plan.now, { complete: false });
      plan.now += HOUR / 2;
    }
    const failing = plan.looks.begun.length;
    expect(failing).to.be.within(3, 4);
    expect((await plan.store.load()).flows.size).to.equal(0);
  });

  it('begins nothing while the gate is closed, the queue is full, or no calls are left, and then all that waited', async () => {
    plan.looks.define('lamps');
    const leader = plan.leader();
    const closed = { until: BEGIN + HOUR, reason: 'pause' } as const;
    plan.gate = { classes: { interactive: closed, scheduled: closed, backfill: closed } };
    await plan.round(leader);
    plan.gate = {};
    plan.admits = false;
    await plan.round(leader);
    plan.admits = true;
    plan.gate = { used: 4500 };
    await plan.round(leader);
    plan.gate = { used: 4400 };
    plan.fixed = 100;
    await plan.round(leader);
    plan.fixed = 0;
    plan.limits.dailyCalls = 10;
    expect(plan.looks.begun).to.have.length(0);
    await plan.round(leader);
    expect(plan.looks.begun).to.have.length(1);
    expect(plan.planned.slice(-3)).to.deep.equal([0, 0, 10]);
  });

  it('begins no more looks at once than the pace allows soon, and others once those are held up', async () => {
    plan.gate = { intervalMs: 1000 };
    for (let i = 0; i < 30; i += 1) plan.looks.define(`k${i}`);
    const leader = plan.leader();
    for (let round = 0; round < 3; round += 1) await plan.round(leader);
    expect(plan.looks.begun).to.have.length(20);
    plan.now += 301_000;
    await plan.round(leader);
    expect(plan.looks.begun).to.have.length(30);
  });

  it('keeps guarantees, and begins small looks, while a large one takes its time', async () => {
    plan.gate = { intervalMs: 17_000 };
    plan.looks.define('large', { expectedCalls: 200, atLeastEveryMs: 12 * HOUR });
    for (const name of ['due', 'small']) plan.looks.define(name, { atLeastEveryMs: HOUR });
    const leader = plan.leader();
    await plan.round(leader);
    expect(plan.looks.begun).to.have.length(3);
    await plan.looks.work(plan.now, {}, false, (look) => look.unit !== 'schedule:large');
    await plan.round(leader);
    // More of them than there is room for.
    for (let i = 0; i < 11; i += 1) plan.looks.define(`k${i}`);
    plan.now += 10_000;
    await plan.round(plan.leader());
    expect(plan.looks.begun).to.have.length(3 + 10);
    plan.now = BEGIN + 0.995 * HOUR;
    plan.looks.define('k11');
    await plan.round(plan.leader({ intervalMs: 60_000 }));
    const begun = plan.looks.begun.map(({ unit }) => unit.slice('schedule:'.length));
    expect(begun.slice(3 + 10)).to.deep.equal(['due', 'small']);
    expect(plan.missed).to.equal(0);
  });

  it('spends at most PLAN_DAILY_CALLS a day, also with another leader every few rounds', async () => {
    plan.limits.dailyCalls = 30;
    for (let i = 0; i < 20; i += 1) plan.looks.define(`k${i}`);
    let leader = plan.leader();
    for (let round = 0; round < 40; round += 1) {
      if (round % 8 === 7) leader = plan.leader();
      await plan.round(leader);
      await plan.looks.work(plan.now);
      plan.now += 20 * 60_000;
    }
    expect(plan.looks.begun.length).to.be.within(20, 30);
  });

  it('begins a look again that was claimed and is not under way, with the same number', async () => {
    plan.looks.define('lamps');
    const dead = plan.leader({ sources: [dyingAt(plan.looks, { steps: 2, dies: 'before' })] });
    await plan.round(dead).catch(() => undefined);
    expect((await plan.store.load()).units.get('schedule:lamps')).to.include({ busy: true });
    expect(plan.looks.begun).to.have.length(0);
    await plan.round(plan.leader());
    expect(plan.looks.numbers('lamps')).to.deep.equal([BEGIN / 1000]);
  });

  it('closes a look whose job has ended without a report: a worker of an earlier release had it', async () => {
    plan.looks.define('lamps', { atMostEveryMs: HOUR, atLeastEveryMs: HOUR });
    const leader = plan.leader();
    await plan.round(leader);
    await plan.looks.work(plan.now, {}, true);
    for (let round = 0; round < 40; round += 1) {
      plan.now += 1000;
      await plan.round(leader);
    }
    expect((await plan.store.load()).units.get('schedule:lamps')).to.include({ busy: false, failed: 1 });
    plan.now += HOUR;
    await plan.round(leader);
    expect(plan.looks.numbers('lamps')).to.deep.equal([BEGIN / 1000, BEGIN / 1000 + 1]);
  });

  it('goes on where another one stopped, wherever that was: no look is doubled, none is forgotten', async () => {
    const names = ['k0', 'k1', 'k2', 'k3'];
    for (const name of names) plan.looks.define(name, { atMostEveryMs: HOUR, atLeastEveryMs: HOUR });
    let killed = 0;
    const hours = 24;
    for (let hour = 0; hour < hours; hour += 1) {
      const life = {
        steps: 1 + (hour % 20),
        dies: hour % 2 === 0 ? ('before' as const) : ('after' as const),
      };
      const dying = plan.leader({
        store: dyingAt(plan.store, life),
        sources: [dyingAt(plan.looks, life)],
        gate: dyingAt(plan.options.gate, life),
      });
      for (let round = 0; round < 3 && life.steps > 0; round += 1)
        await plan.round(dying).catch((error: Error) => expect(error).to.be.instanceOf(Killed));
      if (life.steps <= 0) killed += 1;
      await plan.looks.work(plan.now);
      const next = plan.leader();
      await plan.round(next);
      await plan.round(next);
      await plan.looks.work(plan.now + 1);
      plan.now += HOUR;
    }
    expect(killed).to.be.above(12);
    for (const name of names) {
      const first = BEGIN / 1000;
      expect(plan.looks.numbers(name)).to.deep.equal(
        Array.from({ length: hours }, (_, index) => first + index),
      );
    }
  });

  it('does each look once with two leaders at the same moment', async () => {
    const names = Array.from({ length: 8 }, (_, index) => `k${index}`);
    for (const name of names) plan.looks.define(name, { atMostEveryMs: HOUR, atLeastEveryMs: HOUR });
    const leaders = [plan.leader(), plan.leader()];
    for (let hour = 0; hour < 5; hour += 1) {
      for (let i = 0; i < 3; i += 1) await Promise.all(leaders.map((leader) => plan.round(leader)));
      await plan.looks.work(plan.now);
      plan.now += HOUR;
    }
    for (const name of names) expect(plan.looks.numbers(name)).to.have.length(5);
    for (const name of names) expect(new Set(plan.looks.numbers(name)).size).to.equal(5);
  });

  it('changes nothing in a round during which another one has planned', async () => {
    plan.looks.define('lamps');
    const other = plan.leader();
    const late = plan.leader({
      gate: {
        async read() {
          await plan.round(other);
          await plan.looks.work(plan.now);
          await plan.round(other);
          return plan.options.gate.read();
        },
      },
    });
    await plan.round(late);
    const { units, flows } = await plan.store.load();
    expect(units.get('schedule:lamps')).to.include({ number: BEGIN / 1000, busy: false });
    expect(flows.get('lamps')?.seenUntil).to.equal(BEGIN);
    expect(plan.looks.begun).to.have.length(1);
  });

  it('writes nothing again that is forgotten meanwhile', async () => {
    plan.looks.define('lamps');
    await plan.round(plan.leader());
    await plan.looks.work(plan.now);
    await plan.round(plan.leader());
    plan.now += 6 * HOUR;
    // A round that takes place between any two commands of `forget`: it reads before a command and writes after it.
    const steps = new EventEmitter();
    const late = new PlanStore(redis, '{ebay}', 'default');
    const commit = late.commit.bind(late);
    late.commit = async (...change) => {
      const go = once(steps, 'write');
      steps.emit('read');
      await go;
      return commit(...change);
    };
    let round: Promise<void> | undefined;
    const forgetting = new Proxy(redis, {
      get: (target, name) => {
        const value = Reflect.get(target, name) as (...args: unknown[]) => unknown;
        if (name !== 'hdel' && name !== 'multi')
          return typeof value === 'function' ? value.bind(target) : value;
        const around = async (run: () => unknown) => {
          const hasRead = once(steps, 'read');
          round = plan.round(plan.leader({ store: late }));
          await hasRead;
          await run();
          steps.emit('write');
          return round;
        };
        if (name === 'hdel') return (...args: unknown[]) => around(() => value.apply(target, args));
        const multi = target.multi();
        const exec = multi.exec.bind(multi);
        return () => Object.assign(multi, { exec: () => around(exec) });
      },
    });
    await new PlanStore(forgetting, '{ebay}', 'default').forget(['schedule:lamps'], ['lamps']);
    expect(round).not.to.equal(undefined);
    const { units, flows } = await plan.store.load();
    expect([...units.keys(), ...flows.keys()]).to.deep.equal([]);
  });

  it('foresees no more looks than the share of the day has calls for, where PLAN_DAILY_CALLS is above it', async () => {
    plan.gate = { limit: 200 };
    plan.limits.dailyCalls = 5000;
    for (let i = 0; i < 5; i += 1) plan.looks.define(`k${i}`);
    const leader = plan.leader();
    await plan.round(leader);
    await plan.looks.work(plan.now);
    await plan.round(leader);
    const { gap } = (await plan.store.load()).units.get('schedule:k0') ?? {};
    // 36 a day each.
    expect(gap).to.be.within(0.6 * HOUR, 0.75 * HOUR);
  });

  it('starts again after Redis has lost its data, with numbers that no look had', async () => {
    plan.looks.define('lamps', { atMostEveryMs: HOUR, atLeastEveryMs: HOUR });
    const leader = plan.leader();
    for (let hour = 0; hour < 3; hour += 1) {
      await plan.round(leader);
      await plan.looks.work(plan.now);
      plan.now += HOUR;
    }
    await redis.flushall();
    plan.looks.lose();
    await plan.round(leader);
    await plan.round(leader);
    expect(plan.looks.numbers('lamps')).to.deep.equal([
      ...[0, 1, 2].map((index) => BEGIN / 1000 + index),
      plan.now / 1000,
    ]);
  });

  it('goes on, and learns, after Redis’s clock was ahead and has been set right', async () => {
    plan.limits.dailyCalls = 30;
    for (const name of ['lamps', 'vases'])
      plan.looks.define(name, { atLeastEveryMs: HOUR, atMostEveryMs: HOUR });
    const leader = plan.leader();
    plan.now = BEGIN + 30 * DAY;
    await plan.round(leader);
    await plan.looks.work(plan.now, { calls: 30 }, false, ({ unit }) => unit === 'schedule:vases');
    await plan.looks.work(plan.now);
    await plan.round(leader);
    plan.now = BEGIN;
    plan.looks.defined.delete('schedule:vases');
    await plan.store.touch();
    for (let hour = 0; hour < 10; hour += 1) {
      await plan.round(leader);
      await plan.looks.work(plan.now, { flows: [{ flow: 'lamps', changes: 2, times: [] }] });
      plan.now += HOUR;
    }
    expect(plan.looks.begun).to.have.length(2 + 10);
    const { flows } = await plan.store.load();
    expect(flows.get('lamps')).to.deep.include({ seenUntil: BEGIN + 8 * HOUR });
    expect(flows.get('lamps')?.rate.runs).not.to.deep.equal([]);
  });

  it('learns the rhythm again where that is of another layout', async () => {
    plan.looks.define('lamps');
    await redis.hset('{ebay}:plan:default', 'rhythm', '{"v":2}');
    await plan.round(plan.leader());
    expect(plan.looks.begun).to.have.length(1);
  });

  it('begins at once again what was claimed by a change whose answer was lost', async () => {
    plan.looks.define('lamps');
    let isLost = true;
    const store = new PlanStore(redis, '{ebay}', 'default');
    const commit = store.commit.bind(store);
    store.commit = async (...change) => {
      const version = await commit(...change);
      if (!isLost) return version;
      isLost = false;
      throw new Error('Connection is closed.');
    };
    const leader = plan.leader({ store });
    await plan.round(leader).catch(() => undefined);
    expect(plan.looks.begun).to.have.length(0);
    await plan.round(leader);
    expect(plan.looks.begun).to.have.length(1);
  });

  it('reads again what there is to plan as soon as it has changed', async () => {
    plan.looks.define('lamps');
    const leader = plan.leader();
    await plan.round(leader);
    plan.looks.define('chairs');
    await plan.round(leader);
    expect(plan.looks.begun).to.have.length(1);
    await plan.store.touch();
    await plan.round(leader);
    expect(plan.looks.numbers('chairs')).to.have.length(1);
  });

  it('forgets after 30 days what is not planned any more', async () => {
    plan.looks.define('lamps');
    await plan.round(plan.leader());
    await plan.looks.work(plan.now);
    await plan.round(plan.leader());
    plan.looks.defined.clear();
    plan.now += 29 * DAY;
    await plan.round(plan.leader());
    expect((await plan.store.load()).flows.size).to.equal(1);
    plan.now += 2 * DAY;
    plan.looks.define('chairs');
    await plan.round(plan.leader());
    const { units, flows } = await plan.store.load();
    expect([...units.keys(), ...flows.keys()]).to.deep.equal(['schedule:chairs']);
  });
});
