import { PassThrough } from 'node:stream';
import { expect } from 'chai';
import type { Redis } from 'ioredis';
import { openProducer } from '../../../src/app/producer.ts';
import { startWorkerApp, type WorkerApp } from '../../../src/app/worker.ts';
import type { SearchProducer } from '../../../src/queue/producer.ts';
import { LogRoot } from '../../../src/telemetry/logRoot.ts';
import { testConfig } from '../../support/config.ts';
import { useRedis } from '../../support/redis.ts';
import { QUICK, serviceEnv } from '../../support/service.ts';
import { useSimulator } from '../../support/simulator.ts';
import { waitFor } from '../../support/waitFor.ts';

const HASHES = ['gate:default', 'config', 'processes', 'track:default:drones:v2'].map(
  (name) => `{ebay}:${name}`,
);

describe('a service in whose place another program has written something else', function () {
  this.timeout(60_000);
  const server = useRedis();
  const simulator = useSimulator();
  let worker: WorkerApp | undefined;
  let producer: SearchProducer | undefined;
  let redis: Redis;
  beforeEach(() => {
    redis = server.connect();
  });
  afterEach(async () => {
    await producer?.close();
    await worker?.stop();
    worker = undefined;
  });

  async function start(signal?: AbortSignal) {
    const config = testConfig(serviceEnv(server.url, simulator().url, QUICK));
    const log = new LogRoot({ level: 'error', levels: '', format: 'json' }, new PassThrough().resume());
    worker = await startWorkerApp(config, log, { signal });
    producer = openProducer(config, { log });
    await producer.ready();
  }
  async function search() {
    const request = { query: 'drone', maxItems: 2, track: 'drones' };
    const { searchId } = (await producer?.enqueue(request)) ?? { searchId: '' };
    return (await producer?.waitFor(searchId, { timeoutMs: 20_000 }))?.summary?.outcome;
  }
  const plants: Record<string, (key: string) => Promise<unknown>> = {
    'a text': (key) => redis.set(key, 'nonsense'),
    'a list': (key) => redis.rpush(key, 'nonsense'),
  };

  for (const [what, plant] of Object.entries(plants))
    it(`starts and searches: ${what} in the place of its hashes, before it starts and while it runs`, async () => {
      for (const key of HASHES) await plant(key);
      await start();
      expect(await search()).to.equal('complete');
      for (const key of HASHES) {
        await redis.del(key);
        await plant(key);
      }
      expect(await search()).to.equal('complete');
      await waitFor('all of them to be hashes again', async () => {
        const types = await Promise.all(HASHES.map((key) => redis.type(key)));
        return types.every((type) => type === 'hash');
      });
    });

  it('adds schedules, and counts their runs', async () => {
    await start();
    for (const key of ['{ebay}:schedules:default', '{ebay}:schedule:default:hourly'])
      await redis.set(key, 'x');
    const schedules = producer?.schedule;
    await schedules?.add({ name: 'hourly', every: 3600, request: { query: 'drone', maxItems: 1 } });
    const first = await waitFor('the first run', async () => {
      const { runs, lastRuns } = (await schedules?.get('hourly')) ?? { runs: 0, lastRuns: [] };
      return runs === 1 && lastRuns[0]?.outcome;
    });
    expect(first).to.equal('complete');
    expect(await schedules?.list()).to.have.length(1);
  });

  it('says which key to delete where the configuration in it is none', async () => {
    await redis.hset('{ebay}:config', { version: 'x', document: 'nonsense', census: '1 x', loss: 'x' });
    const failure = await start(AbortSignal.timeout(5000)).catch((thrown: Error) => thrown);
    expect(String(failure)).to.include('the key {ebay}:config').and.include('delete this key');
  });
});
