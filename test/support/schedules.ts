import { type Job, type Queue, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import sinon from 'sinon';
import type { TrackComparison } from '../../src/events/searchEvents.ts';
import type { Outcome, SearchSummary } from '../../src/product/summary.ts';
import { openQueues } from '../../src/queue/bullmq/openQueues.ts';
import { repeatStrategy } from '../../src/queue/bullmq/repeat.ts';
import { asScheduledRun } from '../../src/queue/schedules/scheduledRun.ts';
import { Schedules } from '../../src/queue/schedules/schedules.ts';
import { jobDefaults } from '../../src/queue/search/retryPolicy.ts';
import { clockOf } from '../../src/redis/redisClock.ts';
import { testConfig } from './config.ts';
import { connectTo, useRedis } from './redis.ts';

const silent = () => undefined;
const log = { error: silent, warn: silent, info: silent, debug: silent };

/** Schedules on a connection of their own; `close` leaves the connection to its owner. */
export function openSchedules(redis: Redis, minInterval = 60): { schedules: Schedules; queue: Queue } {
  const queue = openQueues(redis, '{ebay}', 'default').searches;
  const schedules = new Schedules({
    searches: queue,
    redis,
    prefix: '{ebay}',
    tenant: 'default',
    rules: jobDefaults(testConfig()),
    defaults: { marketplace: 'EBAY_US' },
    minInterval,
    deadlineMs: 10_000,
  });
  return { schedules, queue };
}

/** A run that a worker has taken. */
export interface TakenRun {
  job: Job;
  /** When it was due, as `03-08T07:00` or with seconds. */
  due: string;
  end(outcome?: Outcome, fields?: Partial<SearchSummary>, comparison?: TrackComparison): Promise<Outcome>;
}

/**
 * Schedules on a real Redis and BullMQ, at a time that stands still until the test sets it: the worker takes a job only
 * when the test says so, and searches nothing.
 */
export function useSchedules() {
  const redis = useRedis();
  let clock: sinon.SinonFakeTimers;
  let opened: ReturnType<typeof openSchedules>;
  let worker: Worker;
  let connection: Redis;
  let blocking: Redis;
  beforeEach(async () => {
    connection = redis.connect();
    blocking = connectTo(redis.url, { maxRetriesPerRequest: null });
    opened = openSchedules(connection);
    worker = new Worker(opened.queue.name, null, {
      connection: blocking,
      prefix: '{ebay}',
      autorun: false,
      skipStalledCheck: true,
      settings: { repeatStrategy },
    });
    await worker.waitUntilReady();
    // Redis's clock stands at the same time.
    const now = () => Date.now();
    Object.assign(clockOf(connection), { now, current: async () => now() });
    clock = sinon.useFakeTimers({ now: 0, toFake: ['Date'] });
  });
  afterEach(async () => {
    clock.restore();
    await worker.close();
    await opened.queue.close();
    blocking.disconnect();
  });

  /** What is due now; undefined for nothing. */
  async function take(): Promise<TakenRun | undefined> {
    const job = (await worker.getNextJob('token', { block: false })) as Job | undefined;
    if (job === undefined) return undefined;
    const due = Number((job.id as string).split(':')[2] ?? job.timestamp);
    return {
      job,
      due: new Date(due).toISOString().slice(5, 19).replace(/:00$/, ''),
      async end(outcome = 'complete', fields = {}, comparison = undefined) {
        const summary = { outcome, calls: 1, missing: [], startedAt: new Date().toISOString(), ...fields };
        const search = async () => ({ summary: summary as unknown as SearchSummary, comparison });
        const context = { redis: connection, tenant: 'default', searches: opened.queue, log };
        const { summary: ended } = await asScheduledRun(context, job, search);
        await job.moveToCompleted(ended, 'token', false);
        return ended.outcome;
      },
    };
  }

  return {
    get schedules() {
      return opened.schedules;
    },
    get queue() {
      return opened.queue;
    },
    connect: () => redis.connect(),
    /** The connection of the schedules, whose clock is the test's. */
    get redis() {
      return connection;
    },
    /** Sets the clock, which may be asked for anything but going back. */
    at(time: string | number) {
      clock.setSystemTime(typeof time === 'number' ? time : Date.parse(time));
    },
    take,
    /** Begins the run that is due without ending it: it stays busy. */
    async begin(): Promise<TakenRun> {
      const run = await take();
      if (run === undefined) throw new Error('nothing is due');
      const context = { redis: connection, tenant: 'default', searches: opened.queue, log };
      const goesOn = asScheduledRun(context, run.job, () => Promise.reject(new Error('goes on')));
      await goesOn.catch(() => undefined);
      return run;
    },
    /** Takes and ends all that is due now; when each run was due. */
    async runAll(): Promise<string[]> {
      const due: string[] = [];
      for (let run = await take(); run !== undefined; run = await take()) {
        due.push(run.due);
        await run.end();
      }
      return due;
    },
    /** Sets the clock to each next run in turn; when each was due. */
    async runNext(name: string, count: number): Promise<string[]> {
      const due: string[] = [];
      for (let i = 0; i < count; i++) {
        const next = (await opened.queue.getJobScheduler(name))?.next;
        if (next === undefined) break;
        clock.setSystemTime(next);
        due.push(...(await this.runAll()));
      }
      return due;
    },
  };
}
