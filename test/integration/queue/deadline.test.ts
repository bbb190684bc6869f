import { FlowProducer, type Job, Queue } from 'bullmq';
import { expect } from 'chai';
import type { Redis } from 'ioredis';
import { openEbay } from '../../../src/app/client.ts';
import { quietLog } from '../../../src/cli/commandSetup.ts';
import type { PageCall } from '../../../src/collector/collector.ts';
import { pageJobId } from '../../../src/queue/bullmq/queues.ts';
import { takeOverQuota } from '../../support/ebayClient.ts';
import { pausedCollector, usePause } from '../../support/pause.ts';
import { connectTo } from '../../support/redis.ts';
import { useService } from '../../support/service.ts';
import { waitFor } from '../../support/waitFor.ts';

const PREFIX = '{ebay}';
const PROMPTLY = { timeoutMs: 15_000 };

describe('a search gives up at SEARCH_DEADLINE', () => {
  const pageCall = usePause<PageCall>();
  const service = useService(
    { SEARCH_DEADLINE: '1', SWEEP_INTERVAL: '0.2' },
    {},
    {
      adapt: (context) => ({
        ...context,
        collector: pausedCollector(context.collector, { page: pageCall }),
      }),
    },
  );
  let redis: Redis;
  beforeEach(() => {
    redis = connectTo(service.config.redis.url);
  });
  afterEach(() => redis.disconnect());

  const end = (searchId: string) => service.producer.waitFor(searchId, PROMPTLY);
  const waiting = () => redis.zcard(service.searches.toKey('waiting-children'));

  it('that was added with children that never end', async () => {
    const others = new Queue('others', { connection: redis, prefix: PREFIX });
    const flows = new FlowProducer({ connection: redis, prefix: PREFIX });
    await flows.add({
      name: 'search',
      queueName: 'ebay-search',
      data: { query: 'phone case', maxItems: 10 },
      opts: { jobId: 'parent' },
      children: [{ name: 'never', queueName: 'others' }],
    });
    const { error } = await end('parent');
    expect(error).to.include({ code: 'gave-up-waiting', message: 'waited until SEARCH_DEADLINE' });
    expect(service.calledOffsets()).to.deep.equal([]);
    // What it waited for is another program's.
    expect(await others.getWaitingCount()).to.equal(1);
    await Promise.all([others.close(), flows.close()]);
  });

  it('whose page waits in a paused queue, and the page goes with it', async () => {
    await service.calls.pause();
    const { searchId } = await service.producer.enqueue({ query: 'phone case', maxItems: 10 });
    expect((await end(searchId)).error?.code).to.equal('gave-up-waiting');
    expect(await service.calls.getJob(pageJobId(searchId, 1, 1))).to.equal(undefined);
    await service.calls.resume();
    const again = await service.search({ query: 'phone case', maxItems: 20 });
    expect(again.summary?.outcome).to.equal('complete');
    expect(service.calledOffsets()).to.deep.equal([0]);
  });

  it('whose page is delayed beyond it', async () => {
    await service.calls.pause();
    const { searchId } = await service.producer.enqueue({ query: 'phone case', maxItems: 10 });
    const page = await waitFor('its page', () => service.calls.getJob(pageJobId(searchId, 1, 1)));
    await redis.zrem(service.calls.toKey('prioritized'), page.id as string);
    await redis.zadd(service.calls.toKey('delayed'), Number.MAX_SAFE_INTEGER, page.id as string);
    await service.calls.resume();
    expect((await end(searchId)).error?.code).to.equal('gave-up-waiting');
    expect(await service.calls.getDelayedCount()).to.equal(0);
    expect(service.calledOffsets()).to.deep.equal([]);
  });

  it('with what it has, and calls for the rest when it is retried', async () => {
    pageCall.hold();
    const { searchId } = await service.producer.enqueue({ query: 'phone case', maxItems: 410 });
    await waitFor('the first call', () => pageCall.waiting === 1);
    await service.calls.pause();
    pageCall.release();
    const { summary } = await end(searchId);
    expect(summary).to.deep.include({ outcome: 'partial', pages: 1, calls: 1 });
    expect(summary?.missing[0]).to.include({ page: 2, code: 'gave-up-waiting' });
    await service.calls.resume();
    await service.producer.retry(searchId);
    await waitFor('the rest', async () => {
      return (await service.producer.get(searchId)).summary?.outcome === 'complete';
    });
    expect(service.calledOffsets()).to.deep.equal([0, 200, 400]);
  });

  it('with what it has, when its class may not call by then either', async () => {
    const gate = openEbay(service.config, quietLog());
    await waitFor('Redis', () => gate.redis.ping().catch(() => undefined));
    pageCall.hold();
    const request = { query: 'phone case', maxItems: 410, priority: 'backfill' } as const;
    const { searchId } = await service.producer.enqueue(request);
    await waitFor('the first call', () => pageCall.waiting === 1);
    await service.calls.pause();
    pageCall.release();
    await waitFor('the first page', async () => (await service.calls.getCompletedCount()) === 1);
    // Its share is spent until the reset, long after the deadline.
    service.simulator.controls.quota({ limit: 100, used: 90, resetInS: 3600 });
    await takeOverQuota(gate, service.simulator);
    await gate.close();
    const { summary } = await end(searchId);
    expect(summary).to.deep.include({ outcome: 'partial', pages: 1, calls: 1 });
    expect(summary?.missing[0]).to.include({ page: 2, code: 'gave-up-waiting' });
  });

  const failing = {
    page: { request: { query: 'phone case', maxItems: 410 }, on: { offset: 400 } },
    item: {
      request: { query: 'phone case', maxItems: 1, details: 'full' },
      on: { endpoint: 'item' },
    },
  } as const;
  for (const [what, { request, on }] of Object.entries(failing))
    it(`and calls for a failed ${what} that is retried by itself after it`, async () => {
      service.simulator.controls.arm({ fault: 'status', status: 400, on, count: 1 });
      const { searchId, summary } = await service.search(request);
      expect(summary?.outcome).to.equal('partial');
      const { timestamp } = (await service.searches.getJob(searchId)) as Job;
      const beganAt = Number(await redis.hget(`${PREFIX}:run:default:${searchId}:${timestamp}`, 'startedAt'));
      await waitFor('the deadline', () => Date.now() > beganAt + 1000);
      const [failed] = await service.calls.getFailed();
      await failed?.retry('failed');
      await waitFor('the rest', async () => {
        return (await service.producer.get(searchId)).summary?.outcome === 'complete';
      });
    });

  it('only once the call has ended that is under way then', async () => {
    pageCall.hold();
    const { searchId } = await service.producer.enqueue({ query: 'phone case', maxItems: 10 });
    const { timestamp } = (await service.searches.getJob(searchId)) as Job;
    const run = `${PREFIX}:run:default:${searchId}:${timestamp}`;
    await waitFor('the deadline', async () => (await redis.hget(run, 'overdue')) === '1');
    expect(await waiting()).to.equal(1);
    pageCall.release();
    expect((await end(searchId)).summary).to.deep.include({ outcome: 'complete', calls: 1 });
  });

  it('that waits for an identical one, which goes on', async () => {
    pageCall.hold();
    const request = { query: 'phone case', maxItems: 10 };
    const leader = await service.producer.enqueue(request);
    await waitFor('its call', () => pageCall.waiting === 1);
    const follower = await service.producer.enqueue(request);
    const { error } = await end(follower.searchId);
    expect(error?.code).to.equal('gave-up-waiting');
    expect(error?.message).to.include(leader.searchId);
    pageCall.release();
    expect((await end(leader.searchId)).summary?.outcome).to.equal('complete');
  });
});

describe('a search with item calls gives up at SEARCH_DEADLINE', () => {
  const service = useService({ SEARCH_DEADLINE: '1', SWEEP_INTERVAL: '0.2', MIN_API_CALL_INTERVAL: '0.2' });
  const found = { query: 'phone case', maxItems: 30, details: 'full' } as const;

  it('and names each product that has no details', async () => {
    const { searchId, summary } = await service.search(found);
    expect(summary?.outcome).to.equal('partial');
    const products = await service.producer.products(searchId);
    const without = products.flatMap(({ itemId, details }) => (details === undefined ? [itemId] : []));
    expect(without.length).to.be.greaterThan(20);
    expect(summary?.missing.map(({ itemId }) => itemId)).to.have.members(without);
    expect(summary?.missing.every(({ code }) => code === 'gave-up-waiting')).to.equal(true);
  });

  it('and names those of the pages that are there beside the page that is not', async () => {
    service.simulator.controls.arm({ fault: 'rate-limited', retryAfter: 2, on: { offset: 200 } });
    const { summary } = await service.search({ ...found, maxItems: 210 });
    expect(summary).to.deep.include({ outcome: 'partial', pages: 1 });
    expect(summary?.missing[0]).to.include({ page: 2, code: 'gave-up-waiting' });
    expect(summary?.missing.filter(({ page }) => page === null)).to.have.length(200);
  });
});

describe('a search whose identical one gives up at SEARCH_DEADLINE', () => {
  const pageCall = usePause<PageCall>();
  const service = useService(
    { SEARCH_DEADLINE: '3600', SWEEP_INTERVAL: '0.2' },
    {},
    {
      adapt: (context) => ({
        ...context,
        collector: pausedCollector(context.collector, { page: pageCall }),
      }),
    },
  );
  const request = { query: 'phone case', maxItems: 410 };
  const end = (searchId: string) => service.producer.waitFor(searchId, PROMPTLY);

  /** Added hours ago by the clock of another program; its run begins now. */
  async function addLeader(): Promise<string> {
    const { id } = await service.searches.add('search', request, {
      jobId: 'first',
      timestamp: Date.now() - 7_200_000,
    });
    return id as string;
  }

  /** The run of this search has begun hours ago. */
  async function age(searchId: string): Promise<void> {
    const { timestamp } = (await service.searches.getJob(searchId)) as Job;
    const redis = connectTo(service.config.redis.url);
    await redis.hset(`${PREFIX}:run:default:${searchId}:${timestamp}`, 'startedAt', Date.now() - 7_200_000);
    redis.disconnect();
  }

  async function follower(leader: string): Promise<string> {
    const { searchId } = await service.producer.enqueue(request);
    await waitFor('it to wait', async () => {
      return (await service.producer.get(searchId)).progress?.leader === leader;
    });
    return searchId;
  }

  /** Two identical searches; the first one has a page, and the next ones wait in a paused queue. */
  async function pair(): Promise<[leader: string, follower: string]> {
    pageCall.hold();
    const searchId = await addLeader();
    await waitFor('the first call', () => pageCall.waiting === 1);
    await service.calls.pause();
    const second = await follower(searchId);
    pageCall.release();
    await waitFor('the first page', async () => (await service.calls.getCompletedCount()) === 1);
    return [searchId, second];
  }

  it('collects itself where the other one has nothing', async () => {
    await service.calls.pause();
    const searchId = await addLeader();
    await waitFor('its page', () => service.calls.getJob(pageJobId(searchId, 1, 1)));
    const second = await follower(searchId);
    await age(searchId);
    expect((await end(searchId)).error?.code).to.equal('gave-up-waiting');
    await service.calls.resume();
    expect((await end(second)).summary).to.deep.include({ outcome: 'complete', calls: 3 });
  });

  it('goes on from what the identical one has', async () => {
    const [leader, second] = await pair();
    await age(leader);
    const { summary } = await end(leader);
    expect(summary).to.deep.include({ outcome: 'partial', pages: 1, calls: 1 });
    expect(summary?.error).to.include({ code: 'gave-up-waiting', retryable: true });
    await service.calls.resume();
    expect((await end(second)).summary).to.deep.include({ outcome: 'complete', pages: 3, calls: 2 });
    expect(service.calledOffsets()).to.deep.equal([0, 200, 400]);
    expect(await service.producer.products(second)).to.have.length(410);
  });

  it('ends with what the other one has at its own deadline', async () => {
    const [leader, second] = await pair();
    await age(second);
    await age(leader);
    expect((await end(leader)).summary?.outcome).to.equal('partial');
    expect((await end(second)).summary).to.deep.include({ outcome: 'partial', pages: 1, calls: 0 });
    expect(await service.producer.products(second)).to.have.length(200);
    await service.calls.resume();
  });
});
