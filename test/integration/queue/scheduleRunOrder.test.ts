import { UnrecoverableError } from 'bullmq';
import { expect } from 'chai';
import { ScheduleStore } from '../../../src/queue/schedules/store.ts';
import { useSchedules } from '../../support/schedules.ts';

describe('an earlier run of a schedule that is retried while a later one is under way', () => {
  const test = useSchedules();

  it('runs, and the later one still keeps the next run from starting', async () => {
    test.at('2026-05-01T10:00Z');
    await test.schedules.add({ name: 'slow', every: 60, request: { query: 'phone case' } });
    const first = await test.begin();
    await first.job.moveToFailed(new UnrecoverableError('eBay did not answer'), 'token', false);
    test.at('2026-05-01T10:01Z');
    const second = await test.begin();
    expect(second.due).to.equal('05-01T10:01');

    await first.job.retry('failed');
    const again = await test.take();
    expect(again?.job.id).to.equal(first.job.id);
    expect(await again?.end('complete')).to.equal('complete');

    test.at('2026-05-01T10:02Z');
    expect(await (await test.take())?.end()).to.equal('skipped');
    expect(await second.end('complete')).to.equal('complete');
    test.at('2026-05-01T10:03Z');
    expect(await (await test.take())?.end()).to.equal('complete');
  });

  it('counts towards the limit in whatever order runs begin, and each once', async () => {
    const store = new ScheduleStore(test.redis, '{ebay}', 'default');
    const note = (run: number, outcome: 'complete' | null = null) =>
      store.noteRun({ schedule: 'any', searchId: `s${run}`, at: 1000 * run, byHand: false }, outcome);
    expect([
      await note(2),
      await note(1),
      await note(1, 'complete'),
      await note(2, 'complete'),
    ]).to.deep.equal([1, 2, 2, 2]);
    for (const run of [3, 5, 4, 6, 7, 8, 9, 10, 11, 13]) await note(run);
    expect((await store.runs('any')).count).to.equal(12);
    // Ten are kept, and the first is none of them: its end does not count it again.
    expect([await note(12), await note(1, 'complete'), await note(12, 'complete')]).to.deep.equal([
      13, 13, 13,
    ]);
  });
});
