import { UnrecoverableError } from 'bullmq';
import { expect } from 'chai';
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
});
