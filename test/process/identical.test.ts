import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Job, Queue } from 'bullmq';
import { expect } from 'chai';
import { Fleet } from '../../bench/chaos/fleet.ts';
import { openProducer } from '../../src/app/producer.ts';
import type { SearchProducer } from '../../src/queue/producer.ts';
import type { SearchProgress } from '../../src/queue/search/plan.ts';
import type { EmbeddedRedis } from '../../src/redis/embedded.ts';
import { Requester } from '../support/askers.ts';
import { testConfig } from '../support/config.ts';
import { LONG } from '../support/long.ts';
import { connectTo, startTestRedis } from '../support/redis.ts';
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

const WORKERS = LONG ? 4 : 2;
const ASKERS = LONG ? (['library', 'library', 'plain', 'plain'] as const) : (['library', 'plain'] as const);

describe(`a hundred identical searches of ${ASKERS.length} processes, half of them by plain BullMQ, one scheduled, over ${WORKERS} workers`, () => {
  const simulator = useSimulator();
  let redis: EmbeddedRedis;
  let folder: string;
  let fleet: Fleet;
  let requesters: Requester[];
  let producer: SearchProducer;
  let connection: ReturnType<typeof connectTo>;
  let searches: Queue;
  let calls: Queue;

  before(async function () {
    this.timeout(90_000);
    redis = await startTestRedis();
    const env = serviceEnv(redis.url, simulator().url, SCALED);
    folder = await mkdtemp(join(tmpdir(), 'dpf-identical-'));
    producer = openProducer(testConfig(env));
    connection = connectTo(redis.url);
    searches = new Queue('ebay-search', { connection, prefix: '{ebay}' });
    calls = new Queue('ebay-calls', { connection, prefix: '{ebay}' });
    await producer.ready();
    fleet = new Fleet({ size: WORKERS, env, folder });
    requesters = ASKERS.map((how) => new Requester(how, redis.url));
    await Promise.all([fleet.start(), ...requesters.map((requester) => requester.ready())]);
  });
  after(async function () {
    this.timeout(60_000);
    await Promise.all([...requesters.map((requester) => requester.stop()), fleet.stop()]);
    await Promise.all([searches.close(), calls.close(), producer.close()]);
    connection.disconnect();
    await redis.stop();
    await rm(folder, { recursive: true, force: true });
  });

  /**
   * Ids of a hundred searches for the same four pages, of which all but one wait for that one before it may call.
   * @param name the schedule's, and makes them differ from others
   */
  async function hundred(name: string): Promise<string[]> {
    await calls.pause();
    const request = { query: 'phone case', maxItems: 650, title: { exclude: [name] } };
    const asked = requesters.map((requester, index) =>
      requester.ask({
        word: `${name}-${index}`,
        request,
        times: 100 / ASKERS.length,
        ...(index === 0 && { times: 100 / ASKERS.length - 1, schedule: { name, every: 3600, request } }),
      }),
    );
    const ids = (await Promise.all(asked)).flat();
    const run = await waitFor('the scheduled run', async () =>
      (await searches.getJobs()).find((job) => job?.repeatJobKey === name && job.opts.delay === 0),
    );
    await waitFor(
      'one to lead all others',
      async () => {
        // Reading a hundred jobs takes Redis and this process from the workers.
        await sleep(200);
        const waiting = await searches.getDelayed();
        return waiting.filter((job) => leaderOf(job) !== undefined).length === 99;
      },
      30_000,
    );
    return [...ids, run.id as string];
  }

  /** Lets them call: how each of them ended, and the offsets that were called for. */
  async function ends(ids: string[]) {
    await calls.resume();
    expect(new Set(ids)).to.have.property('size', 100);
    const reports = [];
    for (const id of ids) reports.push(await producer.waitFor(id, { timeoutMs: 60_000 }));
    const log = simulator().controls.log({ kind: 'search' });
    return { reports, offsets: log.map(({ query }) => Number(query.offset)).toSorted((a, b) => a - b) };
  }

  it('are one search, and all are answered', async function () {
    this.timeout(90_000);
    const { reports, offsets } = await ends(await hundred('undisturbed'));
    expect(new Set(reports.map(({ summary }) => summary?.outcome))).to.deep.equal(new Set(['complete']));
    expect(reports.filter(({ summary }) => (summary?.calls ?? 0) > 0)).to.have.length(1);
    expect(offsets).to.deep.equal([0, 200, 400, 600]);
  });

  it('are one search, and all others are answered although the one that leads is cancelled', async function () {
    this.timeout(90_000);
    const ids = await hundred('cancelled');
    const [leader = ''] = (await searches.getDelayed()).flatMap((job) => leaderOf(job) ?? []);
    await producer.cancel(leader);
    const { reports, offsets } = await ends(ids);
    const outcomes = reports.map(({ searchId, summary }) => [searchId === leader, summary?.outcome].join());
    expect(ids).to.include(leader);
    expect(new Set(outcomes)).to.deep.equal(new Set(['true,cancelled', 'false,complete']));
    expect(offsets).to.deep.equal([0, 200, 400, 600]);
  });

  it('are one search, and all are answered although the worker that leads is killed', async function () {
    this.timeout(90_000);
    const ids = await hundred('killed');
    const death = fleet.killAt('after call', 10_000);
    const { reports, offsets } = await ends(ids);
    await death;
    expect(new Set(reports.map(({ summary }) => summary?.outcome))).to.deep.equal(new Set(['complete']));
    expect(reports.filter(({ summary }) => (summary?.calls ?? 0) > 0)).to.have.length(1);
    // The first, whose answer died with its process, is made again.
    expect(offsets).to.deep.equal([0, 0, 200, 400, 600]);
  });
});

/** The search that one waits for. */
function leaderOf({ progress }: Job): string | undefined {
  return (progress as SearchProgress | null)?.leader;
}
