import type { Redis } from 'ioredis';
import type { Outcome } from '../../product/summary.ts';

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
