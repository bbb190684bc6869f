import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Job, Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { Failure } from '../../failures.ts';
import type { NormalRequest } from '../../product/requestSchema.ts';
import type { Schedule } from '../../product/scheduleSchema.ts';
import type { Outcome, SearchSummary } from '../../product/summary.ts';
import { redisFailure } from '../../redis/failure.ts';
import { Lease } from '../../redis/lease.ts';
import { SEARCH_JOB, withinDeadline } from '../bullmq/queues.ts';
import { repeatStrategy, schedulerNames } from '../bullmq/repeat.ts';
import { invalid, searchOptions } from '../search/jobData.ts';
import type { JobDefaults } from '../search/retryPolicy.ts';
import { type Definition, describeTiming, parseSchedule, parseScheduleList } from './definition.ts';
import { manualRunId } from './scheduledRun.ts';
import { isOver, removeScheduler, upsertScheduler } from './scheduler.ts';
import { type PastRun, type ScheduleRecord, ScheduleStore } from './store.ts';

interface SchedulesOptions {
  /** The tenant's search queue, made with `settings: { repeatStrategy }`. */
  searches: Queue;
  redis: Redis;
  prefix: string;
  tenant: string;
  rules: JobDefaults;
  /** Marketplace of a request that names none; it may change. */
  defaults: { readonly marketplace: string };
  /** Least time between two runs of a schedule, seconds. */
  minInterval: number;
  /** Longest wait for Redis in any call but `apply`, ms. */
  deadlineMs: number;
}

/** A schedule and its state. Instants are ISO 8601 in UTC. */
export interface ScheduleReport {
  name: string;
  /** In words: `at 02:30 every day (Europe/Berlin)`. */
  when: string;
  cron?: string;
  tz?: string;
  /** Seconds. */
  every?: number;
  start?: string;
  end?: string;
  limit?: number;
  /** `done`: its limit or end is reached, no run follows. */
  state: 'active' | 'paused' | 'done';
  /** `file`: managed by SCHEDULES_FILE. */
  source: 'file' | 'code';
  /** The next run; one in the past is due and waits for a worker. */
  next: string | null;
  /** How many runs there have been, skipped ones included, those by hand not. */
  runs: number;
  /** Latest first, at most ten; `outcome` is null until the run has ended. */
  lastRuns: Array<{ searchId: string; at: string; outcome: Outcome | null }>;
  request: NormalRequest;
}

/** What applying a file changed; names of schedules. */
export interface ApplyReport {
  added: string[];
  changed: string[];
  removed: string[];
  unchanged: string[];
  /** Left alone: the name belongs to a schedule that did not come from the file. */
  refused: string[];
}

interface Plan extends Omit<ApplyReport, 'added' | 'changed'> {
  added: Definition[];
  changed: Definition[];
  /** Of any source: a process died between two steps of a change and left the scheduler missing or left over. */
  repaired: ScheduleRecord[];
}

/** How long a start waits for the other processes that apply the same file, ms. */
const APPLY_DEADLINE_MS = 30_000;

/** Longer than any single step takes, so that the lease runs out only under a process that died. */
const LEASE_MS = 5000;
const LEASE_RETRY_MS = 50;

/**
 * Searches that are run again and again. A run is a search job with priority `scheduled` whose id is BullMQ's own. Every
 * method throws Failure `redis-unavailable` within `deadlineMs` without Redis; those that take a name
 * `schedule_not_found`.
 */
export class Schedules {
  readonly #options: SchedulesOptions;
  readonly #store: ScheduleStore;

  constructor(options: SchedulesOptions) {
    const { redis, prefix, tenant, searches } = options;
    if (searches.opts.settings?.repeatStrategy !== repeatStrategy)
      throw new TypeError('the search queue needs settings: { repeatStrategy }');
    this.#options = options;
    this.#store = new ScheduleStore(redis, prefix, tenant);
  }

  /**
   * Adds a schedule, or changes the one of this name; adding the same again changes nothing, its next run included. A new
   * one with `every` and without a start runs at once.
   * @throws Failure `invalid_request` naming every wrong field (`detail.errors`)
   */
  async add(schedule: Schedule): Promise<ScheduleReport> {
    const parsed = parseSchedule(schedule, { ...this.#limits, now: Date.now() });
    if (!parsed.ok) throw invalid('invalid_request', parsed.errors);
    const { definition } = parsed;
    const { name } = definition;
    return this.#change(async () => {
      if ((await this.#store.get(name))?.source === 'file') {
        const message = `${name} comes from SCHEDULES_FILE: change it there`;
        throw invalid('invalid_request', [{ path: 'name', code: 'managed_by_file', message }]);
      }
      await this.#put(definition, 'code');
      return this.#report(await this.#record(name));
    });
  }

  /** All schedules, by name. */
  async list(): Promise<ScheduleReport[]> {
    return this.#call(async () =>
      Promise.all((await this.#store.all()).map((record) => this.#report(record))),
    );
  }

  async get(name: string): Promise<ScheduleReport> {
    return this.#call(async () => this.#report(await this.#record(name)));
  }

  /** No further run begins until `resume`; one that is under way goes on. False when it was paused already. */
  async pause(name: string): Promise<boolean> {
    return this.#setPaused(name, true);
  }

  /** Runs go on in the rhythm they had; missed ones are not made up for. False when it was not paused. */
  async resume(name: string): Promise<boolean> {
    return this.#setPaused(name, false);
  }

  /** One run at once, besides the planned ones; also of a schedule that is paused or done. */
  async runNow(name: string): Promise<{ searchId: string }> {
    const { searches, rules } = this.#options;
    const searchId = manualRunId(name, randomUUID().replaceAll('-', '').slice(0, 12));
    return this.#call(async () => {
      const { request } = (await this.#record(name)).definition;
      await searches.add(SEARCH_JOB, request, { ...searchOptions(request, rules), jobId: searchId });
      return { searchId };
    });
  }

  /** No further run begins, and past ones are forgotten. One of the file comes back when the file is applied. */
  async remove(name: string): Promise<void> {
    await this.#change(async () => {
      await this.#record(name);
      await this.#drop(name);
    });
  }

  /**
   * Makes the schedules that came from the file those of `wanted`; the others are left alone. Any number of processes may
   * do so at once and again: what is as wanted is not touched.
   * @throws Failure `invalid_request`, its paths beginning with the index
   */
  async apply(wanted: readonly unknown[]): Promise<ApplyReport> {
    const { definitions, errors } = parseScheduleList(wanted, this.#limits);
    if (errors.length > 0) throw invalid('invalid_request', errors);
    try {
      const plan = await this.#plan(definitions);
      const { added, changed, removed, repaired } = plan;
      if (added.length + changed.length + removed.length + repaired.length === 0) return reportOn(plan);
      return await this.#withLease(APPLY_DEADLINE_MS, async (renew) => {
        // Another process may have been faster.
        const current = await this.#plan(definitions);
        await this.#carryOut(current, renew);
        return reportOn(current);
      });
    } catch (error) {
      throw redisFailure(error) ?? error;
    }
  }

  get #limits() {
    const { tenant, defaults, minInterval } = this.#options;
    return { tenant, marketplace: defaults.marketplace, minInterval };
  }

  async #plan(wanted: readonly Definition[]): Promise<Plan> {
    const present = new Map((await this.#store.all()).map((record) => [record.definition.name, record]));
    const plan: Plan = { added: [], changed: [], removed: [], unchanged: [], refused: [], repaired: [] };
    for (const definition of wanted) {
      const record = present.get(definition.name);
      if (record === undefined) plan.added.push(definition);
      else if (record.source !== 'file') plan.refused.push(definition.name);
      else if (isDeepStrictEqual(record.definition, definition)) plan.unchanged.push(definition.name);
      else plan.changed.push(definition);
    }
    const names = new Set(wanted.map(({ name }) => name));
    for (const { source, definition } of present.values())
      if (source === 'file' && !names.has(definition.name)) plan.removed.push(definition.name);
    const schedulers = await schedulerNames(this.#options.searches, this.#options.redis);
    const touched = new Set([...plan.changed.map(({ name }) => name), ...plan.removed]);
    for (const record of present.values())
      if (!touched.has(record.definition.name) && (await this.#isBroken(record, schedulers)))
        plan.repaired.push(record);
    return plan;
  }

  async #isBroken(record: ScheduleRecord, schedulers: ReadonlySet<string>): Promise<boolean> {
    const { name } = record.definition;
    const hasScheduler = schedulers.has(name);
    if (hasScheduler || record.paused) return hasScheduler && record.paused;
    return !isOver(record, (await this.#store.runs(name)).count, Date.now());
  }

  async #carryOut(plan: Plan, renew: () => Promise<void>): Promise<void> {
    for (const name of plan.removed) {
      await renew();
      await this.#drop(name);
    }
    for (const definition of [...plan.added, ...plan.changed]) {
      await renew();
      await this.#put(definition, 'file');
    }
    for (const record of plan.repaired) {
      await renew();
      await this.#upsertScheduler(record);
    }
  }

  /** Adds or changes one schedule; the same once more changes nothing. */
  async #put(definition: Definition, source: ScheduleRecord['source']): Promise<void> {
    const before = await this.#store.get(definition.name);
    if (before !== undefined && isDeepStrictEqual(before.definition, definition)) return;
    const now = Date.now();
    const record: ScheduleRecord = {
      definition,
      source,
      paused: before?.paused ?? false,
      anchor: before?.anchor ?? now,
    };
    if (before === undefined) {
      // The record first: a start repairs by it, should this process die before the next line.
      await this.#store.put(record);
      await this.#upsertScheduler(record, { isNew: true, now });
      return;
    }
    await this.#upsertScheduler(record, { before, now });
    await this.#store.put(record);
  }

  async #drop(name: string): Promise<void> {
    await removeScheduler(this.#options.searches, name);
    await this.#store.delete(name);
  }

  async #setPaused(name: string, paused: boolean): Promise<boolean> {
    return this.#change(async () => {
      const before = await this.#record(name);
      if (before.paused === paused) return false;
      const record = { ...before, paused };
      await this.#upsertScheduler(record);
      await this.#store.put(record);
      return true;
    });
  }

  async #upsertScheduler(
    record: ScheduleRecord,
    change: { before?: ScheduleRecord; isNew?: boolean; now?: number } = {},
  ): Promise<void> {
    const { searches, rules } = this.#options;
    const { count: runs } = await this.#store.runs(record.definition.name);
    await upsertScheduler(searches, rules, record, { isNew: false, now: Date.now(), ...change, runs });
  }

  async #record(name: string): Promise<ScheduleRecord> {
    const record = await this.#store.get(name);
    if (record === undefined)
      throw new Failure('schedule_not_found', `no schedule ${JSON.stringify(name.slice(0, 64))}`);
    return record;
  }

  async #report(record: ScheduleRecord): Promise<ScheduleReport> {
    const { searches } = this.#options;
    const { definition, source, paused } = record;
    const { request, name, ...timing } = definition;
    const [scheduler, { count, last }] = await Promise.all([
      searches.getJobScheduler(name),
      this.#store.runs(name),
    ]);
    const next = scheduler?.next ?? null;
    const over = next === null && isOver(record, count, Date.now());
    return {
      name,
      when: describeTiming(definition),
      ...timing,
      state: over ? 'done' : paused ? 'paused' : 'active',
      source,
      next: next === null ? null : new Date(next).toISOString(),
      runs: count,
      lastRuns: await Promise.all(last.map((run) => reportOnRun(searches, run))),
      request,
    };
  }

  #change<T>(change: () => Promise<T>): Promise<T> {
    return this.#call(() => this.#withLease(this.#options.deadlineMs, change));
  }

  /**
   * Does `work` while no other process changes schedules. `renew` is to be called between its steps.
   * @throws Failure `redis-unavailable` when the lease is not free after `waitMs`, or is lost between two steps
   */
  async #withLease<T>(waitMs: number, work: (renew: () => Promise<void>) => Promise<T>): Promise<T> {
    const { redis, prefix, tenant } = this.#options;
    const lease = new Lease(redis, { key: `${prefix}:lease:schedules:${tenant}`, ttlMs: LEASE_MS });
    const giveUpAt = Date.now() + waitMs;
    while (!(await lease.hold())) {
      if (Date.now() >= giveUpAt)
        throw new Failure('redis-unavailable', 'another process is changing schedules: try again');
      await sleep(LEASE_RETRY_MS * (0.5 + Math.random()));
    }
    try {
      return await work(async () => {
        if (!(await lease.hold())) throw new Failure('redis-unavailable', 'the lease on schedules was lost');
      });
    } finally {
      await lease.release();
    }
  }

  #call<T>(work: () => Promise<T>): Promise<T> {
    return withinDeadline(work(), this.#options.deadlineMs);
  }
}

function reportOn({ added, changed, removed, unchanged, refused }: Plan): ApplyReport {
  const names = (definitions: Definition[]) => definitions.map(({ name }) => name);
  return { added: names(added), changed: names(changed), removed, unchanged, refused };
}

async function reportOnRun(queue: Queue, { searchId, at, outcome }: PastRun) {
  const report = { searchId, at: new Date(at).toISOString(), outcome };
  if (outcome !== null) return report;
  // Where the end was not stored, because Redis was away say, the job has it.
  const job: Job | undefined = await queue.getJob(searchId);
  if (job?.finishedOn === undefined) return report;
  const summary = job.returnvalue as SearchSummary | null;
  return { ...report, outcome: job.failedReason ? 'failed' : (summary?.outcome ?? null) } as const;
}
