import { countText } from '../../product/inWords.ts';
import type { PlanEntry, PlanReport, PlanWarning } from '../../product/planReport.ts';
import { changesPerDay, type Rhythm } from './changeRate.ts';
import { type Execution, predict, type UnitForecast } from './planner.ts';
import type { Unit } from './unit.ts';

/** A schedule or watchlist as the report begins with it: what it is, and what is known of it. */
export interface PlanSubject
  extends Pick<PlanEntry, 'name' | 'kind' | 'timing' | 'what' | 'when' | 'state' | 'measured'> {
  /** Whether nothing is known of how often it changes: it is taken to do so as often as the others. */
  readonly assumed?: boolean;
  /** Of a schedule with cron or every that is active. */
  readonly fixed?: FixedPace;
  /** Of an auto schedule or a watchlist that is active: the flows that it consists of. */
  readonly parts: readonly PlanPart[];
}

/** Runs that the clock alone decides on. */
export interface FixedPace {
  readonly looksPerDay: number;
  readonly callsPerLook: number;
  /** From a moment of the day to the next run, on average, ms. */
  readonly meanWaitMs: number;
  /** Changes a day as measured; null where nothing is known. */
  readonly changesPerDay: number | null;
}

export interface PlanPart {
  readonly unit: string;
  /** Index of the flow in the unit. */
  readonly flow: number;
  /** Part of the unit's calls that is made for it: a shared call serves several schedules. */
  readonly share: number;
}

/** Everything that a report follows from. */
export interface PlanState {
  /** ms since the epoch, by Redis's clock. */
  readonly now: number;
  /** Length of the planner's day, ms: PLAN_DAY. */
  readonly dayMs: number;
  /** Calls of eBay's day. */
  readonly quota: { readonly limit: number; readonly used: number; readonly reset: number };
  /** Part of the day's calls that scheduled searches may use up to. */
  readonly scheduledShare: number;
  /** The tenant's budget, calls a day; 0 or undefined: none. */
  readonly tenantCalls?: number | undefined;
  /** Most calls of the plan in one of its days; 0: no other limit than the day's. */
  readonly dailyCalls: number;
  /** How looks are carried out. */
  readonly execution?: Execution | undefined;
  readonly rhythm: Rhythm;
  readonly units: readonly Unit[];
  readonly subjects: readonly PlanSubject[];
}

/** What else the report says. */
export interface WhatIf {
  /** Another daily limit. */
  calls?: number | undefined;
  /** What would be added. One with the name of an existing one takes its place. */
  add?: { units: readonly Unit[]; subjects: readonly PlanSubject[] } | undefined;
}

/** eBay's index, as two programs of others report it. */
const INDEX_LAG =
  'eBay’s search itself shows a change 10 to 15 minutes late, as others report: that is not included';

/** The plan of a tenant. A pure function: the same state gives the same report. */
export function planReport(state: PlanState, { calls, add }: WhatIf = {}): PlanReport {
  const now = outlook(state);
  const { quota, scheduledShare } = state;
  return {
    at: new Date(state.now).toISOString(),
    totals: {
      limit: quota.limit,
      scheduled: scheduledCalls(state),
      interactive: quota.limit - Math.floor(quota.limit * scheduledShare),
      fixed: tidy(now.fixed),
      auto: tidy(now.capacity),
      guaranteed: tidy(now.guaranteed),
      planned: tidy(plannedCalls(now.entries)),
      used: quota.used,
      reset: new Date(quota.reset).toISOString(),
      meanDelay: seconds(now.meanDelay()),
    },
    entries: now.entries,
    warnings: warningsOf(state, now),
    drop: candidates(state, now),
    ...(calls !== undefined && { calls: otherLimit(state, now, calls) }),
    ...(add !== undefined && { add: addition(state, now, add) }),
  };
}

type Outlook = ReturnType<typeof outlook>;

/** Calls a day that scheduled searches may use. */
function scheduledCalls({ quota, scheduledShare, tenantCalls = 0 }: PlanState, limit = quota.limit): number {
  const share = Math.floor(limit * scheduledShare);
  return tenantCalls > 0 ? Math.min(share, tenantCalls) : share;
}

/** What is expected, before it is written down. @param limit calls of a day */
function outlook(state: PlanState, limit = state.quota.limit) {
  const { subjects, dayMs, dailyCalls, rhythm, execution } = state;
  const wanted = new Set(subjects.flatMap(({ parts }) => parts.map(({ unit }) => unit)));
  const units = state.units.filter(({ id }) => wanted.has(id));
  const fixed = sum(subjects, ({ fixed: pace }) => (pace ? pace.looksPerDay * pace.callsPerLook : 0));
  // Where the planner's day is shorter than eBay's, PLAN_DAILY_CALLS is its limit, and eBay's is out of reach.
  const left = scheduledCalls(state, limit) - fixed;
  const capacity = Math.max(0, Math.min(left, dailyCalls > 0 ? dailyCalls : Number.POSITIVE_INFINITY));
  const predicted = predict(units, rhythm, capacity, dayMs, execution);
  const byUnit = new Map(predicted.units.map((each) => [each.unit, each]));
  const unitOf = new Map(units.map((unit) => [unit.id, unit]));
  const expected = subjects.map((subject) => ({
    subject,
    parts: subject.parts.flatMap(({ unit: id, flow: index, share }): ExpectedPart[] => {
      const [unit, prediction] = [unitOf.get(id), byUnit.get(id)];
      const flow = unit?.flows[index];
      if (unit === undefined || prediction === undefined || flow === undefined) return [];
      const changes = changesPerDay(flow.rate, rhythm);
      return [{ unit, prediction, share, changes, value: flow.value }];
    }),
  }));
  return {
    units,
    fixed,
    capacity,
    left: Math.max(0, left),
    feasible: predicted.feasible,
    guaranteed: predicted.guaranteedCallsPerDay,
    entries: expected.map(({ subject, parts }) =>
      entryOf(subject, parts, { feasible: predicted.feasible, dayMs }),
    ),
    /** ms; null without anything that is planned. @param among default: all of them */
    meanDelay: (among: (subject: PlanSubject) => boolean = () => true) =>
      meanOf(
        expected.flatMap(({ subject, parts }) => (among(subject) ? parts : [])),
        ({ delayMs }) => delayMs,
      ),
  };
}

/** One flow of a subject, with what is expected of its unit. */
interface ExpectedPart {
  unit: Unit;
  prediction: UnitForecast;
  /** Part of the unit's calls that is made for it. */
  share: number;
  /** A day. */
  changes: number;
  value: number;
}

/** Weighted by changes and value; where no change is expected at all, each flow counts the same. */
function meanOf(parts: readonly ExpectedPart[], of: (prediction: UnitForecast) => number): number | null {
  if (parts.length === 0) return null;
  const weight = sum(parts, ({ changes, value }) => changes * value);
  if (weight <= 0) return sum(parts, ({ prediction }) => of(prediction)) / parts.length;
  return sum(parts, ({ changes, value, prediction }) => changes * value * of(prediction)) / weight;
}

function entryOf(
  subject: PlanSubject,
  parts: readonly ExpectedPart[],
  { feasible, dayMs }: { feasible: boolean; dayMs: number },
): PlanEntry {
  const { name, kind, timing, what, when, state, measured, assumed = false, fixed } = subject;
  const common = { name, kind, timing, what, when, state, assumed, measured };
  if (fixed !== undefined) {
    // Where the clock decides nothing about the delay is uncertain.
    const delay = fixed.meanWaitMs / 1000;
    return {
      ...common,
      value: 1,
      callsPerDay: tidy(fixed.looksPerDay * fixed.callsPerLook),
      looksPerDay: tidy(fixed.looksPerDay),
      callsPerLook: tidy(fixed.callsPerLook),
      changesPerDay: fixed.changesPerDay === null ? null : tidy(fixed.changesPerDay),
      delay: { expected: tidy(delay), low: tidy(delay), high: tidy(delay) },
      guarantee: null,
      limitedBy: null,
    };
  }
  const looks = (of: (part: ExpectedPart) => number) => sum(parts, of) / Math.max(1, parts.length);
  const looksPerDay = looks(({ prediction }) => prediction.looksPerDay);
  const delay = meanOf(parts, ({ delayMs }) => delayMs);
  const mostLooks = looks(({ unit }) => dayMs / unit.atMostEveryMs);
  const leastLooks = looks(({ unit }) => dayMs / unit.atLeastEveryMs);
  const needed = sum(parts, ({ unit, share }) => (unit.calls * share * dayMs) / unit.atLeastEveryMs);
  return {
    ...common,
    value: tidy(Math.max(0, ...parts.map(({ value }) => value)) || 1),
    callsPerDay: tidy(sum(parts, ({ prediction, share }) => prediction.callsPerDay * share)),
    looksPerDay: tidy(looksPerDay),
    callsPerLook: tidy(sum(parts, ({ unit, share }) => unit.calls * share)),
    changesPerDay: parts.length === 0 ? null : tidy(sum(parts, ({ changes }) => changes)),
    delay:
      delay === null
        ? null
        : {
            expected: tidy(delay / 1000),
            low: tidy((meanOf(parts, ({ lowMs }) => lowMs) ?? delay) / 1000),
            high: tidy((meanOf(parts, ({ highMs }) => highMs) ?? delay) / 1000),
          },
    guarantee:
      parts.length === 0
        ? null
        : {
            every: Math.max(...parts.map(({ unit }) => unit.atLeastEveryMs)) / 1000,
            callsPerDay: tidy(needed),
            fits: feasible,
          },
    limitedBy:
      parts.length === 0
        ? null
        : looksPerDay >= 0.95 * mostLooks
          ? 'atMostEvery'
          : looksPerDay <= 1.05 * leastLooks
            ? 'atLeastEvery'
            : null,
  };
}

/** Days without any change after which a schedule is named. */
const SILENT_DAYS = 3;

function warningsOf({ subjects, units, dayMs, now, dailyCalls }: PlanState, outlook: Outlook): PlanWarning[] {
  const { entries, fixed, left, guaranteed, capacity, feasible } = outlook;
  const warnings: PlanWarning[] = [];
  const warn = (code: PlanWarning['code'], names: string[], message: string) =>
    warnings.push({ code, names, message });
  const planned = entries.filter(isPlanned);
  if (fixed > 0 && left === 0)
    warn(
      'fixed-do-not-fit',
      byCost(entries.filter(({ timing, state }) => timing !== 'auto' && state === 'active')),
      'at fixed times they need more calls than there are for watching: look less often, or let the looks be automatic',
    );
  if (!feasible) {
    const broken = planned.filter(({ guarantee }) => guarantee?.fits === false);
    const need = countText(Math.max(1, Math.round(guaranteed)), 'call');
    const left = Math.round(capacity);
    const names = [...broken].sort((one, other) => guaranteedCalls(other) - guaranteedCalls(one));
    warn(
      'guarantees-do-not-fit',
      names.map(({ name }) => name),
      `their guaranteed looks need ${need} a day, and ${count(left)} ${left === 1 ? 'is' : 'are'} left for them: allow more time between two looks, first where most calls are needed, or watch fewer`,
    );
  }
  const silent = entries.filter(({ state, measured }) => {
    if (state !== 'active' || measured === null || measured.found !== 0) return false;
    return now - Date.parse(measured.since) >= SILENT_DAYS * dayMs && measured.callsPerDay > 0;
  });
  if (silent.length > 0)
    warn(
      'finds-nothing',
      byCost(silent),
      `no change in ${SILENT_DAYS} days or more: check what they look for, look less often, or remove them`,
    );
  const bound = planned.filter(({ limitedBy, assumed }) => limitedBy === 'atMostEvery' && !assumed);
  if (bound.length > 0)
    warn(
      'bound-by-at-most-every',
      byCost(bound),
      'they are looked at as often as their shortest time between two looks allows: a shorter one would find changes sooner',
    );
  if (dailyCalls > 0 && left > dailyCalls && planned.some(({ limitedBy }) => limitedBy !== 'atMostEvery'))
    warn(
      'daily-calls-of-plan',
      [],
      `the operator allows automatic looks ${count(dailyCalls)} calls a day (PLAN_DAILY_CALLS), of ${count(left)} that are left for them`,
    );
  if (units.length === 0 || !subjects.some(({ parts }) => parts.length > 0))
    warn('nothing-to-plan', [], 'no search is looked at automatically, and no watchlist is active');
  if (entries.length > 0) warn('index-lag', [], INDEX_LAG);
  return warnings;
}

/** Active auto schedules and watchlists. */
function isPlanned({ timing, state }: PlanEntry): boolean {
  return timing === 'auto' && state === 'active';
}

function plannedCalls(entries: readonly PlanEntry[]): number {
  return sum(entries.filter(isPlanned), ({ callsPerDay }) => callsPerDay);
}

function guaranteedCalls({ guarantee }: PlanEntry): number {
  return guarantee?.callsPerDay ?? 0;
}

/** Names, the one with most calls a day first. */
function byCost(entries: readonly PlanEntry[]): string[] {
  return [...entries].sort((one, other) => other.callsPerDay - one.callsPerDay).map(({ name }) => name);
}

const MOST_CANDIDATES = 3;

/** Part of the calls that is planned where they are short: what is left of them is rounding. */
const ALL_PLANNED = 0.97;

/** What finds least value with a call, where calls are short. One whose changes are not known yet is no candidate. */
function candidates(state: PlanState, now: Outlook): PlanReport['drop'] {
  if (plannedCalls(now.entries) < ALL_PLANNED * now.capacity) return [];
  return now.entries
    .flatMap((entry, index) => {
      const { changesPerDay: changes, callsPerDay, assumed, value } = entry;
      if (changes === null || callsPerDay <= 0 || assumed || !isLearned(state, index)) return [];
      return [{ entry, index, valuePerCall: (value * changes) / callsPerDay }];
    })
    .sort((one, other) => one.valuePerCall - other.valuePerCall)
    .slice(0, MOST_CANDIDATES)
    .map(({ entry: { name, kind, callsPerDay }, index, valuePerCall }) => {
      const others = (subject: PlanSubject) => subject !== state.subjects[index];
      const without = outlook({ ...state, subjects: state.subjects.filter(others) });
      const shift = { before: seconds(now.meanDelay(others)), after: seconds(without.meanDelay()) };
      return { name, kind, callsPerDay, valuePerCall: tidy(valuePerCall), others: shift };
    });
}

/** Whether it has been looked at. */
function isLearned({ subjects, units }: PlanState, index: number): boolean {
  const { fixed, parts } = subjects[index] as PlanSubject;
  if (fixed !== undefined) return fixed.changesPerDay !== null;
  const own = new Set(parts.map(({ unit }) => unit));
  return units.some(({ id, lastLook }) => own.has(id) && lastLook !== null);
}

function otherLimit(state: PlanState, now: Outlook, limit: number): PlanReport['calls'] {
  const then = outlook(state, limit);
  return {
    limit,
    auto: tidy(then.capacity),
    meanDelay: { before: seconds(now.meanDelay()), after: seconds(then.meanDelay()) },
    entries: shiftsOf(now.entries, then.entries),
  };
}

function addition(state: PlanState, now: Outlook, add: NonNullable<WhatIf['add']>): PlanReport['add'] {
  const isSame = (one: PlanSubject, other: PlanSubject) => one.name === other.name && one.kind === other.kind;
  const rest = (subject: PlanSubject) => !add.subjects.some((each) => isSame(each, subject));
  const ids = new Set(add.units.map(({ id }) => id));
  const subjects = [...state.subjects.filter(rest), ...add.subjects];
  const units = [...state.units.filter(({ id }) => !ids.has(id)), ...add.units];
  const then = outlook({ ...state, subjects, units });
  const count = subjects.length - add.subjects.length;
  const added = then.entries.slice(count);
  return {
    added,
    callsPerDay: tidy(sum(added, ({ callsPerDay }) => callsPerDay)),
    fits: then.feasible && (then.left > 0 || then.fixed === 0),
    meanDelay: { before: seconds(now.meanDelay(rest)), after: seconds(then.meanDelay(rest)) },
    entries: shiftsOf(now.entries, then.entries.slice(0, count)),
  };
}

/** Of the planned ones, those that change most first. */
function shiftsOf(before: readonly PlanEntry[], after: readonly PlanEntry[]): Shifts {
  const former = new Map(before.map((entry) => [`${entry.kind} ${entry.name}`, entry]));
  const change = ({ delay }: Shifts[number]) => Math.abs((delay.after ?? 0) - (delay.before ?? 0));
  return after
    .filter(isPlanned)
    .map(({ name, kind, delay }) => ({
      name,
      kind,
      delay: {
        before: former.get(`${kind} ${name}`)?.delay?.expected ?? null,
        after: delay?.expected ?? null,
      },
    }))
    .sort((one, other) => change(other) - change(one));
}

type Shifts = NonNullable<PlanReport['calls']>['entries'];

function sum<T>(list: readonly T[], of: (each: T) => number): number {
  return list.reduce((total, each) => total + of(each), 0);
}

/** `4,488`. */
function count(calls: number): string {
  return Math.round(calls).toLocaleString('en-US');
}

/** Four digits: nothing here is known better. */
function tidy(value: number): number {
  return Number(value.toPrecision(4));
}

function seconds(ms: number | null): number | null {
  return ms === null ? null : tidy(ms / 1000);
}
