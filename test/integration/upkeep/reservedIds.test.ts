import { Queue } from 'bullmq';
import { expect } from 'chai';
import { examine } from '../../../src/app/doctor.ts';
import { quietLog } from '../../../src/cli/commandSetup.ts';
import type { Readiness } from '../../../src/http/operations.ts';
import { repairKeys } from '../../../src/queue/bullmq/ownKeys.ts';
import type { Finding } from '../../../src/telemetry/finding.ts';
import { freePort } from '../../support/freePort.ts';
import { useRedis } from '../../support/redis.ts';
import { useService } from '../../support/service.ts';
import { StoredJobs } from '../../support/storedJobs.ts';
import { waitFor } from '../../support/waitFor.ts';

const port = await freePort();

/** Keys of BullMQ in whose place a job can be. It makes `id`, `meta` and `events` before it looks for the job. */
const NAMES = [
  ...['active', 'wait', 'paused', 'prioritized', 'delayed', 'waiting-children', 'completed', 'failed'],
  ...['marker', 'stalled', 'limiter', 'pc', 'repeat'],
];

/** Adds a job in the place of a key, as any program can at a moment when the key is absent. */
async function forge({ redis }: StoredJobs, queue: Queue, id: string, options = {}): Promise<void> {
  await waitFor(`a job in the place of ${id}`, async () => {
    await redis.del(queue.toKey(id));
    await queue.add('search', {}, { ...options, jobId: id }).catch(() => undefined);
    return (await redis.type(queue.toKey(id))) === 'hash';
  });
}

describe('a job whose id is the name of a key of BullMQ', () => {
  // No round of the sweep but the first: the workers notice it.
  const service = useService({
    SWEEP_INTERVAL: '3600',
    WORKER_STALLED_INTERVAL: '1',
    WORKER_BLOCKING_READ: '0.2',
    METRICS_PORT: String(port),
  });
  let stored: StoredJobs;
  beforeEach(() => {
    stored = new StoredJobs(service.config.redis.url);
  });
  afterEach(() => stored.close());

  /** A caller whose search was not taken asks once more. */
  const enqueue = (request: { query: string; maxItems: number }) => {
    const options = { idempotencyKey: JSON.stringify(request) };
    return waitFor('it to be taken', () => service.producer.enqueue(request, options).catch(() => undefined));
  };

  for (const [kind, queueOf] of [
    ['searches', () => service.searches],
    ['calls', () => service.calls],
  ] as const)
    for (const name of NAMES)
      it(`is put aside at once, and searches go on: ${name} of the ${kind}`, async () => {
        await forge(stored, queueOf(), name);
        const { searchId } = await enqueue({ query: 'phone case', maxItems: 210 });
        const { summary } = await service.producer.waitFor(searchId, { timeoutMs: 15_000 });
        expect(summary).to.deep.include({ outcome: 'complete', calls: 2, missing: [] });
        expect(service.calledOffsets()).to.deep.equal([0, 200]);
        // The job may have run, and have been removed as it failed.
        await waitFor('the key', async () => (await stored.redis.type(queueOf().toKey(name))) !== 'hash');
      });

  it('loses none of the searches that BullMQ had taken out of a state or was ending', async () => {
    for (const [name, options] of [
      ['active', { priority: 1000 }],
      ['completed', { delay: 3_600_000 }],
      ['delayed', { priority: 1000 }],
    ] as const) {
      await service.searches.pause();
      // No worker comes to it before the others.
      await forge(stored, service.searches, name, options);
      const searches = [];
      for (const maxItems of [10, 20, 30, 40])
        searches.push(await enqueue({ query: 'phone case', maxItems: maxItems + name.length }));
      await service.searches.resume();
      for (const { searchId } of searches) {
        const { summary } = await service.producer.waitFor(searchId, { timeoutMs: 15_000 });
        expect(summary).to.deep.include({ outcome: 'complete', calls: 1 });
      }
      const [entry] = await stored.quarantined();
      expect(entry).to.deep.include({ queue: 'ebay-search', id: name });
      expect(entry?.fields).to.include({ name: 'search', data: '{}' });
    }
    expect(service.calledOffsets()).to.have.length(12);
  });

  it('is named by readiness and doctor while it is there, also where it fails nothing, and afterwards by doctor', async () => {
    const name = 'stalled-check';
    // The first round of the sweep is over by then.
    await service.search({ query: 'phone case', maxItems: 1 });
    await forge(stored, service.calls, name, { delay: 3_600_000 });
    const response = await fetch(`http://127.0.0.1:${port}/readyz`);
    expect(response.status).to.equal(503);
    const { reasons } = (await response.json()) as Readiness;
    expect(reasons).to.deep.equal(['another program’s jobs are in the place of ebay-calls:stalled-check']);
    const [there] = await findings('queues');
    expect(there).to.include({ state: 'fail', trouble: 'degraded' });
    expect(there?.message).to.include('ebay-calls:stalled-check');

    expect(await repairKeys(stored.redis, service.calls)).to.deep.equal({ keys: [name], rescued: [] });
    expect((await fetch(`http://127.0.0.1:${port}/readyz`)).status).to.equal(200);
    expect((await findings('queues'))[0]?.state).to.equal('ok');
    const [kept] = await findings('quarantine');
    expect(kept).to.include({ state: 'warn' });
    expect(kept?.message).to.match(/^1 jobs of .* s ago: stalled-check of ebay-calls, it was in the place/);
  });

  async function findings(check: string): Promise<Finding[]> {
    const all = [];
    for await (const finding of examine(service.config, { log: quietLog() })) all.push(finding);
    return all.filter((finding) => finding.check === check);
  }
});

describe('the sweep, beside a job in the place of a key that fails nothing', () => {
  const service = useService({ SWEEP_INTERVAL: '0.1' });

  it('puts it aside', async () => {
    const stored = new StoredJobs(service.config.redis.url);
    await forge(stored, service.searches, 'stalled-check', { delay: 3_600_000 });
    await waitFor('the quarantine', async () => (await stored.quarantined()).length > 0);
    expect((await stored.quarantined())[0]).to.include({ queue: 'ebay-search', id: 'stalled-check' });
    const delayed = () => stored.redis.zcard(service.searches.toKey('delayed'));
    await waitFor('the job to be in no state', async () => (await delayed()) === 0);
    stored.close();
  });
});

describe('a repair of a queue’s keys that ends between its steps', () => {
  const server = useRedis();

  /** A queue that has lost a job as it ended, because something else is in the place of `completed`. */
  async function brokenQueue() {
    const redis = server.connect();
    const queue = new Queue('ebay-search', { connection: redis, prefix: '{ebay}' });
    await queue.add('search', {}, { jobId: 's_1', priority: 1 });
    await redis.zrem(queue.toKey('prioritized'), 's_1');
    await redis.hset(queue.toKey('s_1'), 'atm', 1);
    await redis.hset(queue.toKey('completed'), 'name', 'search');
    /** A repair whose process dies once it has put the key aside. */
    const cutShort = async () => {
      const { xrange } = redis;
      redis.xrange = () => Promise.reject(new Error('it died'));
      const died = await repairKeys(redis, queue).catch(({ message }: Error) => message);
      expect(died).to.equal('it died');
      redis.xrange = xrange;
      expect(await redis.exists(queue.toKey('completed'))).to.equal(0);
    };
    return { redis, queue, cutShort };
  }

  it('is gone on with by the next one, which puts the lost jobs back without an attempt; then it is over', async () => {
    const { redis, queue, cutShort } = await brokenQueue();
    await cutShort();
    expect(await repairKeys(redis, queue)).to.deep.equal({ keys: [], rescued: ['s_1'] });
    expect(await queue.getJobState('s_1')).to.equal('prioritized');
    expect(await redis.hget(queue.toKey('s_1'), 'atm')).to.equal('0');
    expect(await redis.exists('{ebay}:rescue:ebay-search')).to.equal(0);
    await redis.zrem(queue.toKey('prioritized'), 's_1');
    expect(await repairKeys(redis, queue)).to.deep.equal({ keys: [], rescued: [] });
    await queue.close();
  });

  it('is remembered for a week, also where another key is put aside meanwhile or the memory was no text', async () => {
    const { redis, queue, cutShort } = await brokenQueue();
    await redis.hset('{ebay}:rescue:ebay-search', 'a', 'b');
    await cutShort();
    expect(await redis.pttl('{ebay}:rescue:ebay-search')).to.be.within(6 * 86_400_000, 7 * 86_400_000);
    await redis.hset(queue.toKey('stalled'), 'name', 'search');
    expect(await repairKeys(redis, queue)).to.deep.equal({ keys: ['stalled'], rescued: ['s_1'] });
    expect(await redis.hget(queue.toKey('s_1'), 'atm')).to.equal('0');
    await queue.close();
  });
});
