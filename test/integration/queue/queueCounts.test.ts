import { Queue } from 'bullmq';
import { expect } from 'chai';
import { countQueue, PRIORITY } from '../../../src/queue/bullmq/queues.ts';
import { useRedis } from '../../support/redis.ts';

describe('what a queue holds', () => {
  const redis = useRedis();
  let queue: Queue;
  beforeEach(() => {
    queue = new Queue('ebay-search', { connection: redis.connect(), prefix: '{ebay}' });
  });
  afterEach(() => queue.close());
  const add = (priority: number | undefined, timestamp: number, delay = 0) =>
    queue.add('search', {}, { timestamp, delay, ...(priority === undefined ? {} : { priority }) });

  it('is counted by state and class, with the age of the oldest of each class', async () => {
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
  });

  it('counts a scheduled run’s age from the moment that it is for', async () => {
    await queue.upsertJobScheduler('daily', { every: 86_400_000 }, { name: 'search', opts: { priority: 3 } });
    const [job] = [...(await queue.getDelayed()), ...(await queue.getPrioritized())];
    const planned = Number(job?.id?.split(':').at(-1));
    await job?.promote().catch(() => undefined);
    const { classes } = await countQueue(redis.connect(), queue, planned + 2000);
    expect(classes.scheduled).to.deep.equal({ waiting: 1, oldest: 2 });
  });
});
