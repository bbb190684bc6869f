import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Job, type Queue, Worker } from 'bullmq';
import { expect } from 'chai';
import { Redis } from 'ioredis';
import { repeatStrategy } from '../../src/queue/bullmq/repeat.ts';
import type { Schedules } from '../../src/queue/schedules/schedules.ts';
import { bundle } from '../support/bundle.ts';
import { LONG } from '../support/long.ts';
import { useProcesses } from '../support/processes.ts';
import { useRedis } from '../support/redis.ts';
import { openSchedules } from '../support/schedules.ts';
import { waitFor } from '../support/waitFor.ts';

const PROCESSES = LONG ? 4 : 2;
const STARTS_EACH = LONG ? 25 : 6;

const cron = (name: string, query = 'phone case', hour = 3) => ({
  name,
  cron: `0 ${hour} 1 1 *`,
  request: { query },
});
const numbered = (from: number, to: number, ...rest: [query?: string, hour?: number]) =>
  Array.from({ length: to - from }, (_, index) => cron(`s-${from + index}`, ...rest));
const tick = { name: 'tick', every: 1, request: { query: 'phone case' } };

const BEFORE = [tick, ...numbered(0, 20)];
/** 0–4 as they were, 5–9 with another request, 10–14 at another hour, 15–19 gone, 20–24 new, and one that runs at once. */
const AFTER = [
  tick,
  ...numbered(0, 5),
  ...numbered(5, 10, 'drone'),
  ...numbered(10, 15, 'phone case', 4),
  ...numbered(20, 25),
  { name: 'fresh', every: 3600, request: { query: 'phone case' } },
];

describe(`${PROCESSES * STARTS_EACH} starts at once with a changed file of schedules`, () => {
  const redis = useRedis();
  const processes = useProcesses();
  let folder: string;
  let blocking: Redis;
  let queue: Queue;
  let schedules: Schedules;
  let worker: Worker;
  let taken: string[];

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'schedules-'));
    ({ queue, schedules } = openSchedules(redis.connect(), 1));
    blocking = new Redis(redis.url, { maxRetriesPerRequest: null });
    taken = [];
    const take = async (job: Job) => void taken.push(job.id as string);
    const settings = { repeatStrategy };
    worker = new Worker(queue.name, take, {
      connection: blocking,
      prefix: '{ebay}',
      settings,
      drainDelay: 1,
    });
    await worker.waitUntilReady();
  });
  afterEach(async () => {
    await worker.close();
    await queue.close();
    blocking.disconnect();
    rmSync(folder, { recursive: true });
  });

  const takenOf = (name: string) => taken.filter((id) => id.startsWith(`repeat:${name}:`));
  const dueOf = (id: string) => Number(id.split(':')[2]);

  async function planned(): Promise<Map<string, { next: string; addedAt: number; query: string }>> {
    const jobs: Job[] = await queue.getDelayed();
    const reports = await schedules.list();
    return new Map(
      reports
        .filter(({ name }) => name !== 'tick')
        .map(({ name, next }) => {
          const [job, ...others] = jobs.filter(({ repeatJobKey }) => repeatJobKey === name);
          if (job === undefined || others.length > 0)
            throw new Error(`${name} has ${others.length + 1} jobs`);
          expect(job.id).to.equal(`repeat:${name}:${Date.parse(next as string)}`);
          return [name, { next: next as string, addedAt: job.timestamp, query: job.data.query }];
        }),
    );
  }

  it('make exactly the wanted set, and no run is doubled, shifted or lost', async function () {
    // Processes start beside whatever else runs.
    this.timeout(120_000);
    await schedules.apply(BEFORE);
    const file = join(folder, 'schedules.json');
    writeFileSync(file, JSON.stringify({ schedules: AFTER }));
    const program = await bundle('test/support/scheduleStarts.ts', folder);
    const starting = Array.from({ length: PROCESSES }, () =>
      processes.node([program, redis.url, file, String(STARTS_EACH)]),
    );
    await Promise.all(starting.map((each) => each.waitForLine(/ready/, 90_000)));
    const before = await planned();
    const ticksBefore = takenOf('tick').length;
    await redis.connect().set('go', '1');
    expect(await Promise.all(starting.map((each) => each.exit()))).to.deep.equal(Array(PROCESSES).fill(0));

    await waitFor('the run at once', () => takenOf('fresh').length > 0);
    await waitFor('two more ticks', () => takenOf('tick').length >= ticksBefore + 2);
    const after = await planned();
    expect([...after.keys(), 'tick'].sort()).to.deep.equal(AFTER.map(({ name }) => name).sort());
    for (let i = 0; i < 5; i++) expect(after.get(`s-${i}`)).to.deep.equal(before.get(`s-${i}`));
    for (let i = 5; i < 10; i++)
      expect(after.get(`s-${i}`)).to.include({ next: before.get(`s-${i}`)?.next, query: 'drone' });
    for (let i = 10; i < 15; i++) expect(after.get(`s-${i}`)?.next).to.match(/-01-01T04:00:00/);
    expect(await queue.getJobSchedulersCount()).to.equal(AFTER.length);

    expect(takenOf('fresh')).to.have.length(1);
    const ticks = takenOf('tick').map(dueOf);
    expect(new Set(ticks).size).to.equal(ticks.length);
    expect(new Set(ticks.map((due) => due % 1000)).size).to.equal(1);
    expect(taken.length).to.equal(ticks.length + 1);
  });
});
