import type { GateState } from '../../ebay/gate/gate.ts';
import type { Logger } from '../../telemetry/logger.ts';
import type { FleetMetrics } from '../../telemetry/metrics.ts';
import { learn, newRate, type Rhythm } from './changeRate.ts';
import { choose, EARLY, predict } from './planner.ts';
import {
  NO_CALLS,
  NO_DELAY,
  type PlanStore,
  type SpentCalls,
  type StoredFlow,
  type StoredPlan,
  type StoredUnit,
  withCalls,
  withDelays,
} from './planStore.ts';
import type { Look, LookReport, LookSource, Unit, UnitDefinition } from './unit.ts';

interface PlanDutyOptions {
  store: PlanStore;
  sources: readonly LookSource[];
  /** Calls that schedules with times of their own make until then. */
  fixedCalls: (from: number, until: number, callsOf: (schedule: string) => number | undefined) => number;
  gate: { read(): Promise<GateState> };
  /** Rejects while the queue or Redis's memory is full. */
  admit: () => Promise<void>;
  /** Redis's time, ms since the epoch. */
  now: () => Promise<number>;
  /** As they are now: part of the day's calls that scheduled searches may use up to; most calls of a day of the planner, 0 for no other limit. */
  limits: () => { scheduledShare: number; dailyCalls: number };
  /** Length of the planner's day, ms. */
  dayMs: number;
  /** Time between two rounds, ms. */
  intervalMs: number;
  metrics: ReturnType<FleetMetrics['plan']>;
  log: Pick<Logger, 'info' | 'warn' | 'debug'>;
}

/** What there is to plan is read again after so many rounds, also where nobody said that it changed. */
const REREAD_ROUNDS = 10;
/** A look is asked for so many rounds after it began, and again: it may be lost. */
const CHECK_ROUNDS = 30;
/** A look whose jobs vanish is begun again so often. */
const MOST_AGAIN = 3;
const UNITS_PER_ROUND = 250;
/** Rounds between two forecasts: they are for people, and for what reports of schedules call the next run. */
const FORECAST_ROUNDS = 60;
/** State of what is not planned any more is kept for so many days of the planner: a paused schedule knows its rates. */
const KEPT_DAYS = 30;
/** Looks are decided on when the pace allows their calls within this time, ms, and at least so many: the others may be worth more then. */
const AHEAD_MS = 20_000;
const LEAST_AHEAD = 10;
/** A look that is under way for more rounds than these waits for something else than the pace, and keeps no other from beginning. */
const AHEAD_ROUNDS = 300;
/** A mean over about so many looks. */
const MEAN_OF = 10;
/** A look after failed ones waits for at most so many doublings of its least time. */
const MOST_DOUBLINGS = 10;

interface Defined {
  readonly definition: UnitDefinition;
  readonly source: LookSource;
}

/** What this process knows while it plans. */
interface Known {
  version: string;
  rhythm: Rhythm;
  spent: SpentCalls;
  units: Map<string, StoredUnit>;
  flows: Map<string, StoredFlow>;
}

/** What a round changes. */
interface Draft {
  rhythm: Rhythm | undefined;
  spent: SpentCalls | undefined;
  units: Map<string, StoredUnit | null>;
  flows: Map<string, StoredFlow | null>;
}

/**
 * Plans the looks of a tenant, a round at a time: takes the reports, learns, decides, claims, begins. One process does so at a
 * time. Where two overlap, or one stops between two steps, a look is neither doubled nor forgotten: the state changes from one
 * version to the next as a whole, a look is claimed before it begins, and one that is claimed and not under way is begun again.
 */
export class PlanDuty {
  readonly #options: PlanDutyOptions;
  #known: Known | undefined;
  #defined = new Map<string, Defined>();
  #round = 0;
  #readAt = Number.NEGATIVE_INFINITY;
  #forecastAt = Number.NEGATIVE_INFINITY;
  /** Id of a unit → the round in which its look is asked for. */
  readonly #checks = new Map<string, number>();
  /** Looks whose jobs have ended, or that have none; they are closed unless their report is there by the next round. */
  readonly #ended = new Map<string, { number: number; failed: 0 | 1 }>();
  /** Of the last forecast: id of a unit → expected time between two looks, and the mean delay of changes, ms. */
  #gaps = new Map<string, number>();
  #delayMs: number | undefined;

  constructor(options: PlanDutyOptions) {
    this.#options = options;
  }

  async round(signal: AbortSignal): Promise<void> {
    this.#round += 1;
    const { store } = this.#options;
    const { version, reports, taken, more } = await store.peek();
    const isKnown = this.#known?.version === version;
    if (!isKnown || this.#round - this.#readAt >= REREAD_ROUNDS) await this.#readAll(isKnown);
    const known = this.#known as Known;
    // Another process has changed the state since.
    if (known.version !== version) return;
    if (this.#defined.size === 0 && taken === 0) return;

    const now = await this.#options.now();
    const draft: Draft = { rhythm: undefined, spent: undefined, units: new Map(), flows: new Map() };
    for (const report of reports) this.#take(report, draft, now);
    if (!more) this.#closeEnded(draft);
    if (!isKnown) this.#forgetOld(draft, now);
    const again = await this.#lost(draft, now);
    const isTurn = this.#round % this.#roundsPerChoice === 0 || this.#hasDue(now);
    const chosen = isTurn && !signal.aborted ? await this.#choose(draft, now) : [];
    const begun = chosen.map((unit) => this.#claim(unit, draft, now));
    if (!(await this.#commit(draft, taken))) return;
    // Together: what is decided on begins soon, also where Redis is slow.
    await Promise.all([
      ...again.map((look) => this.#begin(look, true)),
      ...begun.map((look) => this.#begin(look, false)),
    ]);
  }

  /** A decision on many units costs more and is made less often: 1,000 of them together are looked at every 17 s (5,000 calls). */
  get #roundsPerChoice(): number {
    return Math.max(1, Math.ceil(this.#defined.size / UNITS_PER_ROUND));
  }

  /** Whether a guarantee wants a look now: that does not wait for the next turn. */
  #hasDue(now: number): boolean {
    for (const [id, { definition }] of this.#defined) {
      const unit = this.#known?.units.get(id);
      const lastLook = unit?.at ?? null;
      if (!unit?.busy && isDue({ lastLook, atLeastEveryMs: definition.atLeastEveryMs }, now)) return true;
    }
    return false;
  }

  async #readAll(isKnown: boolean): Promise<void> {
    const { store, sources } = this.#options;
    if (!isKnown) this.#known = copyOf(await store.load());
    const lists = await Promise.all(
      sources.map(async (source) => (await source.units()).map((definition) => ({ definition, source }))),
    );
    this.#defined = new Map();
    const planned = new Set<string>();
    for (const list of lists) {
      // A flow is planned once: with the first source that has it.
      const own = list.filter(({ definition }) => !definition.flows.every(({ flow }) => planned.has(flow)));
      for (const each of own) this.#defined.set(each.definition.id, each);
      for (const { flow } of own.flatMap(({ definition }) => definition.flows)) planned.add(flow);
    }
    this.#readAt = this.#round;
  }

  /** Learns from a report. One that was taken before, or of a look that was closed, says nothing more. */
  #take(report: LookReport, draft: Draft, now: number): void {
    const { unit: id, number, calls, complete } = report;
    const known = this.#known as Known;
    const unit = draft.units.get(id) ?? known.units.get(id) ?? NEVER;
    // A run that is no look has its time alone.
    const isNews = number === 0 ? report.at !== unit.made.at : unit.busy && unit.number === number;
    if (!isNews) return;
    this.#ended.delete(id);
    this.#checks.delete(id);
    const mean = unit.calls === null ? calls : unit.calls + (calls - unit.calls) / MEAN_OF;
    draft.units.set(id, {
      ...unit,
      ...(number !== 0 && { busy: false, again: 0, failed: complete ? 0 : unit.failed + 1 }),
      ...(unit.number === 0 && { at: report.at }),
      // One that was skipped, or answered by another search, says nothing of what a look costs.
      calls: complete && calls > 0 ? mean : unit.calls,
      gap: this.#gaps.get(id) ?? unit.gap,
      made: withCalls(unit.made, calls, report.at, this.#options.dayMs),
    });
    if (number !== 0) this.#spend(draft, report);
    if (complete) for (const flow of report.flows) this.#learn(flow, report.seenUntil, draft, now);
  }

  #learn(
    { flow: name, changes, times }: LookReport['flows'][number],
    seenUntil: number,
    draft: Draft,
    now: number,
  ): void {
    const { dayMs, metrics } = this.#options;
    const known = this.#known as Known;
    const flow = draft.flows.get(name) ??
      known.flows.get(name) ?? { rate: newRate(), seenUntil: null, delay: NO_DELAY };
    const { seenUntil: from } = flow;
    const to = Math.min(seenUntil, now);
    // Redis's clock was ahead then, and has been set right: that says nothing of how long it is ago.
    if (from === null || from > now) {
      draft.flows.set(name, { ...flow, seenUntil: to });
      return;
    }
    if (!(to > from)) return;
    const rhythm = draft.rhythm ?? known.rhythm;
    const within = times.filter((time) => time > from && time <= to);
    const learned = learn(flow.rate, rhythm, { from, to, changes, times: within }, dayMs);
    draft.rhythm = learned.rhythm;
    draft.flows.set(name, {
      rate: learned.rate,
      seenUntil: to,
      delay: withDelays(flow.delay, within, to, dayMs),
    });
    metrics.delays(within.map((time) => to - time));
  }

  #spend(draft: Draft, { calls }: LookReport): void {
    const spent = draft.spent ?? (this.#known as Known).spent;
    draft.spent = { ...spent, calls: spent.calls + calls };
  }

  /** A look whose jobs have ended without a report: a worker of an earlier release had it, or its job was removed. */
  #closeEnded(draft: Draft): void {
    for (const [id, { number, failed }] of this.#ended) {
      const unit = draft.units.get(id) ?? this.#known?.units.get(id);
      if (unit?.busy && unit.number === number) {
        draft.units.set(id, { ...unit, busy: false, again: 0, failed: unit.failed + failed });
        this.#options.log.debug('look ended without a report', { unit: id, look: number });
      }
    }
    this.#ended.clear();
  }

  /** Looks that were claimed and are not under way: their process stopped before it began them, or their jobs were lost. */
  async #lost(draft: Draft, now: number): Promise<Look[]> {
    const known = this.#known as Known;
    const again: Look[] = [];
    for (const [id, { source }] of this.#defined) {
      const unit = draft.units.get(id) ?? known.units.get(id);
      if (!unit?.busy || (this.#checks.get(id) ?? 0) > this.#round) continue;
      this.#checks.set(id, this.#round + CHECK_ROUNDS);
      const look = { unit: id, number: unit.number, at: unit.at };
      if (await source.isUnderWay(look)) continue;
      // A job ends after its report.
      if (await this.#isReported(look)) continue;
      if (unit.again >= MOST_AGAIN) this.#ended.set(id, { number: unit.number, failed: 1 });
      else {
        draft.units.set(id, { ...unit, again: unit.again + 1 });
        again.push(look);
        this.#options.log.info('look begun again', { unit: id, look: look.number, ms: now - look.at });
      }
    }
    return again;
  }

  async #isReported({ unit, number }: Look): Promise<boolean> {
    const { version, reports } = await this.#options.store.peek();
    const isThere = reports.some((report) => report.unit === unit && report.number === number);
    return isThere || version !== this.#known?.version;
  }

  /** The units whose look is to begin. */
  async #choose(draft: Draft, now: number): Promise<Unit[]> {
    const { gate, admit, dayMs, log, metrics } = this.#options;
    if (this.#defined.size === 0) return [];
    const known = this.#known as Known;
    const state = await gate.read();
    const units = [...this.#defined.values()].map(({ definition }) => this.#unitOf(definition, draft, now));
    const budget = this.#budget(state, units, draft, now);
    this.#forecast(units, (draft.spent ?? known.spent).calls + budget.calls);
    metrics.planned({ delayMs: this.#delayMs, calls: budget.calls });
    if (state.classes.scheduled !== undefined || budget.calls <= 0) return [];
    const { looks, feasible } = choose(units, draft.rhythm ?? known.rhythm, budget, now, dayMs);
    if (looks.length === 0) return [];
    if (!feasible) log.debug('calls do not suffice for the guarantees', { calls: budget.calls });
    const byId = new Map(units.map((unit) => [unit.id, unit]));
    const chosen = looks.flatMap((id) => byId.get(id) ?? []);
    const begun = this.#withinPace(chosen, units, state.intervalMs, now);
    if (begun.length === 0) return [];
    const isAdmitted = await admit().then(
      () => true,
      () => false,
    );
    if (!isAdmitted) return [];
    for (const { lastLook, atLeastEveryMs } of begun)
      if (lastLook !== null && now - lastLook > atLeastEveryMs + this.#graceMs) metrics.missed();
    return begun;
  }

  /**
   * Those that the pace allows soon, and all that a guarantee wants now. Looks of many calls have a room of their own: one may
   * take minutes, and the others do not wait for it.
   */
  #withinPace(chosen: readonly Unit[], units: readonly Unit[], paceMs: number, now: number): Unit[] {
    const ahead = Math.max(LEAST_AHEAD, AHEAD_MS / (paceMs > 0 ? paceMs : 10));
    const isLarge = ({ calls }: Unit) => calls > ahead / 2;
    const recent = now - AHEAD_ROUNDS * this.#options.intervalMs;
    const underWay = units.filter(({ busy, lastLook }) => busy && (lastLook ?? 0) > recent);
    const room = (large: boolean) => ahead - sumOf(underWay.filter((unit) => isLarge(unit) === large));
    const rooms = new Map([false, true].map((large) => [large, room(large)]));
    return chosen.filter((unit) => {
      const left = rooms.get(isLarge(unit)) ?? 0;
      const begins = isDue(unit, now) || left >= Math.min(unit.calls, ahead);
      // What finds no room is overtaken by none that is worth less.
      rooms.set(isLarge(unit), begins ? left - unit.calls : Math.min(left, 0));
      return begins;
    });
  }

  /** A round may be late by the life of the lease. */
  get #graceMs(): number {
    return 20 * this.#options.intervalMs;
  }

  #unitOf(definition: UnitDefinition, draft: Draft, now: number): Unit {
    const { id, flows, expectedCalls, atLeastEveryMs, dailyCalls } = definition;
    const { dayMs } = this.#options;
    const known = this.#known as Known;
    const stored = draft.units.get(id) ?? known.units.get(id) ?? NEVER;
    const calls = Math.max(0.1, stored.calls ?? expectedCalls);
    const doubled = definition.atMostEveryMs * 2 ** Math.min(stored.failed, MOST_DOUBLINGS);
    const atMostEveryMs = Math.max(
      // What keeps failing is asked for as often as its guarantee wants it.
      Math.min(doubled, Math.max(definition.atMostEveryMs, atLeastEveryMs)),
      dailyCalls === undefined ? 0 : (dayMs * calls) / dailyCalls,
    );
    const longestMs = Math.max(atLeastEveryMs, atMostEveryMs);
    return {
      id,
      flows: flows.map(({ flow, value }) => {
        const learned = draft.flows.get(flow) ?? known.flows.get(flow);
        const seenUntil = learned?.seenUntil ?? null;
        return { rate: learned?.rate ?? newRate(), value, seenUntil: seenUntil && Math.min(seenUntil, now) };
      }),
      calls,
      atMostEveryMs,
      atLeastEveryMs: longestMs,
      lastLook: stored.number === 0 ? null : stored.at > now ? now - longestMs : stored.at,
      busy: stored.busy,
    };
  }

  /** Calls for looks until the day ends: less what is used, what schedules by the clock need, and what is under way. */
  #budget({ limit, used, reset }: GateState, units: readonly Unit[], draft: Draft, now: number) {
    const { limits, dayMs, fixedCalls } = this.#options;
    const { scheduledShare, dailyCalls } = limits();
    const known = this.#known as Known;
    const isRealDay = dayMs >= REAL_DAY_MS;
    const dayEnd = isRealDay ? reset : (Math.floor(now / dayMs) + 1) * dayMs;
    const until = Math.min(reset, dayEnd);
    const since = dayEnd - dayMs;
    const spent = draft.spent ?? known.spent;
    // The reset moves by an hour twice a year.
    if (Math.abs(since - spent.since) > dayMs / 2) draft.spent = { since, calls: 0 };
    const today = draft.spent ?? known.spent;
    const callsOf = (schedule: string) => known.units.get(`schedule:${schedule}`)?.calls ?? undefined;
    const fixed = fixedCalls(now, until, callsOf);
    const underWay = sumOf(units.filter(({ busy }) => busy));
    const free = Math.floor(limit * scheduledShare) - used - fixed - underWay;
    const own = dailyCalls === 0 ? Number.POSITIVE_INFINITY : dailyCalls - today.calls - underWay;
    return { calls: Math.max(0, Math.min(free, own)), until };
  }

  /** How often each unit is likely to be looked at, and how long changes are likely to wait. @param perDay calls that there are */
  #forecast(units: readonly Unit[], perDay: number): void {
    if (this.#round - this.#forecastAt < FORECAST_ROUNDS) return;
    this.#forecastAt = this.#round;
    const { dayMs, intervalMs } = this.#options;
    const { rhythm } = this.#known as Known;
    const forecast = predict(units, rhythm, perDay, dayMs, {
      tickMs: intervalMs * this.#roundsPerChoice,
    });
    this.#gaps = new Map(forecast.units.map(({ unit, looksPerDay }) => [unit, dayMs / looksPerDay]));
    const mean = forecast.units.reduce((sum, each) => sum + each.delayMs, 0) / forecast.units.length;
    this.#delayMs = units.some(({ lastLook }) => lastLook !== null) ? mean : undefined;
  }

  #claim({ id }: Unit, draft: Draft, now: number): Look {
    const stored = draft.units.get(id) ?? this.#known?.units.get(id) ?? NEVER;
    const number = stored.number === 0 ? Math.floor(now / 1000) : stored.number + 1;
    draft.units.set(id, { ...stored, number, at: now, busy: true, again: 0 });
    return { unit: id, number, at: now };
  }

  /** Removes the state of what has not been planned for long. */
  #forgetOld(draft: Draft, now: number): void {
    const known = this.#known as Known;
    const before = now - KEPT_DAYS * this.#options.dayMs;
    const used = new Set(
      [...this.#defined.values()].flatMap(({ definition }) => definition.flows.map(({ flow }) => flow)),
    );
    for (const [id, { at }] of known.units)
      if (!this.#defined.has(id) && at < before && !draft.units.has(id)) draft.units.set(id, null);
    for (const [name, { seenUntil }] of known.flows)
      if (!used.has(name) && (seenUntil ?? 0) < before && !draft.flows.has(name)) draft.flows.set(name, null);
  }

  /** Whether the change was made: otherwise another process has changed the state, and nothing of this round counts. */
  async #commit({ rhythm, spent, units, flows }: Draft, taken: number): Promise<boolean> {
    const known = this.#known as Known;
    const isNothing = taken + units.size + flows.size === 0 && rhythm === undefined && spent === undefined;
    if (isNothing) return true;
    const version = await this.#options.store.commit(known.version, { rhythm, spent, units, flows, taken });
    if (version === undefined) {
      this.#known = undefined;
      return false;
    }
    known.version = version;
    known.rhythm = rhythm ?? known.rhythm;
    known.spent = spent ?? known.spent;
    putAll(known.units, units);
    putAll(known.flows, flows);
    return true;
  }

  /** @param isAgain its jobs may have ended meanwhile, and adding them again does nothing then */
  async #begin(look: Look, isAgain: boolean): Promise<void> {
    const { metrics, log } = this.#options;
    const source = this.#defined.get(look.unit)?.source;
    this.#checks.set(look.unit, this.#round + CHECK_ROUNDS);
    try {
      const result = await source?.begin(look);
      if (result === 'begun') {
        if (!isAgain) metrics.begun(look.unit.slice(0, look.unit.indexOf(':')));
        if (!isAgain || (await source?.isUnderWay(look))) return;
      }
      this.#ended.set(look.unit, { number: look.number, failed: result === 'begun' ? 1 : 0 });
    } catch (error) {
      // It stays claimed, and is begun again.
      this.#checks.set(look.unit, this.#round + 1);
      log.warn('look not begun', { unit: look.unit, look: look.number, reason: (error as Error).message });
    }
  }
}

const REAL_DAY_MS = 86_400_000;
const NEVER: StoredUnit = {
  number: 0,
  at: 0,
  busy: false,
  again: 0,
  calls: null,
  failed: 0,
  gap: null,
  made: NO_CALLS,
};

function copyOf({ version, rhythm, spent, units, flows }: StoredPlan): Known {
  return { version, rhythm, spent, units: new Map(units), flows: new Map(flows) };
}

function putAll<Value>(map: Map<string, Value>, changes: ReadonlyMap<string, Value | null>): void {
  for (const [key, value] of changes)
    if (value === null) map.delete(key);
    else map.set(key, value);
}

/** Whether the guarantee of a unit wants a look now. */
function isDue(
  { lastLook, atLeastEveryMs }: Pick<Unit, 'lastLook' | 'atLeastEveryMs'>,
  now: number,
): boolean {
  // A clock that was ahead, and has been set right, says nothing of when that was.
  return lastLook !== null && (lastLook > now || now - lastLook >= atLeastEveryMs * (1 - EARLY));
}

function sumOf(units: readonly Unit[]): number {
  return units.reduce((sum, { calls }) => sum + calls, 0);
}
