import type { ChangeRate } from './changeRate.ts';

/**
 * The planner's terms. A unit is what is looked at again and again with the same calls: an `auto` schedule, a group of
 * listings of a watchlist, or several schedules whose searches share a call. A look is one round of its calls.
 */

/** One flow of changes that a look at a unit shows. Most units have one; a shared call has one for each schedule. */
export interface Flow {
  /** What is known of how often something changes, and when. */
  readonly rate: ChangeRate;
  /** How much one change is worth relative to those of other flows; 1 by default. */
  readonly value: number;
  /** Until when changes have been seen, ms since the epoch; null before the first look. */
  readonly seenUntil: number | null;
}

/** What the planner must know of a unit to decide on its next look. */
export interface Unit {
  /** Unique within the tenant: `schedule:NAME`, `watch:NAME:GROUP` or `shared:HASH`. */
  readonly id: string;
  readonly flows: readonly Flow[];
  /** Calls that a look costs on average; more than 0. */
  readonly calls: number;
  /** Least time between the beginnings of two looks, ms. */
  readonly atMostEveryMs: number;
  /** Longest time between the beginnings of two looks, ms: the guarantee. */
  readonly atLeastEveryMs: number;
  /** When the last look began, ms since the epoch; null before the first. */
  readonly lastLook: number | null;
  /** A look is under way: no other one begins. */
  readonly busy: boolean;
}

/** A look that is to begin. The same look may be begun twice, by two planners or after a crash: it is one all the same. */
export interface Look {
  readonly unit: string;
  /**
   * Consecutive for each unit. The first is the clock's second in which it was decided on: a unit that is added again, or whose
   * state Redis has lost, has no number twice.
   */
  readonly number: number;
  /** When it was decided on, ms since the epoch by Redis's clock. */
  readonly at: number;
}

/** What a look that has ended says about one flow. */
export interface FlowReport {
  /** Name of the schedule, or of the group: what is learned is kept by it. */
  readonly flow: string;
  /** Changes since the look before; null where there was nothing to compare with. */
  readonly changes: number | null;
  /** When changes happened, ms since the epoch, for those whose time is known: at most 200, the latest ones. */
  readonly times: readonly number[];
}

/** How a look ended. */
export interface LookReport extends Look {
  /** Calls to eBay that it made, failed ones included. */
  readonly calls: number;
  /** When eBay was asked first, ms since the epoch: what happened later is for the next look. */
  readonly seenUntil: number;
  /** False: it failed, or was cancelled, and says nothing about changes. One that was skipped has failed at nothing. */
  readonly complete: boolean;
  /** Those that were compared with what was known before. */
  readonly flows: readonly FlowReport[];
}

/** A kind of unit: says which there are and begins looks at them. */
export interface LookSource {
  /** Units of this kind as they are defined now; what is learned about them is kept by the planner. */
  units(): Promise<UnitDefinition[]>;
  /**
   * Adds the jobs of a look. Their ids follow from the look, so that a second call adds nothing.
   * @returns `begun`, or `gone` where there is no such unit any more
   */
  begin(look: Look): Promise<'begun' | 'gone'>;
  /** Whether jobs of this look wait or run. One that is not under way and has reported nothing is lost: it is begun again. */
  isUnderWay(look: Look): Promise<boolean>;
}

export interface UnitDefinition {
  readonly id: string;
  /** Names and values of its flows. */
  readonly flows: ReadonlyArray<{ readonly flow: string; readonly value: number }>;
  /** Calls of a look before any has been measured. */
  readonly expectedCalls: number;
  readonly atMostEveryMs: number;
  readonly atLeastEveryMs: number;
  /** Most calls a day; undefined: no limit of its own. */
  readonly dailyCalls?: number | undefined;
}
