import { expect } from 'chai';
import {
  delayText,
  dropText,
  expectedText,
  guaranteeText,
  measuredText,
  namesText,
  perDayText,
  warningText,
} from '../../../src/text/plan.ts';

const MIN = 60;
const HOUR = 3600;
const DAY = 24 * HOUR;

describe('texts of the plan', () => {
  it('show a delay in one unit with two digits', () => {
    const texts = [
      0,
      45,
      99.4,
      6.3 * MIN,
      18.4 * MIN,
      99 * MIN,
      2.44 * HOUR,
      30 * HOUR,
      2.5 * DAY,
      120 * DAY,
    ].map(delayText);
    expect(texts.join(', ')).to.equal(
      '0 s, 45 s, 99 s, 6.3 min, 18 min, 99 min, 2.4 h, 30 h, 2.5 days, 120 days',
    );
    expect(delayText(null)).to.equal('–');
  });

  it('show the interval in the same unit, in units of its own where it is wide, and not where it says nothing', () => {
    const text = (low: number, expected: number, high: number) => expectedText({ low, expected, high });
    expect(text(14 * MIN, 18 * MIN, 23 * MIN)).to.equal('18 min (14–23)');
    expect(text(MIN, 2 * MIN, 12 * HOUR)).to.equal('2 min (60 s – 12 h)');
    expect(text(30 * MIN, 30 * MIN, 30 * MIN)).to.equal('30 min');
    expect(expectedText(null)).to.equal('–');
  });

  it('show numbers a day that are small and large', () => {
    expect([0, 0.033, 0.52, 3.44, 27.6, 1204.4].map(perDayText).join(' ')).to.equal(
      '0 0.03 0.5 3.4 28 1,204',
    );
  });

  it('say what a measurement rests on, and that there is none', () => {
    const measured = {
      delay: 960,
      changes: 143,
      found: 150,
      callsPerDay: 27.2,
      since: '2026-05-01T00:00:00.000Z',
    };
    expect(measuredText(measured)).to.equal('16 min, 27 calls a day (143 changes)');
    expect(measuredText({ ...measured, delay: null })).to.equal(
      '27 calls a day (no change with a known time)',
    );
    expect(measuredText(null)).to.equal('not yet');
  });

  it('say when it is looked at, and which guarantee does not fit', () => {
    const guarantee = { every: DAY, callsPerDay: 1, fits: true };
    const text = (fields: object) =>
      guaranteeText({ guarantee, when: 'every hour', state: 'active', ...fields } as never);
    expect(text({})).to.equal('at least every 24 h');
    expect(text({ guarantee: { ...guarantee, fits: false } })).to.equal('at least every 24 h: does not fit');
    expect(text({ guarantee: null })).to.equal('every hour');
    expect(text({ state: 'paused' })).to.equal('paused');
  });

  it('name five of many, and what the others gain only where they do', () => {
    expect(namesText(['a', 'b', 'c', 'd', 'e', 'f', 'g'])).to.equal('a, b, c, d, e and 2 others');
    expect(warningText({ code: 'finds-nothing', names: ['a'], message: 'no change' })).to.equal(
      'a: no change',
    );
    const candidate = { name: 'a', kind: 'schedule', callsPerDay: 40, valuePerCall: 0.1 } as const;
    const drop = (before: number, after: number) => dropText({ ...candidate, others: { before, after } });
    expect(drop(20 * MIN, 18 * MIN)).to.equal(
      'a: frees 40 calls a day; the mean delay of the others: 20 min → 18 min',
    );
    expect(drop(20 * MIN, 19.99 * MIN)).to.equal('a: frees 40 calls a day');
  });
});
