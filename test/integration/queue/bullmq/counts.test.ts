import { Queue } from 'bullmq';
import { expect } from 'chai';
import { callsAhead, countQueue, failedJobs, hasWaitingJobs } from '../../../../src/queue/bullmq/counts.ts';
import { PRIORITY } from '../../../../src/queue/bullmq/queues.ts';
import { useRedis } from '../../../support/redis.ts';

describe('the keys in which BullMQ 6.7.0 keeps the states of a queue', () => {
  const redis = useRedis();
  let queue: Queue;
  beforeEach(() => {
    queue = new Queue('ebay-search', { connection: redis.connect(), prefix: '{ebay}' });
  });
  afterEach(() => queue.close());
  const add = (priority: number | undefined, timestamp: number, delay = 0) =>
    queue.add('search', {}, { timestamp, delay, ...(priority === undefined ? {} : { priority }) });

  it('`wait`, `prioritized` with scores of priority × 2³², `delayed`: counted by state and class, with the oldest of each', async () => {
    const now = Date.now();
    await add(PRIORITY.interactive, now - 30_000);
    await add(PRIORITY.interactive, now - 10_000);
    await add(PRIORITY.backfill, now - 3_600_000);
    await add(undefined, now - 60_000);
    await add(PRIORITY.scheduled, now, 60_000);
    expect(await countQueue(redis.connect(), queue, now)).to.deep.equal({
      queue: 'ebay-search',
      states: { waiting: 4, active: 0, delayed: 1, 'waiting-children': 0 },
      classes: {
        interactive: { waiting: 3, oldest: 60 },
        scheduled: { waiting: 0, oldest: 0 },
        backfill: { waiting: 1, oldest: 3600 },
      },
    });
    expect(await callsAhead(queue, 'interactive')).to.equal(2);
    expect(await callsAhead(queue, 'backfill')).to.equal(3);
  });

  it('`repeat:SCHEDULER:DUE`, the id of a planned run: its age counts from the moment that it is for', async () => {
    await queue.upsertJobScheduler('daily', { every: 86_400_000 }, { name: 'search', opts: { priority: 3 } });
    const [job] = [...(await queue.getDelayed()), ...(await queue.getPrioritized())];
    const planned = Number(job?.id?.split(':').at(-1));
    await job?.promote().catch(() => undefined);
    const { classes } = await countQueue(redis.connect(), queue, planned + 2000);
    expect(classes.scheduled).to.deep.equal({ waiting: 1, oldest: 2 });
  });

  it('a paused queue has no work for a worker, though `wait` and `prioritized` keep the jobs', async () => {
    expect(await hasWaitingJobs(redis.connect(), queue)).to.equal(false);
    await add(PRIORITY.interactive, Date.now());
    expect(await hasWaitingJobs(redis.connect(), queue)).to.equal(true);
    await queue.pause();
    expect(await hasWaitingJobs(redis.connect(), queue)).to.equal(false);
  });

  it('`failed`, sorted by the time of failure, and `failedReason`', async () => {
    const connection = redis.connect();
    expect(await failedJobs(connection, queue)).to.deep.equal({ count: 0 });
    const jobs = await Promise.all([add(2, Date.now()), add(2, Date.now())]);
    for (const [index, job] of jobs.entries()) {
      await connection.zrem(queue.toKey('prioritized'), job.id as string);
      await connection.zadd(queue.toKey('failed'), 1000 * (index + 1), job.id as string);
      await connection.hset(queue.toKey(job.id as string), 'failedReason', `internal: ${index}`);
    }
    expect((await queue.getFailed()).map(({ failedReason }) => failedReason)).to.have.length(2);
    expect(await failedJobs(connection, queue)).to.deep.equal({
      count: 2,
      oldest: { id: jobs[0]?.id, at: 1000, reason: 'internal: 0' },
    });
  });
});
