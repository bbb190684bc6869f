import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Job, Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { Failure } from '../../failures.ts';
import type { NormalRequest } from '../../product/requestSchema.ts';
import type { Schedule } from '../../product/scheduleSchema.ts';
import type { Outcome, SearchSummary } from '../../product/summary.ts';
import { trackFingerprint } from '../../product/track.ts';
import { redisFailure } from '../../redis/failure.ts';
import { Lease } from '../../redis/lease.ts';
import { clockOf } from '../../redis/redisClock.ts';
import { SEARCH_JOB, withinDeadline } from '../bullmq/queues.ts';
import { quarantineScheduler } from '../bullmq/repair.ts';
import {
  dueRun,
  repeatStrategy,
  type StoredScheduler,
  schedulerNames,
  storedSchedulers,
} from '../bullmq/repeat.ts';
import { invalid, searchOptions } from '../search/jobData.ts';
import type { JobDefaults } from '../search/retryPolicy.ts';
import { PlanStore } from '../watch/planStore.ts';
import { SharedStore, unitOf as sharedUnitOf } from '../watch/sharedStore.ts';
import { nextRun } from './cron.ts';
import {
  type Definition,
  describeTiming,
  parseSchedule,
  parseScheduleList,
  timingOf,
  versionOf,
} from './definition.ts';
import { lookRunId, manualRunId, unitOf } from './scheduledRun.ts';
import {
  isOver,
  isSchedulerOf,
  type PastRun,
  type SavedSchedule,
  type ScheduleRecord,
  ScheduleStore,
  scheduleLease,
  VIAS,
  type Via,
} from './store.ts';

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
export interface ScheduleReport extends Definition {
  /** In words: `at 02:30 every day (Europe/Berlin)`. */
  when: string;
  /** `done`: its limit or end is reached, no run follows. */
  state: 'active' | 'paused' | 'done';
  /** `file`: managed by SCHEDULES_FILE. */
  source: 'file' | 'code';
  /** Of `code`: through what it was added, or changed last; missing where an earlier release did it. */
  via?: Via;
  /** The next run; one in the past is due and waits for a worker. Of `auto`, what the planner expects; null where it is not known. */
  next: string | null;
  /** Of `auto`: when the next run begins at the latest, by `atLeastEvery`; null where none follows. */
  latest?: string | null;
  /** How many runs there have been, skipped ones included, those by hand not. */
  runs: number;
  /** Latest first, at most ten; `outcome` is null until the run has ended. */
  lastRuns: Array<{ searchId: string; at: string; outcome: Outcome | null }>;
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

interface AddOptions {
  /** Changes the schedule of this name, if there is one. */
  replace?: boolean | undefined;
  /** Changes it only while its content is still this, see `versionOf`; `*`: only where there is one. */
  seen?: string | undefined;
  via?: Via;
}

/** How long a start waits for the other processes that apply the same file, ms. */
const APPLY_DEADLINE_MS = 30_000;

const LEASE_RETRY_MS = 50;

/**
 * Searches that are run again and again. A run is a search job with priority `scheduled` whose id is BullMQ's own.
 * Methods throw Failure `redis-unavailable` within `deadlineMs`; those that take a name also `schedule_not_found`.
 */
export class Schedules {
  readonly #options: SchedulesOptions;
  readonly #store: ScheduleStore;
  readonly #plan: PlanStore;
  readonly #shared: SharedStore;

  constructor(options: SchedulesOptions) {
    const { redis, prefix, tenant, searches } = options;
    if (searches.opts.settings?.repeatStrategy !== repeatStrategy)
      throw new TypeError('the search queue needs settings: { repeatStrategy }');
    this.#options = options;
    this.#store = new ScheduleStore(redis, prefix, tenant);
    this.#plan = new PlanStore(redis, prefix, tenant);
    this.#shared = new SharedStore(redis, prefix, tenant);
  }

  /**
   * Adds a schedule; adding the same again changes nothing, its next run included. A new one with `every` and without a
   * start runs at once.
   * @throws Failure `invalid_request` naming every wrong field (`detail.errors`); `schedule_exists` where the name belongs
   * to another schedule; `changed_meanwhile` where it has another content than `seen`, or is gone
   */
  async add(
    schedule: Schedule,
    { replace = false, seen, via = 'library' }: AddOptions = {},
  ): Promise<ScheduleReport> {
    const parsed = parseSchedule(schedule, { ...this.#limits, now: await this.#now() });
    if (!parsed.ok) throw invalid('invalid_request', parsed.errors);
    const { definition } = parsed;
    const { name } = definition;
    return this.#change(async () => {
      const present = await this.#store.get(name);
      if (present?.source === 'file') {
        const message = `${name} comes from SCHEDULES_FILE: change it there`;
        throw invalid('invalid_request', [{ path: 'name', code: 'managed_by_file', message }]);
      }
      const isSeen = present !== undefined && (seen === '*' || versionOf(present.definition) === seen);
      if (seen !== undefined && !isSeen)
        throw new Failure(
          'changed_meanwhile',
          `schedule ${name} was ${present === undefined ? 'removed' : 'changed'} meanwhile: read it again`,
        );
      if (!replace && present !== undefined && !isDeepStrictEqual(present.definition, definition))
        throw new Failure(
          'schedule_exists',
          `another schedule has the name ${name}: choose another name, or replace that one (--replace, ?replace=true)`,
        );
      await this.#put(definition, 'code', via);
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
      // Before the job, which a worker may end before this process goes on.
      await this.#store.noteRun({ schedule: name, searchId, at: await this.#now(), byHand: true }, null);
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
   * Gives schedules of any source another request, or removes them.
   * @param rewrite the same request: nothing changes; undefined: the schedule is removed
   */
  async rewriteRequests(rewrite: (request: NormalRequest) => NormalRequest | undefined): Promise<void> {
    await this.#change(async () => {
      for (const { definition, source } of await this.#store.all()) {
        const request = rewrite(definition.request);
        if (request === undefined) await this.#drop(definition.name);
        else if (request !== definition.request) await this.#put({ ...definition, request }, source);
      }
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
      const plan = await this.#steps(definitions);
      if (plan.steps.length === 0) return plan.report;
      return await this.#withLease(APPLY_DEADLINE_MS, async (renew) => {
        // Another process may have been faster.
        const { steps, report } = await this.#steps(definitions);
        for (const step of steps) {
          await renew();
          await step();
        }
        return report;
      });
    } catch (error) {
      throw redisFailure(error) ?? error;
    }
  }

  /**
   * Puts a schedule of a backup back as it was: its source, whether it is paused, its rhythm, and how many runs it has had.
   * No run is made for a time that has passed. One of the same name stays, but gets the runs where it has had none itself.
   * @param options.replace replaces the one of the same name @param options.dryRun changes nothing
   * @returns whether anything changed, or would change
   */
  async restore(
    { runs, ...record }: SavedSchedule,
    { replace, dryRun }: { replace: boolean; dryRun: boolean },
  ): Promise<boolean> {
    const { name } = record.definition;
    const restore = async () => {
      const present = await this.#store.get(name);
      const isWanted = present === undefined || replace;
      const isSame = isDeepStrictEqual(present?.definition, record.definition);
      const lacksRuns = isSame && runs.count > 0 && (await this.#store.runs(name)).count === 0;
      const schedulers = await schedulerNames(this.#options.searches, this.#options.redis);
      // An earlier try was killed between its two steps.
      const isBroken = present !== undefined && isSame && (await this.#isBroken(present, schedulers));
      if (!isWanted && !lacksRuns && !isBroken) return false;
      if (dryRun) return true;
      if (isWanted || lacksRuns) await this.#store.putRuns(name, runs);
      if (isWanted) await this.#store.put(record);
      await this.#upsertScheduler(isWanted ? record : present, present);
      await this.#changePlan(present, isWanted ? record : present);
      return true;
    };
    return dryRun ? this.#call(restore) : this.#change(restore);
  }

  /** ms since the epoch by Redis's clock. */
  #now(): Promise<number> {
    return clockOf(this.#options.redis).current();
  }

  /**
   * Removes the schedulers that other programs have added, and gives the schedules back theirs where one of the same name was
   * replaced, or where a job had the id of the next run, after which BullMQ plans none. A schedule whose change was not
   * finished, because its process died say, gets or loses its scheduler.
   * @returns what was removed (`quarantined`) or planned again, and why
   */
  async expelForeign(): Promise<Array<{ name: string; why: string; quarantined: boolean }>> {
    const { searches, redis } = this.#options;
    const find = async () => {
      const [schedulers, records] = await Promise.all([storedSchedulers(searches, redis), this.#store.all()]);
      const byName = new Map(records.map((record) => [record.definition.name, record]));
      const now = await this.#now();
      const found = new Map<
        string,
        { record: ScheduleRecord | undefined; why: string; quarantined: boolean }
      >();
      for (const scheduler of schedulers) {
        const record = byName.get(scheduler.name);
        const why = wrongScheduler(record, scheduler, now);
        if (why !== undefined) found.set(scheduler.name, { record, why, quarantined: true });
      }
      const names = new Set(schedulers.map(({ name }) => name));
      for (const [name, record] of byName) {
        if (found.has(name) || !(await this.#isBroken(record, names))) continue;
        const why = record.paused ? 'it is paused and had a scheduler' : 'it had no scheduler';
        found.set(name, { record, why, quarantined: false });
      }
      return [...found].map(([name, each]) => ({ name, ...each }));
    };
    if ((await find()).length === 0) return [];
    // A schedule that is being changed has another scheduler than its record says, under this lease.
    return this.#change(async () => {
      const found = await find();
      for (const { record, name, why, quarantined } of found) {
        // Where this process dies after it, the next round finds a schedule without a scheduler.
        if (quarantined) await quarantineScheduler(redis, searches, name, why);
        if (record !== undefined) await this.#upsertScheduler(record);
      }
      return found.map(({ name, why, quarantined }) => ({ name, why, quarantined }));
    });
  }

  get #limits() {
    const { tenant, defaults, minInterval } = this.#options;
    return { tenant, marketplace: defaults.marketplace, minInterval };
  }

  /** What is to change, and the steps to it. */
  async #steps(wanted: readonly Definition[]) {
    const present = new Map((await this.#store.all()).map((record) => [record.definition.name, record]));
    const report: ApplyReport = { added: [], changed: [], removed: [], unchanged: [], refused: [] };
    const steps: Array<() => Promise<void>> = [];
    for (const definition of wanted) {
      const { name } = definition;
      const record = present.get(name);
      const isSame = record?.source === 'file' && isDeepStrictEqual(record.definition, definition);
      if (record === undefined) report.added.push(name);
      else if (record.source !== 'file') report.refused.push(name);
      else report[isSame ? 'unchanged' : 'changed'].push(name);
      if (record?.source !== 'code' && !isSame) steps.push(() => this.#put(definition, 'file'));
    }
    const names = new Set(wanted.map(({ name }) => name));
    for (const [name, { source }] of present)
      if (source === 'file' && !names.has(name)) {
        report.removed.push(name);
        steps.unshift(() => this.#drop(name));
      }
    // A process that died between two steps of a change left a scheduler missing or left over, of any source.
    const schedulers = await schedulerNames(this.#options.searches, this.#options.redis);
    const touched = new Set([...report.changed, ...report.removed]);
    for (const record of present.values())
      if (!touched.has(record.definition.name) && (await this.#isBroken(record, schedulers)))
        steps.push(() => this.#upsertScheduler(record));
    return { report, steps };
  }

  async #isBroken(record: ScheduleRecord, schedulers: ReadonlySet<string>): Promise<boolean> {
    const { name, limit, auto } = record.definition;
    const hasScheduler = schedulers.has(name);
    if (auto !== undefined) return hasScheduler;
    if (hasScheduler || record.paused) return hasScheduler && record.paused;
    // Without a limit their number says nothing, and a round of the sweep asks for each schedule that is done.
    const runs = limit === undefined ? 0 : (await this.#store.runs(name)).count;
    return !isOver(record, runs, await this.#now());
  }

  /** Adds or changes one schedule; the same once more changes nothing. */
  async #put(definition: Definition, source: ScheduleRecord['source'], by?: Via): Promise<void> {
    const before = await this.#store.get(definition.name);
    if (before !== undefined && isDeepStrictEqual(before.definition, definition)) return;
    const anchor = before?.anchor ?? (await this.#now());
    const via = by ?? before?.via;
    const record = { definition, source, paused: before?.paused ?? false, ...(via && { via }), anchor };
    if (before === undefined) {
      // The record first: a start repairs by it, should this process die before the next line.
      await this.#store.put(record);
      await this.#upsertScheduler(record, undefined, anchor - 1);
    } else {
      await this.#upsertScheduler(record, before);
      await this.#store.put(record);
    }
    await this.#changePlan(before, record);
  }

  async #drop(name: string): Promise<void> {
    const { searches } = this.#options;
    await removeScheduler(searches, name);
    await this.#removeWaitingLook(name);
    await this.#store.delete(name);
    await this.#plan.forget([unitOf(name)], [name]);
  }

  /** Lets the planner know of a change. What it has learned belongs to what a schedule finds. */
  async #changePlan(before: ScheduleRecord | undefined, after: ScheduleRecord): Promise<void> {
    const { name, request, auto } = after.definition;
    if (before !== undefined && trackFingerprint(before.definition.request) !== trackFingerprint(request))
      return this.#plan.forget([unitOf(name)], [name]);
    if (auto !== undefined || before?.definition.auto !== undefined) await this.#plan.touch();
  }

  /** Removes the run of an `auto` schedule that no worker has taken yet. */
  async #removeWaitingLook(name: string): Promise<void> {
    const { searches } = this.#options;
    const unit = await this.#plan.unit(unitOf(name));
    if (unit === undefined || !unit.busy) return;
    const job: Job | undefined = await searches.getJob(lookRunId(name, unit.number));
    // A worker may take it at this very moment; then it is under way.
    if (job?.attemptsStarted === 0) await job.remove().catch(() => undefined);
  }

  async #setPaused(name: string, paused: boolean): Promise<boolean> {
    return this.#change(async () => {
      const before = await this.#record(name);
      if (before.paused === paused) return false;
      const record = { ...before, paused };
      await this.#upsertScheduler(record);
      await this.#store.put(record);
      if (paused) await this.#removeWaitingLook(name);
      await this.#changePlan(before, record);
      return true;
    });
  }

  /**
   * Makes BullMQ's scheduler what the record wants; removes it where no run is to follow. A change of the request alone
   * leaves the next run where it is. A run that is overdue is still made, whatever changes.
   * @param before the record that it replaces @param since a new schedule may run at this very moment, so a little less
   */
  async #upsertScheduler(record: ScheduleRecord, before?: ScheduleRecord, since?: number): Promise<void> {
    const now = since ?? (await this.#now());
    const { searches, rules } = this.#options;
    const { definition, paused, anchor } = record;
    const { name, request, cron, tz, every = 0, auto, start, end, limit } = definition;
    // The planner begins its runs.
    if (auto !== undefined) return removeScheduler(searches, name);
    const { count: runs } = await this.#store.runs(name);
    const next = nextRun(timingOf(definition, anchor), now);
    if (paused || next === undefined || isOver(record, runs, now)) return removeScheduler(searches, name);
    const sameTiming = before !== undefined && timingKey(before) === timingKey(record);
    const due = await dueRun(searches, name, now);
    if (!sameTiming) {
      // A run that waits as delayed would be removed with its scheduler.
      if (await due?.isDelayed()) await due?.promote();
      // BullMQ would go on counting from the previous run.
      await searches.removeJobScheduler(name);
    }
    const byClock = {
      pattern: cron as string,
      tz: tz as string,
      ...(start !== undefined && Date.parse(start) > now && { startDate: Date.parse(start) }),
      // For this once only; BullMQ does not keep it.
      ...(sameTiming && due !== undefined && { immediately: true }),
    };
    await searches.upsertJobScheduler(
      name,
      {
        ...(cron === undefined ? { every: every * 1000, startDate: next } : byClock),
        ...(end !== undefined && { endDate: Date.parse(end) }),
        ...(limit !== undefined && { limit: limit - runs }),
      },
      { name: SEARCH_JOB, data: request, opts: searchOptions(request, rules) },
    );
  }

  async #record(name: string): Promise<ScheduleRecord> {
    const record = await this.#store.get(name);
    if (record === undefined)
      throw new Failure('schedule_not_found', `no schedule ${JSON.stringify(name.slice(0, 64))}`);
    return record;
  }

  async #report(record: ScheduleRecord): Promise<ScheduleReport> {
    const { searches } = this.#options;
    const { definition, source, paused, via } = record;
    const { request, name, ...timing } = definition;
    const [scheduler, { count, last }, expected] = await Promise.all([
      searches.getJobScheduler(name),
      this.#store.runs(name),
      timing.auto && this.#expected(record),
    ]);
    const isPlanned = timing.auto !== undefined || scheduler?.next !== undefined;
    const over = (timing.auto !== undefined || !isPlanned) && isOver(record, count, await this.#now());
    const next = over || paused ? undefined : timing.auto ? expected?.next : scheduler?.next;
    return {
      name,
      when: describeTiming(definition),
      ...timing,
      state: over ? 'done' : paused ? 'paused' : 'active',
      source,
      ...(source === 'code' && via !== undefined && VIAS.includes(via) && { via }),
      next: isoOf(next),
      ...(timing.auto && { latest: isoOf(over || paused ? undefined : expected?.latest) }),
      runs: count,
      lastRuns: (await Promise.all(last.map((run) => reportOnRun(searches, run)))).flatMap(
        (run) => run ?? [],
      ),
      request,
    };
  }

  /** When the planner is likely to begin the next run, if it knows, and when it does so at the latest; ms since the epoch. */
  async #expected({ definition, anchor }: ScheduleRecord): Promise<{ next?: number; latest: number }> {
    const { name, auto, start } = definition;
    const earliest = Math.max(anchor, start === undefined ? 0 : Date.parse(start));
    // A schedule that shares calls is looked at with its group.
    const group = await this.#shared.groupOf(name);
    const units = [unitOf(name), ...(group === undefined ? [] : [sharedUnitOf(group)])];
    const looked = await Promise.all(units.map((id) => this.#plan.unit(id)));
    const [unit] = looked.flatMap((each) => each ?? []).sort((one, other) => other.at - one.at);
    if (unit === undefined || unit.number === 0) return { latest: earliest };
    const latest = Math.max(earliest, unit.at + (auto?.atLeastEvery ?? 0) * 1000);
    if (unit.gap === null) return { latest };
    return { next: Math.min(latest, Math.max(earliest, unit.at + unit.gap)), latest };
  }

  #change<T>(change: () => Promise<T>): Promise<T> {
    return this.#call(() => this.#withLease(this.#options.deadlineMs, change));
  }

  /** Does `work`, which renews the lease between its steps. @throws Failure `redis-unavailable` without the lease */
  async #withLease<T>(waitMs: number, work: (renew: () => Promise<void>) => Promise<T>): Promise<T> {
    const { redis, prefix, tenant } = this.#options;
    const lease = new Lease(redis, scheduleLease(prefix, tenant));
    const giveUpAt = performance.now() + waitMs;
    while (!(await lease.take())) {
      if (performance.now() >= giveUpAt)
        throw new Failure('redis-unavailable', 'another process is changing schedules: try again');
      await sleep(LEASE_RETRY_MS * (0.5 + Math.random()));
    }
    try {
      return await work(async () => {
        if (!(await lease.take())) throw new Failure('redis-unavailable', 'the lease on schedules was lost');
      });
    } finally {
      await lease.release();
    }
  }

  #call<T>(work: () => Promise<T>): Promise<T> {
    return withinDeadline(work(), this.#options.deadlineMs);
  }
}

function isoOf(at: number | undefined): string | null {
  return at === undefined ? null : new Date(at).toISOString();
}

/** How long after its time the planned run of a scheduler may be missing, ms: a worker that takes it plans the next one. */
const PLANNED_WITHIN_MS = 60_000;

function wrongScheduler(
  record: ScheduleRecord | undefined,
  scheduler: StoredScheduler,
  now: number,
): string | undefined {
  if (record === undefined) return 'it belongs to no schedule';
  if (!isSchedulerOf(record, scheduler)) return 'it runs at other times than the schedule of this name';
  const isStuck = !scheduler.hasRun && scheduler.next + PLANNED_WITHIN_MS < now;
  return isStuck ? 'its next run was not planned: another job had its id' : undefined;
}

function timingKey({ definition: { cron, tz, every, start }, anchor }: ScheduleRecord): string {
  return JSON.stringify([cron, tz, every, start, anchor]);
}

/** Removes BullMQ's scheduler and the run that no worker has taken yet. One that is under way goes on. */
async function removeScheduler(queue: Queue, name: string): Promise<void> {
  const due = await dueRun(queue, name, Number.POSITIVE_INFINITY);
  // BullMQ keeps the planned run of a scheduler that exists.
  await queue.removeJobScheduler(name);
  // A worker may take it at this very moment; then it is under way.
  await due?.remove().catch(() => undefined);
}

async function reportOnRun(queue: Queue, { searchId, at, outcome }: PastRun) {
  const report = { searchId, at: new Date(at).toISOString(), outcome };
  if (outcome !== null) return report;
  // Where the end was not stored, because Redis was away say, the job has it.
  const job: Job | undefined = await queue.getJob(searchId);
  // It was never added because the process died, or nothing says how it ended: it is not under way.
  if (job === undefined) return undefined;
  if (job.finishedOn === undefined) return report;
  const summary = job.returnvalue as SearchSummary | null;
  return { ...report, outcome: job.failedReason ? 'failed' : (summary?.outcome ?? null) } as const;
}
