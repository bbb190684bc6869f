import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { LuaScript } from '../../redis/luaScript.ts';
import { asHash } from '../../redis/ownHash.ts';
import { storedJson } from '../../redis/storedJson.ts';
import { type ChangeRate, newRhythm, type Rhythm } from './changeRate.ts';
import type { LookReport } from './unit.ts';

/** The looks at one unit, as stored. */
export interface StoredUnit {
  /** Number of the last look that was decided on. */
  readonly number: number;
  /** When that was, ms since the epoch. */
  readonly at: number;
  /** That look is under way: its report has not been taken. */
  readonly busy: boolean;
  /** How often that look was begun again because its jobs were not there. */
  readonly again: number;
  /** Calls of a look, the mean of the recent ones; null before the first has ended. */
  readonly calls: number | null;
  /** Looks that have failed since the last one that did not: each doubles the least time until the next one. */
  readonly failed: number;
  /** Expected time between two looks, ms; null while it is not known. */
  readonly gap: number | null;
  readonly made: MadeCalls;
}

/**
 * Calls that looks have made, as they weigh at `at`: those of `MEMORY_DAYS` ago weigh 1/e of new ones. ms since the epoch;
 * `since` is when the first one was made, 0 before it.
 */
export interface MadeCalls {
  readonly calls: number;
  readonly since: number;
  readonly at: number;
}

export const NO_CALLS: MadeCalls = { calls: 0, since: 0, at: 0 };

/** Adds the calls of a look. @param at when it began */
export function withCalls(made: MadeCalls, calls: number, at: number, dayMs: number): MadeCalls {
  const last = Math.max(at, made.at);
  return {
    calls: rounded(made.calls * keptPart(last - made.at, dayMs) + calls * keptPart(last - at, dayMs)),
    since: made.since === 0 ? at : made.since,
    at: last,
  };
}

/** Calls a day as they were made; null before a quarter of a day is over, when that says nothing. */
export function callsADay({ calls, since, at }: MadeCalls, now: number, dayMs: number): number | null {
  const days = (now - since) / dayMs;
  if (since === 0 || days < 0.25) return null;
  // What a constant number of calls a day would weigh by now.
  const weight = MEMORY_DAYS * (1 - Math.exp(-days / MEMORY_DAYS));
  return (calls * keptPart(now - at, dayMs)) / weight;
}

function keptPart(ms: number, dayMs: number): number {
  return Math.exp(-Math.max(0, ms) / (MEMORY_DAYS * dayMs));
}

/** What is learned about one flow, as stored. */
export interface StoredFlow {
  readonly rate: ChangeRate;
  /** Until when changes have been seen, ms since the epoch; null before the first complete look. */
  readonly seenUntil: number | null;
  readonly delay: MeasuredDelay;
}

/**
 * How long changes waited until a look showed them, for those whose time is known (`times` of reports): their number and the
 * sum of their delays, both as they weigh at `at`. A change that is `MEMORY_DAYS` old weighs 1/e of a new one. The
 * mean delay is `ms / count`.
 */
export interface MeasuredDelay {
  readonly count: number;
  readonly ms: number;
  /** ms since the epoch; 0 before the first change. */
  readonly at: number;
}

/** Days of the planner. */
const MEMORY_DAYS = 7;

export const NO_DELAY: MeasuredDelay = { count: 0, ms: 0, at: 0 };

/** Adds the delays of changes that a look has shown. @param at when it asked eBay, ms since the epoch */
export function withDelays(
  delay: MeasuredDelay,
  times: readonly number[],
  at: number,
  dayMs: number,
): MeasuredDelay {
  if (times.length === 0) return delay;
  const kept = keptPart(at - delay.at, dayMs);
  const sum = times.reduce((total, time) => total + Math.max(0, at - time), 0);
  return {
    count: rounded(delay.count * kept + times.length),
    ms: Math.round(delay.ms * kept + sum),
    at: Math.max(at, delay.at),
  };
}

const rounded = (value: number) => Math.round(value * 1000) / 1000;

/** Calls of looks that have ended in the present day of the planner, for PLAN_DAILY_CALLS. */
export interface SpentCalls {
  /** When that day began, ms since the epoch. */
  readonly since: number;
  readonly calls: number;
}

/** All that the planner keeps of one tenant. */
export interface StoredPlan {
  /** Changes with every change of this state, and with every change of what there is to plan. */
  readonly version: string;
  readonly rhythm: Rhythm;
  readonly spent: SpentCalls;
  /** By id of the unit. */
  readonly units: ReadonlyMap<string, StoredUnit>;
  /** By name of the flow. */
  readonly flows: ReadonlyMap<string, StoredFlow>;
}

/** A change of the state. Null removes. */
export interface PlanChange {
  readonly rhythm?: Rhythm | undefined;
  readonly spent?: SpentCalls | undefined;
  readonly units?: ReadonlyMap<string, StoredUnit | null>;
  readonly flows?: ReadonlyMap<string, StoredFlow | null>;
  /** How many of the oldest reports the change is made from: they are removed. */
  readonly taken?: number;
}

/**
 * Writes a change where the state is still the one that it was made from: the reports that it takes, what is learned from
 * them and the looks that are claimed, all of it or nothing. KEYS: plan, reports. ARGV: version before, version after, reports
 * taken, number of fields removed, those, then fields and values in turn.
 */
const COMMIT = new LuaScript(`
if (redis.call('HGET', KEYS[1], 'version') or '') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'version', ARGV[2])
if tonumber(ARGV[3]) > 0 then redis.call('LTRIM', KEYS[2], ARGV[3], -1) end
local first = 5 + tonumber(ARGV[4])
for i = 5, first - 1 do redis.call('HDEL', KEYS[1], ARGV[i]) end
for i = first, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
return 1`);

/** Adds a report and keeps the list within bounds. KEYS: reports. ARGV: report, most reports. */
const REPORT = new LuaScript(`
redis.call('RPUSH', KEYS[1], ARGV[1])
redis.call('LTRIM', KEYS[1], -tonumber(ARGV[2]), -1)
return 1`);

/** Reports that wait while no process plans. */
const MOST_REPORTS = 20_000;
/** Reports that are taken at once. */
const TAKEN_AT_ONCE = 500;

/** One place for all that the planner of a tenant keeps: a hash, and the list of reports that it has not taken yet. */
export class PlanStore {
  readonly #redis: Redis;
  readonly #key: string;
  readonly #reportsKey: string;

  constructor(redis: Redis, prefix: string, tenant: string) {
    this.#redis = redis;
    this.#key = `${prefix}:plan:${tenant}`;
    this.#reportsKey = `${prefix}:looks:${tenant}`;
  }

  /** The present version, and the oldest reports. @returns also how many reports that is, and whether there may be more */
  async peek(): Promise<{ version: string; reports: LookReport[]; taken: number; more: boolean }> {
    const read = async () => {
      const replies = await this.#redis
        .pipeline()
        .hget(this.#key, 'version')
        .lrange(this.#reportsKey, 0, TAKEN_AT_ONCE - 1)
        .exec();
      return (replies ?? []).map(([error, reply]) => {
        if (error !== null) throw error;
        return reply;
      });
    };
    const [version, written] = (await asHash(this.#redis, this.#key, read)) as [string | null, string[]];
    const taken = written.length;
    return {
      version: version ?? '',
      reports: written.flatMap(readReport),
      taken,
      more: taken === TAKEN_AT_ONCE,
    };
  }

  /** All of it. What cannot be read counts as absent: it is learned again. */
  async load(): Promise<StoredPlan> {
    const fields = await asHash(this.#redis, this.#key, () => this.#redis.hgetall(this.#key));
    const units = new Map<string, StoredUnit>();
    const flows = new Map<string, StoredFlow>();
    for (const [field, value] of Object.entries(fields)) {
      const [kind, name] = [field.slice(0, 5), field.slice(5)];
      if (kind === 'unit ') {
        const unit = unpackUnit(value);
        if (unit !== undefined) units.set(name, unit);
      } else if (kind === 'flow ') {
        const flow = unpackFlow(value);
        if (flow !== undefined) flows.set(name, flow);
      }
    }
    const rhythm = storedJson<Rhythm>(fields.rhythm);
    return {
      version: fields.version ?? '',
      // One of another layout is learned again.
      rhythm: rhythm?.v === 1 ? rhythm : newRhythm(),
      spent: storedJson<SpentCalls>(fields.spent) ?? { since: 0, calls: 0 },
      units,
      flows,
    };
  }

  /** Writes a change. @returns the version after it, or undefined where the state is another one by now: nothing is changed */
  async commit(version: string, change: PlanChange): Promise<string | undefined> {
    const { rhythm, spent, units = new Map(), flows = new Map(), taken = 0 } = change;
    const after = randomUUID();
    const removed: string[] = [];
    const written: string[] = [];
    const put = (field: string, value: string | null) =>
      value === null ? removed.push(field) : written.push(field, value);
    if (rhythm !== undefined) put('rhythm', JSON.stringify(rhythm));
    if (spent !== undefined) put('spent', JSON.stringify(spent));
    for (const [id, unit] of units) put(`unit ${id}`, unit && packUnit(unit));
    for (const [name, flow] of flows) put(`flow ${name}`, flow && packFlow(flow));
    const args = [version, after, taken, removed.length, ...removed, ...written];
    const done = await COMMIT.run(this.#redis, [this.#key, this.#reportsKey], args);
    return done === 1 ? after : undefined;
  }

  /** One unit as stored now; for reports about schedules. */
  async unit(id: string): Promise<StoredUnit | undefined> {
    const value = await asHash(this.#redis, this.#key, () => this.#redis.hget(this.#key, `unit ${id}`));
    return value === null ? undefined : unpackUnit(value);
  }

  /** Leaves a report for whichever process plans. The same one twice counts once. */
  async report(report: LookReport): Promise<void> {
    await REPORT.run(this.#redis, this.#reportsKey, [JSON.stringify(report), MOST_REPORTS]);
  }

  /** To be called after what there is to plan has changed: the process that plans reads all of it again. */
  async touch(): Promise<void> {
    await asHash(this.#redis, this.#key, () => this.#redis.hset(this.#key, 'version', randomUUID()));
  }

  /** Forgets units, and what is learned about flows; also for what is now something else under the same name. */
  async forget(units: readonly string[], flows: readonly string[]): Promise<void> {
    const fields = [...units.map((id) => `unit ${id}`), ...flows.map((name) => `flow ${name}`)];
    await this.touch();
    if (fields.length === 0) return;
    // In one step: a process that has read them before does not write them again.
    await this.#redis
      .multi()
      .hset(this.#key, 'version', randomUUID())
      .hdel(this.#key, ...fields)
      .exec();
  }
}

function readReport(text: string): LookReport[] {
  const report = storedJson<LookReport>(text);
  const isReport =
    typeof report?.unit === 'string' && Number.isInteger(report.number) && Array.isArray(report.flows);
  return isReport ? [report] : [];
}

/** `[number, at, busy, again, calls, failed, gap, calls made, since, at]`: half the bytes of an object. */
function packUnit({ number, at, busy, again, calls, failed, gap, made }: StoredUnit): string {
  const mean = calls === null ? null : rounded(calls);
  return JSON.stringify([
    number,
    at,
    busy ? 1 : 0,
    again,
    mean,
    failed,
    gap === null ? null : Math.round(gap),
    made.calls,
    made.since,
    made.at,
  ]);
}

function unpackUnit(text: string): StoredUnit | undefined {
  const values = storedJson<Array<number | null>>(text);
  if (!Array.isArray(values) || !values.slice(0, 4).every(Number.isFinite)) return undefined;
  const [number, at, busy, again, calls = null, failed, gap = null, made = 0, since = 0, madeAt = 0] =
    values as number[];
  return {
    number: number as number,
    at: at as number,
    busy: busy === 1,
    again: again as number,
    calls,
    failed: failed ?? 0,
    gap,
    made: { calls: made, since, at: madeAt },
  };
}

/** `[rate, seenUntil, delays counted, their sum in ms, at]`. */
function packFlow({ rate, seenUntil, delay }: StoredFlow): string {
  return JSON.stringify([rate, seenUntil, delay.count, delay.ms, delay.at]);
}

function unpackFlow(text: string): StoredFlow | undefined {
  const values = storedJson<[ChangeRate, number | null, number, number, number]>(text);
  if (!Array.isArray(values) || values[0]?.v !== 1) return undefined;
  const [rate, seenUntil, count, ms, at] = values;
  return { rate, seenUntil, delay: { count, ms, at } };
}
