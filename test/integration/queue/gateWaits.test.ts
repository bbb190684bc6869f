import { expect } from 'chai';
import { openEbay } from '../../../src/app/client.ts';
import { quietLog } from '../../../src/cli/commandSetup.ts';
import type { PageCall } from '../../../src/collector/collector.ts';
import { pageJobId } from '../../../src/queue/bullmq/queues.ts';
import type { SearchReport } from '../../../src/queue/searchReader.ts';
import { takeOverQuota } from '../../support/ebayClient.ts';
import { around, usePause } from '../../support/pause.ts';
import { connectTo } from '../../support/redis.ts';
import { useService } from '../../support/service.ts';
import { waitFor } from '../../support/waitFor.ts';

const HOUR_S = 3600;

describe('searches before a closed gate', () => {
  const service = useService({ DAILY_CALL_LIMIT: '100' });
  let gate: ReturnType<typeof openEbay>;

  beforeEach(async () => {
    gate = openEbay(service.config, quietLog());
    await waitFor('Redis', () => gate.redis.ping().catch(() => undefined));
  });
  afterEach(() => gate.close());

  async function eBayCounted(used: number): Promise<void> {
    service.simulator.controls.quota({ limit: 100, used, resetInS: HOUR_S });
    await takeOverQuota(gate, service.simulator);
  }

  function waiting(searchId: string): Promise<SearchReport> {
    return waitFor('the search to wait', async () => {
      const report = await service.producer.get(searchId);
      return report.state === 'waiting' ? report : undefined;
    });
  }

  it('of a class whose share is spent wait in ebay-search without a page, and others go on', async () => {
    await eBayCounted(70);
    const { searchId } = await service.producer.enqueue({
      query: 'phone',
      maxItems: 1,
      priority: 'backfill',
    });
    const { progress } = await waiting(searchId);
    expect(progress).to.include({ reason: 'quota' });
    expect(progress?.until).to.be.closeTo(Date.now() + HOUR_S * 1000, 60_000);
    await waitFor(
      'the search to be put aside',
      async () => (await service.searches.getJobState(searchId)) === 'delayed',
    );
    expect(await service.calls.getJobCountByTypes('prioritized', 'waiting', 'delayed', 'active')).to.equal(0);

    const other = await service.search({ query: 'phone', maxItems: 1 });
    expect(other.summary?.outcome).to.equal('complete');
    expect(service.calledOffsets()).to.have.length(1);
  });

  it('wait in the calls queue, which is held, while eBay asks for a pause; then they end, no attempt charged', async () => {
    service.simulator.controls.arm({ fault: 'rate-limited', retryAfter: 2, count: 1 });
    const { searchId } = await service.producer.enqueue({ query: 'phone', maxItems: 1 });
    const { progress } = await waiting(searchId);
    expect(progress).to.include({ reason: 'pause' });
    expect(progress?.until).to.be.closeTo(Date.now() + 2000, 2000);
    // The search says that it waits before its queue is held.
    await waitFor('the queue to be held', async () => (await service.calls.getRateLimitTtl()) > 0);
    expect(await service.calls.getRateLimitTtl()).to.be.at.most(2000);

    const { summary } = await service.producer.waitFor(searchId, { timeoutMs: 15_000 });
    expect(summary).to.include({ outcome: 'complete', calls: 2 });
    const [page] = await service.calls.getCompleted();
    expect(page?.attemptsMade).to.equal(1);
    // For those who follow the queue with plain BullMQ.
    expect((await service.searches.getJob(searchId))?.progress).to.include({ state: 'collecting', pages: 1 });
  });

  it('say that they wait when the gate closes for all, though none of their calls was turned away', async () => {
    service.simulator.controls.configure({ latencyMs: 300 });
    const { searchId } = await service.producer.enqueue({ query: 'phone', maxItems: 1 });
    await waitFor('the call', () => service.calledOffsets().length === 1);
    await service.searches.updateJobProgress(searchId, {
      state: 'collecting',
      pages: 0,
      of: 1,
      products: 0,
    });
    await gate.gate.close(60_000, 'circuit');
    expect((await waiting(searchId)).progress).to.include({ reason: 'circuit', pages: 0, of: 1 });
    service.simulator.controls.configure({ latencyMs: 0 });
  });
});

describe('a call that was added while its class might not call', () => {
  const called = usePause<PageCall>();
  const warnings: string[] = [];
  const service = useService(
    { DAILY_CALL_LIMIT: '100', SWEEP_INTERVAL: '0.2' },
    {},
    {
      adapt: (context) => ({
        ...context,
        log: { ...context.log, warn: (message) => void warnings.push(message) },
        collector: around(context.collector, {
          async collectPage(call) {
            const page = await context.collector.collectPage(call);
            await called.pass(call);
            return page;
          },
        }),
      }),
    },
  );
  let gate: ReturnType<typeof openEbay>;
  beforeEach(async () => {
    gate = openEbay(service.config, quietLog());
    await waitFor('Redis', () => gate.redis.ping().catch(() => undefined));
  });
  afterEach(() => gate.close());

  async function eBayCounts(used: number): Promise<void> {
    service.simulator.controls.quota({ limit: 100, used, resetInS: HOUR_S });
    await takeOverQuota(gate, service.simulator);
  }

  it('waits a minute at most, and stays the search’s own when the class may call again', async () => {
    called.hold();
    const request = { query: 'phone case', maxItems: 410, priority: 'backfill' } as const;
    const { searchId } = await service.producer.enqueue(request);
    await waitFor('the first call', () => called.waiting === 1);
    await eBayCounts(80);
    called.release();
    const secondPage = () => service.calls.getJob(pageJobId(searchId, 1, 2));
    const added = await waitFor('the second page', secondPage);
    expect(added.opts.delay).to.be.within(59_000, 60_000);
    await eBayCounts(10);

    // The search looks at its calls again, as after a crash.
    const redis = connectTo(service.config.redis.url);
    const children = service.searches.toKey(`${searchId}:dependencies`);
    await waitFor('the search to wait', () =>
      redis.zscore(service.searches.toKey('waiting-children'), searchId),
    );
    await redis.del(children);
    await waitFor('the search to wait again', async () => (await redis.scard(children)) > 0);
    redis.disconnect();
    expect((await secondPage())?.timestamp).to.equal(added.timestamp);

    await service.calls.promoteJobs();
    const { summary } = await service.producer.waitFor(searchId, { timeoutMs: 15_000 });
    expect(summary).to.include({ outcome: 'complete', calls: 3 });
    expect(warnings.filter((message) => message.startsWith('job removed'))).to.deep.equal([]);
  });
});
