import { FlowProducer, Queue, Worker } from 'bullmq';
import { expect } from 'chai';
import type { Redis } from 'ioredis';
import {
  quarantineJob,
  quarantineScheduler,
  reattachCalls,
  settleSearches,
} from '../../../../src/queue/bullmq/repair.ts';
import {
  findJob,
  idsInState,
  readJobs,
  STATES,
  unreadableReason,
} from '../../../../src/queue/bullmq/storedJobs.ts';
import { clockOf } from '../../../../src/redis/redisClock.ts';
import { connectTo, useRedis } from '../../../support/redis.ts';
import { BREAKAGES } from '../../../support/storedJobs.ts';

const PREFIX = '{ebay}';

describe('jobs as BullMQ 6.7.0 stores them', () => {
  const server = useRedis();
  let redis: Redis;
  let searches: Queue;
  let calls: Queue;
  beforeEach(() => {
    redis = server.connect();
    searches = new Queue('ebay-search', { connection: redis, prefix: PREFIX });
    calls = new Queue('ebay-calls', { connection: redis, prefix: PREFIX });
  });
  afterEach(() => Promise.all([searches.close(), calls.close()]));

  /** Two searches that wait for one page each. */
  async function waitingSearches(): Promise<void> {
    const flow = new FlowProducer({ connection: redis, prefix: PREFIX });
    for (const id of ['s_1', 's_2'])
      await flow.add({
        name: 'search',
        queueName: 'ebay-search',
        data: {},
        opts: { jobId: id, priority: 3 },
        children: [
          { name: 'page', queueName: 'ebay-calls', data: {}, opts: { jobId: `${id}-r1-p1`, priority: 1 } },
        ],
      });
    await flow.close();
    expect(await searches.getJobState('s_1')).to.equal('waiting-children');
  }

  it('a parent whose last child ends: `dependencies`, `waiting-children`, `prioritized` with `pc`, `marker`; a repair leaves the same', async () => {
    await waitingSearches();
    const blocking = connectTo(server.url, { maxRetriesPerRequest: null });
    const worker = new Worker('ebay-calls', async () => undefined, {
      connection: blocking,
      prefix: PREFIX,
      autorun: false,
    });
    const page = await worker.getNextJob('token', { block: false });
    await page?.moveToCompleted(undefined, 'token', false);
    await worker.close(true);
    blocking.disconnect();
    expect(await searches.getJobState('s_1')).to.equal('prioritized');

    await redis.del(searches.toKey('marker'));
    await redis.del(calls.toKey('s_2-r1-p1'));
    await redis.zrem(calls.toKey('prioritized'), 's_2-r1-p1');
    const s2 = { id: 's_2', isOverdue: false };
    expect(await settleSearches(redis, searches, calls, [s2])).to.deep.equal([
      { id: 's_2', released: true, struck: 0, foreign: [] },
    ]);
    expect(await searches.getJobState('s_2')).to.equal('prioritized');
    const scores = await Promise.all(
      ['s_1', 's_2'].map((id) => redis.zscore(searches.toKey('prioritized'), id)),
    );
    // The second comes right after the first: BullMQ's own counter and step.
    expect(Number(scores[1]) - Number(scores[0])).to.equal(1);
    expect(Math.floor(Number(scores[1]) / 2 ** 32)).to.equal(3);
    expect(await redis.zrange(searches.toKey('marker'), '0', '-1', 'WITHSCORES')).to.deep.equal(['0', '0']);
    expect(await redis.exists(searches.toKey('s_2:dependencies'))).to.equal(0);
  });

  it('a call with a delay that is over only after longer than ours is another program’s, however it came by it', async () => {
    await waitingSearches();
    const parent = { id: 's_1', queue: searches.qualifiedName };
    const now = Date.now();
    const added: Record<string, { delay: number; timestamp: number }> = {
      own: { delay: 60_000, timestamp: now },
      // Its class may still not call.
      over: { delay: 60_000, timestamp: now - 3_600_000 },
      long: { delay: 31_536_000_000, timestamp: now },
      late: { delay: 1, timestamp: now + 31_536_000_000 },
    };
    for (const [name, options] of Object.entries(added)) {
      const jobId = `s_1-r1-${name}`;
      await calls.add('page', {}, { jobId, parent, priority: 1, ...options });
      await redis.zadd(calls.toKey('delayed'), 'XX', (now + 3_600_000) * 4096, jobId);
    }
    const [settled] = await settleSearches(redis, searches, calls, [{ id: 's_1', isOverdue: false }]);
    expect(settled?.foreign).to.have.members(['s_1-r1-long', 's_1-r1-late']);
  });

  it('a page that failed is in `failed` with `failedReason`; its search gets it as BullMQ’s `:failed` of ignored children', async () => {
    await waitingSearches();
    await redis.zrem(calls.toKey('prioritized'), 's_1-r1-p1');
    await redis.zadd(calls.toKey('failed'), 1, 's_1-r1-p1');
    await redis.hset(calls.toKey('s_1-r1-p1'), 'failedReason', 'ebay-refused: 400');
    await settleSearches(redis, searches, calls, [{ id: 's_1', isOverdue: false }]);
    const search = await searches.getJob('s_1');
    expect(await search?.getIgnoredChildrenFailures()).to.deep.equal({
      [calls.toKey('s_1-r1-p1')]: 'ebay-refused: 400',
    });
  });

  for (const part of ['dependencies', 'failed'])
    it(`a text in the place of \`ID:${part}\` of a waiting search counts as absent to each repair, and is deleted`, async () => {
      const repairs = {
        settle: () => settleSearches(redis, searches, calls, [{ id: 's_1', isOverdue: false }]),
        quarantine: async () => {
          const [page] = await readJobs(redis, calls, ['s_1-r1-p1']);
          return page && quarantineJob(redis, { queue: calls, searches }, page, 'it is a test');
        },
        reattach: () => reattachCalls(redis, { searches, calls }, 's_1', ['s_1-r1-p1']),
      };
      for (const [name, repair] of Object.entries(repairs)) {
        await redis.flushall();
        await waitingSearches();
        const key = searches.toKey(`s_1:${part}`);
        await redis.del(key);
        await redis.set(key, 'overwritten');
        expect(await repair(), name).to.not.equal(undefined);
        expect(await redis.type(key), name).to.not.equal('string');
      }
    });

  it('a search whose `ID:dependencies` is a text is released: it waits for nothing', async () => {
    await waitingSearches();
    await redis.set(searches.toKey('s_1:dependencies'), 'overwritten');
    const settled = await settleSearches(redis, searches, calls, [{ id: 's_1', isOverdue: false }]);
    expect(settled).to.deep.equal([{ id: 's_1', released: true, struck: 0, foreign: [] }]);
    expect(await searches.getJobState('s_1')).to.equal('prioritized');
  });

  it('a scheduler is kept in the quarantine with its text as it was, at the time of Redis', async () => {
    const data = { query: 'café 猫' };
    await searches.upsertJobScheduler('foreign', { every: 86_400_000 }, { name: 'search', data });
    Object.assign(clockOf(redis), { now: () => Date.parse('2031-02-03T04:05:06Z') });
    await quarantineScheduler(redis, searches, 'foreign', 'it is a test');
    const [entry] = await redis.lrange(`${PREFIX}:quarantine`, 0, -1);
    expect(JSON.parse(entry as string)).to.deep.include({
      id: 'repeat:foreign',
      at: '2031-02-03T04:05:06.000Z',
    });
    expect(JSON.parse(JSON.parse(entry as string).fields.data)).to.deep.equal(data);
    expect(await searches.getJobSchedulersCount()).to.equal(0);
  });

  it('a scheduler in whose place is a text is removed all the same', async () => {
    await redis.zadd(searches.toKey('repeat'), 1, 'x');
    await redis.set(searches.toKey('repeat:x'), 'y');
    await quarantineScheduler(redis, searches, 'x', 'it is a test');
    const [entry] = await redis.lrange(`${PREFIX}:quarantine`, 0, -1);
    expect(JSON.parse(entry as string)).to.deep.include({ id: 'repeat:x', fields: {} });
    expect(await redis.exists(searches.toKey('repeat'), searches.toKey('repeat:x'))).to.equal(0);
  });

  for (const [what, breakJob] of Object.entries(BREAKAGES))
    it(`BullMQ’s own getter throws on a job with ${what}, or makes nothing of it; it is read all the same`, async () => {
      await searches.add('search', {}, { jobId: 'broken', priority: 1 });
      await breakJob(redis, searches.toKey('broken'));
      const read = await searches.getJob('broken').then(
        (job) => job?.name,
        () => 'throws',
      );
      expect(read).to.be.oneOf(['throws', undefined]);
      expect(await idsInState(redis, searches, 'prioritized')).to.deep.equal(['broken']);
      const [job] = await readJobs(redis, searches, ['broken']);
      const fields = job?.fields;
      if (fields !== 'not a hash' && fields !== undefined) expect(unreadableReason(fields)).to.be.a('string');
    });

  it('`meta`, `wait`, `ID:lock` and the like are keys beside the jobs: an id that hits one of them is no job', async () => {
    await searches.add('search', {}, { jobId: 'a', priority: 1 });
    await searches.add('search', {}, { jobId: 'b' });
    await redis.set(searches.toKey('a:lock'), 'token');
    await searches.upsertJobScheduler('daily', { every: 86_400_000 }, { name: 'search' });
    for (const key of [
      'meta',
      'wait',
      'prioritized',
      'events',
      'id',
      'a:lock',
      'repeat',
      'repeat:daily',
      'no',
    ])
      expect(await findJob(searches, key), key).to.equal(undefined);
    expect((await findJob(searches, 'a'))?.id).to.equal('a');
  });

  it('every state of a job is one of the lists and sorted sets that are looked through', async () => {
    await searches.add('search', {}, { jobId: 'a', priority: 1 });
    await searches.add('search', {}, { jobId: 'b', delay: 60_000 });
    await searches.add('search', {}, { jobId: 'c' });
    const found = await Promise.all(STATES.map((state) => idsInState(redis, searches, state)));
    expect(found.flat().sort()).to.deep.equal(['a', 'b', 'c']);
    await searches.pause();
    const paused = await Promise.all(STATES.map((state) => idsInState(redis, searches, state)));
    expect(paused.flat().sort()).to.deep.equal(['a', 'b', 'c']);
  });
});
