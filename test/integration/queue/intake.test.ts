import { expect } from 'chai';
import type { Redis } from 'ioredis';
import { openProducer } from '../../../src/app/producer.ts';
import type { Failure } from '../../../src/failures.ts';
import type { SearchRequest } from '../../../src/product/requestSchema.ts';
import type { SearchProducer } from '../../../src/queue/producer.ts';
import { nodesOf } from '../../../src/redis/nodes.ts';
import { testConfig } from '../../support/config.ts';
import { useRedis } from '../../support/redis.ts';

describe('a producer', () => {
  const server = useRedis();
  let redis: Redis;
  let producer: SearchProducer;
  beforeEach(async () => {
    redis = server.connect();
    producer = openProducer(testConfig({ REDIS_URL: server.url, BACKLOG_LIMIT: '3' }));
    await producer.ready();
  });
  afterEach(async () => {
    await Promise.all(nodesOf(redis).map((node) => node.config('SET', 'maxmemory', '0')));
    await producer.close();
  });

  const refusal = (requests: SearchRequest[]): Promise<Failure | undefined> =>
    producer.enqueueMany(requests).then(
      () => undefined,
      (error) => error,
    );
  const QUERY: SearchRequest = { query: 'phone case' };

  /** Makes what Redis holds this share of what it may hold. */
  async function useMemory(share: number): Promise<void> {
    for (const node of nodesOf(redis)) {
      const used = /used_memory:(\d+)/.exec(await node.info('memory'))?.[1];
      await node.config('SET', 'maxmemory', Math.round(Number(used) / share));
    }
  }

  it('refuses what the backlog has no room for, all or nothing, and says that later it may', async () => {
    expect(await refusal([QUERY, QUERY])).to.equal(undefined);
    const failure = await refusal([QUERY, QUERY]);
    expect(failure?.code).to.equal('backlog_full');
    expect(failure?.retryable).to.equal(true);
    expect(failure?.detail.reason).to.equal('backlog');
    expect(failure?.detail.until).to.be.greaterThan(Date.now());
    expect(await refusal([QUERY])).to.equal(undefined);
    expect(await redis.zcard('{ebay}:ebay-search:prioritized')).to.equal(3);
  });

  it('refuses backfill when Redis is filling up, and lets others in', async () => {
    await useMemory(0.78);
    const failure = await refusal([{ ...QUERY, priority: 'backfill' }]);
    expect(failure?.code).to.equal('backlog_full');
    expect(failure?.detail.reason).to.equal('memory');
    expect(await refusal([QUERY])).to.equal(undefined);
  });

  it('refuses everything when Redis is nearly full', async () => {
    await useMemory(0.95);
    const failure = await refusal([QUERY]);
    expect(failure?.detail.reason).to.equal('memory');
    expect(failure?.message).to.include('85 %');
  });
});
