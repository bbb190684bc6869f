import { expect } from 'chai';
import { startWorkerApp } from '../../../src/app/worker.ts';
import { LogRoot } from '../../../src/telemetry/logRoot.ts';
import { useService } from '../../support/service.ts';
import { waitFor } from '../../support/waitFor.ts';

describe('a scheduled search', () => {
  const service = useService({ SCHEDULE_MIN_INTERVAL: '1' });

  const lastRuns = async (name: string, count: number) =>
    waitFor(`${count} runs that have ended`, async () => {
      const runs = (await service.producer.schedule.get(name)).lastRuns;
      return runs.length >= count && runs.every(({ outcome }) => outcome !== null) ? runs : undefined;
    });

  it('collects like any other, and its products are read by the run’s id', async () => {
    const request = { query: 'phone case', maxItems: 250 };
    await service.producer.schedule.add({ name: 'cases', every: 3600, limit: 1, request });
    const [run] = await lastRuns('cases', 1);
    expect(run?.outcome).to.equal('complete');
    expect(await service.producer.products(run?.searchId as string)).to.have.length(250);
    expect(service.calledOffsets()).to.deep.equal([0, 200]);
    expect((await service.producer.schedule.get('cases')).state).to.equal('done');
    const { searchId } = await service.producer.schedule.runNow('cases');
    const { summary } = await service.producer.waitFor(searchId, { timeoutMs: 15_000 });
    expect(summary?.outcome).to.equal('complete');
    expect((await service.producer.schedule.get('cases')).lastRuns[0]).to.include({
      searchId,
      outcome: 'complete',
    });
  });

  it('that is busy lets the next run end as skipped, without a call', async () => {
    await service.calls.pause();
    await service.producer.schedule.add({
      name: 'slow',
      every: 1,
      limit: 2,
      request: { query: 'phone case' },
    });
    await waitFor('the second run', async () => (await service.producer.schedule.get('slow')).runs === 2);
    await service.calls.resume();
    const runs = await lastRuns('slow', 2);
    expect(runs.map(({ outcome }) => outcome)).to.deep.equal(['skipped', 'complete']);
    const skipped = await service.producer.get(runs[0]?.searchId as string);
    expect(skipped.summary).to.include({ outcome: 'skipped', calls: 0 });
    expect(service.calledOffsets()).to.deep.equal([0]);
  });

  it('that fails is remembered as failed, and the schedule goes on', async () => {
    service.simulator.controls.arm({ fault: 'status', status: 500 });
    await service.producer.schedule.add({ name: 'sad', every: 3600, request: { query: 'phone case' } });
    const [run] = await lastRuns('sad', 1);
    expect(run?.outcome).to.equal('failed');
    expect((await service.producer.schedule.get('sad')).state).to.equal('active');
  });
});

describe('a worker with SCHEDULES_FILE', () => {
  const service = useService({ SCHEDULES_FILE: 'config/schedules.example.json' });

  it('has applied the file before it takes its first job', async () => {
    const schedules = await service.producer.schedule.list();
    expect(schedules.map(({ name, source }) => `${name} ${source}`)).to.deep.equal([
      'cases-each-morning file',
      'new-drones file',
    ]);
  });

  it('does not start with a file that is wrong', async () => {
    const config = { ...service.config, schedule: { ...service.config.schedule, file: 'package.json' } };
    const log = new LogRoot({ level: 'error', levels: '', format: 'json' });
    const error = await startWorkerApp(config, log).catch((thrown: Error) => thrown);
    expect((error as Error).message).to.include('package.json must hold');
  });
});
