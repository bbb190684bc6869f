import { expect } from 'chai';
import sinon from 'sinon';
import { type SavedSchedule, ScheduleStore } from '../../../src/queue/schedules/store.ts';
import { useSchedules } from '../../support/schedules.ts';

const request = { query: 'phone case' };

describe('a schedule that a process was resuming when it died', () => {
  const test = useSchedules();

  for (const [when, repair] of [
    ['the next start', () => test.schedules.apply([])],
    ['the next round of the sweep', () => test.schedules.expelForeign()],
  ] as const)
    it(`stays paused after ${when}, and runs nothing`, async () => {
      test.at('2026-05-01T10:00Z');
      await test.schedules.add({ name: 'hourly', every: 3600, request });
      await test.runAll();
      await test.schedules.pause('hourly');
      const records = test.connect();
      const paused = (await records.hget('{ebay}:schedules:default', 'hourly')) as string;
      await test.schedules.resume('hourly');
      // The record is written last.
      await records.hset('{ebay}:schedules:default', 'hourly', paused);
      expect(await test.queue.getJobSchedulersCount()).to.equal(1);
      await repair();
      expect(await test.queue.getJobSchedulersCount()).to.equal(0);
      test.at('2026-05-01T12:30Z');
      expect(await test.runAll()).to.deep.equal([]);
      expect(await test.schedules.get('hourly')).to.include({ state: 'paused', next: null });
    });
});

describe('a schedule whose scheduler the sweep was replacing when its process died', () => {
  const test = useSchedules();

  it('has a scheduler after the next round, and runs on; then nothing is to repair', async () => {
    test.at('2026-05-01T10:00Z');
    await test.schedules.add({ name: 'own', cron: '*/5 * * * *', tz: 'UTC', request });
    const timing = { pattern: '*/7 * * * *', tz: 'UTC' };
    await test.queue.upsertJobScheduler('own', timing, { name: 'search', data: request });
    const upsert = sinon.stub(test.queue, 'upsertJobScheduler').rejects(new Error('it died'));
    const died = await test.schedules.expelForeign().catch(({ message }: Error) => message);
    expect(died).to.equal('it died');
    upsert.restore();
    expect(await test.queue.getJobSchedulersCount()).to.equal(0);
    expect(await test.schedules.expelForeign()).to.deep.equal([
      { name: 'own', why: 'it had no scheduler', quarantined: false },
    ]);
    expect(await test.runNext('own', 2)).to.deep.equal(['05-01T10:05', '05-01T10:10']);
    expect(await test.schedules.expelForeign()).to.deep.equal([]);
  });

  it('is found without a command for each schedule that is paused or has reached its end', async () => {
    test.at('2026-05-01T10:00Z');
    for (let i = 0; i < 5; i += 1) {
      await test.schedules.add({ name: `paused-${i}`, every: 3600, request });
      await test.schedules.pause(`paused-${i}`);
      await test.schedules.add({ name: `done-${i}`, every: 60, end: '2026-05-01T10:01:30Z', request });
    }
    await test.runAll();
    test.at('2026-05-01T10:02Z');
    await test.runAll();
    expect(await test.queue.getJobSchedulersCount()).to.equal(0);
    const redis = test.connect();
    await redis.config('RESETSTAT');
    expect(await test.schedules.expelForeign()).to.deep.equal([]);
    expect(await redis.info('commandstats')).to.match(/cmdstat_hgetall:calls=1,/);
  });

  it('has none again where its limit is reached', async () => {
    test.at('2026-05-01T10:00Z');
    await test.schedules.add({ name: 'once', every: 60, limit: 1, request });
    await test.runAll();
    expect(await test.queue.getJobSchedulersCount()).to.equal(0);
    expect(await test.schedules.expelForeign()).to.deep.equal([]);
  });
});

describe('an auto schedule', () => {
  const test = useSchedules();
  const auto = { name: 'news', auto: {}, request: { ...request, track: 'news' } };

  it('loses the scheduler that another program has added under its name, and stays as it was', async () => {
    test.at('2026-05-01T10:00Z');
    await test.schedules.add(auto);
    await test.queue.upsertJobScheduler('news', { every: 60_000 }, { name: 'search', data: request });
    expect(await test.schedules.expelForeign()).to.deep.equal([
      { name: 'news', why: 'it runs at other times than the schedule of this name', quarantined: true },
    ]);
    expect(await test.queue.getJobSchedulersCount()).to.equal(0);
    expect(await test.schedules.get('news')).to.include({
      state: 'active',
      latest: '2026-05-01T10:00:00.000Z',
    });
  });

  it('is put back from a backup as it was, paused and with its runs', async () => {
    test.at('2026-05-01T10:00Z');
    await test.schedules.add({ ...auto, limit: 10 });
    await test.schedules.pause('news');
    const store = new ScheduleStore(test.connect(), '{ebay}', 'default');
    await store.putRuns('news', { count: 4, countedAt: Date.parse('2026-05-01T09:00Z'), last: [] });
    const [[, saved] = []] = await store.saved();
    await test.schedules.remove('news');
    const how = { replace: false, dryRun: false };
    expect(await test.schedules.restore(saved as SavedSchedule, how)).to.equal(true);
    expect(await test.schedules.restore(saved as SavedSchedule, how)).to.equal(false);
    const { auto: bounds, limit, runs, state } = await test.schedules.get('news');
    expect({ bounds, limit, runs, state }).to.deep.equal({
      bounds: { atLeastEvery: 86_400, value: 1 },
      limit: 10,
      runs: 4,
      state: 'paused',
    });
  });
});
