import type { Redis } from 'ioredis';
import type { Outcome } from '../../product/summary.ts';
import { LuaScript } from '../../redis/luaScript.ts';
import { hashesBeginning } from '../../redis/nodes.ts';
import { asHash } from '../../redis/ownHash.ts';
import { schedulesKey } from '../budgets.ts';
import type { StoredScheduler } from '../bullmq/repeat.ts';
import { nextRun } from './cron.ts';
import { type Definition, timingOf } from './definition.ts';

/** Through what somebody added a schedule. */
export const VIAS = ['page', 'http', 'cli', 'mcp', 'library'] as const;
export type Via = (typeof VIAS)[number];

/** A schedule as this service keeps it, apart from the BullMQ scheduler, which exists only while runs follow. */
export interface ScheduleRecord {
  definition: Definition;
  /** Only what came from the file is managed by the file. */
  source: 'file' | 'code';
  paused: boolean;
  /** Through what it was added, or changed last. Missing in what earlier releases wrote. */
  via?: Via;
  /** Where `every` counts from when no start says so, ms since the epoch: it survives pauses and changes. */
  anchor: number;
}

/** Whether no run follows any more. */
export function isOver({ definition, anchor }: ScheduleRecord, runs: number, now: number): boolean {
  const { limit = Number.POSITIVE_INFINITY } = definition;
  return runs >= limit || nextRun(timingOf(definition, anchor), now) === undefined;
}

/** Whether this is the scheduler that a schedule wants. Any program can add one, also of the same name. */
export function isSchedulerOf({ definition }: ScheduleRecord, scheduler: Timing): boolean {
  const { cron, tz = 'UTC', every = 0, auto } = definition;
  if (auto !== undefined) return false;
  return cron === undefined
    ? scheduler.every === every * 1000
    : scheduler.pattern === cron && scheduler.tz === tz;
}

type Timing = Partial<Pick<StoredScheduler, 'every' | 'pattern' | 'tz'>>;

/** One run of a schedule. */
export interface ScheduledRun {
  schedule: string;
  searchId: string;
  /** When it was due, ms since the epoch. */
  at: number;
  /** Started by `runNow`: it counts towards no limit and keeps no other run from starting. */
  byHand: boolean;
  /** Number of the planner's look that it is. */
  look?: number;
}

/** `outcome` is null until it has ended. */
export type PastRun = Pick<ScheduledRun, 'searchId' | 'at'> & { outcome: Outcome | null };

/** What is kept of the runs of a schedule in a backup: those that have ended. */
export interface SavedRuns {
  count: number;
  /** When the last one that was counted was due, ms since the epoch. */
  countedAt: number;
  last: PastRun[];
}

/** A schedule as a backup has it. */
export interface SavedSchedule extends ScheduleRecord {
  runs: SavedRuns;
}

/** Runs of a schedule that are remembered. */
const KEPT_RUNS = 10;
/** Longer than the time between two runs of a yearly schedule. */
const REMEMBERED_MS = 400 * 24 * 3600 * 1000;

/**
 * Makes a run the schedule's present one and returns nothing, or returns the id of an earlier one that is not known to
 * have ended. KEYS: runs of the schedule. ARGV: id, time, an id that has ended or nothing, life (ms).
 */
const CLAIM = new LuaScript(`
local id, at, ended = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local present = redis.call('HMGET', KEYS[1], 'busy', 'busyAt')
local presentAt = tonumber(present[2] or 0)
if present[1] and present[1] ~= id and present[1] ~= ended and presentAt < at then return present[1] end
if presentAt < at then redis.call('HSET', KEYS[1], 'busy', id, 'busyAt', at) end
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return false`);

/**
 * Stores a run's outcome, counts the run once however often it is stored, and deletes the oldest. Returns the count.
 * A run that begins after a later one counts too: it is newer than the oldest that is kept, or none was deleted yet.
 * KEYS: runs of the schedule. ARGV: id, time, outcome or nothing, 1 to count it, runs kept, life (ms).
 */
const NOTE = new LuaScript(`
local id, at, outcome, counts, keep = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4], tonumber(ARGV[5])
local isKnown = redis.call('HEXISTS', KEYS[1], 'run:' .. id) == 1
redis.call('HSET', KEYS[1], 'run:' .. id, at .. ' ' .. outcome)
local fields = redis.call('HGETALL', KEYS[1])
local runs = {}
for i = 1, #fields, 2 do
  if fields[i]:sub(1, 4) == 'run:' then
    table.insert(runs, { fields[i], tonumber(fields[i + 1]:match('^%d+')) })
  end
end
table.sort(runs, function(one, other) return one[2] > other[2] end)
local countedAt = tonumber(redis.call('HGET', KEYS[1], 'countedAt') or 0)
local isLate = at <= countedAt and #runs > 1 and (#runs <= keep or at > runs[#runs][2])
if counts == '1' and not isKnown and (at > countedAt or isLate) then
  redis.call('HSET', KEYS[1], 'countedAt', math.max(at, countedAt))
  redis.call('HINCRBY', KEYS[1], 'runs', 1)
end
for i = keep + 1, #runs do redis.call('HDEL', KEYS[1], runs[i][1]) end
redis.call('PEXPIRE', KEYS[1], ARGV[6])
return tonumber(redis.call('HGET', KEYS[1], 'runs') or 0)`);

/** The lease under which schedules are changed. No single step takes `ttlMs`: it runs out only under a process that died. */
export function scheduleLease(prefix: string, tenant: string): { key: string; ttlMs: number } {
  return { key: `${prefix}:lease:schedules:${tenant}`, ttlMs: 5000 };
}

/** The schedules of one tenant, a hash name → record, and the runs of each, a hash of their number and the last ones. */
export class ScheduleStore {
  readonly #redis: Redis;
  readonly #key: string;
  readonly #runsKey: (schedule: string) => string;

  constructor(redis: Redis, prefix: string, tenant: string) {
    this.#redis = redis;
    this.#key = schedulesKey(prefix, tenant);
    this.#runsKey = (schedule) => `${prefix}:schedule:${tenant}:${schedule}`;
  }

  async get(name: string): Promise<ScheduleRecord | undefined> {
    const json = await asHash(this.#redis, this.#key, () => this.#redis.hget(this.#key, name));
    return json === null ? undefined : recordOf(json);
  }

  /** By name. A record that cannot be read is left out: the other schedules go on. */
  async all(): Promise<ScheduleRecord[]> {
    const stored = await asHash(this.#redis, this.#key, () => this.#redis.hgetall(this.#key));
    return Object.keys(stored)
      .sort()
      .flatMap((name) => readRecord(stored[name] as string) ?? []);
  }

  async put(record: ScheduleRecord): Promise<void> {
    await this.#redis.hset(this.#key, record.definition.name, JSON.stringify(storedForm(record)));
  }

  async delete(name: string): Promise<void> {
    await this.#redis.hdel(this.#key, name);
    await this.#redis.del(this.#runsKey(name));
  }

  /** Undefined: the run may begin. Else the id of an earlier one; if that is not under way, call again with it as `ended`. */
  async claimRun({ schedule, searchId, at }: ScheduledRun, ended = ''): Promise<string | undefined> {
    const key = this.#runsKey(schedule);
    const claim = () => CLAIM.run(this.#redis, key, [searchId, at, ended, REMEMBERED_MS]);
    const busy = await asHash(this.#redis, key, claim);
    return (busy as string | null) ?? undefined;
  }

  /** Stores a run that begins (null) or has ended; returns how many there have been. */
  async noteRun({ schedule, searchId, at, byHand }: ScheduledRun, outcome: Outcome | null): Promise<number> {
    const counts = byHand ? 0 : 1;
    const args = [searchId, at, outcome ?? '', counts, KEPT_RUNS, REMEMBERED_MS];
    const key = this.#runsKey(schedule);
    return (await asHash(this.#redis, key, () => NOTE.run(this.#redis, key, args))) as number;
  }

  /** How many runs there have been, those by hand not counted, and the last ones, latest first. */
  async runs(schedule: string): Promise<{ count: number; last: PastRun[] }> {
    const key = this.#runsKey(schedule);
    const fields = await asHash(this.#redis, key, () => this.#redis.hgetall(key));
    const last = Object.entries(fields).flatMap(([field, value]): PastRun[] => {
      if (!field.startsWith('run:')) return [];
      const [at, outcome] = value.split(' ');
      return [{ searchId: field.slice(4), at: Number(at), outcome: (outcome as Outcome | '') || null }];
    });
    return { count: Number(fields.runs ?? 0), last: last.sort((one, other) => other.at - one.at) };
  }

  /** What a backup keeps of each schedule, by name; undefined for a record that cannot be read. */
  async saved(): Promise<Array<[name: string, schedule: SavedSchedule | undefined]>> {
    const stored = await this.#redis.hgetall(this.#key);
    const schedules: Array<[string, SavedSchedule | undefined]> = [];
    for (const name of Object.keys(stored).sort()) {
      const record = readRecord(stored[name] as string);
      schedules.push([name, record && { ...record, runs: await this.#savedRuns(name) }]);
    }
    return schedules;
  }

  async #savedRuns(name: string): Promise<SavedRuns> {
    const { count, last } = await this.runs(name);
    const countedAt = Number((await this.#redis.hget(this.#runsKey(name), 'countedAt')) ?? 0);
    // The others are jobs, and a backup has no jobs.
    return { count, countedAt, last: last.filter(({ outcome }) => outcome !== null) };
  }

  /** Puts the runs of a backup beside those that there are. */
  async putRuns(name: string, { count, countedAt, last }: SavedRuns): Promise<void> {
    const key = this.#runsKey(name);
    const runs = last.flatMap(({ searchId, at, outcome }) => [`run:${searchId}`, `${at} ${outcome ?? ''}`]);
    if (count === 0 && runs.length === 0) return;
    await this.#redis.hset(key, 'runs', count, 'countedAt', countedAt, ...runs);
    await this.#redis.pexpire(key, REMEMBERED_MS);
  }
}

/** The tenants that have schedules, those included that nobody serves any more. */
export async function tenantsWithSchedules(
  redis: Redis,
  prefix: string,
  signal?: AbortSignal,
): Promise<string[]> {
  const start = `${prefix}:schedules:`;
  return (await hashesBeginning(redis, start, signal)).map((key) => key.slice(start.length));
}

/** Undefined for what another program overwrote. */
export function readRecord(text: string): ScheduleRecord | undefined {
  try {
    const record = recordOf(text);
    return typeof record.definition?.name === 'string' ? record : undefined;
  } catch {
    return undefined;
  }
}

/** The record of an `auto` schedule as release 0.2 reads it: paused, so that it gives it no scheduler. */
type StoredRecord = ScheduleRecord & { pausedAuto?: boolean };

function storedForm(record: ScheduleRecord): StoredRecord {
  return record.definition.auto === undefined
    ? record
    : { ...record, paused: true, pausedAuto: record.paused };
}

function recordOf(text: string): ScheduleRecord {
  const { pausedAuto, ...record } = JSON.parse(text) as StoredRecord;
  return pausedAuto === undefined ? record : { ...record, paused: pausedAuto };
}
