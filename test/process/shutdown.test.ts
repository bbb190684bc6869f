import { expect } from 'chai';
import type { RunningProcess } from '../support/processes.ts';
import { serviceEnv, startPair } from '../support/service.ts';
import { waitFor } from '../support/waitFor.ts';
import { useWorkerProcesses } from '../support/workerProcesses.ts';

const COMPLAINTS = /did not close in time|worker that died/;

describe('a worker that is told to stop', function () {
  this.timeout(90_000);
  const fleet = useWorkerProcesses({
    MIN_API_CALL_INTERVAL: '0.05',
    EBAY_CALL_TIMEOUT: '5',
    WORKER_STALLED_INTERVAL: '0.3',
    SHUTDOWN_GRACE: '10',
  });

  /** Charged attempts and stalls of everything in the calls queue. */
  async function charges() {
    const jobs = await fleet.calls.getJobs();
    return {
      attempts: Math.max(...jobs.map(({ attemptsMade }) => attemptsMade)),
      stalls: Math.max(...jobs.map(({ stalledCounter }) => stalledCounter)),
    };
  }

  it('finishes or hands back: all workers restarted in turn under load, nothing stalls, no attempt is charged', async () => {
    const { producer, simulator } = fleet;
    simulator.controls.configure({ latencyMs: [100, 300] });
    const workers = await Promise.all([fleet.startWorker(), fleet.startWorker()]);
    const searches = await producer.enqueueMany(
      Array.from({ length: 30 }, (_, index) => ({ query: 'phone case', maxItems: 201 + index })),
    );
    const calls = () => simulator.controls.log({ kind: 'search' }).length;
    // One that takes over is enough: it stays beside the second one too.
    let successor: Promise<RunningProcess> | undefined;
    for (const worker of workers) {
      const before = calls();
      await waitFor('calls under way', () => calls() > before, 30_000);
      successor ??= fleet.startWorker();
      worker.signal('SIGTERM');
      expect(await worker.exit()).to.equal(0);
      expect(worker.output)
        .to.match(/stopped/)
        .and.not.match(COMPLAINTS);
      await successor;
    }
    for (const { searchId } of searches) {
      const { summary } = await producer.waitFor(searchId, { timeoutMs: 30_000 });
      expect(summary?.outcome).to.equal('complete');
    }
    expect(calls()).to.equal(searches.length * 2);
    expect(await charges()).to.deep.equal({ attempts: 1, stalls: 0 });
    expect((await successor)?.output).to.not.match(COMPLAINTS);
  });

  it('breaks off a call that outlasts the grace and hands it back, however many signals come', async () => {
    const { producer, simulator } = fleet;
    const env = { EBAY_CALL_TIMEOUT: '3', SHUTDOWN_GRACE: '3' };
    simulator.controls.arm({ fault: 'hang', count: 1 });
    const worker = await fleet.startWorker(env);
    const { searchId } = await producer.enqueue({ query: 'phone case', maxItems: 10 });
    const calls = () => simulator.controls.log({ kind: 'search' }).length;
    await waitFor('the call', () => calls() === 1, 30_000);
    for (let signals = 0; signals < 10; signals += 1) worker.signal(signals % 2 ? 'SIGINT' : 'SIGTERM');
    expect(await worker.exit()).to.equal(0);
    expect(worker.output.match(/"stopping/g)).to.have.length(1);
    expect(worker.output).to.not.match(COMPLAINTS);
    expect(worker.output).to.match(
      /worker started.*ebay-search.*ebay-calls.*"interval":0\.05.*"concurrency":\d+.*EBAY_US/,
    );
    expect(await charges()).to.deep.equal({ attempts: 0, stalls: 0 });

    const { stop } = await startPair(serviceEnv(fleet.redisUrl, simulator.url));
    const { summary } = await producer.waitFor(searchId, { timeoutMs: 30_000 });
    expect(summary?.outcome).to.equal('complete');
    expect(calls()).to.equal(2);
    expect(await charges()).to.deep.equal({ attempts: 1, stalls: 0 });
    await stop();
  });
});
