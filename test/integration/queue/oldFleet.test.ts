import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { Queue } from 'bullmq';
import { expect } from 'chai';
import type { Redis } from 'ioredis';
import { openProducer } from '../../../src/app/producer.ts';
import { startWorkerApp } from '../../../src/app/worker.ts';
import { ApiKeys } from '../../../src/http/auth/apiKeys.ts';
import { LogRoot } from '../../../src/telemetry/logRoot.ts';
import { testConfig } from '../../support/config.ts';
import { restoreRedis } from '../../support/recording.ts';
import { useRedis } from '../../support/redis.ts';
import { QUICK, serviceEnv } from '../../support/service.ts';
import { useSimulator } from '../../support/simulator.ts';
import { waitFor } from '../../support/waitFor.ts';

/** What a worker of 0.1 left when it was killed: `npm run bench -- upgrade --record FILE` wrote it. */
const RECORDING = readFileSync(join(import.meta.dirname, 'oldFleet.ndjson'), 'utf8');

/** Each search by its id: the price limit that stands for it in eBay's log, how many products it wants. */
const SEARCHES: Record<string, [mark: number, products: number]> = {
  complete: [1_000_001, 10],
  'with-details': [1_000_002, 2],
  'with-track': [1_000_003, 10],
  partial: [1_000_005, 200],
  'to-be-retried': [1_000_006, 10],
  'item-by-item': [1_000_007, 15],
  'page-by-page': [1_000_008, 800],
  leader: [1_000_009, 400],
  follower: [1_000_009, 400],
  'not-begun': [1_000_010, 10],
  'with-details-not-begun': [1_000_011, 2],
};

describe('a fleet of release 0.1 that this release takes over', function () {
  this.timeout(60_000);
  // A recording is put back by name, into one server.
  const redis = useRedis('single');
  const simulator = useSimulator();

  it('goes on where each search was: none is lost, none changed, and no call is made twice', async () => {
    const connection = redis.connect();
    await restoreRedis(connection, RECORDING);
    const queues = ['ebay-search', 'ebay-calls'].map(
      (name) => new Queue(name, { connection, prefix: '{ebay}' }),
    );
    const [searches, calls] = queues as [Queue, Queue];
    const states = [
      'active',
      'prioritized',
      'wait',
      'delayed',
      'waiting-children',
      'completed',
      'failed',
    ] as const;
    expect(await searches.getJobCounts(...states)).to.deep.equal({
      ...{ active: 0, prioritized: 0, wait: 2, delayed: 2, 'waiting-children': 4, completed: 5, failed: 1 },
    });
    const before = await calls.getJobCounts(...states);
    expect(before).to.include({ delayed: 1, failed: 1 });
    expect(before.active, 'calls of the worker that was killed').to.be.above(0);
    expect(before.prioritized).to.be.above(0);
    const items = (await calls.getJobs(['completed'])).filter(({ id }) =>
      id?.startsWith('item-by-item-r1-i'),
    );
    expect(items).to.not.have.length(0);
    const missing = (
      await Promise.all(Object.keys(SEARCHES).map((id) => missingPages(connection, id)))
    ).flat();
    expect(missing).to.include('1000008 200').and.not.include('1000008 0');
    const used = Number(await connection.hget('{ebay}:gate:default', 'used'));
    simulator().controls.quota({ used });

    const env = { ...QUICK, WORKER_STALLED_INTERVAL: '0.2' };
    const config = testConfig(serviceEnv(redis.url, simulator().url, env));
    const log = new LogRoot({ level: 'error', levels: '', format: 'json' }, new PassThrough().resume());
    const worker = await startWorkerApp(config, log);
    const producer = openProducer(config, { log });
    try {
      await producer.ready();
      // Its next attempt is ten minutes away.
      await (await calls.getJob('to-be-retried-r1-p1'))?.promote();
      for (const [id, [, wanted]] of Object.entries(SEARCHES)) {
        const { summary, error } = await producer.waitFor(id, { timeoutMs: 20_000 });
        expect(error, id).to.equal(null);
        expect(summary?.outcome, id).to.equal(id === 'partial' ? 'partial' : 'complete');
        const products = await producer.products(id);
        expect(new Set(products.map(({ itemId }) => itemId)), id).to.have.property('size', wanted);
        const detailed = products.filter(({ details }) => details !== undefined);
        expect(detailed, id).to.have.length(/details|item/.test(id) ? wanted : 0);
      }
      expect((await producer.get('refused')).error).to.include({ code: 'invalid_payload' });

      const made = () =>
        simulator()
          .controls.log({ kind: 'search' })
          .map(({ query }) => `${/\.\.(\d+)\]/.exec(query.filter ?? '')?.[1]} ${query.offset ?? 0}`)
          .sort();
      const marked = (mark: number, ...offsets: number[]) => offsets.map((offset) => `${mark} ${offset}`);
      expect(made(), 'all that was missing, and nothing else').to.deep.equal(missing.sort());
      const called = simulator().controls.log({ kind: 'item' });
      expect(called).to.have.length(15 - items.length + 2);

      // The page that had failed, and nothing else.
      simulator().controls.clearLog();
      expect(await producer.retry('partial')).to.equal(true);
      await waitFor('the retry', async () => (await producer.get('partial')).summary?.outcome === 'complete');
      expect(made()).to.deep.equal(marked(1_000_005, 200));
      expect(await producer.products('partial')).to.have.length(210);

      const counted = Number(await connection.hget('{ebay}:gate:default', 'used'));
      expect(counted, 'the day’s calls are counted on').to.be.within(
        used + missing.length,
        used + missing.length + called.length + 1,
      );
      const schedules = await producer.schedule.list();
      expect(schedules.map(({ name, state, runs }) => ({ name, state, runs }))).to.deep.equal([
        { name: 'hourly', state: 'active', runs: 1 },
      ]);
      expect(await new ApiKeys(connection, '{ebay}').hasUsable()).to.equal(true);
      const ends = (await connection.xrange('{ebay}:events', '-', '+')).map(([, fields]) => fields.join(' '));
      for (const id of Object.keys(SEARCHES))
        expect(
          ends.filter((end) => end.includes(`"searchId":"${id}"`)),
          id,
        ).to.have.length(id === 'partial' ? 2 : 1);
    } finally {
      await producer.close();
      await worker.stop();
      await Promise.all(queues.map((queue) => queue.close()));
    }
  });
});

/** The pages that a recorded search still needs, as they will stand in eBay's log. */
async function missingPages(redis: Redis, id: string): Promise<string[]> {
  const [mark, wanted] = SEARCHES[id] as [number, number];
  const [run = ''] = await redis.keys(`{ebay}:pages:default:${id}:*`);
  const stored = await redis.hkeys(run);
  const pages = Array.from({ length: Math.ceil(wanted / 200) }, (_, index) => index);
  // The follower takes what the leader collects.
  if (id === 'follower') return [];
  return pages.filter((page) => !stored.includes(String(page + 1))).map((page) => `${mark} ${page * 200}`);
}
