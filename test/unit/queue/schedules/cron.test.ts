import { expect } from 'chai';
import { parseCron } from '../../../../src/queue/schedules/cron.ts';

describe('a cron expression', () => {
  for (const [text, normal] of [
    [' 5,35  8-10 1-7/2 jan,JUL * ', '5,35 8-10 1-7/2 jan,JUL *'],
    ['*/20 22/1 L * *', '*/20 22/1 L * *'],
    ['0 0 * * 7', '0 0 * * 7'],
    ['0 0 * * fri-sun', '0 0 * * fri-sun'],
    ['0 0 29 2 *', '0 0 29 2 *'],
    ['0 0 30 2 1', '0 0 30 2 1'],
    ['0 9 ? * MON#1', '0 9 * * MON#1'],
    ['@daily', '0 0 * * *'],
    ['@Hourly', '0 * * * *'],
    ['@weekly', '0 0 * * 0'],
    ['@annually', '0 0 1 1 *'],
  ] as const)
    it(`is read with single spaces and without nickname or question mark: ${text}`, () => {
      expect(parseCron(text)).to.equal(normal);
    });

  const wrong: Array<[text: string, reason: RegExp]> = [
    ['', /five fields .* has 0/],
    ['* * * *', /five fields .* has 4/],
    ['* * * * * *', /seconds are not supported/],
    ['61 * * * *', /"61" is no minute \(0-59/],
    ['5,61 * * * *', /"61" is no minute \(0-59/],
    ['-1 * * * *', /"-1" is no minute/],
    ['* 24 * * *', /"24" is no hour \(0-23/],
    ['* * 0 * *', /"0" is no day of month \(1-31/],
    ['* * * 13 *', /"13" is no month \(1-12 or jan-dec/],
    ['* * * * 8', /"8" is no day of week \(0-7/],
    ['* * * * funday', /no day of week \(0-7 or sun-sat/],
    ['30-10 * * * *', /no minute/],
    ['*/0 * * * *', /no minute/],
    ['1/2/3 * * * *', /no minute/],
    ['1-2-3 * * * *', /no minute/],
    ['1,,2 * * * *', /"" is no minute/],
    ['1e1 * * * *', /no minute/],
    ['H * * * *', /no minute/],
    ['2026-05-01T00:00:00', /five fields .* has 1/],
    ['@reboot', /nicknames are @yearly, .*@hourly/],
    ['@every 5m', /nicknames are/],
    ['0 0 30 2 *', /never comes: no such day in these months/],
    ['0 0 31 4,6,9,11 *', /never comes/],
  ];
  for (const [text, reason] of wrong)
    it(`is refused with its reason: ${JSON.stringify(text)}`, () => {
      expect(() => parseCron(text)).to.throw(reason);
    });
});
