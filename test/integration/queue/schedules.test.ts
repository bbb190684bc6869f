import { expect } from 'chai';
import { Failure } from '../../../src/failures.ts';
import { useSchedules } from '../../support/schedules.ts';

const request = { query: 'phone case' };
const REPLACE = { replace: true };

async function failure(work: Promise<unknown>): Promise<Failure> {
  const thrown = await work.catch((error: unknown) => error);
  if (thrown instanceof Failure) return thrown;
  throw new Error(`expected a Failure, got ${thrown}`);
}

describe('schedules', () => {
  const test = useSchedules();

  it('are listed by name, with when in words, next run, state and source', async () => {
    test.at('2026-05-01T10:00Z');
    await test.schedules.add({ name: 'b-daily', cron: '30 6 * * *', tz: 'Europe/Berlin', request });
    await test.schedules.add({ name: 'a-hourly', every: 3600, start: '2026-05-01T12:00:00Z', request });
    const [hourly, daily] = await test.schedules.list();
    expect(hourly).to.include({ name: 'a-hourly', when: 'every hour', next: '2026-05-01T12:00:00.000Z' });
    expect(daily).to.deep.include({
      name: 'b-daily',
      when: 'at 06:30 every day (Europe/Berlin)',
      next: '2026-05-02T04:30:00.000Z',
      state: 'active',
      source: 'code',
      lastRuns: [],
    });
  });

  it('that are added again as they are keep their next run, also one that is overdue', async () => {
    test.at('2026-05-01T10:00:10Z');
    const schedule = { name: 'hourly', every: 3600, request };
    await test.schedules.add(schedule);
    await test.runAll();
    test.at('2026-05-01T10:30Z');
    await test.schedules.add(schedule);
    expect((await test.schedules.get('hourly')).next).to.equal('2026-05-01T11:00:10.000Z');
    test.at('2026-05-01T11:40Z');
    await test.schedules.add(schedule);
    expect(await test.runAll()).to.deep.equal(['05-01T11:00:10']);
  });

  it('refuse another schedule of a name that is taken, and change nothing', async () => {
    const hourly = { name: 'hourly', every: 3600, request };
    const before = await test.schedules.add(hourly);
    for (const change of [
      { request: { ...request, query: 'drone' } },
      { request: { ...request, marketplaces: ['EBAY_GB' as const] } },
      { every: 7200 },
    ]) {
      const { code, message } = await failure(test.schedules.add({ ...hourly, ...change }));
      expect(code).to.equal('schedule_exists');
      expect(message).to.include('the name hourly').and.to.include('--replace');
    }
    expect(await test.schedules.get('hourly')).to.deep.equal(before);
    const both = ['one', 'two'].map((query) =>
      test.schedules.add({ name: 'fresh', every: 3600, request: { query } }).then(
        () => 'added',
        (error: Failure) => error.code,
      ),
    );
    expect(await Promise.all(both)).to.have.members(['added', 'schedule_exists']);
  });

  for (const timing of [{ every: 3600 }, { cron: '0 * * * *' }])
    it(`whose request changes keep their rhythm, and catch up what is overdue: ${JSON.stringify(timing)}`, async () => {
      test.at('2026-05-01T10:00Z');
      await test.schedules.add({ name: 'hourly', ...timing, request });
      await test.runNext('hourly', 1);
      test.at('2026-05-01T12:40Z');
      await test.schedules.add({ name: 'hourly', ...timing, request: { query: 'drone' } }, REPLACE);
      const late = await test.take();
      expect(late?.job.data.query).to.equal('drone');
      await late?.end();
      expect(await test.take()).to.equal(undefined);
      expect((await test.schedules.get('hourly')).next).to.equal('2026-05-01T13:00:00.000Z');
    });

  it('whose interval changes count on from where they began, and run nothing at once', async () => {
    test.at('2026-05-01T10:00Z');
    await test.schedules.add({ name: 'hourly', every: 3600, request });
    await test.runAll();
    test.at('2026-05-01T10:50Z');
    await test.schedules.add({ name: 'hourly', every: 1200, request }, REPLACE);
    expect(await test.runAll()).to.deep.equal([]);
    expect(await test.runNext('hourly', 2)).to.deep.equal(['05-01T11:00', '05-01T11:20']);
  });

  it('whose timing changes still catch up once what is overdue', async () => {
    test.at('2026-05-01T10:00Z');
    await test.schedules.add({ name: 'mine', cron: '0 12 * * *', request });
    test.at('2026-05-01T12:30Z');
    await test.schedules.add({ name: 'mine', cron: '45 12 * * *', request }, REPLACE);
    expect(await test.runAll()).to.deep.equal(['05-01T12:00']);
    expect(await test.runNext('mine', 2)).to.deep.equal(['05-01T12:45', '05-02T12:45']);
  });

  it('that are paused begin no run, not even one that is due', async () => {
    test.at('2026-05-01T10:00Z');
    await test.schedules.add({ name: 'hourly', every: 3600, request });
    await test.schedules.pause('hourly');
    expect(await test.runAll()).to.deep.equal([]);
    await test.schedules.resume('hourly');
    test.at('2026-05-01T11:30Z');
    await test.schedules.pause('hourly');
    expect(await test.runAll()).to.deep.equal([]);
  });

  it('that are paused run nothing and make nothing up; resumed ones go on in their rhythm', async () => {
    test.at('2026-05-01T10:00Z');
    await test.schedules.add({ name: 'hourly', every: 3600, request });
    await test.runAll();
    expect(await test.schedules.pause('hourly')).to.equal(true);
    expect(await test.schedules.pause('hourly')).to.equal(false);
    expect(await test.schedules.get('hourly')).to.include({ state: 'paused', next: null });
    test.at('2026-05-01T15:30Z');
    expect(await test.runAll()).to.deep.equal([]);
    expect(await test.schedules.resume('hourly')).to.equal(true);
    expect(await test.runAll()).to.deep.equal([]);
    expect(await test.runNext('hourly', 2)).to.deep.equal(['05-01T16:00', '05-01T17:00']);
  });

  it('run once by hand, also while paused, without a change of their rhythm', async () => {
    test.at('2026-05-01T10:00Z');
    await test.schedules.add({ name: 'daily', cron: '0 6 * * *', limit: 1, request });
    await test.schedules.pause('daily');
    const { searchId } = await test.schedules.runNow('daily');
    const run = await test.take();
    expect(run?.job.id).to.equal(searchId);
    await run?.end('none-found');
    await test.schedules.resume('daily');
    const report = await test.schedules.get('daily');
    expect(report).to.include({ next: '2026-05-02T06:00:00.000Z', runs: 0, state: 'active' });
    expect(report.lastRuns).to.deep.equal([
      { searchId, at: '2026-05-01T10:00:00.000Z', outcome: 'none-found' },
    ]);
    // A process that dies between its note of a run and the job leaves none that is under way for ever.
    const lost = await test.schedules.runNow('daily');
    await (await test.queue.getJob(lost.searchId))?.remove();
    expect((await test.schedules.get('daily')).lastRuns).to.deep.equal(report.lastRuns);
  });

  it('that are removed are gone, with what was planned', async () => {
    test.at('2026-05-01T10:00Z');
    await test.schedules.add({ name: 'hourly', every: 3600, request });
    await test.runAll();
    await test.schedules.remove('hourly');
    expect(await test.schedules.list()).to.deep.equal([]);
    expect(await test.queue.getDelayedCount()).to.equal(0);
    for (const ask of ['get', 'pause', 'resume', 'runNow', 'remove'] as const)
      expect((await failure(test.schedules[ask]('hourly'))).code).to.equal('schedule_not_found');
    const keys = await test.connect().keys('*schedule*');
    expect(keys).to.deep.equal([]);
  });

  it('that are wrong are refused, naming every field', async () => {
    const wrong = { name: 'x', cron: '* * * * * *', tz: 'Mars/Phobos', request: { query: 'x', maxItems: 0 } };
    const { code, detail } = await failure(test.schedules.add(wrong));
    expect(code).to.equal('invalid_request');
    expect(detail.errors?.map((error) => error.code)).to.deep.equal([
      'invalid_cron',
      'unknown_timezone',
      'max_items_range',
    ]);
  });
});
