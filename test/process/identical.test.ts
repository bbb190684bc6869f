import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Queue } from 'bullmq';
import { expect } from 'chai';
import { Fleet } from '../../bench/chaos/fleet.ts';
import { openProducer } from '../../src/app.ts';
import type { SearchProducer } from '../../src/queue/producer.ts';
import { testConfig } from '../support/config.ts';
import { useRedis } from '../support/redis.ts';
import { serviceEnv } from '../support/service.ts';
import { useSimulator } from '../support/simulator.ts';
import { waitFor } from '../support/waitFor.ts';

const SCALED = {
  LOG_LEVEL: 'error',
  MIN_API_CALL_INTERVAL: '0.05',
  EBAY_CALL_TIMEOUT: '4',
  WORKER_LOCK_DURATION: '4',
  WORKER_STALLED_INTERVAL: '0.5',
};

describe('a hundred identical searches, half of them by plain BullMQ, one scheduled, over four workers', () => {
  const redis = useRedis();
  const simulator = useSimulator();
  let folder: string;
  let fleet: Fleet;
  let producers: SearchProducer[];
  let searches: Queue;
  let calls: Queue;

  beforeEach(async function () {
    this.timeout(60_000);
    const env = serviceEnv(redis.url, simulator().url, SCALED);
    folder = await mkdtemp(join(tmpdir(), 'dpf-identical-'));
    fleet = new Fleet({ size: 4, env, folder });
    producers = [0, 1].map(() => openProducer(testConfig(env)));
    const connection = redis.connect();
    searches = new Queue('ebay-search', { connection, prefix: '{ebay}' });
    calls = new Queue('ebay-calls', { connection, prefix: '{ebay}' });
    // A producer gives up after 2 s, and four processes that start together may take the machine for longer.
    await Promise.all(producers.map((producer) => producer.ready()));
    await fleet.start();
  });
  afterEach(async function () {
    this.timeout(60_000);
    await Promise.all([searches, calls].map((queue) => queue.close()));
    await Promise.all(producers.map((producer) => producer.close()));
    await fleet.stop();
    await rm(folder, { recursive: true, force: true });
  });

  /** Ids of a hundred searches that ask for the same. */
  async function hundred(): Promise<string[]> {
    const request = { query: 'phone case', maxItems: 650 };
    const [first] = producers as [SearchProducer];
    const schedule = { name: 'hourly', every: 3600, request };
    const added = await Promise.all([
      ...producers.map((producer) =>
        producer.enqueueMany(Array.from({ length: 25 }, () => ({ ...request }))),
      ),
      searches.addBulk(
        Array.from({ length: 49 }, (_, index) => ({
          name: 'search',
          data: { maxItems: 650, query: 'phone case' },
          opts: { jobId: `plain-${index}` },
        })),
      ),
      first.schedule.add(schedule),
    ]);
    const run = await waitFor('the scheduled run', async () =>
      (await searches.getJobs()).find((job) => job?.repeatJobKey === schedule.name && job.opts.delay === 0),
    );
    const ids = added.slice(0, 3).flatMap((part) => part as Array<{ searchId?: string; id?: string }>);
    return [...ids.map(({ searchId, id }) => (searchId ?? id) as string), run.id as string];
  }

  /** How each of them ended, and the offsets that were called for. */
  async function ends(ids: string[]) {
    const reports = [];
    for (const id of ids)
      reports.push(await (producers[0] as SearchProducer).waitFor(id, { timeoutMs: 60_000 }));
    const log = simulator().controls.log({ kind: 'search' });
    return { reports, offsets: log.map(({ query }) => Number(query.offset)).toSorted((a, b) => a - b) };
  }

  it('are one search, and all others are answered although the one that leads is cancelled', async function () {
    this.timeout(90_000);
    await calls.pause();
    const ids = await hundred();
    const [producer] = producers as [SearchProducer];
    const leader = await waitFor('one to lead the others', async () => {
      const reports = await Promise.all(ids.slice(0, 10).map((id) => producer.get(id)));
      return reports.find(({ progress }) => progress?.leader !== undefined)?.progress?.leader;
    });
    await producer.cancel(leader);
    await calls.resume();
    const { reports, offsets } = await ends(ids);
    const outcomes = reports.map(({ searchId, summary }) => [searchId === leader, summary?.outcome].join());
    expect(ids).to.include(leader).and.to.have.length(100);
    expect(new Set(outcomes)).to.deep.equal(new Set(['true,cancelled', 'false,complete']));
    expect(offsets).to.deep.equal([0, 200, 400, 600]);
  });

  it('are one search, and all are answered although the worker that leads is killed', async function () {
    this.timeout(90_000);
    const death = fleet.killAt('after call', 10_000);
    const { reports, offsets } = await ends(await hundred());
    await death;
    expect(new Set(reports.map(({ summary }) => summary?.outcome))).to.deep.equal(new Set(['complete']));
    expect(reports.filter(({ summary }) => (summary?.calls ?? 0) > 0)).to.have.length(1);
    // The one whose answer died with its process is made again.
    expect(new Set(offsets)).to.deep.equal(new Set([0, 200, 400, 600]));
    expect(offsets.length).to.be.at.most(5);
  });
});
