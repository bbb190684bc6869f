import type { Job, Queue } from 'bullmq';
import { expect } from 'chai';
import type { Redis } from 'ioredis';
import sinon from 'sinon';
import { openQueues } from '../../../../src/queue/bullmq/openQueues.ts';
import { repeatStrategy } from '../../../../src/queue/bullmq/repeat.ts';
import { PatchedWorker } from '../../../../src/queue/bullmq/worker.ts';
import { connectTo, useRedis } from '../../../support/redis.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 1440 * MINUTE_MS;
const RIGHT_CLOCK = Date.now;

for (const days of [-2, 2])
  describe(`BullMQ 6.7.0 in a process whose clock is ${days} days ahead`, () => {
    const server = useRedis();
    let redis: Redis;
    let blocking: Redis;
    let queue: Queue;
    let worker: PatchedWorker;
    let clock: sinon.SinonFakeTimers;
    beforeEach(async () => {
      redis = server.connect();
      blocking = connectTo(server.url, { maxRetriesPerRequest: null });
      queue = openQueues(redis, '{ebay}', 'default').searches;
      const connection = { connection: blocking, prefix: '{ebay}', settings: { repeatStrategy } };
      const options = { ...connection, autorun: false, skipStalledCheck: true };
      worker = new PatchedWorker(queue.name, async () => undefined, options, redis);
      await worker.waitUntilReady();
      clock = sinon.useFakeTimers({ now: RIGHT_CLOCK() + days * DAY_MS, toFake: ['Date'] });
    });
    afterEach(async () => {
      clock.restore();
      await worker.close();
      await queue.close();
      blocking.disconnect();
    });

    const take = async () => (await worker.getNextJob('token', { block: false })) as Job | undefined;
    const dueIn = async (name: string) => ((await queue.getJobScheduler(name))?.next ?? 0) - rightNow();
    /** The fake clock stands still, and tests are quick. */
    const rightNow = () => Date.now() - days * DAY_MS;

    it('a job has the right times, and a delayed one is due at its time', async () => {
      await queue.add('search', {}, { jobId: 'now', priority: 2, removeOnComplete: { age: 86_400 } });
      await queue.add('search', {}, { jobId: 'later', priority: 2, delay: MINUTE_MS });
      const job = await take();
      expect(job?.id).to.equal('now');
      expect(await take()).to.equal(undefined);
      await job?.moveToCompleted({}, 'token', false);
      const { timestamp, processedOn, finishedOn } = (await queue.getJob('now')) as Job;
      for (const at of [timestamp, processedOn, finishedOn]) expect(at).to.be.closeTo(rightNow(), MINUTE_MS);
      const [, score] = await redis.zrange(queue.toKey('delayed'), '0', '0', 'WITHSCORES');
      expect(Number(score) / 4096 - rightNow()).to.be.closeTo(MINUTE_MS, 10_000);
    });

    it('removes no job as too old that has just ended elsewhere', async () => {
      await redis.zadd(queue.toKey('completed'), rightNow(), 'elsewhere');
      await redis.hset(queue.toKey('elsewhere'), { name: 'search', data: '{}' });
      await queue.add('search', {}, { jobId: 'here', removeOnComplete: { age: 86_400 } });
      await (await take())?.moveToCompleted({}, 'token', false);
      expect(await redis.zrange(queue.toKey('completed'), '0', '-1')).to.have.members(['elsewhere', 'here']);
    });

    it('four jobs that stalled at once are named as they are', async () => {
      const ids = ['a', 'b', 'c', 'd'];
      for (const jobId of ids) await queue.add('search', {}, { jobId });
      const stalled: string[] = [];
      worker.on('stalled', (id) => stalled.push(id));
      for (const id of ids) expect((await take())?.id).to.equal(id);
      for (const id of ids) await redis.del(queue.toKey(`${id}:lock`));
      await redis.sadd(queue.toKey('stalled'), ...ids);
      await (worker as unknown as { moveStalledJobsToWait(): Promise<void> }).moveStalledJobsToWait();
      expect(stalled).to.have.members(ids);
    });

    it('what ended a moment ago is retried with all others', async () => {
      for (const jobId of ['one', 'two']) {
        await queue.add('search', {}, { jobId });
        await (await take())?.moveToFailed(new Error('no'), 'token', false);
      }
      await queue.retryJobs({ state: 'failed' });
      expect(await queue.getJobCounts('failed', 'wait')).to.deep.equal({ failed: 0, wait: 2 });
    });

    for (const timing of [{ pattern: '* * * * *', tz: 'UTC' }, { every: MINUTE_MS }])
      it(`the runs of a schedule are planned by the right time: ${JSON.stringify(timing)}`, async () => {
        await queue.upsertJobScheduler('tick', timing, { name: 'search', opts: { priority: 3 } });
        expect(await dueIn('tick')).to.be.within(-10_000, MINUTE_MS);
        await (await queue.getDelayed())[0]?.promote();
        const run = await take();
        expect(run?.repeatJobKey).to.equal('tick');
        const before = Number(run?.id?.split(':')[2]);
        expect((await queue.getJobScheduler('tick'))?.next).to.equal(before + MINUTE_MS);
        expect(await take()).to.equal(undefined);
      });

    it('a schedule ends at its end', async () => {
      const timing = { every: MINUTE_MS, endDate: rightNow() + DAY_MS };
      await queue.upsertJobScheduler('ends', timing, { name: 'search', opts: { priority: 3 } });
      expect((await take())?.repeatJobKey).to.equal('ends');
      const past = { ...timing, endDate: rightNow() - 1000 };
      await queue.upsertJobScheduler('ended', past, { name: 'search', opts: { priority: 3 } });
      expect(await queue.getJobScheduler('ended')).to.equal(undefined);
    });
  });
