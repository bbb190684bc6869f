import { Queue } from 'bullmq';
import { expect } from 'chai';
import { holdQueue, setPace } from '../../../../src/queue/bullmq/queues.ts';
import { useRedis } from '../../../support/redis.ts';

describe('the limits of a queue in BullMQ 6.7.0', () => {
  const redis = useRedis();
  let connection: ReturnType<typeof redis.connect>;
  let calls: Queue;
  beforeEach(() => {
    connection = redis.connect();
    calls = new Queue('ebay-calls', { connection, prefix: '{ebay}' });
  });
  afterEach(() => calls.close());

  it('`meta` holds the global limit: jobs at the gate’s pace, up to a second’s worth and at most ten at a time', async () => {
    const limits: string[] = [];
    for (const seconds of [2, 1, 0.5, 0.3, 0.1, 0.03, 0.0005]) {
      await setPace(calls, seconds);
      const [jobs, ms] = await connection.hmget(calls.toKey('meta'), 'max', 'duration');
      limits.push(`${jobs} in ${ms} ms`);
    }
    const paces = [
      '1 in 2000 ms',
      '1 in 1000 ms',
      '2 in 1000 ms',
      '4 in 1200 ms',
      '10 in 1000 ms',
      '10 in 300 ms',
      '200 in 100 ms',
    ];
    expect(limits).to.deep.equal(paces);
  });

  it('`limiter` is the key of a hold: the longer of two pauses holds, whichever came first', async () => {
    await setPace(calls, 0.05);
    await holdQueue(connection, calls, 30_000);
    await holdQueue(connection, calls, 500);
    // BullMQ itself reads the hold, so the key is still the one that it knows.
    expect(await calls.getRateLimitTtl()).to.be.within(20_000, 30_000);
  });
});
