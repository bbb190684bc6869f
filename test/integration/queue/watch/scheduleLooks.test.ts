import { expect } from 'chai';
import type { TrackComparison } from '../../../../src/events/searchEvents.ts';
import { jobDefaults } from '../../../../src/queue/search/retryPolicy.ts';
import { PlanStore } from '../../../../src/queue/watch/planStore.ts';
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
  const reports = async () => (await new PlanStore(test.redis, '{ebay}', 'default').peek()).reports;

  beforeEach(() => test.at('2026-05-01T12:00Z'));

  it('need calls until then by their times and by what a run costs', async () => {
    const looks = open();
    const request = { query: 'lamp', maxItems: 400 };
    await test.schedules.add({ name: 'hourly', cron: '0 * * * *', request });
    await test.schedules.add({ name: 'often', every: 1800, start: '2026-05-01T13:00:00Z', request });
    await test.schedules.add({ name: 'brief', every: 3600, end: '2026-05-01T14:30:00Z', request });
    await test.schedules.add({ name: 'paused', every: 60, request });
    await test.schedules.pause('paused');
    await test.schedules.add({ name: 'once', every: 3600, limit: 1, request });
    await auto('news');
    // Another program has overwritten some.
    for (const [index, text] of ['{"definition":', 'null', '{}'].entries())
      await test.redis.hset('{ebay}:schedules:default', `broken-${index}`, text);
    expect(await looks.units()).to.have.length(1);
    const noon = MIDNIGHT - 12 * HOUR;
    // 13:00 to 24:00; 13:00 to 24:00 each half hour; 13:00 and 14:00; the only one. Two pages each.
    expect(looks.fixedCalls(noon, MIDNIGHT, none)).to.equal(2 * (12 + 23 + 2 + 1));
    const measured = (name: string) => (name === 'often' ? 1 : undefined);
    expect(looks.fixedCalls(noon, MIDNIGHT, measured)).to.equal(2 * 12 + 23 + 2 * 2 + 2);
    expect(looks.fixedCalls(MIDNIGHT - 2 * HOUR, MIDNIGHT, none)).to.equal(2 * (2 + 4 + 1));
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
    // It failed at nothing.
    expect((await reports())[0]).to.deep.include({ number: 7, calls: 0, complete: true, flows: [] });
  });

  it('say what was compared, also where a part is missing, and nothing of changes without a comparison', async () => {
    await auto('news');
    const looks = open();
    const verdict = { marks: new Map([['1', 'new'] as const, ['2', 'same'] as const]), gone: [] };
    const seenAt = new Map([['1', new Date().toISOString()]]);
    const compared = { name: 'news', verdict, products: [], seenAt } as unknown as TrackComparison;
    const missing = [{ marketplace: 'EBAY_GB', page: 1, code: 'ebay-unavailable', message: '' } as const];
    const found = { flow: 'news', changes: 1, times: [] };
    for (const [number, end, expected] of [
      [1, ['complete', {}, compared], { complete: true, flows: [found] }],
      [2, ['partial', { missing }, compared], { complete: true, flows: [found] }],
      [3, ['cancelled', { missing }, compared], { complete: false, flows: [] }],
      [4, ['degraded', { missing }], { complete: false, flows: [] }],
      // The answer of another search.
      [5, ['complete', { calls: 0 }], { complete: true, flows: [] }],
    ] as const) {
      test.at(Date.now() + 60_000);
      await looks.begin({ unit: 'schedule:news', number, at: Date.now() });
      await (await test.take())?.end(...(end as unknown as ['complete']));
      expect((await reports()).at(-1), `${number}`).to.deep.include({ number, ...expected });
    }
  });
});
