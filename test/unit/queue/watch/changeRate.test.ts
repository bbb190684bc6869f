import { expect } from 'chai';
import fc from 'fast-check';
import {
  type ChangeRate,
  cellOf,
  changesPerDay,
  learn,
  newRate,
  newRhythm,
  type Rhythm,
  uncertainty,
  waitOf,
  weekOf,
  weightOf,
} from '../../../../src/queue/watch/changeRate.ts';
import { randomFrom } from '../../../../src/simulator/random.ts';

const DAY = 86_400_000;
const HOUR = DAY / 24;
const START = Date.UTC(2026, 2, 1);

/** Looks at regular times at changes whose rate a day depends on the time. With several flows, all have that rate. */
function watched(
  perDay: (at: number) => number,
  days: number,
  everyMs: number,
  { seed = 1, flows = 1 } = {},
) {
  const random = randomFrom(seed);
  const rates = Array.from({ length: flows }, newRate);
  let rhythm = newRhythm();
  const now = () => ({ rate: rates[0] ?? newRate(), rhythm });
  const look = (flow: number, from: number, to: number) => {
    const times: number[] = [];
    const most = 500;
    // Thinning: candidates at the highest rate, of which those are kept that the rate of their time permits.
    for (let time = from; ; ) {
      time += (-Math.log(1 - random()) * DAY) / most;
      if (time >= to) break;
      if (random() < perDay(time) / most) times.push(time);
    }
    const learned = learn(rates[flow] ?? newRate(), rhythm, { from, to, changes: times.length, times }, DAY);
    rates[flow] = learned.rate;
    rhythm = learned.rhythm;
  };
  const pass = (from: number, until: number) => {
    for (let at = from; at < until; at += everyMs)
      for (let flow = 0; flow < flows; flow += 1) look(flow, at, at + everyMs);
  };
  pass(START, START + days * DAY);
  const perDayLearned = () => rates.reduce((sum, rate) => sum + changesPerDay(rate, rhythm), 0) / flows;
  return { pass, now, perDay: perDayLearned };
}

describe('what is learned about the rate of changes', () => {
  it('comes near the true rate from nothing, and the interval holds it', () => {
    for (const [perDay, days] of [
      [0.5, 40],
      [4, 20],
      [300, 4],
    ] as const) {
      const flow = watched(() => perDay, days, 4 * HOUR, { flows: 10 });
      expect(flow.perDay() / perDay, `${perDay} a day`).to.be.within(0.8, 1.2);
      const { low, high } = uncertainty(flow.now().rate, flow.now().rhythm);
      expect(perDay, `${perDay} a day`).to.be.within(low, high);
    }
  });

  it('follows a rate that jumps to ten times within six hours', () => {
    const jump = START + 5 * DAY;
    const flow = watched((at) => (at < jump ? 24 : 240), 5, HOUR);
    expect(flow.perDay()).to.be.within(18, 31);
    flow.pass(jump, jump + 6 * HOUR);
    expect(flow.perDay()).to.be.within(170, 320);
  });

  it('falls back to the usual rate within hours after a burst', () => {
    const burst = START + 6 * DAY;
    const isBurst = (at: number) => at >= burst && at < burst + 4 * HOUR;
    const flow = watched((at) => (isBurst(at) ? 400 : 40), 6, HOUR);
    flow.pass(burst, burst + 4 * HOUR);
    expect(flow.perDay()).to.be.above(250);
    flow.pass(burst + 4 * HOUR, burst + 10 * HOUR);
    expect(flow.perDay()).to.be.within(28, 60);
  });

  it('finds the hours of the day', () => {
    const rhythm = (at: number) =>
      1 + 0.8 * Math.cos(2 * Math.PI * ((((at % DAY) + DAY) % DAY) / DAY - 0.75));
    const flow = watched((at) => 20 * rhythm(at), 8, 2 * HOUR, { flows: 20 });
    const week = weekOf(flow.now().rhythm);
    const at = (hour: number) => week[cellOf(START + 20 * DAY + hour * HOUR, DAY)] ?? 0;
    expect(at(18) / at(6)).to.be.above(3);
    expect(week.reduce((sum, each) => sum + each, 0) / week.length).to.be.closeTo(1, 1e-9);
  });

  it('learns nothing from a look that has nothing to compare with', () => {
    const [rate, rhythm] = [newRate(), newRhythm()];
    const learned = learn(rate, rhythm, { from: START, to: START + HOUR, changes: null }, DAY);
    expect(learned).to.deep.equal({ rate, rhythm });
  });

  it('knows the less of a flow, the wider its interval', () => {
    const widths = [1, 4, 16].map((days) => {
      const { rate, rhythm } = watched(() => 10, days, 2 * HOUR, { seed: 3 }).now();
      const { perDay, low, high } = uncertainty(rate, rhythm);
      return (high - low) / perDay;
    });
    expect(widths).to.deep.equal([...widths].sort((one, other) => other - one));
  });

  it('adds up what changes have waited', () => {
    const { rhythm } = watched((at) => (at % DAY < DAY / 2 ? 10 : 60), 9, 2 * HOUR).now();
    const week = weekOf(rhythm);
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 14 * 24 }),
        fc.double({ min: 0.01, max: 400, noNaN: true }),
        (start, hours) => {
          const from = START + start * HOUR + 1234;
          const to = from + hours * HOUR;
          const steps = 4_000;
          let [changes, delay] = [0, 0];
          for (let step = 0; step < steps; step += 1) {
            const at = from + ((to - from) * (step + 0.5)) / steps;
            const more = ((week[cellOf(at, DAY)] ?? 0) * (to - from)) / DAY / steps;
            changes += more;
            delay += (more * (to - at)) / DAY;
          }
          expect(weightOf(rhythm, from, to, DAY) / changes).to.be.closeTo(1, 0.01);
          expect(waitOf(rhythm, from, to, DAY) / delay).to.be.closeTo(1, 0.01);
        },
      ),
      { numRuns: 30 },
    );
  });

  it('stays small, finite and positive whatever clocks and counts say', () => {
    const number = fc.oneof(
      fc.integer({ min: -5, max: 500 }),
      fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e300, -1e300, 0.5),
    );
    const time = fc.oneof(
      fc.integer({ min: -3 * DAY, max: 30 * DAY }).map((at) => START + at),
      number,
    );
    const look = fc.record({
      from: time,
      to: time,
      changes: fc.oneof(number, fc.constant(null)),
      times: fc.array(time, { maxLength: 5 }),
    });
    fc.assert(
      fc.property(
        fc.array(look, { maxLength: 60 }),
        fc.constantFrom(DAY, 60_000, 0, Number.NaN),
        (looks, day) => {
          let state: { rate: ChangeRate; rhythm: Rhythm } = { rate: newRate(), rhythm: newRhythm() };
          for (const each of looks) state = learn(state.rate, state.rhythm, each, day);
          const { rate, rhythm } = JSON.parse(JSON.stringify(state)) as typeof state;
          expect({ rate, rhythm }).to.deep.equal(state);
          expect(JSON.stringify(rate).length).to.be.below(500);
          expect(JSON.stringify(rhythm).length).to.be.below(1_000);
          const { perDay, low, high } = uncertainty(rate, rhythm);
          expect(perDay).to.be.above(0).and.below(1e9);
          expect(low).to.be.at.most(perDay);
          expect(high).to.be.at.least(perDay);
          expect(weekOf(rhythm).every((factor) => factor > 0 && factor < 200)).to.equal(true);
        },
      ),
      { numRuns: 200 },
    );
  });
});
