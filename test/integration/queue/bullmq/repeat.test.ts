import type { Queue } from 'bullmq';
import { expect } from 'chai';
import type { Redis } from 'ioredis';
import { openQueues } from '../../../../src/queue/bullmq/openQueues.ts';
import { dueRun, repeatStrategy, schedulerNames } from '../../../../src/queue/bullmq/repeat.ts';
import { nextRun } from '../../../../src/queue/schedules/cron.ts';
import { useRedis } from '../../../support/redis.ts';

describe('job schedulers of BullMQ 6.7.0', () => {
  const server = useRedis();
  let redis: Redis;
  let queue: Queue;
  beforeEach(() => {
    redis = server.connect();
    queue = openQueues(redis, '{ebay}', 'default').searches;
  });
  afterEach(() => queue.close());

  it('`settings.repeatStrategy` decides on the next run: the same as that of a schedule, with its rule for clock changes', async () => {
    const startDate = Date.parse('2099-03-07T12:00Z');
    const cron = { pattern: '30 2 * * *', tz: 'America/New_York', startDate };
    await queue.upsertJobScheduler('nightly', cron, { name: 'search', opts: { priority: 3 } });
    const { next } = (await queue.getJobScheduler('nightly')) ?? {};
    expect(next).to.equal(nextRun({ cron: cron.pattern, tz: cron.tz, start: startDate }, Date.now()));
    // The clocks skip 02:30 on that day; cron-parser, BullMQ's own, would run an hour later.
    expect(new Date(next as number).toISOString()).to.equal('2099-03-08T07:00:00.000Z');
  });

  it('a scheduler without time zone or in six fields keeps BullMQ’s own rule', async () => {
    const at = Date.parse('2026-05-01T00:00Z');
    expect(await repeatStrategy(at, { pattern: '*/30 * * * * *', tz: 'UTC' })).to.equal(at + 30_000);
    expect(await repeatStrategy(at, { pattern: '0 * * * *' })).to.equal(at + 3_600_000);
  });

  it('`repeat` lists the schedulers, and `repeat:SCHEDULER:DUE` is the job of the planned run', async () => {
    await queue.upsertJobScheduler('often', { every: 3_600_000 }, { name: 'search', opts: { priority: 3 } });
    expect([...(await schedulerNames(queue, redis))]).to.deep.equal(['often']);
    const next = (await queue.getJobScheduler('often'))?.next as number;
    expect(await dueRun(queue, 'often', next - 1)).to.equal(undefined);
    expect((await dueRun(queue, 'often', next))?.id).to.equal(`repeat:often:${next}`);
  });
});
