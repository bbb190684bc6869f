import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Processor, Queue, type Worker } from 'bullmq';
import { expect } from 'chai';
import type { Redis } from 'ioredis';
import sinon from 'sinon';
import { PatchedWorker } from '../../../../src/queue/bullmq/worker.ts';

import { connectTo, useRedis } from '../../../support/redis.ts';
import { waitFor } from '../../../support/waitFor.ts';

const LOCK_MS = 600;

describe('the locks of jobs under way', () => {
  const server = useRedis();
  let redis: Redis;
  let blocking: Redis;
  let queue: Queue;
  let workers: Worker[];
  beforeEach(() => {
    redis = server.connect();
    blocking = connectTo(server.url, { maxRetriesPerRequest: null });
    queue = new Queue('ebay-calls', { connection: redis, prefix: '{ebay}' });
    workers = [];
  });
  afterEach(async () => {
    sinon.restore();
    for (const worker of workers) await worker.close(true);
    await queue.close();
    blocking.disconnect();
  });

  /** Each looks often for jobs whose lock has run out. */
  const start = (process: Processor, concurrency = 1) => {
    const times = { lockDuration: LOCK_MS, stalledInterval: 50 };
    const options = { connection: blocking, prefix: '{ebay}', concurrency, ...times };
    const worker = new PatchedWorker(queue.name, process, options, redis);
    worker.on('error', () => undefined);
    workers.push(worker);
    return worker;
  };

  for (const [when, offMs] of [
    ['is right', 0],
    ['goes back an hour meanwhile', -3_600_000],
    ['goes ahead an hour meanwhile', 3_600_000],
  ] as const)
    it(`are renewed while the process’s clock ${when}, so that no other worker takes a long job`, async () => {
      let runs = 0;
      const slow: Processor = async () => {
        runs += 1;
        const real = Date.now;
        if (offMs !== 0) sinon.stub(Date, 'now').callsFake(() => real() + offMs);
        await sleep(4 * LOCK_MS);
        return 'done';
      };
      const ended = Promise.race([start(slow), start(slow)].map((worker) => once(worker, 'completed')));
      const job = await queue.add('page', {});
      await ended;
      expect([runs, await redis.hget(queue.toKey(String(job.id)), 'stc')]).to.deep.equal([1, null]);
    });

  const restarts: Record<string, (worker: PatchedWorker) => Promise<void>> = {
    'the worker has paused ten times': async (worker) => {
      for (let pauses = 0; pauses < 10; pauses += 1) {
        await worker.pause();
        await worker.resume();
      }
    },
    'the worker goes on after a pause during each renewal': async (worker) => {
      const { lockManager } = worker as unknown as { lockManager: { start(): void } };
      worker.on('locksRenewed', () => lockManager.start());
    },
  };
  for (const [when, restart] of Object.entries(restarts))
    it(`are renewed twice in their renewal time and not more often when ${when}`, async () => {
      let lastedMs = 0;
      let renewed = 0;
      const worker = start(async () => {
        const from = performance.now();
        await sleep(3 * LOCK_MS);
        lastedMs = performance.now() - from;
      });
      await worker.waitUntilReady();
      await restart(worker);
      worker.on('locksRenewed', () => {
        renewed += 1;
      });
      await Promise.all([once(worker, 'completed'), queue.add('page', {})]);
      expect(renewed).to.be.within(2, lastedMs / (LOCK_MS / 4) + 1);
    });

  it('are not renewed for jobs that end soon', async () => {
    let renewed = 0;
    const worker = start(() => sleep(10), 5);
    worker.on('locksRenewed', ({ count }) => {
      renewed += count;
    });
    await queue.addBulk(Array.from({ length: 300 }, () => ({ name: 'page', data: {} })));
    await waitFor('all to end', async () => (await queue.getCompletedCount()) === 300);
    // At most those of one moment that a busy machine held up.
    expect(renewed).to.be.at.most(5);
  });
});
