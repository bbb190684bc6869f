import type { Job, Queue, RepeatOptions } from 'bullmq';
import type { Redis } from 'ioredis';
import { Failure } from '../../failures.ts';
import type { NormalRequest } from '../../product/requestSchema.ts';
import type { InputError } from '../../product/schemaErrors.ts';
import type { Outcome, SearchSummary } from '../../product/summary.ts';
import { Lease } from '../../redis/lease.ts';
import { SEARCH_JOB } from '../bullmq/queues.ts';
import { searchOptions } from '../search/jobData.ts';
import type { JobDefaults } from '../search/retryPolicy.ts';
import { nextRun } from './cron.ts';
import {
  type Circumstances,
  type Definition,
  describeTiming,
  parseSchedule,
  timingOf,
} from './definition.ts';

/** A schedule as this service keeps it, apart from the BullMQ scheduler, which exists only while runs follow. */
export interface ScheduleRecord {
  definition: Definition;
  /** Only what came from the file is managed by the file. */
  source: 'file' | 'code';
  paused: boolean;
  /** Where `every` counts from when no start says so, ms since the epoch: it survives pauses and changes. */
  anchor: number;
}

/** Whether no run follows any more. */
export function isOver({ definition, anchor }: ScheduleRecord, runs: number, now: number): boolean {
  const { limit = Number.POSITIVE_INFINITY } = definition;
  return runs >= limit || nextRun(timingOf(definition, anchor), now) === undefined;
}

/** The schedules of one tenant: a hash, name → record. */
export class ScheduleRecords {
  readonly #redis: Redis;
  readonly #key: string;

  constructor(redis: Redis, prefix: string, tenant: string) {
    this.#redis = redis;
    this.#key = `${prefix}:schedules:${tenant}`;
  }

  async get(name: string): Promise<ScheduleRecord | undefined> {
    const json = await this.#redis.hget(this.#key, name);
    return json === null ? undefined : (JSON.parse(json) as ScheduleRecord);
  }

  /** By name. */
  async all(): Promise<ScheduleRecord[]> {
    const found = Object.values(await this.#redis.hgetall(this.#key)).map(
      (json) => JSON.parse(json) as ScheduleRecord,
    );
    return found.sort((one, other) => (one.definition.name < other.definition.name ? -1 : 1));
  }

  async put(record: ScheduleRecord): Promise<void> {
    await this.#redis.hset(this.#key, record.definition.name, JSON.stringify(record));
  }

  async delete(name: string): Promise<void> {
    await this.#redis.hdel(this.#key, name);
  }
}

/** One run of a schedule. */
export interface Run {
  schedule: string;
  searchId: string;
  /** When it was due, ms since the epoch. */
  at: number;
  /** Somebody asked for it: it counts towards no limit and keeps no other run from starting. */
  byHand: boolean;
}

export interface PastRun {
  searchId: string;
  at: number;
  /** Null: not ended yet. */
  outcome: Outcome | null;
}

/** So many runs of a schedule are remembered. */
const KEPT_RUNS = 10;
/** A schedule that shows no sign of life for longer than a yearly one may is forgotten. */
const REMEMBERED_MS = 400 * 24 * 3600 * 1000;

/** Makes a run the schedule's present one, unless an earlier one is, which is not known to have ended: then returns that. */
const CLAIM = `
local id, at, ended = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local present = redis.call('HMGET', KEYS[1], 'busy', 'busyAt')
local presentAt = tonumber(present[2] or 0)
if present[1] and present[1] ~= id and present[1] ~= ended and presentAt < at then return present[1] end
if presentAt < at then redis.call('HSET', KEYS[1], 'busy', id, 'busyAt', at) end
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return false`;

/** A run is counted once however often it is noted, and the oldest ones go. */
const NOTE = `
local id, at, outcome, counts, keep = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4], tonumber(ARGV[5])
if counts == '1' and at > tonumber(redis.call('HGET', KEYS[1], 'countedAt') or 0) then
  redis.call('HSET', KEYS[1], 'countedAt', at)
  redis.call('HINCRBY', KEYS[1], 'runs', 1)
end
redis.call('HSET', KEYS[1], 'run:' .. id, at .. ' ' .. outcome)
local fields = redis.call('HGETALL', KEYS[1])
local runs = {}
for i = 1, #fields, 2 do
  if fields[i]:sub(1, 4) == 'run:' then
    table.insert(runs, { fields[i], tonumber(fields[i + 1]:match('^%d+')) })
  end
end
table.sort(runs, function(one, other) return one[2] > other[2] end)
for i = keep + 1, #runs do redis.call('HDEL', KEYS[1], runs[i][1]) end
redis.call('PEXPIRE', KEYS[1], ARGV[6])
return tonumber(redis.call('HGET', KEYS[1], 'runs') or 0)`;

/** What is remembered of the runs of one tenant's schedules: their number, the last ones, and which is under way. */
export class RunLog {
  readonly #redis: Redis;
  readonly #keyOf: (schedule: string) => string;

  constructor(redis: Redis, prefix: string, tenant: string) {
    this.#redis = redis;
    this.#keyOf = (schedule) => `${prefix}:schedule:${tenant}:${schedule}`;
  }

  /**
   * Undefined: the run may go on. Otherwise the id of an earlier run that may still be under way; whoever finds that it
   * is not asks again with it as `ended`.
   */
  async claim({ schedule, searchId, at }: Run, ended = ''): Promise<string | undefined> {
    const key = this.#keyOf(schedule);
    const busy = await this.#redis.eval(CLAIM, 1, key, searchId, at, ended, REMEMBERED_MS);
    return busy === null ? undefined : (busy as string);
  }

  /** Notes a run that begins (null) or has ended; returns how many there have been. */
  async note({ schedule, searchId, at, byHand }: Run, outcome: Outcome | null): Promise<number> {
    const key = this.#keyOf(schedule);
    const counts = byHand ? 0 : 1;
    const runs = await this.#redis.eval(
      NOTE,
      1,
      key,
      searchId,
      at,
      outcome ?? '',
      counts,
      KEPT_RUNS,
      REMEMBERED_MS,
    );
    return runs as number;
  }

  /** How many runs there have been, those by hand not counted, and the last ones, latest first. */
  async read(schedule: string): Promise<{ runs: number; last: PastRun[] }> {
    const fields = await this.#redis.hgetall(this.#keyOf(schedule));
    const last = Object.entries(fields).flatMap(([field, value]) => {
      if (!field.startsWith('run:')) return [];
      const [at = '', outcome = ''] = value.split(' ');
      return [
        { searchId: field.slice(4), at: Number(at), outcome: outcome === '' ? null : (outcome as Outcome) },
      ];
    });
    return { runs: Number(fields.runs ?? 0), last: last.sort((one, other) => other.at - one.at) };
  }

  async forget(schedule: string): Promise<void> {
    await this.#redis.del(this.#keyOf(schedule));
  }
}

export interface Placement {
  /** Runs so far. */
  runs: number;
  now: number;
  /** What stood there before, if anything. */
  before?: ScheduleRecord;
  /** A schedule that is new may run at this very moment. */
  isNew: boolean;
}

/**
 * Makes BullMQ's scheduler what the record wants; none where no run is to follow. A change of the request alone leaves
 * the next run where it is. A run that is overdue is still made, whatever changes.
 */
export async function place(
  queue: Queue,
  rules: JobDefaults,
  record: ScheduleRecord,
  { runs, now, before, isNew }: Placement,
): Promise<void> {
  const { definition, paused, anchor } = record;
  const { name, request, cron, tz, every = 0, start, end, limit } = definition;
  const after = isNew ? now - 1 : now;
  const next = nextRun(timingOf(definition, anchor), after);
  if (paused || next === undefined || isOver(record, runs, after)) {
    await displace(queue, name);
    return;
  }
  const sameTiming = before !== undefined && timing(before) === timing(record);
  const due = await dueRun(queue, name, now);
  if (!sameTiming) {
    // A run that waits as delayed would go with its scheduler.
    if (await due?.isDelayed()) await due?.promote();
    // BullMQ would go on counting from the previous run.
    await queue.removeJobScheduler(name);
  }
  const startsLater = start !== undefined && Date.parse(start) > now;
  const when: RepeatOptions =
    cron === undefined
      ? { every: every * 1000, startDate: next }
      : {
          pattern: cron,
          tz: tz as string,
          ...(startsLater ? { startDate: Date.parse(start) } : {}),
          // For this once only; BullMQ does not keep it.
          ...(sameTiming && due !== undefined ? { immediately: true } : {}),
        };
  await queue.upsertJobScheduler(
    name,
    {
      ...when,
      ...(end === undefined ? {} : { endDate: Date.parse(end) }),
      ...(limit === undefined ? {} : { limit: limit - runs }),
    },
    { name: SEARCH_JOB, data: request, opts: searchOptions(request, rules) },
  );
}

function timing({ definition: { cron, tz, every, start }, anchor }: ScheduleRecord): string {
  return JSON.stringify([cron, tz, every, start, anchor]);
}

/** Removes BullMQ's scheduler and the run that no worker has taken yet. One that is under way goes on. */
export async function displace(queue: Queue, name: string): Promise<void> {
  const due = await dueRun(queue, name, Number.POSITIVE_INFINITY);
  // BullMQ lets no run go whose scheduler is there.
  await queue.removeJobScheduler(name);
  // A worker may take it at this very moment; then it is under way.
  await due?.remove().catch(() => undefined);
}

/** Names of all schedulers, in one look where BullMQ's own listing takes one a scheduler. */
export async function placedNames(queue: Queue, redis: Redis): Promise<ReadonlySet<string>> {
  return new Set(await redis.zrange(queue.toKey('repeat'), '0', '-1'));
}

/** The planned run, if it is due and no worker has taken it. */
async function dueRun(queue: Queue, name: string, now: number): Promise<Job | undefined> {
  const next = (await queue.getJobScheduler(name))?.next;
  if (next === undefined || next > now) return undefined;
  const job: Job | undefined = await queue.getJob(`repeat:${name}:${next}`);
  return job !== undefined && job.attemptsStarted === 0 ? job : undefined;
}

/** Longer than any single step takes, so that it runs out only under a process that died. */
const LEASE_MS = 5000;
const LOOK_AGAIN_MS = 50;

/**
 * Does `work` while no other process changes schedules. `renew` is to be called between its steps.
 * @throws Failure `redis-unavailable` when the turn has not come after `waitMs`, or is lost between two steps.
 */
export async function exclusively<T>(
  { redis, key }: { redis: Redis; key: string },
  waitMs: number,
  work: (renew: () => Promise<void>) => Promise<T>,
): Promise<T> {
  const lease = new Lease(redis, { key, ttlMs: LEASE_MS });
  const giveUpAt = Date.now() + waitMs;
  while (!(await lease.hold())) {
    if (Date.now() >= giveUpAt)
      throw new Failure('redis-unavailable', 'schedules cannot be changed: not our turn');
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS * (0.5 + Math.random())));
  }
  try {
    return await work(async () => {
      if (!(await lease.hold())) throw new Failure('redis-unavailable', 'the lease on schedules was lost');
    });
  } finally {
    await lease.release();
  }
}

/**
 * A list of schedules as a file has it, with everything wrong in it; paths begin with the index. An end that is past is
 * fine here: the file stays valid as time goes by, and the schedule is done.
 */
export function parseScheduleList(
  wanted: readonly unknown[],
  circumstances: Omit<Circumstances, 'now'>,
): { definitions: Definition[]; errors: InputError[] } {
  const parsed = wanted.map((schedule) => parseSchedule(schedule, { ...circumstances, now: 0 }));
  const errors = parsed.flatMap((each, index) => {
    if (!each.ok) return each.errors.map((error) => ({ ...error, path: `${index}.${error.path}` }));
    const { name } = each.definition;
    const first = parsed.findIndex((other) => other.ok && other.definition.name === name);
    if (first === index) return [];
    return [
      { path: `${index}.name`, code: 'duplicate_name', message: `${name} is the name of ${first} already` },
    ];
  });
  return { definitions: parsed.flatMap((each) => (each.ok ? [each.definition] : [])), errors };
}

/** How a schedule stands. Instants are ISO 8601 in UTC. */
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

export async function reportOnSchedule(
  queue: Queue,
  log: RunLog,
  record: ScheduleRecord,
  now: number,
): Promise<ScheduleReport> {
  const { definition, source, paused } = record;
  const { request, name, ...timing } = definition;
  const [scheduler, { runs, last }] = await Promise.all([queue.getJobScheduler(name), log.read(name)]);
  const next = scheduler?.next ?? null;
  const over = next === null && isOver(record, runs, now);
  return {
    name,
    when: describeTiming(definition),
    ...timing,
    state: over ? 'done' : paused ? 'paused' : 'active',
    source,
    next: next === null ? null : new Date(next).toISOString(),
    runs,
    lastRuns: await Promise.all(last.map((run) => reportOnRun(queue, run))),
    request,
  };
}

/** A run whose end nobody noted, because Redis was away say, is looked up while its job is kept. */
async function reportOnRun(queue: Queue, { searchId, at, outcome }: PastRun) {
  const told = outcome ?? (await outcomeOfJob(queue, searchId));
  return { searchId, at: new Date(at).toISOString(), outcome: told };
}

async function outcomeOfJob(queue: Queue, searchId: string): Promise<Outcome | null> {
  const job = await queue.getJob(searchId);
  if (job === undefined || job.finishedOn === undefined) return null;
  return job.failedReason ? 'failed' : ((job.returnvalue as SearchSummary | null)?.outcome ?? null);
}
