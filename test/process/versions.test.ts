import { expect } from 'chai';
import { buildNextRelease } from '../support/nextRelease.ts';
import { useProcesses } from '../support/processes.ts';
import { serviceEnv } from '../support/service.ts';
import { waitFor } from '../support/waitFor.ts';
import { useWorkerProcesses } from '../support/workerProcesses.ts';

const EACH = 10;
const ENV = { MIN_API_CALL_INTERVAL: '0.02', NEWER_VERSION_DELAY: '0.2' };

describe('two releases on one queue, of which one writes newer job data', function () {
  this.timeout(120_000);
  const service = useWorkerProcesses(ENV);
  const { node } = useProcesses();
  let next: ReturnType<typeof buildNextRelease>;
  before(() => {
    next = buildNextRelease();
  });
  after(() => next.remove());

  /** Two pages; the price limit, which excludes nothing, tells one search from another. */
  const request = (index: number) => ({
    maxItems: 210,
    filters: { price: { max: String(1_000_000 + index), currency: 'USD' } },
  });
  const addNewer = async (index: number) => {
    const job = await service.searches.add('search', { v: 2, terms: 'phone case', ...request(index) });
    return job.id as string;
  };

  it('misreads no job, whichever took it, and makes no call twice', async () => {
    const env = serviceEnv(service.redisUrl, service.simulator.url, { ...ENV, LOG_FORMAT: 'json' });
    const old = await service.startWorker();
    const older: string[] = [];
    const newer: string[] = [];
    for (let index = 0; index < EACH; index++) {
      const { searchId } = await service.producer.enqueue({ query: 'phone case', ...request(index) });
      older.push(searchId);
      newer.push(await addNewer(EACH + index));
    }
    await waitFor('a newer job to be put aside', async () => {
      const reports = await Promise.all(newer.map((id) => service.producer.get(id)));
      return reports.some(({ progress }) => progress?.because === 'newer-version');
    });
    const upgraded = node([next.main, 'worker'], env);
    await upgraded.waitForLine(/worker started/);
    for (const id of [...older, ...newer]) {
      const { summary, error } = await service.producer.waitFor(id, { timeoutMs: 60_000 });
      expect(error, id).to.equal(undefined);
      expect(summary).to.include({ outcome: 'complete', pages: 2 }, id);
      expect(summary?.counts).to.include({ products: 210 });
    }
    const calls = service.simulator.controls.log({ kind: 'search' });
    expect(calls).to.have.length(2 * 2 * EACH);
    expect(new Set(calls.map(({ query }) => `${query.filter} ${query.offset}`))).to.have.property(
      'size',
      4 * EACH,
    );
    expect(await service.searches.getFailedCount()).to.equal(0);
    expect(await service.calls.getFailedCount()).to.equal(0);
    expect([old.running, upgraded.running]).to.deep.equal([true, true]);
  });
});
