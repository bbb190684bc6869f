import { expect } from 'chai';
import { waitFor } from '../support/waitFor.ts';
import { useWorkerProcesses } from '../support/workerProcesses.ts';

/** So many that no other search is under way at each of the kills. */
const MAX_RESTARTS = 4;

describe('a page that takes down its workers', function () {
  this.timeout(90_000);
  const fleet = useWorkerProcesses({
    MIN_API_CALL_INTERVAL: '0',
    EBAY_CALL_TIMEOUT: '2',
    WORKER_LOCK_DURATION: '3',
    WORKER_STALLED_INTERVAL: '0.5',
    WORKER_MAX_RESTARTS: String(MAX_RESTARTS),
  });

  it('fails as crashed-worker after the set number of them, and nothing else is lost', async () => {
    const { producer, simulator } = fleet;
    simulator.controls.arm({ fault: 'hang', on: { q: 'phone case', offset: 200 } });
    const poison = await producer.enqueue({ query: 'phone case', maxItems: 400 });
    const others = await producer.enqueueMany(
      [20, 30, 40].map((maxItems) => ({ query: 'phone case', maxItems })),
    );

    const strikes = () =>
      simulator.controls.log({ kind: 'search' }).filter(({ fault }) => fault === 'hang').length;
    const hasEnded = async () => (await producer.get(poison.searchId)).state === 'done';
    let kills = 0;
    for (;;) {
      const worker = await fleet.startWorker();
      await waitFor(
        'the page to strike or to be stopped',
        async () => strikes() > kills || hasEnded(),
        30_000,
      );
      if (await hasEnded()) break;
      worker.signal('SIGKILL');
      await worker.exit();
      kills += 1;
    }
    expect(kills).to.equal(MAX_RESTARTS);
    const { summary } = await producer.get(poison.searchId);
    expect(summary).to.include({ outcome: 'partial', pages: 1 });
    expect(summary?.missing[0]).to.include({ page: 2, code: 'crashed-worker' });
    for (const { searchId } of others) {
      const report = await producer.waitFor(searchId, { timeoutMs: 30_000 });
      expect(report.summary?.outcome, JSON.stringify(report)).to.equal('complete');
    }
  });
});
