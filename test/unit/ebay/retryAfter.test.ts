import { expect } from 'chai';
import fc from 'fast-check';
import { retryAfterMs } from '../../../src/ebay/http.ts';

const NOW = Date.UTC(2026, 7, 1, 12);
const MAX = 900_000;
const at = (ms: number) => new Date(NOW + ms).toUTCString();

describe('Retry-After', () => {
  for (const [header, ms] of [
    ['30', 30_000],
    [' 30 ', 30_000],
    ['1.5', 1500],
    [at(60_000), 60_000],
    ['0', 1000],
    [at(-60_000), 1000],
    ['1000000000', MAX],
    [at(86_400_000), MAX],
  ] as const)
    it(`${header} means a pause of ${ms} ms`, () => {
      expect(retryAfterMs(header, NOW, MAX)).to.equal(ms);
    });

  for (const header of [undefined, '', '-1', 'soon', 'NaN', 'Infinity', '1e9', '12 s', 'Mon, what?'])
    it(`${header} says nothing`, () => {
      expect(retryAfterMs(header, NOW, MAX)).to.equal(undefined);
    });

  it('is nothing or within its bounds, whatever comes', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 1, max: MAX }), (header, max) => {
        const ms = retryAfterMs(header, NOW, max);
        if (ms !== undefined) expect(ms).to.be.within(Math.min(1000, max), max);
      }),
    );
  });
});
