import { expect } from 'chai';
import fc from 'fast-check';
import { mintDay, nextMintDay } from '../../../src/ebay/oauth/ledger.ts';

describe('the day on which a mint counts', () => {
  it('begins at midnight Pacific time, in summer, in winter and when the clocks change', () => {
    for (const [now, day, next] of [
      ['2026-01-15T07:59:59Z', '2026-01-14', '2026-01-15T08:00:00Z'],
      ['2026-01-15T08:00:00Z', '2026-01-15', '2026-01-16T08:00:00Z'],
      ['2026-07-01T06:59:00Z', '2026-06-30', '2026-07-01T07:00:00Z'],
      ['2026-03-08T08:00:00Z', '2026-03-08', '2026-03-09T07:00:00Z'],
      ['2026-11-01T07:00:00Z', '2026-11-01', '2026-11-02T08:00:00Z'],
    ] as const) {
      expect(mintDay(Date.parse(now))).to.equal(day);
      expect(nextMintDay(Date.parse(now))).to.equal(Date.parse(next));
    }
  });

  it('ends within 25 hours', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1.6e12, max: 2.2e12 }), (now) => {
        const next = nextMintDay(now);
        expect(next - now).to.be.within(1, 25 * 3_600_000);
        expect(mintDay(next - 1)).to.equal(mintDay(now));
        expect(mintDay(next)).to.not.equal(mintDay(now));
      }),
    );
  });
});
