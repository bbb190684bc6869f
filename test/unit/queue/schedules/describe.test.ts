import { expect } from 'chai';
import { type Definition, describeTiming } from '../../../../src/queue/schedules/definition.ts';

const words: Array<[timing: Pick<Definition, 'cron' | 'tz' | 'every' | 'auto'>, expected: string]> = [
  [{ auto: { atLeastEvery: 86_400, value: 1 } }, 'when it is worth most, at least every day'],
  [
    { auto: { atLeastEvery: 7200, atMostEvery: 300, value: 2 } },
    'when it is worth most, at least every 2 hours, at most every 5 minutes',
  ],
  [{ every: 3600 }, 'every hour'],
  [{ every: 5400 }, 'every 90 minutes'],
  [{ every: 90 }, 'every 90 seconds'],
  [{ cron: '30 2 * * *', tz: 'Europe/Berlin' }, 'at 02:30 every day (Europe/Berlin)'],
  [{ cron: '0 8,20 * * 1-5' }, 'at 08:00 and 20:00 on working days (UTC)'],
  [{ cron: '0 8 * * 1,3' }, 'at 08:00 on Monday and Wednesday (UTC)'],
  [{ cron: '0 8 1,L * *' }, 'at 08:00 on 1 and the last day of each month (UTC)'],
  [{ cron: '0 8 1 1,7 *' }, 'at 08:00 on 1 of January and July (UTC)'],
  [{ cron: '*/15 * * * *' }, 'every 15 minutes every day (UTC)'],
  [{ cron: '5 * * * *' }, '5 minutes past every hour every day (UTC)'],
  [{ cron: '1,7 3-9 * * *' }, 'cron 1,7 3-9 * * * (UTC)'],
  [{ cron: '0 0 13 * 5' }, 'cron 0 0 13 * 5 (UTC)'],
];

describe('when a schedule runs, in words', () => {
  for (const [timing, expected] of words)
    it(`is described as “${expected}”`, () => {
      expect(describeTiming(timing)).to.equal(expected);
    });
});
