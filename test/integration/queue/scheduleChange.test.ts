import { expect } from 'chai';
import sinon from 'sinon';
import { ScheduleStore } from '../../../src/queue/schedules/store.ts';
import { usePause } from '../../support/pause.ts';
import { useSchedules } from '../../support/schedules.ts';
import { waitFor } from '../../support/waitFor.ts';

const request = { query: 'phone case' };

describe('a run that a worker takes while its schedule changes', () => {
  const secondWrite = usePause();
  const test = useSchedules();
  afterEach(() => sinon.restore());

  it('is made once the change is done, and the next one comes at the new time', async () => {
    test.at('2026-05-01T10:00Z');
    await test.schedules.add({ name: 'own', cron: '*/5 * * * *', tz: 'UTC', request });
    test.at('2026-05-01T10:06Z');
    const { put } = ScheduleStore.prototype;
    sinon.stub(ScheduleStore.prototype, 'put').callsFake(async function (this: ScheduleStore, record) {
      await secondWrite.pass(record);
      await put.call(this, record);
    });
    secondWrite.hold();
    const changed = { name: 'own', cron: '*/20 * * * *', tz: 'UTC', request };
    const change = test.schedules.add(changed, { replace: true });
    await waitFor('the scheduler to be new, the record to be old', async () => secondWrite.waiting === 1);
    expect((await test.queue.getJobScheduler('own'))?.pattern).to.equal('*/20 * * * *');
    const run = await test.take();
    expect(run?.due).to.equal('05-01T10:05');
    const look = sinon.spy(test.queue, 'getJobScheduler');
    const end = run?.end();
    await waitFor('the run to meet both', async () => look.callCount > 0);
    await look.firstCall.returnValue;
    secondWrite.release();
    expect(await end).to.equal('complete');
    await change;
    const { lastRuns, next } = await test.schedules.get('own');
    expect(lastRuns.map(({ outcome }) => outcome)).to.deep.equal(['complete']);
    expect(next).to.equal('2026-05-01T10:20:00.000Z');
  });
});
