import { expect } from 'chai';
import fc from 'fast-check';
import { type ChangeRate, newRate, newRhythm, type Rhythm } from '../../../../src/queue/watch/changeRate.ts';
import { choose, predict } from '../../../../src/queue/watch/planner.ts';
import type { Unit } from '../../../../src/queue/watch/unit.ts';
import { randomFrom } from '../../../../src/simulator/random.ts';

const DAY = 86_400_000;
const HOUR = DAY / 24;
const NOW = Date.UTC(2026, 2, 1);

/** A rate that is known for sure. */
const known = (perDay: number): ChangeRate => ({ v: 1, runs: [[1, perDay * 1e6, 1e6]] });

/** Twice as many changes in the second half of the day. */
const daily: Rhythm = {
  ...newRhythm(),
  seen: Array.from({ length: 31 }, (_, hour) => (hour < 12 ? 0.7e6 : hour < 24 ? 1.3e6 : 1e6)),
  expected: new Array<number>(31).fill(1e6),
};

interface Made {
  perDay?: number;
  value?: number;
  calls?: number;
  atMost?: number;
  atLeast?: number;
  last?: number | null;
  busy?: boolean;
}

function unit(
  id: string,
  {
    perDay = 10,
    value = 1,
    calls = 1,
    atMost = 60_000,
    atLeast = DAY,
    last = NOW - HOUR,
    busy = false,
  }: Made = {},
): Unit {
  return {
    id,
    flows: [{ rate: known(perDay), value, seenUntil: last }],
    calls,
    atMostEveryMs: atMost,
    atLeastEveryMs: atLeast,
    lastLook: last,
    busy,
  };
}

/** Lets days pass. Every look ends at once, and changes happen by chance at the known rates. */
function passed(
  units: readonly Unit[],
  rhythm: Rhythm,
  callsPerDay: number,
  days: number,
  tick: number,
  changes = false,
) {
  const state = new Map(
    units.map((each) => [each.id, { ...each, looks: [] as number[], waited: 0, changes: 0 }]),
  );
  const random = randomFrom(7);
  const spent: number[] = [];
  for (let now = NOW; now < NOW + days * DAY; now += tick) {
    const day = Math.floor((now - NOW) / DAY);
    const budget = { calls: callsPerDay - (spent[day] ?? 0), until: NOW + (day + 1) * DAY };
    for (const id of choose([...state.values()], rhythm, budget, now, DAY).looks) {
      const each = state.get(id);
      if (each === undefined) throw new Error(`no unit ${id}`);
      spent[day] = (spent[day] ?? 0) + each.calls;
      const since = each.lastLook ?? now;
      if (changes && each.looks.length > 0) {
        const [, seen = 0, seconds = 1] = each.flows[0]?.rate.runs[0] ?? [];
        for (let at = since; ; ) {
          at += (-Math.log(1 - random()) * DAY * seconds) / seen;
          if (at >= now) break;
          each.changes += 1;
          each.waited += now - at;
        }
      }
      each.looks.push(now);
      each.lastLook = now;
      each.flows = each.flows.map((flow) => ({ ...flow, seenUntil: now }));
    }
  }
  return { spent, units: [...state.values()] };
}

const made = fc.record({
  perDay: fc.double({ min: 0.01, max: 500, noNaN: true }),
  value: fc.double({ min: 0.1, max: 100, noNaN: true }),
  calls: fc.integer({ min: 1, max: 6 }),
  atMost: fc.integer({ min: 60_000, max: HOUR }),
  atLeast: fc.integer({ min: 6 * HOUR, max: DAY }),
  last: fc.oneof(fc.constant(null), fc.integer({ min: NOW - 2 * DAY, max: NOW })),
  busy: fc.boolean(),
});

describe('the planner', () => {
  it('never spends more than the calls that are left, and begins no look too early or beside another', () => {
    fc.assert(
      fc.property(
        fc.array(made, { maxLength: 30 }),
        fc.integer({ min: 0, max: 200 }),
        fc.integer({ min: -HOUR, max: 2 * DAY }),
        (list, calls, ahead) => {
          const units = list.map((each, index) => unit(`u${index}`, each));
          const { looks, price } = choose(units, daily, { calls, until: NOW + ahead }, NOW, DAY);
          const chosen = units.filter(({ id }) => looks.includes(id));
          expect(new Set(looks).size).to.equal(looks.length);
          expect(chosen.length).to.equal(looks.length);
          expect(chosen.reduce((sum, each) => sum + each.calls, 0)).to.be.at.most(calls);
          for (const { busy, lastLook, atMostEveryMs } of chosen) {
            expect(busy).to.equal(false);
            if (lastLook !== null) expect(NOW - lastLook).to.be.at.least(atMostEveryMs);
          }
          expect(price).to.be.at.least(0);
        },
      ),
    );
  });

  it('looks at what nothing has been seen of as soon as it may, but not with calls that guarantees need', () => {
    const guaranteed = [...Array(10).keys()].map((n) => unit(`u${n}`, { atLeast: 6 * HOUR, perDay: 0.001 }));
    const [made] = [unit('unseen', { calls: 50 })];
    const unseen = { ...made, flows: made.flows.map((flow) => ({ ...flow, seenUntil: null })) };
    const until = NOW + DAY;
    const plenty = choose([...guaranteed, unseen], newRhythm(), { calls: 200, until }, NOW, DAY);
    expect(plenty).to.deep.include({ looks: ['unseen'], feasible: true });
    const few = choose([...guaranteed, unseen], newRhythm(), { calls: 100, until }, NOW, DAY);
    expect(few).to.deep.include({ looks: [], feasible: true });
  });

  it('keeps every guarantee where the calls suffice, and spends what is left', () => {
    fc.assert(
      fc.property(
        fc.array(made, { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 0, max: 60 }),
        (list, more) => {
          const units = list.map((each, index) => unit(`u${index}`, { ...each, busy: false, last: null }));
          const needed = units.reduce(
            (sum, each) => sum + each.calls * (1 + Math.ceil(DAY / (each.atLeastEveryMs * 0.98))),
            0,
          );
          const after = passed(units, daily, needed + more, 2, 200_000);
          for (const { looks, atLeastEveryMs, id } of after.units) {
            const gaps = [...looks.slice(1), NOW + 2 * DAY - 1].map(
              (at, index) => at - (looks[index] ?? NOW),
            );
            expect(looks[0], id).to.equal(NOW);
            expect(Math.max(...gaps), id).to.be.at.most(atLeastEveryMs);
          }
          for (const calls of after.spent) expect(calls).to.be.at.most(needed + more);
        },
      ),
      { numRuns: 8 },
    );
  });

  it('gives every unit between its bounds the same worth for a call', () => {
    const units = [4, 25, 100, 400].flatMap((perDay) =>
      [1, 3].map((calls) => unit(`${perDay}/${calls}`, { perDay, calls, value: calls === 3 ? 5 : 1 })),
    );
    const { units: given, price } = predict(units, newRhythm(), 600, DAY);
    for (const { unit: id, looksPerDay, delayMs } of given) {
      const { calls, flows } = units.find((each) => each.id === id) as Unit;
      const [, seen = 0, days = 1] = flows[0]?.rate.runs[0] ?? [];
      const weight = (seen / days) * (flows[0]?.value ?? 0);
      const worth = (weight * (DAY / looksPerDay) ** 2) / DAY / 2 / calls;
      expect(worth / price, id).to.be.within(0.85, 1.15);
      expect(delayMs / (DAY / looksPerDay / 2), id).to.be.within(0.95, 1.05);
    }
  });

  it('asks a lower price the more calls are left, and the same price always', () => {
    const units = [1, 5, 30, 200].map((perDay) => unit(`u${perDay}`, { perDay }));
    const prices = [50, 100, 300, 1_000, 4_000].map(
      (calls) => choose(units, daily, { calls, until: NOW + DAY }, NOW, DAY).price,
    );
    expect(prices).to.deep.equal([...prices].sort((one, other) => other - one));
    expect(new Set(prices).size).to.equal(prices.length);
    expect(choose(units, daily, { calls: 50, until: NOW + DAY }, NOW, DAY).price).to.equal(prices[0]);
    const unlimited = choose(units, daily, { calls: Number.POSITIVE_INFINITY, until: NOW + DAY }, NOW, DAY);
    expect(unlimited.price).to.equal(0);
    expect(unlimited.looks).to.have.members(units.map(({ id }) => id));
  });

  it('asks the price at which the calls last until they are renewed', () => {
    // 25 looks of 4 calls: 4 changes wait 1/50 of a day each, and a look costs 4 calls.
    const units = [unit('dear', { perDay: 100, calls: 4 })];
    const { price } = choose(units, newRhythm(), { calls: 100, until: NOW + DAY }, NOW, DAY);
    expect(price / DAY).to.be.closeTo(0.02, 0.0005);
  });

  it('begins the most overdue first where the calls do not suffice for the guarantees', () => {
    const units = [
      unit('one interval', { atLeast: 4 * HOUR, last: NOW - 4 * HOUR, perDay: 500 }),
      unit('five intervals', { atLeast: HOUR, last: NOW - 5 * HOUR, perDay: 0.1 }),
      unit('three intervals', { atLeast: 2 * HOUR, last: NOW - 6 * HOUR, perDay: 0.1 }),
      unit('not due', { atLeast: DAY, last: NOW - HOUR, perDay: 5_000 }),
    ];
    const { looks, feasible } = choose(
      units,
      newRhythm(),
      { calls: 2, until: NOW + 5 * HOUR },
      NOW + HOUR / 2,
      DAY,
    );
    expect(feasible).to.equal(false);
    expect(looks[0]).to.equal('five intervals');
    expect(looks).not.to.include('not due');
    const { feasible: fits } = predict(units, newRhythm(), 10, DAY);
    expect(fits).to.equal(false);
  });

  it('keeps the calls of a guarantee that becomes due later from looks that are worth more', () => {
    const units = [
      unit('rare', { atLeast: 2 * HOUR, last: NOW - HOUR, perDay: 0.1 }),
      unit('busy', { perDay: 5_000, last: NOW - HOUR }),
    ];
    const budget = { calls: 1, until: NOW + 1.5 * HOUR };
    expect(choose(units, newRhythm(), budget, NOW, DAY).looks).to.deep.equal([]);
    expect(choose(units, newRhythm(), budget, NOW + HOUR, DAY).looks).to.deep.equal(['rare']);
  });

  it('keeps twice its mean for a look whose calls vary', () => {
    const units = [
      unit('rare', { atLeast: 2 * HOUR, last: NOW - HOUR, perDay: 0.1 }),
      unit('varies', { perDay: 5_000, last: NOW - HOUR, calls: 1.5 }),
    ];
    const looks = [3, 4].map(
      (calls) => choose(units, newRhythm(), { calls, until: NOW + 1.5 * HOUR }, NOW, DAY).looks,
    );
    expect(looks).to.deep.equal([[], ['varies']]);
  });

  it('begins the first look of a unit at once', () => {
    const units = [
      { ...unit('new', { last: null }), flows: [{ rate: newRate(), value: 1, seenUntil: null }] },
    ];
    expect(choose(units, newRhythm(), { calls: 5, until: NOW + DAY }, NOW, DAY).looks).to.deep.equal(['new']);
  });

  it('takes the flows of a shared call together', () => {
    const alone = unit('alone', { perDay: 60 });
    const shared = {
      ...unit('shared'),
      flows: [30, 30].flatMap((perDay) => unit('', { perDay }).flows),
    };
    const { units } = predict([alone, shared], daily, 40, DAY);
    expect(units[0]?.looksPerDay).to.equal(units[1]?.looksPerDay);
  });

  it('foretells calls and delays of a week, also where nothing may vary', () => {
    const units = [2, 8, 30, 100, 300].map((perDay) => unit(`u${perDay}`, { perDay }));
    const fixed = [2, 8, 30].map((perDay) =>
      unit(`f${perDay}`, { perDay, atMost: 3 * HOUR, atLeast: 3 * HOUR }),
    );
    for (const [list, calls] of [
      [units, 150],
      [fixed, 24],
    ] as const) {
      const tick = 120_000;
      const { spent, units: after } = passed(list, newRhythm(), calls, 7, tick, true);
      const { units: foretold, callsPerDay } = predict(list, newRhythm(), calls, DAY, { tickMs: tick });
      const mean = spent.slice(1).reduce((sum, each) => sum + each, 0) / (spent.length - 1);
      expect(callsPerDay / mean).to.be.within(0.97, 1.03);
      const delay =
        after.reduce((sum, { waited }) => sum + waited, 0) /
        after.reduce((sum, { changes }) => sum + changes, 0);
      const weights = list.map(({ flows }) => (flows[0]?.rate.runs[0]?.[1] ?? 0) / 1e6);
      const total = weights.reduce((sum, each) => sum + each, 0);
      const expected =
        foretold.reduce((sum, { delayMs }, index) => sum + delayMs * (weights[index] ?? 0), 0) / total;
      expect(expected / delay).to.be.within(0.9, 1.1);
    }
  });

  it('answers with nothing impossible, whatever a unit says', () => {
    const number = fc.constantFrom(0, 1, -1, Number.NaN, Number.POSITIVE_INFINITY, 1e300, NOW, NOW + DAY);
    const strange = fc.record({ perDay: number, value: number, last: fc.oneof(number, fc.constant(null)) });
    fc.assert(
      fc.property(fc.array(strange, { maxLength: 5 }), number, number, (list, calls, until) => {
        const units = [
          ...list.map((each, index) => unit(`s${index}`, each)),
          unit('good', { last: NOW - DAY }),
        ];
        const { looks } = choose(units, daily, { calls, until }, NOW, DAY);
        expect(looks.length).to.be.at.most(units.length);
        if (calls >= 2 && until === NOW + DAY && list.length === 0) expect(looks).to.deep.equal(['good']);
        for (const { looksPerDay, delayMs } of predict(units, daily, 10, DAY).units) {
          expect(looksPerDay).to.be.within(0, 1_441);
          expect(delayMs).to.be.within(0, 40 * DAY);
        }
      }),
    );
  });
});
