import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Queue } from 'bullmq';
import { expect } from 'chai';
import { Fleet } from '../../bench/chaos/fleet.ts';
import { openProducer } from '../../src/app.ts';
import { testConfig } from '../support/config.ts';
import { useRedis } from '../support/redis.ts';
import { serviceEnv } from '../support/service.ts';
import { useSimulator } from '../support/simulator.ts';

const SCALED = {
  LOG_LEVEL: 'error',
  MIN_API_CALL_INTERVAL: '0.05',
  EBAY_CALL_TIMEOUT: '2',
  WORKER_LOCK_DURATION: '2',
  WORKER_STALLED_INTERVAL: '0.5',
};

describe('a hundred identical searches, half of them by plain BullMQ, one scheduled, over two workers', () => {
  const redis = useRedis();
  const simulator = useSimulator();
  const request = { query: 'phone case', maxItems: 650 };

  it('are one search, and all are answered although the worker that leads is killed', async function () {
    this.timeout(90_000);
    const env = serviceEnv(redis.url, simulator().url, SCALED);
    const folder = await mkdtemp(join(tmpdir(), 'dpf-identical-'));
    const fleet = new Fleet({ size: 2, env, folder });
    const producers = [0, 1].map(() => openProducer(testConfig(env)));
    const queue = new Queue('ebay-search', { connection: redis.connect(), prefix: '{ebay}' });
    try {
      await Promise.all(producers.map((producer) => producer.ready()));
      await fleet.start();
      const death = fleet.killAt('after call', 10_000);
      const added = await Promise.all([
        ...producers.map((producer) =>
          producer.enqueueMany(Array.from({ length: 25 }, () => ({ ...request }))),
        ),
        queue.addBulk(
          Array.from({ length: 49 }, (_, index) => ({
            name: 'search',
            data: { maxItems: 650, query: 'phone case' },
            opts: { jobId: `plain-${index}` },
          })),
        ),
      ]);
      const [first] = producers as [(typeof producers)[0]];
      const scheduled = await first.enqueue({ ...request, priority: 'scheduled' });
      const ids = [...added.flat(), scheduled].map((one) =>
        'searchId' in one ? one.searchId : (one.id as string),
      );
      const reports = await Promise.all(ids.map((id) => first.waitFor(id, { timeoutMs: 60_000 })));
      await death;
      expect(new Set(reports.map(({ summary }) => summary?.outcome))).to.deep.equal(new Set(['complete']));
      expect(reports.filter(({ summary }) => (summary?.calls ?? 0) > 0)).to.have.length(1);
      // The one whose answer died with its process is made again.
      const offsets = simulator()
        .controls.log({ kind: 'search' })
        .map(({ query }) => Number(query.offset));
      expect(new Set(offsets)).to.deep.equal(new Set([0, 200, 400, 600]));
      expect(offsets.length).to.be.at.most(5);
    } finally {
      await queue.close();
      await Promise.all(producers.map((producer) => producer.close()));
      await fleet.stop();
      await rm(folder, { recursive: true, force: true });
    }
  });
});
