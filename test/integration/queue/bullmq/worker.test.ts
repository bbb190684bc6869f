import { DelayedError, type Job, type Processor, Queue, Worker } from 'bullmq';
import { expect } from 'chai';
import type { Redis } from 'ioredis';
import { IsolationDelay } from '../../../../src/queue/bullmq/crashLimit.ts';
import { isLockLost, PatchedWorker } from '../../../../src/queue/bullmq/worker.ts';
import { connectTo, useRedis } from '../../../support/redis.ts';
import { startTcpProxy } from '../../../support/tcpProxy.ts';
import { waitFor } from '../../../support/waitFor.ts';

describe('what the worker changes of BullMQ 6.7.0', () => {
  const server = useRedis();
  let redis: Redis;
  let blocking: Redis;
  let queue: Queue;
  let worker: Worker | undefined;
  beforeEach(() => {
    redis = server.connect();
    blocking = connectTo(server.url, { maxRetriesPerRequest: null });
    queue = new Queue('ebay-calls', { connection: redis, prefix: '{ebay}' });
    worker = undefined;
  });
  afterEach(async () => {
    await worker?.close(true);
    await queue.close();
    blocking.disconnect();
  });

  const options = { prefix: '{ebay}', autorun: false };
  const patched = (process: Processor | null = null) => {
    worker = new PatchedWorker(
      queue.name,
      process as Processor,
      { ...options, connection: blocking, autorun: process !== null },
      redis,
    );
    return worker;
  };

  it('`Worker.delay(0)` sleeps 100 ms; the patched worker’s does not', async () => {
    const slept = async (subject: Worker) => {
      const from = performance.now();
      await subject.delay(0);
      return performance.now() - from;
    };
    const stock = new Worker(queue.name, null, { ...options, connection: blocking });
    expect(await slept(stock), 'BullMQ no longer sleeps: the override may go').to.be.greaterThan(90);
    await stock.close(true);
    expect(await slept(patched())).to.be.lessThan(90);
  });

  it('`Worker.handleCompleted` asks for the next job while the limit holds; the patched worker’s does not', async () => {
    await queue.setGlobalRateLimit(1, 60_000);
    const asked = async (open: (process: Processor) => Worker) => {
      const token = 'token';
      await redis.del(queue.toKey('limiter'));
      await queue.add('page', {}, { priority: 1 });
      await queue.add('page', {}, { priority: 1 });
      const subject = open(async () => undefined);
      const job = (await subject.getNextJob(token)) as Job;
      // It learns that the limit holds.
      expect(await subject.getNextJob(token)).to.equal(undefined);
      await redis.del(queue.toKey('limiter'));
      return subject.processJob(job, token, () => true);
    };
    const stock = () => new Worker(queue.name, async () => undefined, { ...options, connection: blocking });
    const unpatched = stock();
    expect(await asked(() => unpatched), 'BullMQ no longer asks: the override may go').not.to.equal(
      undefined,
    );
    await unpatched.close(true);
    await queue.obliterate({ force: true });
    await queue.setGlobalRateLimit(1, 60_000);
    const lazy = (process: Processor) =>
      (worker = new PatchedWorker(queue.name, process, { ...options, connection: blocking }, redis));
    expect(await asked(lazy)).to.equal(undefined);
    // biome-ignore lint/complexity/useLiteralKeys: private in BullMQ's types.
    expect(worker?.['limitUntil'], 'it still knows of the limit').to.be.above(Date.now());
  });

  it('`stalled-check` is set by each check for stalled jobs; the patched worker checks nothing where no job is active', async () => {
    const checks = async (subject: Worker) => {
      await redis.del(queue.toKey('stalled-check'));
      // biome-ignore lint/complexity/useLiteralKeys: private in BullMQ's types.
      await subject['moveStalledJobsToWait']();
      return redis.exists(queue.toKey('stalled-check'));
    };
    const stock = new Worker(queue.name, null, { ...options, connection: blocking });
    expect(await checks(stock), 'BullMQ no longer checks an idle queue: the override may go').to.equal(1);
    await stock.close(true);
    const subject = patched();
    expect(await checks(subject), 'idle').to.equal(0);
    await queue.add('page', {}, { priority: 1 });
    await subject.getNextJob('token');
    expect(await checks(subject), 'with an active job').to.equal(1);
    // An entry of the last check, whose job has ended since.
    await redis.del(queue.toKey('active'));
    expect(await checks(subject), 'with one that the last check saw').to.equal(1);
  });

  it('`stalled-check` is set also where all active jobs are the worker’s own; the patched worker looks for those of others', async () => {
    let isBegun = false;
    let end = (): void => undefined;
    const checks = async (subject: Worker) => {
      await redis.del(queue.toKey('stalled-check'));
      // biome-ignore lint/complexity/useLiteralKeys: private in BullMQ's types.
      await subject['moveStalledJobsToWait']();
      return redis.exists(queue.toKey('stalled-check'));
    };
    await queue.add('page', {}, { priority: 1 });
    const subject = patched(() => {
      isBegun = true;
      return new Promise<void>((resolve) => {
        end = resolve;
      });
    });
    await waitFor('the job to begin', () => isBegun);
    expect(await redis.llen(queue.toKey('active'))).to.equal(1);
    expect(await checks(subject), 'with its own job').to.equal(0);
    const [own] = await redis.lrange(queue.toKey('active'), 0, -1);
    const lock = queue.toKey(`${own}:lock`);
    await redis.rename(lock, `${lock}-kept`);
    expect(await checks(subject), 'with its own job, whose lock has run out').to.equal(1);
    await redis.rename(`${lock}-kept`, lock);
    // Of another worker, which dies later.
    await queue.add('page', {}, { jobId: 'orphan', priority: 1 });
    await redis.zrem(queue.toKey('prioritized'), 'orphan');
    await redis.lpush(queue.toKey('active'), 'orphan');
    await redis.set(queue.toKey('orphan:lock'), 'token');
    expect(await checks(subject), 'with one of another worker').to.equal(1);
    await redis.del(queue.toKey('orphan:lock'));
    expect(await checks(subject), 'with one whose worker died').to.equal(1);
    expect(await redis.lrange(queue.toKey('wait'), 0, -1)).to.deep.equal(['orphan']);
    end();
  });

  it('`Worker.getNextJob` asks for a job after each wait; the patched worker’s only where one is there', async () => {
    const asks = async (subject: Worker, waits = 1) => {
      let count = 0;
      const { backend } = subject;
      const ask = backend.moveToActive.bind(backend);
      backend.moveToActive = (...args) => {
        count += 1;
        return ask(...args);
      };
      // The first one finds none. The others wait before they ask.
      for (let asked = 0; asked <= waits; asked += 1)
        expect(await subject.getNextJob('token')).to.equal(undefined);
      return count;
    };
    const waits = { ...options, connection: blocking, drainDelay: 0.01 };
    const stock = new Worker(queue.name, null, waits);
    expect(await asks(stock), 'BullMQ no longer asks: the override may go').to.equal(2);
    await stock.close(true);
    const subject = new PatchedWorker(queue.name, null as never, waits, redis);
    worker = subject;
    expect(await asks(subject)).to.equal(1);
    // One ask in six is made all the same: one that Redis refuses says so.
    expect(await asks(subject, 7)).to.equal(1);
    for (const [where, job] of [
      ['prioritized', { priority: 1 }],
      ['wait', {}],
    ] as const) {
      const { id } = await queue.add('page', {}, job);
      // Redis has lost it with its last second, say.
      await redis.del(queue.toKey('marker'));
      expect((await subject.getNextJob('token'))?.id, where).to.equal(id);
      expect(await subject.getNextJob('token')).to.equal(undefined);
    }
    await queue.add('page', {}, { delay: 1 });
    await waitFor('the delay to end', async () => {
      await redis.del(queue.toKey('marker'));
      return subject.getNextJob('token');
    });
  });

  it('`Worker.createJob` gets the stored fields of every job: one without a hash is an error, a huge one is shrunk', async () => {
    const errors: string[] = [];
    const seen: Job[] = [];
    await queue.add('page', {}, { jobId: 'gone', priority: 1 });
    await redis.del(queue.toKey('gone'));
    await queue.add('page', { filler: 'x'.repeat(1_600_000) }, { jobId: 'huge', priority: 2 });
    patched(async (job) => {
      seen.push(job);
    }).on('error', ({ message }) => errors.push(message));
    await waitFor('the huge job', () => seen.length > 0);
    expect(errors).to.include('job gone has lost its data');
    expect(JSON.stringify(seen[0]?.data).length).to.be.lessThan(1000);
    await waitFor('the stored job to shrink', async () => {
      const length = await redis.hstrlen(queue.toKey('huge'), 'data');
      return length < 1000;
    });
  });

  it('`stc`, the count of stalls, is read as `stalledCounter` and never reset; a failed attempt clears it', async () => {
    const counts: number[] = [];
    const job = await queue.add('page', {}, { attempts: 2, priority: 1 });
    await redis.hset(queue.toKey(job.id as string), 'stc', 2);
    patched(async ({ stalledCounter }) => {
      counts.push(stalledCounter);
      if (counts.length === 1) throw new Error('eBay answered 500');
    });
    await waitFor('the end', async () => (await job.getState()) === 'completed');
    expect(counts).to.deep.equal([2, 0]);
  });

  it('`DelayedError` reaches `handleFailed`: a job that was only put aside keeps its count of stalls', async () => {
    const counts: number[] = [];
    const job = await queue.add('page', {}, { priority: 1 });
    await redis.hset(queue.toKey(job.id as string), 'stc', 2);
    patched(async (each, token) => {
      counts.push(each.stalledCounter);
      if (counts.length > 1) return;
      await each.moveToDelayed(Date.now() + 1, token);
      throw new IsolationDelay();
    });
    expect(new IsolationDelay()).to.be.instanceOf(DelayedError);
    await waitFor('the end', async () => (await job.getState()) === 'completed');
    expect(counts).to.deep.equal([2, 2]);
  });

  it('“Missing lock”, “Lock mismatch” and “Missing key” are the errors of a job that another worker has', async () => {
    const errors: unknown[] = [];
    const job = await queue.add('page', {}, { priority: 1 });
    const taken = (await patched().getNextJob('mine', { block: false })) as Job;
    const attempt = () => taken.moveToDelayed(Date.now() + 1000, 'mine').catch((error) => errors.push(error));
    await redis.set(`${queue.toKey(job.id as string)}:lock`, 'theirs');
    await attempt();
    await redis.del(`${queue.toKey(job.id as string)}:lock`);
    await attempt();
    await redis.del(queue.toKey(job.id as string));
    await attempt();
    // Redis has lost a search that is about to add its next page.
    const parent = { id: job.id as string, queue: queue.qualifiedName };
    await queue.add('page', {}, { parent }).catch((error) => errors.push(error));
    expect(errors.map((error) => String(error).split(' for ')[0])).to.deep.equal([
      'Error: Lock mismatch',
      'Error: Missing lock',
      'Error: Missing key',
      'Error: Missing key',
    ]);
    expect(errors.every(isLockLost)).to.equal(true);
    expect(isLockLost(new Error('eBay answered 500'))).to.equal(false);
    expect(isLockLost('Missing lock for job x')).to.equal(false);
  });
});

describe('what the worker changes of BullMQ 6.7.0 where Redis is far away', () => {
  // A client of a Cluster connects to its nodes by their own addresses, past the proxy.
  const server = useRedis('single');

  it('`Worker.getRateLimitDelay` ignores how far away Redis is; the patched worker asks a round trip earlier', async () => {
    const [redis, blocking] = [server.connect(), connectTo(server.url, { maxRetriesPerRequest: null })];
    const queue = 'ebay-calls';
    const proxy = await startTcpProxy(Number(new URL(server.url).port));
    Object.assign(proxy, { mode: 'latency', latencyMs: 100 });
    const far = connectTo(`redis://127.0.0.1:${proxy.port}`, { maxRetriesPerRequest: null });
    const delays = async (subject: Worker) => {
      // It learns how long an answer takes.
      await subject.getNextJob('token', { block: false });
      // biome-ignore lint/complexity/useLiteralKeys: protected in BullMQ's types.
      return [10, 500, 60_000].map((ms) => subject['getRateLimitDelay'](ms));
    };
    const slow = { prefix: '{ebay}', autorun: false, connection: far, maximumRateLimitDelay: 1000 };
    const stock = new Worker(queue, null, slow);
    const lazy = new PatchedWorker(queue, null as never, slow, redis);
    const near = new PatchedWorker(queue, null as never, { ...slow, connection: blocking }, redis);
    const changed = 'BullMQ looks at the round trip itself: the override may go';
    expect(await delays(stock), changed).to.deep.equal([10, 500, 1000]);
    const [least, some, most] = await delays(lazy);
    expect(least).to.equal(0);
    expect(some).to.be.within(0, 420);
    expect(most).to.equal(1000);
    expect((await delays(near))[1]).to.be.above(420);
    for (const each of [stock, lazy, near]) await each.close(true);
    for (const connection of [far, blocking]) connection.disconnect();
    await proxy.close();
  });
});
