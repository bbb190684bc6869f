import { expect } from 'chai';
import { PRIORITY } from '../../../src/queue/bullmq/queues.ts';
import { useSchedules } from '../../support/schedules.ts';

const request = { query: 'phone case' };

describe('runs of a schedule', () => {
  const test = useSchedules();

  it('come daily at their local time, at the jump where the clocks skip it', async () => {
    test.at('2026-03-06T12:00Z');
    await test.schedules.add({ name: 'night', cron: '30 2 * * *', tz: 'America/New_York', request });
    expect(await test.runNext('night', 4)).to.deep.equal([
      '03-07T07:30',
      '03-08T07:00',
      '03-09T06:30',
      '03-10T06:30',
    ]);
  });

  it('come once at a local time that the clocks show twice', async () => {
    test.at('2026-10-23T12:00Z');
    await test.schedules.add({ name: 'night', cron: '30 2 * * *', tz: 'Europe/Berlin', request });
    expect(await test.runNext('night', 4)).to.deep.equal([
      '10-24T00:30',
      '10-25T00:30',
      '10-26T01:30',
      '10-27T01:30',
    ]);
  });

  for (const timing of [{ every: 60 }, { cron: '* * * * *' }])
    it(`are caught up once after an hour without workers, and keep their rhythm: ${JSON.stringify(timing)}`, async () => {
      test.at('2026-05-01T10:00:07Z');
      await test.schedules.add({ name: 'minutely', ...timing, start: '2026-05-01T10:00:07Z', request });
      expect(await test.runNext('minutely', 3)).to.have.length(3);
      const due = (await test.schedules.get('minutely')).next as string;
      test.at(Date.parse(due) + 3_630_000);
      expect(await test.runAll()).to.deep.equal([due.slice(5, 19).replace(/:00$/, '')]);
      const { next } = await test.schedules.get('minutely');
      expect(next).to.equal(new Date(Date.parse(due) + 3_660_000).toISOString());
      expect(await test.runAll()).to.deep.equal([]);
    });

  it('begin at once with `every`, as searches of class `scheduled`', async () => {
    test.at('2026-05-01T10:00:07Z');
    await test.schedules.add({ name: 'hourly', every: 3600, request });
    const run = await test.take();
    expect(run?.due).to.equal('05-01T10:00:07');
    expect(run?.job.data).to.include({ query: 'phone case', priority: 'scheduled' });
    expect(run?.job.opts.priority).to.equal(PRIORITY.scheduled);
    await run?.end();
    expect(await test.runNext('hourly', 2)).to.deep.equal(['05-01T11:00:07', '05-01T12:00:07']);
  });

  it('end with the limit, and the schedule says that it is done', async () => {
    test.at('2026-05-01T10:00Z');
    await test.schedules.add({ name: 'thrice', every: 60, limit: 3, request });
    expect(await test.runNext('thrice', 9)).to.have.length(3);
    expect(await test.schedules.get('thrice')).to.include({ state: 'done', next: null, runs: 3 });
    expect(await test.queue.getJobSchedulersCount()).to.equal(0);
    await test.schedules.add({ name: 'thrice', every: 60, limit: 5, request }, { replace: true });
    expect(await test.runNext('thrice', 9)).to.have.length(2);
  });

  for (const timing of [{ every: 60 }, { cron: '* * * * *' }])
    it(`end with the end: ${JSON.stringify(timing)}`, async () => {
      test.at('2026-05-01T10:00:00Z');
      const bounds = { start: '2026-05-01T10:01:00Z', end: '2026-05-01T10:03:30Z' };
      await test.schedules.add({ name: 'brief', ...timing, ...bounds, request });
      expect(await test.runNext('brief', 9)).to.deep.equal(['05-01T10:01', '05-01T10:02', '05-01T10:03']);
      expect(await test.schedules.get('brief')).to.include({ state: 'done', next: null });
      test.at('2026-05-01T10:09Z');
      expect(await test.runAll()).to.deep.equal([]);
    });

  it('are skipped while the one before is busy, and are remembered with how they ended', async () => {
    test.at('2026-05-01T10:00Z');
    await test.schedules.add({ name: 'slow', every: 60, request });
    const first = await test.begin();
    test.at('2026-05-01T10:01Z');
    expect(await (await test.take())?.end()).to.equal('skipped');
    test.at('2026-05-01T10:02Z');
    expect(await (await test.take())?.end()).to.equal('skipped');
    expect(await first.end('partial')).to.equal('partial');
    test.at('2026-05-01T10:03Z');
    expect(await (await test.take())?.end()).to.equal('complete');
    const { lastRuns, runs } = await test.schedules.get('slow');
    expect(lastRuns.map(({ outcome }) => outcome)).to.deep.equal([
      'complete',
      'skipped',
      'skipped',
      'partial',
    ]);
    expect(runs).to.equal(4);
  });

  it('keep the last ten in memory and count them all', async () => {
    test.at('2026-05-01T10:00Z');
    await test.schedules.add({ name: 'many', every: 60, request });
    const due = await test.runNext('many', 13);
    const { lastRuns, runs } = await test.schedules.get('many');
    expect(runs).to.equal(13);
    expect(lastRuns.map(({ at }) => at.slice(5, 16))).to.deep.equal(due.slice(-10).reverse());
  });

  it('are skipped for a scheduler that no schedule has, and leave nothing behind; schedules are not touched', async () => {
    test.at('2026-05-01T10:00Z');
    await test.schedules.add({ name: 'own', cron: '*/5 * * * *', tz: 'UTC', request });
    const template = { name: 'search', data: request };
    await test.queue.upsertJobScheduler('foreign', { every: 300 }, template);
    const run = await test.take();
    expect(await run?.end()).to.equal('skipped');
    expect(await test.queue.getJob(run?.job.id as string)).to.equal(undefined);
    expect(await test.schedules.expelForeign()).to.deep.equal([
      { name: 'foreign', why: 'it belongs to no schedule', quarantined: true },
    ]);
    expect(await test.schedules.expelForeign()).to.deep.equal([]);
    expect(await test.runNext('foreign', 3)).to.deep.equal([]);
    expect(await test.runNext('own', 2)).to.deep.equal(['05-01T10:05', '05-01T10:10']);
    expect((await test.schedules.get('own')).lastRuns.map(({ outcome }) => outcome)).to.deep.equal([
      'complete',
      'complete',
    ]);
  });

  for (const timing of [
    { every: 300 },
    { pattern: '* * * * * *', tz: 'UTC' },
    { pattern: '*/5 * * * *', tz: 'Asia/Tokyo' },
  ])
    it(`are those of the schedule again where a scheduler of its name was put in its place: ${JSON.stringify(timing)}`, async () => {
      test.at('2026-05-01T10:00Z');
      await test.schedules.add({ name: 'own', cron: '*/5 * * * *', tz: 'UTC', request });
      await test.queue.upsertJobScheduler('own', timing, { name: 'search', data: { query: 'forged' } });
      test.at('2026-05-01T10:05:00Z');
      for (
        let run = await test.take(), count = 0;
        run !== undefined && count < 3;
        run = await test.take(), count += 1
      )
        expect(await run.end()).to.equal('skipped');
      const [found] = await test.schedules.expelForeign();
      expect(found).to.deep.equal({
        name: 'own',
        why: 'it runs at other times than the schedule of this name',
        quarantined: true,
      });
      expect(await test.runNext('own', 2)).to.deep.equal(['05-01T10:10', '05-01T10:15']);
      const { runs, lastRuns } = await test.schedules.get('own');
      expect({ runs, last: lastRuns.length }).to.deep.equal({ runs: 2, last: 2 });
    });

  it('go on where a job had the id of the next one, after which BullMQ plans none', async () => {
    test.at('2026-05-01T10:00Z');
    await test.schedules.add({ name: 'own', cron: '*/5 * * * *', tz: 'UTC', request });
    const id = `repeat:own:${Date.parse('2026-05-01T10:10Z')}`;
    await test.queue.add('search', request, { jobId: id, delay: 1 });
    await test.runNext('own', 1);
    test.at('2026-05-01T10:12Z');
    expect(await test.runAll()).to.deep.equal([]);
    expect((await test.schedules.expelForeign())[0]?.why).to.match(/another job had its id/);
    expect(await test.runNext('own', 2)).to.deep.equal(['05-01T10:15', '05-01T10:20']);
  });
});
