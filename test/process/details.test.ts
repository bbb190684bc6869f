import { PassThrough } from 'node:stream';
import { expect } from 'chai';
import { openProducer } from '../../src/app/producer.ts';
import { startWorkerApp, type WorkerApp } from '../../src/app/worker.ts';
import { LogRoot } from '../../src/telemetry/logRoot.ts';
import { testConfig } from '../support/config.ts';
import { useProcesses } from '../support/processes.ts';
import { useRedis } from '../support/redis.ts';
import { serviceEnv } from '../support/service.ts';
import { useSimulator } from '../support/simulator.ts';
import { waitFor } from '../support/waitFor.ts';

describe('details of a search whose worker is killed', function () {
  // A process of its own may take long to start on a busy machine.
  this.timeout(60_000);
  const redis = useRedis();
  const simulator = useSimulator();
  const { dpf } = useProcesses();

  it('are called for only where they are missing, and none is lost', async () => {
    const env = serviceEnv(redis.url, simulator().url, {
      MIN_API_CALL_INTERVAL: '0',
      EBAY_CALL_TIMEOUT: '3',
      EBAY_CONNECT_TIMEOUT: '1',
      WORKER_LOCK_DURATION: '4',
      WORKER_STALLED_INTERVAL: '0.3',
    });
    simulator().controls.configure({ latencyMs: 20 });
    const config = testConfig(env);
    const log = new LogRoot({ level: 'error', levels: '', format: 'json' }, new PassThrough().resume());
    const producer = openProducer(config, { log });
    let second: WorkerApp | undefined;
    try {
      await producer.ready();
      const first = dpf(['worker'], env);
      const { searchId } = await producer.enqueue({ query: 'phone case', maxItems: 100, details: 'full' });
      const itemCalls = () => simulator().controls.log({ kind: 'item' });
      await waitFor('details under way', () => itemCalls().length >= 30, 30_000);
      first.signal('SIGKILL');
      await first.exit();
      const stored = await producer.products(searchId);
      const alreadyThere = new Set(
        stored.flatMap(({ itemId, details }) => (details === undefined ? [] : [itemId])),
      );
      expect(alreadyThere.size).to.be.greaterThan(0);
      simulator().controls.clearLog();

      second = await startWorkerApp(config, log);
      const { summary } = await producer.waitFor(searchId, { timeoutMs: 30_000 });
      expect(summary).to.deep.include({ outcome: 'complete', missing: [], gone: [] });
      const products = await producer.products(searchId);
      expect(products.filter(({ details }) => details === undefined)).to.deep.equal([]);
      const missing = products.map(({ itemId }) => itemId).filter((itemId) => !alreadyThere.has(itemId));
      const calledFor = itemCalls().map(({ path }) => decodeURIComponent(path.split('/').at(-1) ?? ''));
      expect(new Set(calledFor)).to.deep.equal(new Set(missing));
      expect(simulator().controls.log({ kind: 'search' })).to.deep.equal([]);
    } finally {
      await second?.stop();
      await producer.close();
    }
  });
});
