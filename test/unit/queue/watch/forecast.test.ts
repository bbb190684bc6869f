import { expect } from 'chai';
import { Value } from 'typebox/value';
import { type PlanReport, PlanReportSchema } from '../../../../src/product/planReport.ts';
import { learn, newRate, newRhythm } from '../../../../src/queue/watch/changeRate.ts';
import { type PlanState, type PlanSubject, planReport } from '../../../../src/queue/watch/forecast.ts';
import { callsADay, NO_CALLS, withCalls } from '../../../../src/queue/watch/planStore.ts';
import type { Unit } from '../../../../src/queue/watch/unit.ts';

const DAY = 86_400_000;
const HOUR = 3_600_000;
const NOW = Date.parse('2026-05-05T08:00:00Z');

/** A rate as it is known after ten days of looks. */
function rateOf(perDay: number) {
  const [from, to] = [NOW - 10 * DAY, NOW];
  return learn(newRate(), newRhythm(), { from, to, changes: perDay * 10 }, DAY).rate;
}

function unitOf(id: string, perDay: number, more: Partial<Unit> & { value?: number } = {}): Unit {
  const { value = 1, ...own } = more;
  return {
    id,
    flows: [{ rate: rateOf(perDay), value, seenUntil: NOW }],
    calls: 1,
    atMostEveryMs: 60_000,
    atLeastEveryMs: DAY,
    lastLook: NOW,
    busy: false,
    ...own,
  };
}

const COMMON = { what: 'lamps', when: '', state: 'active', measured: null } as const;

function auto(name: string, units = [`schedule:${name}`], more: Partial<PlanSubject> = {}): PlanSubject {
  const parts = units.map((unit) => ({ unit, flow: 0, share: 1 }));
  return { ...COMMON, name, kind: 'schedule', timing: 'auto', parts, ...more };
}

function every(name: string, minutes: number, callsPerLook = 1): PlanSubject {
  const looksPerDay = (24 * 60) / minutes;
  const fixed = { looksPerDay, callsPerLook, meanWaitMs: (minutes / 2) * 60_000, changesPerDay: null };
  return { ...COMMON, name, kind: 'schedule', timing: 'every', parts: [], fixed };
}

/** Rates from 1 to 500 changes a day. */
const RATES = Array.from({ length: 20 }, (_, index) => Math.round(500 ** (index / 19)));

function stateOf(more: Partial<PlanState> = {}): PlanState {
  return {
    now: NOW,
    dayMs: DAY,
    quota: { limit: 500, used: 120, reset: NOW + 3 * HOUR },
    scheduledShare: 0.9,
    dailyCalls: 0,
    rhythm: newRhythm(),
    units: RATES.map((rate, index) => unitOf(`schedule:s${index}`, rate)),
    subjects: RATES.map((_, index) => auto(`s${index}`)),
    ...more,
  };
}

const delays = ({ entries }: Pick<PlanReport, 'entries'>) => entries.map(({ delay }) => delay?.expected ?? 0);

describe('the report on the plan', () => {
  it('has the shape of its schema, with every what-if', () => {
    const add = { units: [unitOf('schedule:new', 10)], subjects: [auto('new')] };
    const report = planReport(stateOf(), { calls: 1000, add });
    expect([...Value.Errors(PlanReportSchema, report)]).to.deep.equal([]);
    expect(Value.Check(PlanReportSchema, report)).to.equal(true);
  });

  it('splits the day: interactive, by the clock, and the rest, of which the plan uses nearly all', () => {
    const state = stateOf();
    const subjects = [every('clock', 30, 2), ...state.subjects];
    const { totals, entries } = planReport({ ...state, subjects });
    expect(totals).to.deep.include({
      limit: 500,
      scheduled: 450,
      interactive: 50,
      fixed: 96,
      auto: 354,
      used: 120,
    });
    expect(totals.guaranteed).to.be.closeTo(RATES.length, 0.01);
    expect(totals.planned).to.be.closeTo(354, 4);
    const calls = entries.reduce((sum, { callsPerDay }) => sum + callsPerDay, 0);
    expect(calls).to.be.closeTo(totals.planned + totals.fixed, 0.5);
    expect(entries[0]).to.deep.include({ callsPerDay: 96, looksPerDay: 48 });
    expect(entries[0]?.delay).to.deep.equal({ expected: 900, low: 900, high: 900 });
  });

  it('expects a shorter delay where more changes, within an interval that holds it', () => {
    const report = planReport(stateOf());
    const expected = delays(report);
    for (const [index, each] of expected.slice(1).entries())
      expect(each).to.be.at.most(expected[index] as number);
    for (const { delay } of report.entries) {
      expect(delay?.low).to.be.at.most(delay?.expected as number);
      expect(delay?.high).to.be.at.least(delay?.expected as number);
    }
    const [one, other] = [expected[10] as number, expected[19] as number];
    expect(report.totals.meanDelay).to.be.within(other, one);
  });

  it('more calls make nothing slower and the whole faster; fewer the other way round', () => {
    for (const limit of [600, 1000, 5000]) {
      const { calls } = planReport(stateOf(), { calls: limit });
      expect(calls?.auto).to.equal(limit * 0.9);
      // The prediction goes through a week of looks: it is exact within half a percent.
      for (const { name, delay } of calls?.entries ?? [])
        expect(delay.after, name).to.be.at.most((delay.before as number) * 1.005);
      expect(calls?.meanDelay.after).to.be.below(calls?.meanDelay.before as number);
      expect(calls?.entries).to.have.length(RATES.length);
    }
    const { calls } = planReport(stateOf(), { calls: 200 });
    expect(calls?.meanDelay.after).to.be.above(calls?.meanDelay.before as number);
  });

  it('what another limit would bring is what the report says under that limit', () => {
    const quota = { limit: 2000, used: 0, reset: NOW };
    const then = planReport(stateOf({ quota }));
    const { calls } = planReport(stateOf(), { calls: 2000 });
    expect(calls?.meanDelay.after).to.equal(then.totals.meanDelay);
    const after = new Map(calls?.entries.map(({ name, delay }) => [name, delay.after]));
    for (const { name, delay } of then.entries) expect(after.get(name)).to.equal(delay?.expected);
  });

  it('an addition makes no other one faster, by the clock, auto or a watchlist', () => {
    const additions: PlanSubject[][] = [
      [every('clock', 60)],
      [auto('new')],
      [auto('list', ['watch:list:all'], { kind: 'watchlist' })],
    ];
    const units = [
      unitOf('schedule:new', 80),
      unitOf('watch:list:all', 5, { calls: 20, atLeastEveryMs: DAY / 4 }),
    ];
    for (const subjects of additions) {
      const { add, entries } = planReport(stateOf(), { add: { units, subjects } });
      expect(entries).to.have.length(RATES.length);
      expect(add?.added.map(({ name }) => name)).to.deep.equal(subjects.map(({ name }) => name));
      expect(add?.callsPerDay).to.be.above(0);
      for (const { name, delay } of add?.entries ?? [])
        expect(delay.after, name).to.be.at.least((delay.before as number) * 0.995);
      expect(add?.meanDelay.after).to.be.above(add?.meanDelay.before as number);
      expect(add?.fits).to.equal(true);
    }
  });

  it('an addition with the name of one that is there takes its place', () => {
    const unit = unitOf('schedule:s19', 500, { atMostEveryMs: 4 * HOUR });
    const { add } = planReport(stateOf(), { add: { units: [unit], subjects: [auto('s19')] } });
    expect(add?.entries).to.have.length(RATES.length - 1);
    expect(add?.added[0]?.limitedBy).to.equal('atMostEvery');
    expect(add?.meanDelay.after).to.be.below(add?.meanDelay.before as number);
  });

  it('names what to drop first: it finds least value with a call, and the others gain', () => {
    const units = RATES.map((rate, index) =>
      unitOf(`schedule:s${index}`, rate, { calls: index === 7 ? 40 : 1 }),
    );
    const { drop, entries } = planReport(stateOf({ units }));
    expect(drop).to.have.length(3);
    expect(drop[0]?.name).to.equal('s7');
    expect(drop[0]?.callsPerDay).to.equal(entries[7]?.callsPerDay);
    for (const { others } of drop) expect(others.after).to.be.below(others.before as number);
    const values = drop.map(({ valuePerCall }) => valuePerCall);
    expect(values).to.deep.equal([...values].sort((one, other) => one - other));
  });

  it('says which guarantees do not fit, the costliest first, and that none are kept', () => {
    const units = [
      unitOf('schedule:s0', 5, { atLeastEveryMs: HOUR / 4, calls: 3 }),
      unitOf('schedule:s1', 5, { atLeastEveryMs: HOUR / 12, calls: 3 }),
    ];
    const { entries, warnings, totals } = planReport(stateOf({ units, subjects: [auto('s0'), auto('s1')] }));
    expect(totals.guaranteed).to.equal(4 * 24 * 3 + 12 * 24 * 3);
    expect(entries.map(({ guarantee }) => guarantee?.fits)).to.deep.equal([false, false]);
    const warning = warnings.find(({ code }) => code === 'guarantees-do-not-fit');
    expect(warning?.names).to.deep.equal(['s1', 's0']);
    expect(warning?.message).to.match(/need 1,152 calls a day, and 450 are left/);
  });

  it('plans no more than the budget of the tenant, also with another limit', () => {
    const state = stateOf({ tenantCalls: 200 });
    const { totals, calls } = planReport(
      { ...state, subjects: [every('clock', 30, 2), ...state.subjects] },
      { calls: 5000 },
    );
    expect(totals).to.deep.include({ limit: 500, scheduled: 200, interactive: 50, fixed: 96, auto: 104 });
    expect(calls?.auto).to.equal(104);
    expect(planReport({ ...state, tenantCalls: 1000 }).totals.scheduled).to.equal(450);
  });

  it('warns of schedules by the clock that need more than there is', () => {
    const { warnings, totals } = planReport(stateOf({ subjects: [every('clock', 2)] }));
    expect(totals).to.deep.include({ fixed: 720, auto: 0 });
    expect(warnings[0]).to.deep.include({ code: 'fixed-do-not-fit', names: ['clock'] });
  });

  it('warns of one that finds nothing, of a delay bound by atMostEvery, and of PLAN_DAILY_CALLS', () => {
    const since = new Date(NOW - 4 * DAY).toISOString();
    const measured = { delay: null, changes: 0, found: 0, callsPerDay: 3, since };
    const subjects = [auto('silent', ['schedule:s0'], { measured }), auto('busy', ['schedule:s19'])];
    const codes = (state: PlanState) => planReport(state).warnings.map(({ code, names }) => [code, ...names]);
    const state = stateOf({ subjects, quota: { limit: 2000, used: 0, reset: NOW } });
    expect(codes(state)).to.deep.equal([
      ['finds-nothing', 'silent'],
      ['bound-by-at-most-every', 'busy'],
      ['index-lag'],
    ]);
    expect(codes({ ...state, dailyCalls: 30 })).to.deep.equal([
      ['finds-nothing', 'silent'],
      ['daily-calls-of-plan'],
      ['index-lag'],
    ]);
    expect(planReport({ ...state, dailyCalls: 30 }).totals.auto).to.equal(30);
  });

  it('says what to do where there is nothing', () => {
    const { entries, warnings, totals } = planReport(stateOf({ units: [], subjects: [] }), { calls: 10_000 });
    expect(entries).to.deep.equal([]);
    expect(totals).to.deep.include({ planned: 0, guaranteed: 0, meanDelay: null });
    expect(warnings.map(({ code }) => code)).to.deep.equal(['nothing-to-plan']);
  });

  it('counts a shared call in parts, and a watchlist as a whole', () => {
    const flow = (perDay: number) => ({ rate: rateOf(perDay), value: 1, seenUntil: NOW });
    const units = [
      unitOf('shared:ab', 0, { flows: [flow(10), flow(20)] }),
      unitOf('watch:list:1', 4),
      unitOf('watch:list:2', 9, { calls: 3 }),
    ];
    const member = (name: string, index: number) =>
      auto(name, [], { parts: [{ unit: 'shared:ab', flow: index, share: 0.5 }] });
    const list = auto('list', ['watch:list:1', 'watch:list:2'], { kind: 'watchlist' });
    const { entries, totals } = planReport(
      stateOf({ units, subjects: [member('a', 0), member('b', 1), list] }),
    );
    const [a, b, whole] = entries;
    expect(a?.callsPerDay).to.equal(b?.callsPerDay);
    expect(a?.delay).to.deep.equal(b?.delay);
    expect(whole?.callsPerLook).to.equal(4);
    expect(whole?.changesPerDay).to.be.within(12, 13.5);
    const calls = entries.reduce((sum, { callsPerDay }) => sum + callsPerDay, 0);
    expect(calls).to.be.closeTo(totals.planned, 0.5);
  });

  it('a paused one costs nothing and has no delay', () => {
    const subjects = [auto('s0', [], { state: 'paused' }), auto('s1')];
    const { entries, totals } = planReport(stateOf({ subjects }));
    expect(entries[0]).to.deep.include({ callsPerDay: 0, delay: null, guarantee: null });
    expect(totals.guaranteed).to.be.closeTo(1, 0.01);
  });
});

describe('calls a day as they were made', () => {
  it('are those of a constant pace, whenever it is asked, and say nothing in the first hours', () => {
    let made = NO_CALLS;
    expect(callsADay(made, NOW, DAY)).to.equal(null);
    for (let hour = 0; hour < 24 * 20; hour += 1) {
      const at = NOW + hour * HOUR;
      made = withCalls(made, 2, at, DAY);
      if (hour === 3) expect(callsADay(made, at, DAY)).to.equal(null);
      if (hour >= 48) expect(callsADay(made, at, DAY)).to.be.closeTo(48, 1.1);
    }
  });

  it('follow another pace within days, and do not depend on the order of reports', () => {
    let made = NO_CALLS;
    for (let hour = 0; hour < 24 * 20; hour += 1)
      made = withCalls(made, hour < 240 ? 1 : 4, NOW + hour * HOUR, DAY);
    expect(callsADay(made, NOW + 20 * DAY, DAY)).to.be.within(75, 96);
    const [one, other] = [NOW + HOUR, NOW + 30 * HOUR];
    const late = withCalls(withCalls(withCalls(NO_CALLS, 1, NOW, DAY), 5, other, DAY), 3, one, DAY);
    const inOrder = withCalls(withCalls(withCalls(NO_CALLS, 1, NOW, DAY), 3, one, DAY), 5, other, DAY);
    expect(late.calls).to.be.closeTo(inOrder.calls, 0.01);
    expect(late.at).to.equal(inOrder.at);
  });
});
