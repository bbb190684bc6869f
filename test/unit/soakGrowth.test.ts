import { expect } from 'chai';
import { growthOf, isWithinLimits } from '../../bench/soak/growth.ts';
import type { Sample } from '../../bench/soak/run.ts';

const MINUTE = 60_000;
const CYCLE_MS = 10 * MINUTE;

interface Leak {
  heap?: number;
  handles?: number;
  keys?: number;
}

/** From -1 to 1, the same in every run. */
function noise(seed: number): number {
  const value = Math.sin(seed * 12.9898) * 43_758.5453;
  return 2 * (value - Math.floor(value)) - 1;
}

/**
 * Half an hour after the warm-up, with what each of ten faults does to its minute, connections
 * that are idle for minutes, and a leak of so much an hour.
 */
function samplesWith({ heap = 0, handles = 0, keys = 0 }: Leak): Sample[] {
  return Array.from({ length: 900 }, (_, index) => {
    const at = 10 * MINUTE + index * 2000;
    const fault = noise(Math.floor((at % CYCLE_MS) / MINUTE));
    const [minute, hours] = [at % MINUTE, at / (60 * MINUTE)];
    const settled = minute >= 30_000;
    const idle = Math.floor(at / MINUTE) % 7 < 2 ? 1 : 0;
    const turmoil = settled ? 0 : 20 * noise(index + 0.5);
    return {
      at,
      settled,
      heap: 28e6 + heap * hours + 200_000 * fault + 100_000 * (1 + noise(index)) + 50_000 * turmoil,
      handles: Math.round(25 + handles * hours) + idle + Math.round(turmoil / 5),
      keys: 1100 + keys * hours + 50 * fault + 100 * noise(index + 0.7) + turmoil,
      overdue: 60 + Math.floor(keys * hours) + idle,
    };
  });
}

describe('what grows in a soak', () => {
  it('is within the limits where nothing does, whatever the faults do to their minutes', () => {
    const growth = growthOf(samplesWith({}), CYCLE_MS);

    expect(isWithinLimits(growth), JSON.stringify(growth)).to.equal(true);
  });

  const leaks: Array<[what: string, leak: Leak]> = [
    ['1.5 MB of heap', { heap: 1_500_000 }],
    ['a handle', { handles: 1 }],
    ['2 % of the keys', { keys: 22 }],
  ];
  for (const [what, leak] of leaks)
    it(`is found when it is ${what} an hour`, () => {
      const growth = growthOf(samplesWith(leak), CYCLE_MS);

      expect(isWithinLimits(growth), JSON.stringify(growth)).to.equal(false);
      for (const [name, perHour] of Object.entries(leak))
        expect(growth[name as keyof Leak].high, name).to.be.above(perHour);
    });

  it('is not told from fewer rounds than show it', () => {
    const oneRound = samplesWith({}).filter(({ at }) => at < 10 * MINUTE + CYCLE_MS);

    expect(isWithinLimits(growthOf(oneRound, CYCLE_MS))).to.equal(false);
  });
});
