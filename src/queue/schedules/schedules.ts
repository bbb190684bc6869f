import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { Failure } from '../../failures.ts';
import type { Schedule } from '../../product/scheduleSchema.ts';
import { redisFailure } from '../../redis/failure.ts';
import { SEARCH_JOB, withinDeadline } from '../bullmq/queues.ts';
import { repeatStrategy } from '../bullmq/repeat.ts';
import { invalid, searchOptions } from '../search/jobData.ts';
import type { JobDefaults } from '../search/retryPolicy.ts';
import { type Definition, parseSchedule } from './definition.ts';
import { manualRunId } from './scheduledRun.ts';
import {
  displace,
  exclusively,
  isOver,
  parseScheduleList,
  place,
  placedNames,
  RunLog,
  reportOnSchedule,
  type ScheduleRecord,
  ScheduleRecords,
  type ScheduleReport,
} from './store.ts';

export interface SchedulesOptions {
  /** The tenant's search queue, made with `settings: { repeatStrategy }`. */
  searches: Queue;
  redis: Redis;
  prefix: string;
  tenant: string;
  rules: JobDefaults;
  /** Marketplace of a request that names none. */
  marketplace: string;
  /** Least time between two runs of a schedule, seconds. */
  minInterval: number;
  /** Longest wait for Redis in any call but `apply`, ms. */
  deadlineMs: number;
  /** The clock, ms since the epoch. Default: the process's. */
  now?: () => number;
}

/** So long a start waits for the other processes that apply the same file, ms. */
const APPLY_DEADLINE_MS = 30_000;

/**
 * Searches that are run again and again. A run is a search job with priority `scheduled` whose id is BullMQ's own. Every
 * method throws Failure `redis-unavailable` within `deadlineMs` without Redis; those that take a name
 * `schedule_not_found`.
 */
export class Schedules {
  readonly #options: SchedulesOptions;
  readonly #records: ScheduleRecords;
  readonly #log: RunLog;
  readonly #now: () => number;
  readonly #parts: Parts;
  readonly #lease: { redis: Redis; key: string };

  constructor(options: SchedulesOptions) {
    const { redis, prefix, tenant, searches, rules } = options;
    if (searches.opts.settings?.repeatStrategy !== repeatStrategy)
      throw new TypeError('the search queue needs settings: { repeatStrategy }');
    this.#options = options;
    this.#records = new ScheduleRecords(redis, prefix, tenant);
    this.#log = new RunLog(redis, prefix, tenant);
    this.#now = options.now ?? (() => Date.now());
    this.#parts = { searches, redis, rules, records: this.#records, log: this.#log, now: this.#now };
    this.#lease = { redis, key: `${prefix}:lease:schedules:${tenant}` };
  }

  /**
   * Adds a schedule, or changes the one of this name; adding the same again changes nothing, its next run included. A new
   * one with `every` and without a start runs at once.
   * @throws Failure `invalid_request` naming every wrong field (`detail.errors`)
   */
  async add(schedule: Schedule): Promise<ScheduleReport> {
    const definition = this.#parsed(schedule);
    return this.#changing(async () => {
      const before = await this.#records.get(definition.name);
      if (before?.source === 'file') throw managedByFile(definition.name);
      await put(this.#parts, definition, 'code');
      return this.#report(await this.#record(definition.name));
    });
  }

  /** All schedules, by name. */
  async list(): Promise<ScheduleReport[]> {
    return this.#asked(async () =>
      Promise.all((await this.#records.all()).map((record) => this.#report(record))),
    );
  }

  async get(name: string): Promise<ScheduleReport> {
    return this.#asked(async () => this.#report(await this.#record(name)));
  }

  /** No further run begins until `resume`; one that is under way goes on. False when it was paused already. */
  async pause(name: string): Promise<boolean> {
    return this.#setPaused(name, true);
  }

  /** Runs go on in the rhythm they had, none is made up for. False when it was not paused. */
  async resume(name: string): Promise<boolean> {
    return this.#setPaused(name, false);
  }

  /** One run at once, besides the planned ones; also of a schedule that is paused or done. */
  async runNow(name: string): Promise<{ searchId: string }> {
    const { searches, rules } = this.#options;
    const searchId = manualRunId(name, randomUUID().replaceAll('-', '').slice(0, 12));
    return this.#asked(async () => {
      const { request } = (await this.#record(name)).definition;
      await searches.add(SEARCH_JOB, request, { ...searchOptions(request, rules), jobId: searchId });
      return { searchId };
    });
  }

  /** No further run begins, and what is remembered of past ones goes. One of the file comes back when that is applied. */
  async remove(name: string): Promise<void> {
    await this.#changing(async () => {
      await this.#record(name);
      await drop(this.#parts, name);
    });
  }

  /**
   * Makes the schedules that came from the file those of `wanted`; the others are left alone. Any number of processes may
   * do so at once and again: what is as wanted is not touched.
   * @throws Failure `invalid_request`, its paths beginning with the index
   */
  async apply(wanted: readonly unknown[]): Promise<ApplyReport> {
    const definitions = this.#parsedList(wanted);
    try {
      const glance = await planOf(this.#parts, definitions);
      if (isNothing(glance)) return namesOf(glance);
      return await exclusively(this.#lease, APPLY_DEADLINE_MS, async (renew) => {
        // Another process may have been faster.
        const plan = await planOf(this.#parts, definitions);
        await carryOut(this.#parts, plan, renew);
        return namesOf(plan);
      });
    } catch (error) {
      throw redisFailure(error) ?? error;
    }
  }

  async #setPaused(name: string, paused: boolean): Promise<boolean> {
    return this.#changing(async () => {
      const before = await this.#record(name);
      if (before.paused === paused) return false;
      const record = { ...before, paused };
      const { runs } = await this.#log.read(name);
      await place(this.#options.searches, this.#options.rules, record, {
        runs,
        now: this.#now(),
        isNew: false,
      });
      await this.#records.put(record);
      return true;
    });
  }

  #parsed(schedule: unknown): Definition {
    const parsed = parseSchedule(schedule, { ...this.#options, now: this.#now() });
    if (!parsed.ok) throw invalid('invalid_request', parsed.errors);
    return parsed.definition;
  }

  #parsedList(wanted: readonly unknown[]): Definition[] {
    const { definitions, errors } = parseScheduleList(wanted, this.#options);
    if (errors.length > 0) throw invalid('invalid_request', errors);
    return definitions;
  }

  async #record(name: string): Promise<ScheduleRecord> {
    const record = await this.#records.get(name);
    if (record === undefined)
      throw new Failure('schedule_not_found', `no schedule ${JSON.stringify(name.slice(0, 64))}`);
    return record;
  }

  #report(record: ScheduleRecord): Promise<ScheduleReport> {
    return reportOnSchedule(this.#options.searches, this.#log, record, this.#now());
  }

  #changing<T>(change: () => Promise<T>): Promise<T> {
    return this.#asked(() => exclusively(this.#lease, this.#options.deadlineMs, change));
  }

  async #asked<T>(ask: () => Promise<T>): Promise<T> {
    try {
      return await withinDeadline(ask(), this.#options.deadlineMs);
    } catch (error) {
      throw redisFailure(error) ?? error;
    }
  }
}

function namesOf({
  added,
  changed,
  removed,
  unchanged,
  refused,
}: Awaited<ReturnType<typeof planOf>>): ApplyReport {
  const names = (definitions: Definition[]) => definitions.map(({ name }) => name);
  return { added: names(added), changed: names(changed), removed, unchanged, refused };
}

function managedByFile(name: string): Failure {
  const message = `${name} comes from SCHEDULES_FILE: change it there`;
  return invalid('invalid_request', [{ path: 'name', code: 'managed_by_file', message }]);
}

/** What changing schedules takes. */
export interface Parts {
  searches: Queue;
  redis: Redis;
  rules: JobDefaults;
  records: ScheduleRecords;
  log: RunLog;
  now: () => number;
}

/** What applying a file came to; names of schedules. */
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
  /** Of any source: what died between two steps of a change left the scheduler missing or too many. */
  mended: ScheduleRecord[];
}

/** The way from what there is to what the file wants. */
export async function planOf(parts: Parts, wanted: readonly Definition[]): Promise<Plan> {
  const present = new Map((await parts.records.all()).map((record) => [record.definition.name, record]));
  const plan: Plan = { added: [], changed: [], removed: [], unchanged: [], refused: [], mended: [] };
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
  const placed = await placedNames(parts.searches, parts.redis);
  const touched = new Set([...plan.changed.map(({ name }) => name), ...plan.removed]);
  for (const record of present.values())
    if (!touched.has(record.definition.name) && (await isBroken(parts, record, placed)))
      plan.mended.push(record);
  return plan;
}

export function isNothing({ added, changed, removed, mended }: Plan): boolean {
  return added.length + changed.length + removed.length + mended.length === 0;
}

export async function carryOut(parts: Parts, plan: Plan, renew: () => Promise<void>): Promise<void> {
  for (const name of plan.removed) {
    await renew();
    await drop(parts, name);
  }
  for (const definition of [...plan.added, ...plan.changed]) {
    await renew();
    await put(parts, definition, 'file');
  }
  for (const record of plan.mended) {
    await renew();
    const { runs } = await parts.log.read(record.definition.name);
    await place(parts.searches, parts.rules, record, { runs, now: parts.now(), isNew: false });
  }
}

async function isBroken(
  { log, now }: Parts,
  record: ScheduleRecord,
  placed: ReadonlySet<string>,
): Promise<boolean> {
  const { name } = record.definition;
  const isPlaced = placed.has(name);
  if (isPlaced || record.paused) return isPlaced && record.paused;
  return !isOver(record, (await log.read(name)).runs, now());
}

/** Adds or changes one schedule; the same once more changes nothing. */
export async function put(
  parts: Parts,
  definition: Definition,
  source: ScheduleRecord['source'],
): Promise<void> {
  const { searches, rules, records, log } = parts;
  const before = await records.get(definition.name);
  if (before !== undefined && isDeepStrictEqual(before.definition, definition)) return;
  const now = parts.now();
  const record: ScheduleRecord = {
    definition,
    source,
    paused: before?.paused ?? false,
    anchor: before?.anchor ?? now,
  };
  if (before === undefined) {
    // The record first: it is what a start mends by, should this process die before the next line.
    await records.put(record);
    await place(searches, rules, record, { runs: 0, now, isNew: true });
    return;
  }
  const { runs } = await log.read(definition.name);
  await place(searches, rules, record, { runs, now, before, isNew: false });
  await records.put(record);
}

export async function drop({ searches, records, log }: Parts, name: string): Promise<void> {
  await displace(searches, name);
  await records.delete(name);
  await log.forget(name);
}
