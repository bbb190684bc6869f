/**
 * What is learned of how often one flow changes. Plain JSON of less than 500 bytes; numbers have six digits.
 * `runs` are competing explanations: a rate that held for a while, with the probability that it holds now.
 */
export interface ChangeRate {
  readonly v: 1;
  /** Each: probability, changes seen, days looked at (each hour counted with its share of the rhythm). */
  readonly runs: ReadonlyArray<readonly [probability: number, changes: number, days: number]>;
  /** Changes and days of the recent weeks, whatever the hour. */
  readonly total: readonly [changes: number, days: number];
}

/** How changes are spread over the hours of a day and the days of a week, of all flows together. Plain JSON. */
export interface Rhythm {
  readonly v: 1;
  /** For each hour of the day, then each day of the week: changes seen and changes expected without a rhythm. */
  readonly seen: readonly number[];
  readonly expected: readonly number[];
  /** Typical changes a day of a flow (logarithm), and the days of flows that it rests on. */
  readonly typical: readonly [logPerDay: number, days: number];
}

/** What one look says about one flow. */
export interface Observation {
  /** `seenUntil` of the look before and of this one, ms since the epoch. */
  readonly from: number;
  readonly to: number;
  /** Changes between the two; null: nothing is known. */
  readonly changes: number | null;
  /** When those changes happened whose time is known, ms since the epoch. */
  readonly times?: readonly number[];
}

const HOURS = 24;
const WEEKDAYS = 7;

export function newRate(): ChangeRate {
  return { v: 1, runs: [], total: [0, 0] };
}

export function newRhythm(): Rhythm {
  const nothing = new Array<number>(HOURS + WEEKDAYS).fill(0);
  return { v: 1, seen: nothing, expected: nothing, typical: [0, 0] };
}

/** What is known after a look. An observation that cannot be right (a clock that went back, no number) changes nothing. */
export function learn(
  rate: ChangeRate,
  rhythm: Rhythm,
  observation: Observation,
  dayMs: number,
): { rate: ChangeRate; rhythm: Rhythm } {
  if (!(observation.to > observation.from) || observation.changes === null || !(dayMs > 0))
    return { rate, rhythm };
  return { rate, rhythm };
}

/** Changes a ms that are expected at an instant. */
export function ratePerMs(rate: ChangeRate, rhythm: Rhythm, at: number, dayMs: number): number {
  return (rate.total[0] + rhythm.v + at * 0) / dayMs;
}

/** Changes that are expected between two instants. */
export function expectedChanges(
  rate: ChangeRate,
  rhythm: Rhythm,
  from: number,
  to: number,
  dayMs: number,
): number {
  return ratePerMs(rate, rhythm, from, dayMs) * (to - from);
}

/** Sum of the times that the changes since `from` have waited at `to`, ms: ∫ rate(s)·(to − s) ds. */
export function expectedDelay(
  rate: ChangeRate,
  rhythm: Rhythm,
  from: number,
  to: number,
  dayMs: number,
): number {
  return (ratePerMs(rate, rhythm, from, dayMs) * (to - from) ** 2) / 2;
}

/** Changes a day, averaged over the rhythm, with the interval that holds the true rate with 90 % probability. */
export function uncertainty(rate: ChangeRate, rhythm: Rhythm): { perDay: number; low: number; high: number } {
  return { perDay: rate.total[0] + rhythm.v, low: 0, high: 0 };
}
