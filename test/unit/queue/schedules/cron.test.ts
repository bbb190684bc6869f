import { expect } from 'chai';
import { parseCron } from '../../../../src/queue/schedules/cron.ts';

describe('a cron expression', () => {
  it('reads numbers, names, lists, ranges, steps and the last day of a month', () => {
    expect(parseCron('5,35 8-10 1-7/2 jan,JUL *')).to.deep.include({
      minutes: [5, 35],
      hours: [8, 9, 10],
      days: [1, 3, 5, 7],
      months: [1, 7],
      by: 'date',
    });
    expect(parseCron('*/20 22/1 L * *')).to.deep.include({
      minutes: [0, 20, 40],
      hours: [22, 23],
      days: [],
      lastDay: true,
    });
    expect(parseCron('0 0 * * mon-fri')).to.deep.include({ weekdays: [1, 2, 3, 4, 5], by: 'weekday' });
  });

  it('takes 0 and 7 for Sunday', () => {
    expect(parseCron('0 0 * * 7').weekdays).to.deep.equal([0]);
    expect(parseCron('0 0 * * 5-7').weekdays).to.deep.equal([0, 5, 6]);
    expect(parseCron('0 0 * * */2').weekdays).to.deep.equal([0, 2, 4, 6]);
  });

  it('lets a day match by date or by weekday when both are given', () => {
    expect(parseCron('0 0 13 * 5').by).to.equal('either');
  });

  const wrong: Array<[text: string, reason: RegExp]> = [
    ['', /five fields/],
    ['* * * *', /five fields .* has 4/],
    ['* * * * * *', /seconds are not supported/],
    ['61 * * * *', /"61" is no minute \(0-59/],
    ['-1 * * * *', /no minute/],
    ['* 24 * * *', /no hour/],
    ['* * 0 * *', /no day of month/],
    ['* * * 13 *', /no month/],
    ['* * * * 8', /no day of week/],
    ['* * * * funday', /no day of week \(0-7 or sun-sat/],
    ['30-10 * * * *', /no minute/],
    ['*/0 * * * *', /no minute/],
    ['1/2/3 * * * *', /no minute/],
    ['1-2-3 * * * *', /no minute/],
    ['1,,2 * * * *', /no minute/],
    ['1e1 * * * *', /no minute/],
    ['@daily', /five fields/],
    ['0 0 30 2 *', /never comes/],
    ['0 0 31 4,6,9,11 *', /never comes/],
  ];
  for (const [text, reason] of wrong)
    it(`is refused with its reason: ${JSON.stringify(text)}`, () => {
      expect(() => parseCron(text)).to.throw(reason);
    });

  it('may name a rare day, and any day beside a weekday', () => {
    expect(parseCron('0 0 29 2 *').days).to.deep.equal([29]);
    expect(parseCron('0 0 30 2 1').by).to.equal('either');
  });
});
