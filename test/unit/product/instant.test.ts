import { expect } from 'chai';
import { dayOrInstantIn, instantIn, instantOf } from '../../../src/product/instant.ts';

const NO_INSTANTS = [
  // Of another day of the calendar.
  ...['2026-02-30T10:00:00Z', '2026-11-31T10:00Z', '2026-02-29T00:00:00.000Z', '2026-02-30T10:00:00+01:00'],
  // Of another hour or none.
  ...[
    '2026-11-30T24:00:00Z',
    '2026-11-30T24:00Z',
    '2026-11-30T25:00Z',
    '2026-11-30T10:60Z',
    '2026-11-30T10:00+01:60',
  ],
  // Of the zone of whoever reads it.
  ...['2026-11-30T10:00:00', '2026-11-30T10:00', '2026-11-30 10:00', 'November 30, 2026'],
  ...[
    '',
    '2026',
    '2026-11',
    '2026-11-30T',
    '2026-11-30T10Z',
    '2026-11-30TZ',
    '30/11/2026',
    '+275760-09-13T00:00:00Z',
  ],
];
const NO_DAYS = [
  '2026-02-30',
  '2026-11-31',
  '2026-02-29',
  '2026-00-10',
  '2026-13-01',
  '2026-1-1',
  '20261130',
];

describe('an instant that somebody wrote', () => {
  it('has a day and a time that exist, and its offset', () => {
    const noon = Date.UTC(2026, 10, 30, 12);
    for (const text of ['2026-11-30T12:00Z', '2026-11-30T12:00:00.000000000Z', '2026-11-30T07:00:00-05:00'])
      expect(instantIn(text), text).to.equal(noon);
    // The offset leads to another day.
    expect(instantIn('2026-03-01T00:30:00+01:00')).to.equal(Date.UTC(2026, 1, 28, 23, 30));
    expect(instantIn('2028-02-29T23:59:59.999Z')).to.equal(Date.UTC(2028, 1, 29, 23, 59, 59, 999));
    expect(instantIn('2026-11-30')).to.equal(undefined);
    for (const text of [...NO_INSTANTS, ...NO_DAYS]) expect(instantIn(text), text).to.equal(undefined);
  });

  it('may be a day alone in UTC where that is allowed', () => {
    expect(dayOrInstantIn('2026-11-30')).to.equal(Date.UTC(2026, 10, 30));
    expect(dayOrInstantIn('2026-11-30', true)).to.equal(Date.UTC(2026, 11, 1) - 1);
    expect(dayOrInstantIn('2026-11-30T12:00+01:00', true)).to.equal(Date.UTC(2026, 10, 30, 11));
    for (const text of [...NO_INSTANTS, ...NO_DAYS]) {
      expect(dayOrInstantIn(text), text).to.equal(undefined);
      expect(dayOrInstantIn(text, true), text).to.equal(undefined);
    }
  });

  it('of a request is in UTC', () => {
    expect(instantOf('2026-01-31T18:00Z')).to.equal('2026-01-31T18:00:00.000Z');
    expect(instantOf('2026-01-31', true)).to.equal('2026-01-31T23:59:59.999Z');
    for (const text of [...NO_INSTANTS, ...NO_DAYS, '2026-01-31T18:00:00+00:00'])
      expect(instantOf(text), text).to.equal(undefined);
  });
});
