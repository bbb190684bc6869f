import { expect } from 'chai';
import fc from 'fast-check';
import { pacificDay, pacificDayEnd, QuotaDays } from '../../../src/ebay/pacificDay.ts';

const end = (now: string) => new Date(pacificDayEnd(Date.parse(now))).toISOString();
const HOUR_MS = 3_600_000;

describe('a day of eBay’s counts', () => {
  for (const [what, now, expected] of [
    ['in winter at 08:00Z', '2026-02-16T20:00:00Z', '2026-02-17T08:00:00.000Z'],
    ['in summer at 07:00Z', '2026-08-01T20:00:00Z', '2026-08-02T07:00:00.000Z'],
    ['a moment before it does', '2026-02-17T07:59:59.999Z', '2026-02-17T08:00:00.000Z'],
    ['a day later at the very moment', '2026-02-17T08:00:00Z', '2026-02-18T08:00:00.000Z'],
    ['after 23 hours when summer time begins', '2026-03-08T08:00:00Z', '2026-03-09T07:00:00.000Z'],
    ['after 25 hours when summer time ends', '2026-11-01T07:00:00Z', '2026-11-02T08:00:00.000Z'],
    ['over the turn of the year', '2026-12-31T23:00:00Z', '2027-01-01T08:00:00.000Z'],
    ['on a leap day', '2028-02-29T12:00:00Z', '2028-03-01T08:00:00.000Z'],
  ] as const)
    it(`ends ${what}`, () => {
      expect(end(now)).to.equal(expected);
    });

  it('is named after its date there', () => {
    for (const [now, day] of [
      ['2026-01-15T07:59:59Z', '2026-01-14'],
      ['2026-01-15T08:00:00Z', '2026-01-15'],
      ['2026-07-01T06:59:00Z', '2026-06-30'],
      ['2026-03-08T08:00:00Z', '2026-03-08'],
      ['2026-11-01T07:00:00Z', '2026-11-01'],
    ] as const)
      expect(pacificDay(Date.parse(now))).to.equal(day);
  });

  const midnight = new Intl.DateTimeFormat('en-GB', { timeZone: 'America/Los_Angeles', timeStyle: 'medium' });

  it('is 23 to 25 hours long and ends at midnight Pacific time, always', () => {
    const instant = fc.integer({ min: Date.UTC(2020, 0), max: Date.UTC(2040, 0) });
    fc.assert(
      fc.property(instant, (now) => {
        const first = pacificDayEnd(now);
        const length = pacificDayEnd(first) - first;
        expect(first - now).to.be.within(1, 25 * HOUR_MS);
        expect([23, 24, 25]).to.include(length / HOUR_MS);
        expect(midnight.format(first)).to.equal('00:00:00');
        expect(pacificDay(first - 1)).to.equal(pacificDay(now));
        expect(pacificDay(first)).to.not.equal(pacificDay(now));
      }),
    );
  });

  it('begins where the day before ended, and is computed again when it has ended or the clock was set back', () => {
    let now = Date.parse('2026-02-16T20:00:00Z');
    const days = new QuotaDays(() => now);
    const [begin, end, nextEnd] = days.times();
    expect([pacificDayEnd(begin - 1), pacificDayEnd(begin), pacificDayEnd(end)]).to.deep.equal([
      begin,
      end,
      nextEnd,
    ]);
    expect(days.times()).to.deep.equal([begin, end, nextEnd]);
    now = end;
    expect(days.times().slice(0, 2)).to.deep.equal([end, nextEnd]);
    now -= 48 * HOUR_MS;
    expect(days.times()[1]).to.equal(begin);
  });

  it('begins at its midnight, also on the days of 23 and 25 hours', () => {
    for (const noon of ['2026-03-08T20:00:00Z', '2026-11-01T20:00:00Z', '2026-11-02T07:30:00Z']) {
      const now = Date.parse(noon);
      const [begin, end] = new QuotaDays(() => now).times();
      expect([midnight.format(begin), pacificDay(begin)]).to.deep.equal(['00:00:00', pacificDay(now)]);
      expect(end).to.equal(pacificDayEnd(now));
    }
  });
});
