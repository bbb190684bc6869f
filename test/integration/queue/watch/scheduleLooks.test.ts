import { expect } from 'chai';
import { jobDefaults } from '../../../../src/queue/search/retryPolicy.ts';
import { ScheduleLooks } from '../../../../src/queue/watch/scheduleLooks.ts';
import { testConfig } from '../../../support/config.ts';
import { useSchedules } from '../../../support/schedules.ts';

const MIDNIGHT = Date.parse('2026-05-02T00:00Z');
const HOUR = 3_600_000;

describe('schedules as the planner sees them', () => {
  const test = useSchedules();
  const open = () =>
    new ScheduleLooks({
      searches: test.queue,
      redis: test.redis,
      prefix: '{ebay}',
      tenant: 'default',
      rules: jobDefaults(testConfig()),
      minInterval: 60,
    });
  const auto = (name: string, fields: object = {}) =>
    test.schedules.add({ name, auto: {}, request: { query: 'lamp', track: name }, ...fields });
  const none = () => undefined;

  beforeEach(() => test.at('2026-05-01T12:00Z'));

  it('need calls until then by their times and by what a run costs', async () => {
    const looks = open();
    const request = { query: 'lamp', maxItems: 400 };
    await test.schedules.add({ name: 'hourly', cron: '0 * * * *', request });
    await test.schedules.add({ name: 'often', every: 1800, start: '2026-05-01T13:00:00Z', request });
    await test.schedules.add({ name: 'brief', every: 3600, end: '2026-05-01T14:30:00Z', request });
    await test.schedules.add({ name: 'paused', every: 60, request });
    await test.schedules.pause('paused');
    await auto('news');
    expect(await looks.units()).to.have.length(1);
    const noon = MIDNIGHT - 12 * HOUR;
    // 13:00 to 24:00; 13:00 to 24:00 each half hour; 13:00 and 14:00. Two pages each.
    expect(looks.fixedCalls(noon, MIDNIGHT, none)).to.equal(2 * (12 + 23 + 2));
    const measured = (name: string) => (name === 'often' ? 1 : undefined);
    expect(looks.fixedCalls(noon, MIDNIGHT, measured)).to.equal(2 * 12 + 23 + 2 * 2);
    expect(looks.fixedCalls(MIDNIGHT - 2 * HOUR, MIDNIGHT, none)).to.equal(2 * (2 + 4));
    expect(looks.fixedCalls(MIDNIGHT, MIDNIGHT, none)).to.equal(0);
  });

  it('have a least time that the setting may raise, and cost a call for each site where the newest come first', async () => {
    const request = {
      query: 'lamp',
      track: 'all',
      sort: 'newlyListed',
      marketplaces: ['EBAY_US', 'EBAY_GB'],
    };
    await auto('all', { auto: { atLeastEvery: 7200, atMostEvery: 90, value: 3 }, dailyCalls: 20, request });
    const [unit] = await open().units();
    expect(unit).to.deep.equal({
      id: 'schedule:all',
      flows: [{ flow: 'all', value: 3 }],
      expectedCalls: 2,
      atMostEveryMs: 90_000,
      atLeastEveryMs: 7_200_000,
      dailyCalls: 20,
    });
  });

  it('are no units before their start, after their end or limit, and while they are paused', async () => {
    await auto('later', { start: '2026-05-01T12:30:00Z' });
    await auto('ends', { end: '2026-05-01T12:15:00Z' });
    await auto('paused');
    await test.schedules.pause('paused');
    const names = async () => (await open().units()).map(({ id }) => id);
    expect(await names()).to.deep.equal(['schedule:ends']);
    test.at('2026-05-01T13:00Z');
    expect(await names()).to.deep.equal(['schedule:later']);
    const gone = { unit: 'schedule:paused', number: 5, at: Date.now() };
    expect(await open().begin(gone)).to.equal('gone');
    expect(await test.queue.getJob('look_paused_5')).to.equal(undefined);
  });

  it('have one job for a look, however often it begins, and say whether that is under way', async () => {
    await auto('news');
    const look = { unit: 'schedule:news', number: 7, at: Date.now() };
    const looks = open();
    expect(await looks.isUnderWay(look)).to.equal(false);
    expect([await looks.begin(look), await looks.begin(look)]).to.deep.equal(['begun', 'begun']);
    expect(await looks.isUnderWay(look)).to.equal(true);
    const run = await test.take();
    expect(run?.job.id).to.equal('look_news_7');
    expect(await test.take()).to.equal(undefined);
    expect(await run?.end()).to.equal('complete');
    expect(await looks.isUnderWay(look)).to.equal(false);
    expect((await test.schedules.get('news')).runs).to.equal(1);
  });

  it('start no look that waited while they were paused or became schedules by the clock', async () => {
    await auto('news');
    const looks = open();
    await looks.begin({ unit: 'schedule:news', number: 7, at: Date.now() });
    await test.schedules.pause('news');
    expect(await (await test.take())?.end()).to.equal('skipped');
    expect((await test.schedules.get('news')).runs).to.equal(0);
  });
});
