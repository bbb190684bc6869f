import { expect } from 'chai';
import { openRedis } from '../../../src/redis/connection.ts';
import { bootChecks } from '../../../src/redis/fitness.ts';
import { NOOP_LOGGER } from '../../../src/telemetry/logger.ts';
import { testConfig } from '../../support/config.ts';
import { useRedis } from '../../support/redis.ts';
import { type Pair, serviceEnv, startPair } from '../../support/service.ts';
import { useSimulator } from '../../support/simulator.ts';

describe('a Redis Cluster of three', function () {
  this.timeout(60_000);
  const redis = useRedis('cluster');
  const simulator = useSimulator();
  let service: Pair;
  beforeEach(async () => {
    service = await startPair(serviceEnv(redis.url, simulator().url, { SWEEP_INTERVAL: '0.1' }));
  });
  afterEach(() => service.stop());

  it('serves searches with details and tracks, retries, schedules, and one token, all in two slots', async () => {
    const { producer } = service;
    const { searchId } = await producer.enqueue({
      ...{ query: 'phone case', maxItems: 210 },
      track: 'cases',
    });
    const { summary } = await producer.waitFor(searchId, { timeoutMs: 30_000 });
    expect(summary).to.include({ outcome: 'complete', pages: 2, calls: 2 });
    expect(await producer.products(searchId)).to.have.length(210);
    const detailed = await producer.enqueue({ query: 'yoga mat', maxItems: 2, details: 'full' });
    const { summary: full } = await producer.waitFor(detailed.searchId, { timeoutMs: 30_000 });
    expect(full).to.include({ outcome: 'complete', calls: 3 });
    await producer.schedule.add({ name: 'hourly', every: 3600, request: { query: 'drone', maxItems: 1 } });
    const run = await producer.schedule.runNow('hourly');
    const { summary: ran } = await producer.waitFor(run.searchId, { timeoutMs: 30_000 });
    expect(ran?.outcome).to.equal('complete');
    const listed = (await producer.list()).searches.map((search) => search.searchId);
    expect(listed).to.include.members([searchId, detailed.searchId, run.searchId]);
    expect((await producer.list({ state: 'under-way' })).searches).to.deep.equal([]);
    expect(simulator().controls.log({ kind: 'token' })).to.have.length(1);
  });

  it('is checked node by node at boot, and named as what it is', async () => {
    const admin = redis.connect();
    await admin.ping();
    const connection = openRedis(testConfig({ REDIS_URL: redis.url }).redis, 'worker', NOOP_LOGGER);
    try {
      await connection.ping();
      expect((await bootChecks(connection)).fatal).to.deep.equal([]);
    } finally {
      connection.disconnect();
    }
    const [node = ''] = redis.url.replace('redis+cluster', 'redis').split(',');
    const alone = openRedis(testConfig({ REDIS_URL: node }).redis, 'worker', NOOP_LOGGER);
    try {
      expect((await bootChecks(alone)).fatal.join()).to.include('write redis+cluster://');
    } finally {
      alone.disconnect();
    }
  });
});
