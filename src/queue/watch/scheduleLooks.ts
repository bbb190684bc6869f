import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { estimateCalls } from '../../collector/query.ts';
import type { NormalRequest } from '../../product/requestSchema.ts';
import { clockOf } from '../../redis/redisClock.ts';
import { hasEnded, SEARCH_JOB } from '../bullmq/queues.ts';
import { nextRun, type Timing } from '../schedules/cron.ts';
import { timingOf } from '../schedules/definition.ts';
import { lookRunId, unitOf } from '../schedules/scheduledRun.ts';
import { isOver, type ScheduleRecord, ScheduleStore } from '../schedules/store.ts';
import { searchOptions } from '../search/jobData.ts';
import type { JobDefaults } from '../search/retryPolicy.ts';
import type { Look, LookSource, UnitDefinition } from './unit.ts';

interface ScheduleLooksOptions {
  searches: Queue;
  redis: Redis;
  prefix: string;
  tenant: string;
  rules: JobDefaults;
  /** Least time between two runs of a schedule, s. */
  minInterval: number;
}

/** `auto` schedules as the planner sees them. A look is a search job, as every run of a schedule. */
export class ScheduleLooks implements LookSource {
  readonly #options: ScheduleLooksOptions;
  readonly #store: ScheduleStore;
  #fixed: FixedNeeds[] = [];

  constructor(options: ScheduleLooksOptions) {
    const { redis, prefix, tenant } = options;
    this.#options = options;
    this.#store = new ScheduleStore(redis, prefix, tenant);
  }

  /** Those that may run now: neither paused nor over, and their start is past. */
  async units(): Promise<UnitDefinition[]> {
    const now = await clockOf(this.#options.redis).current();
    const records = await this.#store.all();
    const units: UnitDefinition[] = [];
    const fixed: FixedNeeds[] = [];
    for (const record of records) {
      if (!(await this.#mayRun(record, now))) continue;
      const { auto, start, name } = record.definition;
      if (auto === undefined) fixed.push(await this.#fixedNeeds(record));
      else if (start === undefined || Date.parse(start) <= now) units.push(this.#unitOf(name, record));
    }
    this.#fixed = fixed;
    return units;
  }

  /**
   * Calls that schedules with `cron` or `every` make between two instants.
   * @param callsOf mean calls of a run of this schedule, once they are known
   */
  fixedCalls(from: number, until: number, callsOf: (schedule: string) => number | undefined): number {
    return this.#fixed.reduce(
      (sum, each) => sum + each.runsWithin(from, until) * (callsOf(each.name) ?? each.expectedCalls),
      0,
    );
  }

  async begin(look: Look): Promise<'begun' | 'gone'> {
    const { searches, rules, redis } = this.#options;
    const name = scheduleOfUnit(look.unit);
    const record = await this.#store.get(name);
    const now = await clockOf(redis).current();
    if (record?.definition.auto === undefined || !(await this.#mayRun(record, now))) return 'gone';
    // An earlier answer says nothing of what has changed since.
    const request = { ...record.definition.request, maxAge: 0 };
    const jobId = lookRunId(name, look.number);
    await searches.add(SEARCH_JOB, request, { ...searchOptions(request, rules), jobId });
    return 'begun';
  }

  async isUnderWay({ unit, number }: Look): Promise<boolean> {
    const { searches } = this.#options;
    return !hasEnded(await searches.getJobState(lookRunId(scheduleOfUnit(unit), number)));
  }

  async #mayRun(record: ScheduleRecord, now: number): Promise<boolean> {
    const { name, limit } = record.definition;
    if (record.paused) return false;
    return !isOver(record, limit === undefined ? 0 : (await this.#store.runs(name)).count, now);
  }

  #unitOf(name: string, { definition }: ScheduleRecord): UnitDefinition {
    const { auto = { atLeastEvery: 0, value: 1 }, request, dailyCalls } = definition;
    const atMostEvery = Math.max(this.#options.minInterval, auto.atMostEvery ?? 0);
    return {
      id: unitOf(name),
      flows: [{ flow: name, value: auto.value }],
      expectedCalls: expectedCalls(request),
      atMostEveryMs: atMostEvery * 1000,
      atLeastEveryMs: Math.max(atMostEvery, auto.atLeastEvery) * 1000,
      dailyCalls,
    };
  }

  async #fixedNeeds(record: ScheduleRecord): Promise<FixedNeeds> {
    const { name, limit } = record.definition;
    const runsLeft =
      limit === undefined ? Number.POSITIVE_INFINITY : limit - (await this.#store.runs(name)).count;
    const key = JSON.stringify([record.definition, record.anchor, runsLeft]);
    return this.#fixed.find((each) => each.key === key) ?? new FixedNeeds(name, key, record, runsLeft);
  }
}

/** Calls of a look before any is measured: one for each marketplace where the newest come first and are known. */
export function expectedCalls(request: NormalRequest): number {
  if (request.sort === 'newlyListed' && request.items === undefined) return request.marketplaces.length;
  return Math.max(1, estimateCalls(request).total);
}

function scheduleOfUnit(unit: string): string {
  return unit.slice(unitOf('').length);
}

/** When a schedule with `cron` or `every` runs. Times by the clock are worked out once for each period that is asked for. */
class FixedNeeds {
  readonly name: string;
  /** What it follows from. */
  readonly key: string;
  readonly expectedCalls: number;
  readonly #timing: Timing;
  readonly #runsLeft: number;
  #until = 0;
  #times: number[] = [];

  constructor(name: string, key: string, { definition, anchor }: ScheduleRecord, runsLeft: number) {
    this.#runsLeft = runsLeft;
    this.name = name;
    this.key = key;
    this.expectedCalls = expectedCalls(definition.request);
    this.#timing = timingOf(definition, anchor);
  }

  runsWithin(from: number, until: number): number {
    return Math.min(this.#runsLeft, this.#timesWithin(from, until));
  }

  #timesWithin(from: number, until: number): number {
    const timing = this.#timing;
    if ('everyMs' in timing) {
      const first = nextRun(timing, from);
      const end = Math.min(until, timing.end ?? until);
      return first === undefined || first > end ? 0 : Math.floor((end - first) / timing.everyMs) + 1;
    }
    if (until !== this.#until) {
      this.#until = until;
      this.#times = [];
      for (let at = nextRun(timing, from); at !== undefined && at <= until; at = nextRun(timing, at))
        this.#times.push(at);
    }
    return this.#times.length - countUntil(this.#times, from);
  }
}

/** How many of these ascending numbers are at most this one. */
function countUntil(sorted: readonly number[], most: number): number {
  const index = sorted.findIndex((each) => each > most);
  return index < 0 ? sorted.length : index;
}
