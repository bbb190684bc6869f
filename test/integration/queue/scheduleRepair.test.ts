import { expect } from 'chai';
import { useSchedules } from '../../support/schedules.ts';

const request = { query: 'phone case' };

describe('a schedule that a process was resuming when it died', () => {
  const test = useSchedules();

  it('stays paused after the next start, and runs nothing', async () => {
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
    await test.schedules.apply([]);
    expect(await test.queue.getJobSchedulersCount()).to.equal(0);
    test.at('2026-05-01T12:30Z');
    expect(await test.runAll()).to.deep.equal([]);
    expect(await test.schedules.get('hourly')).to.include({ state: 'paused', next: null });
  });
});
