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

  it('`meta` holds the global limit: jobs at the gate’s pace, several at a time where one by one would cost too much', async () => {
    const limits: string[] = [];
    for (const seconds of [1, 0.1, 0.03, 0.02, 0.0005]) {
      await setPace(calls, seconds);
      const [jobs, ms] = await connection.hmget(calls.toKey('meta'), 'max', 'duration');
      limits.push(`${jobs} in ${ms} ms`);
    }
    const paces = ['1 in 1000 ms', '1 in 100 ms', '4 in 120 ms', '5 in 100 ms', '200 in 100 ms'];
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
