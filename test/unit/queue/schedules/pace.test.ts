import { expect } from 'chai';
import { nextRun, paceOf } from '../../../../src/queue/schedules/cron.ts';

const HOUR = 3_600_000;
const NOW = Date.parse('2026-05-05T08:00:00Z');

describe('the pace of a cron expression', () => {
  const cases: Array<[cron: string, perDay: number, meanWaitHours: number]> = [
    ['30 2 * * *', 1, 12],
    // Gaps of four days and one weekend: (4 × 24² + 72²) ÷ (2 × 168).
    ['30 2 * * 1-5', 5 / 7, 22.29],
    ['0 * * * *', 24, 0.5],
    ['*/15 * * * *', 96, 0.125],
    // 32 gaps of a quarter of an hour, one of 16 hours.
    ['*/15 9-16 * * *', 32, (31 * 0.25 ** 2 + 16.25 ** 2) / 48],
    ['0 6 * * 0', 1 / 7, 84],
    ['0 6 1 1 *', 1 / 365.2, 365.2 * 12],
  ];
  for (const [cron, perDay, hours] of cases)
    it(`of ${cron} is ${perDay} runs a day, ${hours} h to the next one`, () => {
      const { rate, meanWait } = paceOf(cron, NOW);
      expect(rate * 24 * HOUR).to.be.closeTo(perDay, perDay / 100);
      expect(meanWait / HOUR).to.be.closeTo(hours, hours / 100);
    });

  it('is that of the runs that follow', () => {
    for (const cron of ['7,41 3-5 * * 2,6', '0 12 */3 * *', '5 4 L * *']) {
      const gaps: number[] = [];
      let at = nextRun({ cron, tz: 'UTC' }, NOW) as number;
      for (let run = 0; run < 300; run += 1) {
        const next = nextRun({ cron, tz: 'UTC' }, at) as number;
        gaps.push(next - at);
        at = next;
      }
      const sum = (of: (gap: number) => number) => gaps.reduce((total, gap) => total + of(gap), 0);
      const { rate, meanWait } = paceOf(cron, NOW);
      expect(rate, cron).to.be.closeTo(gaps.length / sum((gap) => gap), rate / 25);
      expect(meanWait, cron).to.be.closeTo(sum((gap) => gap * gap) / (2 * sum((gap) => gap)), meanWait / 25);
    }
  });
});
