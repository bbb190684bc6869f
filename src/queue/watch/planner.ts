import type { Rhythm } from './changeRate.ts';
import type { Unit } from './unit.ts';

/** What may be spent. */
export interface Budget {
  /** Calls that are left for looks until `until`; Infinity: no limit. */
  readonly calls: number;
  /** When the budget is renewed, ms since the epoch. */
  readonly until: number;
}

export interface Choice {
  /** Ids of the units whose look is to begin now, the most urgent first. */
  readonly looks: readonly string[];
  /** Worth that a call must have now: expected delay that it ends, in ms times value. */
  readonly price: number;
  /** False: the calls do not suffice for the guarantees alone. */
  readonly feasible: boolean;
}

/**
 * Which looks begin now.
 * @param dayMs length of a day, ms
 */
export function choose(
  units: readonly Unit[],
  rhythm: Rhythm,
  budget: Budget,
  now: number,
  dayMs: number,
): Choice {
  throw new Error(`not there yet ${units.length} ${rhythm.v} ${budget.calls} ${now} ${dayMs}`);
}

export interface UnitForecast {
  readonly unit: string;
  readonly callsPerDay: number;
  readonly looksPerDay: number;
  /** Expected time from a change to the look that shows it, ms; mean over all changes of the unit. */
  readonly delayMs: number;
  /** 90 % interval of `delayMs`, by what is not yet known of the rates. */
  readonly lowMs: number;
  readonly highMs: number;
}

export interface Forecast {
  readonly units: readonly UnitForecast[];
  /** Worth of a call, as in `choose`; mean over the days. */
  readonly price: number;
  readonly callsPerDay: number;
  /** False: the calls do not suffice for the guarantees alone: all their intervals are stretched by the same factor. */
  readonly feasible: boolean;
  /** Calls a day that the guarantees need. */
  readonly guaranteedCallsPerDay: number;
}

/** How the looks of the planner are carried out. */
export interface Execution {
  /** Mean time from the decision on a look until its answer is there, ms; 0 by default. */
  readonly latencyMs?: number;
  /** Time between two decisions, ms; 0 by default. */
  readonly tickMs?: number;
}

/** What a number of calls a day gives: calls, looks and the delay of every unit. A what-if: nothing of the past counts but the rates. */
export function predict(
  units: readonly Unit[],
  rhythm: Rhythm,
  callsPerDay: number,
  dayMs: number,
  execution: Execution = {},
): Forecast {
  throw new Error(`not there yet ${units.length} ${rhythm.v} ${callsPerDay} ${dayMs} ${execution.latencyMs}`);
}
