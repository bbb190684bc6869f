import { expect } from 'chai';
import { nextRun, parseCron, shortestGap, type Timing } from '../../../../src/queue/schedules/cron.ts';

/** The first runs after an instant, as ISO texts without seconds. */
function runs(timing: Timing, after: string, count: number): string[] {
  const found: string[] = [];
  let at = Date.parse(after);
  while (found.length < count) {
    const next = nextRun(timing, at);
    if (next === undefined) break;
    found.push(new Date(next).toISOString().slice(0, 16));
    at = next;
  }
  return found;
}

const byClock = (cron: string, tz = 'UTC') => ({ cron: parseCron(cron), tz });
const at = (text: string) => Date.parse(text);

describe('the calendar of schedules', () => {
  it('runs every month that has the day, and on the last day of any month', () => {
    expect(runs(byClock('0 9 31 * *'), '2026-01-31T09:00Z', 3)).to.deep.equal([
      '2026-03-31T09:00',
      '2026-05-31T09:00',
      '2026-07-31T09:00',
    ]);
    expect(runs(byClock('0 9 L * *'), '2028-01-31T09:00Z', 2)).to.deep.equal([
      '2028-02-29T09:00',
      '2028-03-31T09:00',
    ]);
  });

  it('waits for a leap day as long as it takes, over the year 2100 too', () => {
    expect(runs(byClock('0 0 29 2 *'), '2096-02-29T00:00Z', 2)).to.deep.equal([
      '2104-02-29T00:00',
      '2108-02-29T00:00',
    ]);
  });

  it('runs on the thirteenth and on Fridays when both are given', () => {
    expect(runs(byClock('0 0 13 * 5'), '2026-03-06T00:00Z', 3)).to.deep.equal([
      '2026-03-13T00:00',
      '2026-03-20T00:00',
      '2026-03-27T00:00',
    ]);
    expect(runs(byClock('0 0 13 * 5'), '2026-04-10T00:00Z', 2)).to.deep.equal([
      '2026-04-13T00:00',
      '2026-04-17T00:00',
    ]);
  });

  it('runs on days that match both when one of the two begins with an asterisk, as Vixie cron has it', () => {
    const mondaysOfOddDate = ['2026-05-11T09:00', '2026-05-25T09:00', '2026-06-01T09:00'];
    expect(runs(byClock('0 9 */2 * 1'), '2026-05-01T00:00Z', 3)).to.deep.equal(mondaysOfOddDate);
    expect(runs(byClock('0 9 1,3,31 * */2'), '2026-05-01T00:00Z', 3)).to.deep.equal([
      '2026-05-03T09:00',
      '2026-05-31T09:00',
      '2026-08-01T09:00',
    ]);
  });

  it('runs on the days that nicknames and other programs’ signs mean', () => {
    expect(runs(byClock('@daily'), '2026-05-01T00:00Z', 2)).to.deep.equal([
      '2026-05-02T00:00',
      '2026-05-03T00:00',
    ]);
    expect(runs(byClock('0 9 ? * MON#1'), '2026-05-05T00:00Z', 2)).to.deep.equal([
      '2026-06-01T09:00',
      '2026-07-06T09:00',
    ]);
    expect(runs(byClock('0 9 15W * ?'), '2026-08-01T00:00Z', 1)).to.deep.equal(['2026-08-14T09:00']);
  });

  it('never gives the instant it is asked from, and gives one a millisecond later', () => {
    const daily = byClock('0 12 * * *');
    expect(nextRun(daily, at('2026-05-01T12:00Z'))).to.equal(at('2026-05-02T12:00Z'));
    expect(nextRun(daily, at('2026-05-01T12:00Z') - 1)).to.equal(at('2026-05-01T12:00Z'));
  });

  it('keeps within start and end, both included', () => {
    const timing = { ...byClock('0 12 * * *'), start: at('2026-05-03T12:00Z'), end: at('2026-05-04T12:00Z') };
    expect(runs(timing, '2026-05-01T00:00Z', 9)).to.deep.equal(['2026-05-03T12:00', '2026-05-04T12:00']);
  });

  it('counts `every` from its anchor, whenever it is asked', () => {
    const timing = { everyMs: 3_600_000, anchor: at('2026-05-01T00:20Z') };
    expect(nextRun(timing, timing.anchor - 1)).to.equal(timing.anchor);
    expect(runs(timing, '2026-05-01T09:59Z', 2)).to.deep.equal(['2026-05-01T10:20', '2026-05-01T11:20']);
    expect(runs({ ...timing, end: at('2026-05-01T11:00Z') }, '2026-05-01T09:59Z', 5)).to.have.length(1);
  });

  it('makes one run of all that were missed: the next is asked from now', () => {
    const everyMinute = byClock('* * * * *');
    const due = nextRun(everyMinute, at('2026-05-01T10:00Z')) as number;
    const backAt = due + 3_600_000 + 30_000;
    expect(nextRun(everyMinute, backAt)).to.equal(at('2026-05-01T11:02Z'));
  });

  it('knows the least time between two runs', () => {
    const minutes = (cron: string) => shortestGap(parseCron(cron)) / 60_000;
    expect(minutes('* * * * *')).to.equal(1);
    expect(minutes('0,50 * * * *')).to.equal(10);
    expect(minutes('55 23,0 * * *')).to.equal(60);
    expect(minutes('59,0 0,23 * * *')).to.equal(1);
    expect(minutes('30 6 * * 1')).to.equal(1440);
    expect(minutes('0 9 * * mon#1')).to.equal(1440);
    expect(minutes('*/7 * * * *')).to.equal(4);
  });
});
