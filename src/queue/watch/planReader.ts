import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { GateState } from '../../ebay/gate/gate.ts';
import type { PlanEntry } from '../../product/planReport.ts';
import { echo } from '../../product/schemaErrors.ts';
import { searchTitle } from '../../product/subject.ts';
import { type Pace, paceOf } from '../schedules/cron.ts';
import { type Definition, describeTiming } from '../schedules/definition.ts';
import { unitOf } from '../schedules/scheduledRun.ts';
import { isOver, type ScheduleRecord, ScheduleStore } from '../schedules/store.ts';
import { invalid } from '../search/jobData.ts';
import type { JobDefaults } from '../search/retryPolicy.ts';
import { type Additions, type PlannedWatchlist, parseAdditions } from './additions.ts';
import { type ChangeRate, changesPerDay, newRate, type Rhythm } from './changeRate.ts';
import type { FixedPace, PlanPart, PlanState, PlanSubject, WhatIf } from './forecast.ts';
import { callsADay, NO_CALLS, PlanStore, type StoredFlow, type StoredPlan } from './planStore.ts';
import { expectedCalls, ScheduleLooks } from './scheduleLooks.ts';
import type { SharedGroup } from './sharedCalls.ts';
import { SharedStore, unitOf as sharedUnitOf } from './sharedStore.ts';
import type { Unit, UnitDefinition } from './unit.ts';
import { watchUnit } from './watchlists/lookIds.ts';
import { type StoredList, WatchStore } from './watchlists/store.ts';
import { unitsOf } from './watchlists/watchLooks.ts';
import type { WatchlistReport } from './watchlists/watchlists.ts';

/** What a plan depends on besides what is stored. Times in seconds. */
export interface PlanSettings {
  /** PLAN_DAY. */
  day: number;
  /** PLAN_INTERVAL. */
  interval: number;
  /** PLAN_DAILY_CALLS; 0: no limit of its own. */
  dailyCalls: number;
  /** PLAN_SHARED_CALLS. */
  sharedCalls: boolean;
  /** SCHEDULED_SHARE. */
  scheduledShare: number;
  /** Budget of the tenant, calls a day; 0: none. */
  tenantCalls: number;
  /** The calls of the day, by Redis's clock. */
  readGate: () => Promise<Pick<GateState, 'now' | 'limit' | 'used' | 'reset'>>;
}

interface ReadOptions {
  redis: Redis;
  searches: Queue;
  prefix: string;
  tenant: string;
  rules: JobDefaults;
  /** Of a search that names none. */
  readonly marketplace: string;
  /** SCHEDULE_MIN_INTERVAL, seconds. */
  minScheduleInterval: number;
  watchlists: { list(): Promise<WatchlistReport[]> };
  plan: () => PlanSettings;
}

const MOST_CALLS = 1_000_000;

/** Reads what the report on the plan follows from. Changes nothing. @throws Failure `invalid_request` */
export async function readPlan(
  options: ReadOptions,
  { calls, add }: { calls?: number | undefined; add?: unknown },
): Promise<{ state: PlanState; whatIf: WhatIf }> {
  const { redis, prefix, tenant, marketplace, minScheduleInterval: minInterval, watchlists } = options;
  const settings = options.plan();
  const gate = await settings.readGate();
  const limits = { tenant, marketplace, minInterval, now: gate.now };
  const wanted = add === undefined ? undefined : parseAdditions(add, limits);
  const isCount = calls === undefined || (Number.isInteger(calls) && calls >= 1 && calls <= MOST_CALLS);
  const range = `must be an integer from 1 to ${MOST_CALLS}; got ${echo(calls)}`;
  const errors = [
    ...(isCount ? [] : [{ path: 'calls', code: 'calls_range', message: range }]),
    ...(wanted?.errors ?? []),
  ];
  if (errors.length > 0) throw invalid('invalid_request', errors);

  const schedules = new ScheduleStore(redis, prefix, tenant);
  const [learned, records, lists, groupsOfLists, single, shared] = await Promise.all([
    new PlanStore(redis, prefix, tenant).load(),
    schedules.all(),
    watchlists.list(),
    new WatchStore(redis, prefix, tenant).all(),
    new ScheduleLooks({ ...options, minInterval }).units(),
    settings.sharedCalls ? new SharedStore(redis, prefix, tenant).groups() : [],
  ]);
  const runs = new Map<string, number>();
  for (const { definition } of records)
    if (definition.limit !== undefined)
      runs.set(definition.name, (await schedules.runs(definition.name)).count);
  const byList = new Map(groupsOfLists.map((list) => [list.record.definition.name, list]));
  const definitions = plannedOnce([
    ...shared.flatMap((group) => sharedUnit(group, single)),
    ...single,
    ...lists.flatMap((list) => listUnits(list, byList.get(list.name))),
  ]);
  const known: Known = {
    learned,
    definitions,
    parts: partsByName(definitions),
    paces: new Map(),
    now: gate.now,
    dayMs: settings.day * 1000,
    minIntervalMs: minInterval * 1000,
  };
  const state: PlanState = {
    now: gate.now,
    dayMs: known.dayMs,
    quota: gate,
    scheduledShare: settings.scheduledShare,
    tenantCalls: settings.tenantCalls,
    dailyCalls: settings.dailyCalls,
    execution: { tickMs: settings.interval * 1000 },
    rhythm: learned.rhythm,
    units: definitions.map((definition) => unitFrom(definition, learned, known.dayMs)),
    subjects: [
      ...records.map((record) => scheduleSubject(record, runs.get(record.definition.name) ?? 0, known)),
      ...lists.map((list) => watchlistSubject(list, known)),
    ],
  };
  return { state, whatIf: { calls, add: wanted && additionsOf(wanted, lists, known) } };
}

/** The call that schedules share, of those that may run now. */
function sharedUnit({ id, members }: SharedGroup, single: readonly UnitDefinition[]): UnitDefinition[] {
  const own = single.filter((unit) => members.some((name) => unit.id === unitOf(name)));
  if (own.length === 0) return [];
  return [
    {
      id: sharedUnitOf(id),
      flows: own.flatMap(({ flows }) => flows),
      expectedCalls: 1,
      atMostEveryMs: Math.max(...own.map(({ atMostEveryMs }) => atMostEveryMs)),
      atLeastEveryMs: Math.min(...own.map(({ atLeastEveryMs }) => atLeastEveryMs)),
    },
  ];
}

/** The groups of a watchlist; before they are formed, all its listings as one. */
function listUnits(report: WatchlistReport, stored: StoredList | undefined): UnitDefinition[] {
  const { name, state, entries, callsPerLook, value, atMostEvery, atLeastEvery, dailyCalls } = report;
  if (state !== 'active' || entries === 0 || stored === undefined) return [];
  const { plan, change } = stored;
  const leastMs = atLeastEvery * 1000;
  // The first looks at new listings follow one another quickly. The plan is about the time after them.
  if (plan.change === change && plan.groups.length > 0)
    return unitsOf(stored, plan.groups).map((unit) => ({
      ...unit,
      atLeastEveryMs: Math.max(unit.atLeastEveryMs, leastMs),
    }));
  const id = watchUnit(name, 'all');
  return [
    {
      id,
      flows: [{ flow: id, value }],
      expectedCalls: Math.max(1, callsPerLook),
      atMostEveryMs: atMostEvery * 1000,
      atLeastEveryMs: leastMs,
      dailyCalls,
    },
  ];
}

/** As the planner does: a flow is planned with the first unit that has it. */
function plannedOnce(definitions: readonly UnitDefinition[]): UnitDefinition[] {
  const planned = new Set<string>();
  return definitions.filter(({ flows }) => {
    const isNew = flows.some(({ flow }) => !planned.has(flow));
    for (const { flow } of flows) planned.add(flow);
    return isNew;
  });
}

/** What a report is made of. */
interface Known {
  learned: StoredPlan;
  definitions: readonly UnitDefinition[];
  /** By `schedule NAME` and `watchlist NAME`. */
  parts: ReadonlyMap<string, PlanPart[]>;
  /** Of times by the clock, which many schedules have in common. */
  paces: Map<string, Pace>;
  now: number;
  dayMs: number;
  minIntervalMs: number;
}

/** The flows of each schedule and watchlist. A call that several schedules share is made for each in equal parts. */
function partsByName(definitions: readonly UnitDefinition[]): Map<string, PlanPart[]> {
  const parts = new Map<string, PlanPart[]>();
  for (const { id, flows } of definitions) {
    const [kind, list = ''] = id.split(':');
    for (const [index, { flow }] of flows.entries()) {
      const name = kind === 'watch' ? `watchlist ${list}` : `schedule ${flow}`;
      const own = parts.get(name) ?? [];
      own.push({ unit: id, flow: index, share: 1 / flows.length });
      parts.set(name, own);
    }
  }
  return parts;
}

/** The unit as the planner has it. */
function unitFrom(definition: UnitDefinition, { units, flows }: StoredPlan, dayMs: number): Unit {
  const { id, expectedCalls: expected, atMostEveryMs, atLeastEveryMs, dailyCalls } = definition;
  const stored = units.get(id);
  const calls = stored?.calls || expected;
  // A budget of its own stretches the time between its looks.
  const most = Math.max(atMostEveryMs, dailyCalls === undefined ? 0 : (dayMs * calls) / dailyCalls);
  return {
    id,
    calls,
    flows: definition.flows.map(({ flow, value }) => {
      const known = flows.get(flow);
      return { rate: known?.rate ?? newRate(), value, seenUntil: known?.seenUntil ?? null };
    }),
    atMostEveryMs: most,
    atLeastEveryMs: Math.max(atLeastEveryMs, most),
    lastLook: stored?.at ?? null,
    busy: stored?.busy ?? false,
  };
}

function scheduleSubject(
  { definition, paused, anchor }: ScheduleRecord,
  runs: number,
  known: Known,
): PlanSubject {
  const { name, auto } = definition;
  const isDone = isOver({ definition, paused, anchor, source: 'code' }, runs, known.now);
  const state = isDone ? 'done' : paused ? 'paused' : 'active';
  return {
    ...described(definition),
    state,
    assumed: auto !== undefined && !isLearned(known.learned.flows.get(name)),
    measured: measuredOf([name], [unitOf(name)], known),
    parts: state === 'active' ? (known.parts.get(`schedule ${name}`) ?? []) : [],
    ...(state === 'active' && auto === undefined && { fixed: fixedPace(definition, known) }),
  };
}

function described(definition: Definition): Pick<PlanSubject, 'name' | 'kind' | 'timing' | 'what' | 'when'> {
  const { name, cron, every, request } = definition;
  const timing = cron !== undefined ? 'cron' : every !== undefined ? 'every' : 'auto';
  return { name, kind: 'schedule', timing, what: searchTitle(request), when: describeTiming(definition) };
}

function fixedPace({ name, cron, every = 0, request }: Definition, known: Known): FixedPace {
  const { learned, now, dayMs } = known;
  const { rate, meanWait } =
    cron === undefined ? { rate: 1 / (every * 1000), meanWait: every * 500 } : cachedPace(cron, now, known);
  const flow = learned.flows.get(name);
  return {
    looksPerDay: rate * dayMs,
    callsPerLook: learned.units.get(unitOf(name))?.calls || expectedCalls(request),
    meanWaitMs: meanWait,
    changesPerDay: isLearned(flow) ? changesPerDay(flow.rate, learned.rhythm) : null,
  };
}

function cachedPace(cron: string, now: number, { paces }: Known): Pace {
  const pace = paces.get(cron) ?? paceOf(cron, now);
  paces.set(cron, pace);
  return pace;
}

function watchlistSubject({ name, state, entries, ...list }: WatchlistReport, known: Known): PlanSubject {
  const parts = known.parts.get(`watchlist ${name}`) ?? [];
  const units = parts.map(({ unit }) => unit);
  const flows = known.definitions
    .filter(({ id }) => units.includes(id))
    .flatMap((definition) => definition.flows.map(({ flow }) => flow));
  return {
    ...describedList({ name, listings: entries, ...list }),
    state,
    assumed: !flows.some((flow) => isLearned(known.learned.flows.get(flow))),
    measured: measuredOf(flows, units, known),
    parts: state === 'active' ? parts : [],
  };
}

function describedList({
  name,
  listings,
  atLeastEvery,
}: Pick<PlannedWatchlist, 'name' | 'listings' | 'atLeastEvery'>) {
  const what = `${listings.toLocaleString('en-US')} ${listings === 1 ? 'listing' : 'listings'}`;
  const when = describeTiming({ auto: { atLeastEvery, value: 1 } });
  return { name, kind: 'watchlist', timing: 'auto', what, when } as const;
}

function isLearned(flow: StoredFlow | undefined): flow is StoredFlow {
  return flow !== undefined && flow.rate.runs.length > 0;
}

/** What was measured of flows, and of the calls of units. */
function measuredOf(
  names: readonly string[],
  units: readonly string[],
  { learned, now, dayMs }: Known,
): PlanEntry['measured'] {
  const made = units.map((id) => learned.units.get(id)?.made ?? NO_CALLS).filter(({ since }) => since > 0);
  const calls = made.map((each) => callsADay(each, now, dayMs)).filter((each) => each !== null);
  if (calls.length === 0) return null;
  const flows = names.map((name) => learned.flows.get(name)).filter(isLearned);
  const [count, ms] = [sum(flows, ({ delay }) => delay.count), sum(flows, ({ delay }) => delay.ms)];
  return {
    delay: count > 0 ? rounded(ms / count / 1000) : null,
    changes: Math.round(count),
    found: flows.length === 0 ? null : Math.round(sum(flows, ({ rate }) => longestRun(rate))),
    callsPerDay: rounded(sum(calls, (each) => each)),
    since: new Date(Math.min(...made.map(({ since }) => since))).toISOString(),
  };
}

/** Changes of the rate that is known longest: others begin where a rate has jumped. */
function longestRun({ runs }: ChangeRate): number {
  return [...runs].sort((one, other) => other[2] - one[2])[0]?.[1] ?? 0;
}

/** Calls of a listing in a look where no watchlist has been measured: sellers with several listings share a search. */
const CALLS_PER_LISTING = 0.1;

/** As subjects with units of their own, with the rates of what is there already where they have no history. */
function additionsOf(
  { schedules, watchlists }: Additions,
  lists: readonly WatchlistReport[],
  known: Known,
): NonNullable<WhatIf['add']> {
  const { learned, minIntervalMs } = known;
  const ofSchedules = [...learned.flows].filter(([name]) => known.parts.has(`schedule ${name}`));
  const typical = medianRate(
    ofSchedules.map(([, flow]) => flow),
    learned.rhythm,
  );
  const units: Unit[] = [];
  const subjects: PlanSubject[] = [];
  for (const definition of schedules) {
    const { name, auto, request, dailyCalls } = definition;
    const own = learned.flows.get(name);
    const common = {
      ...described(definition),
      state: 'active',
      measured: null,
      assumed: auto !== undefined && !isLearned(own),
    } as const;
    if (auto === undefined) {
      subjects.push({ ...common, parts: [], fixed: fixedPace(definition, known) });
      continue;
    }
    const atMostEveryMs = Math.max(minIntervalMs, (auto.atMostEvery ?? 0) * 1000);
    const added: UnitDefinition = {
      id: unitOf(name),
      flows: [{ flow: name, value: auto.value }],
      expectedCalls: expectedCalls(request),
      atMostEveryMs,
      atLeastEveryMs: Math.max(atMostEveryMs, auto.atLeastEvery * 1000),
      dailyCalls,
    };
    units.push(withRate(unitFrom(added, learned, known.dayMs), isLearned(own) ? own.rate : typical));
    subjects.push({ ...common, parts: [{ unit: added.id, flow: 0, share: 1 }] });
  }
  const [watched, calls] = [
    sum(lists, ({ entries }) => entries),
    sum(lists, ({ callsPerLook }) => callsPerLook),
  ];
  const perListing = watched > 0 && calls > 0 ? calls / watched : CALLS_PER_LISTING;
  const changes = lists.map((list) =>
    sum(known.parts.get(`watchlist ${list.name}`) ?? [], ({ unit }) => changesOf(unit, known)),
  );
  for (const list of watchlists) {
    const { name, listings, atLeastEvery, atMostEvery, value, quantity, dailyCalls } = list;
    const added: UnitDefinition = {
      id: watchUnit(name, 'all'),
      flows: [{ flow: watchUnit(name, 'all'), value }],
      expectedCalls: quantity ? listings : Math.max(1, listings * perListing),
      atMostEveryMs: atMostEvery * 1000,
      atLeastEveryMs: atLeastEvery * 1000,
      dailyCalls,
    };
    const perDay = watched > 0 ? (sum(changes, (each) => each) / watched) * listings : undefined;
    const rate = perDay === undefined ? typical : scaled(typical, perDay, learned.rhythm);
    units.push(withRate(unitFrom(added, learned, known.dayMs), rate));
    subjects.push({
      ...describedList(list),
      state: 'active',
      measured: null,
      assumed: true,
      parts: [{ unit: added.id, flow: 0, share: 1 }],
    });
  }
  return { units, subjects };
}

function changesOf(unit: string, { definitions, learned }: Known): number {
  const flows = definitions.find(({ id }) => id === unit)?.flows ?? [];
  return sum(flows, ({ flow }) => changesPerDay(learned.flows.get(flow)?.rate ?? newRate(), learned.rhythm));
}

function withRate(unit: Unit, rate: ChangeRate): Unit {
  return { ...unit, flows: unit.flows.map((flow) => ({ ...flow, rate })) };
}

/** Of those that have been looked at; the planner’s own guess where there is none. */
function medianRate(flows: readonly StoredFlow[], rhythm: Rhythm): ChangeRate {
  const known = flows
    .filter(isLearned)
    .map(({ rate }) => rate)
    .sort((one, other) => changesPerDay(one, rhythm) - changesPerDay(other, rhythm));
  return known[Math.floor((known.length - 1) / 2)] ?? newRate();
}

/** A rate as uncertain as another one, with another mean. */
function scaled(rate: ChangeRate, perDay: number, rhythm: Rhythm): ChangeRate {
  const factor = perDay / Math.max(changesPerDay(rate, rhythm), 1e-9);
  return { v: 1, runs: rate.runs.map(([p, changes, days]) => [p, changes * factor, days] as const) };
}

function sum<T>(list: readonly T[], of: (each: T) => number): number {
  return list.reduce((total, each) => total + of(each), 0);
}

/** Four digits. */
function rounded(value: number): number {
  return Number(value.toPrecision(4));
}
