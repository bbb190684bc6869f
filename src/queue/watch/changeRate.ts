/**
 * What is learned of how often one flow changes. Plain JSON of less than 500 bytes; numbers have eight digits.
 * Runs are competing explanations: each is a rate that has held for a while, with the probability that it holds now.
 * Their number is small, so a rate that jumps and one that falls back to what it was are both followed at once.
 */
export interface ChangeRate {
  readonly v: 1;
  readonly runs: readonly Run[];
}

/** Days are weighted by the rhythm: an hour with twice as many changes as usual counts as two hours. */
type Run = readonly [probability: number, changes: number, days: number];

/** How changes are spread over the hours of a day and the days of a week, of all flows together. Plain JSON. */
export interface Rhythm {
  readonly v: 1;
  /** For each of 24 parts of the day, then each of 7 days: changes seen. */
  readonly seen: readonly number[];
  /** Changes that were expected in the same parts, if there were no rhythm. */
  readonly expected: readonly number[];
  /** Changes a day of a typical flow (its logarithm), and the days of flows that this follows from. */
  readonly typical: readonly [logPerDay: number, days: number];
  /** Weeks that have been observed. */
  readonly weeks: number;
  /** End of the latest observation, ms since the epoch; null before the first. */
  readonly at: number | null;
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
const CELLS = HOURS * WEEKDAYS;

/** A flow that nothing is known of is taken for a typical one; that weighs less than a single change. */
const PRIOR_CHANGES = 0.8;
/** A rate is expected to jump once in so many days. */
const DAYS_BETWEEN_JUMPS = 8;
/** Days after which what was seen counts 1/e. */
const MEMORY_DAYS = 30;
/** More changes are not remembered of one run: with 300 the rate is known within 6 %. */
const MOST_CHANGES = 300;
/** After a jump the rate is about so many times what it was. */
const JUMPS = [1 / 8, 4, 30];
const MOST_RUNS = 5;
/** A run with fewer changes learns from everything; an older one only from what is probably its own. */
const YOUNG_CHANGES = 12;
/** No run becomes less probable: what was true once may be true again. */
const LEAST_PROBABILITY = 1e-7;
/** Parts of an interval that are judged one after the other. */
const PARTS_PER_DAY = 12;
const MOST_PARTS = 12;
/** A flow with more changes a day than this counts for the rhythm as if it had as many: one flow must not shape it. */
const RHYTHM_CHANGES = 50;
/** Changes in one part of the day that say as much as having no rhythm. */
const RHYTHM_PRIOR = 10;
/** Days of flows that the typical rate remembers, and those that one change a day stands for before anything is known. */
const TYPICAL_DAYS = 500;
const TYPICAL_PRIOR = 10;
/** Long forgotten is not never: a rate needs both of its parts. */
const TINY = 1e-6;
/** An interval of more than this says nothing of today. */
const LONGEST_DAYS = 400;
/** More changes between two looks are a defect of the count. */
const MOST_POSSIBLE = 1e6;
/** Normal quantile of a 90 % interval. */
const Z90 = 1.645;

export function newRate(): ChangeRate {
  return { v: 1, runs: [] };
}

export function newRhythm(): Rhythm {
  const nothing = new Array<number>(HOURS + WEEKDAYS).fill(0);
  return { v: 1, seen: nothing, expected: nothing, typical: [0, 0], weeks: 0, at: null };
}

/** What is known after a look. An observation that cannot be right (a clock that went back, no number) changes nothing. */
export function learn(
  rate: ChangeRate,
  rhythm: Rhythm,
  { from, to, changes, times = [] }: Observation,
  dayMs: number,
): { rate: ChangeRate; rhythm: Rhythm } {
  const whole = weightOf(rhythm, from, to, dayMs);
  const isUsable = whole > 0 && changes !== null && changes >= 0 && changes <= MOST_POSSIBLE;
  if (!isUsable || !(to - from < LONGEST_DAYS * dayMs)) return { rate, rhythm };
  const known = times.filter((time) => time > from && time <= to);
  // Times of more changes than were counted are evidence of when, not of how many.
  const each = known.length > changes ? changes / known.length : 1;
  const unknown = Math.max(0, changes - known.length);
  const days = (to - from) / dayMs;
  const parts = Math.min(MOST_PARTS, Math.max(1, Math.ceil(days * PARTS_PER_DAY)));
  let runs = rate.runs;
  for (let part = 0; part < parts; part += 1) {
    const [begin, end] = [from + ((to - from) * part) / parts, from + ((to - from) * (part + 1)) / parts];
    const weight = weightOf(rhythm, begin, end, dayMs);
    const seen =
      known.filter((time) => time > begin && time <= end).length * each + (unknown * weight) / whole;
    runs = judged(runs, seen, weight, days / parts, prior(rhythm));
  }
  const learned: ChangeRate = {
    v: 1,
    runs: runs.map(([p, k, d]) => [rounded(p), rounded(k), rounded(d)] as const),
  };
  return {
    rate: learned,
    rhythm: learnedRhythm(rhythm, { from, to, known, each, unknown }, rate, learned, dayMs),
  };
}

/** Changes a day of a flow, averaged over the rhythm. */
export function changesPerDay({ runs }: ChangeRate, rhythm: Rhythm): number {
  return meanOf(runs, prior(rhythm));
}

/** Changes a day, averaged over the rhythm, with the interval that holds the true rate with 90 % probability. */
export function uncertainty(rate: ChangeRate, rhythm: Rhythm): { perDay: number; low: number; high: number } {
  const [changes, days] = prior(rhythm);
  const perDay = changesPerDay(rate, rhythm);
  let square = 0;
  const runs: readonly Run[] = rate.runs.length > 0 ? rate.runs : [[1, 0, 0]];
  runs.forEach(([p, k, d], index) => {
    const [shape, span] = index > 0 ? [k, d] : [k + changes, d + days];
    square += (p * shape * (shape + 1)) / span ** 2;
  });
  const shape = perDay ** 2 / Math.max(square - perDay ** 2, 1e-12);
  // Wilson and Hilferty's approximation of the quantiles of a Gamma distribution.
  const quantile = (z: number) => perDay * Math.max(0, 1 - 1 / (9 * shape) + z / (3 * Math.sqrt(shape))) ** 3;
  return { perDay, low: quantile(-Z90), high: quantile(Z90) };
}

/** The rhythm as a table: how many times the usual rate holds in each hour of a week that begins with a multiple of it. */
export function weekOf(rhythm: Rhythm): readonly number[] {
  return tableOf(rhythm).factors;
}

/** Part of the week that an instant lies in: index for `weekOf`. */
export function cellOf(at: number, dayMs: number): number {
  return Math.min(CELLS - 1, Math.floor(positionOf(at, dayMs) * HOURS));
}

/** Days between two instants, each hour weighted by the rhythm. */
export function weightOf(rhythm: Rhythm, from: number, to: number, dayMs: number): number {
  if (!(to > from)) return 0;
  const table = tableOf(rhythm);
  const begin = positionOf(from, dayMs);
  return at(table, begin + (to - from) / dayMs).sum - at(table, begin).sum;
}

/** Days² that changes since `from` have waited at `to` at a rate of one a day. */
export function waitOf(rhythm: Rhythm, from: number, to: number, dayMs: number): number {
  if (!(to > from)) return 0;
  const table = tableOf(rhythm);
  const begin = positionOf(from, dayMs);
  const days = (to - from) / dayMs;
  const first = at(table, begin);
  return Math.max(0, at(table, begin + days).area - first.area - first.sum * days);
}

/**
 * Bayes' rule over the runs for one part of an interval, with the chance that a new run began with it.
 * @param weight days of the part, weighted by the rhythm
 */
function judged(
  runs: readonly Run[],
  seen: number,
  weight: number,
  days: number,
  prior: readonly [changes: number, days: number],
): Run[] {
  const before: readonly Run[] = runs.length > 0 ? runs : [[1, 0, 0]];
  const jump = 1 - Math.exp(-days / DAYS_BETWEEN_JUMPS);
  const memory = Math.exp(-days / MEMORY_DAYS);
  const history = before.reduce((sum, run) => sum + run[2], 0);
  const mean = meanOf(before, prior);
  // A jump leads back to an earlier rate as often as to a new one. A new run begins with one change at its rate.
  const after: Run[] = before.map(([p, k, d]) => [
    (1 - jump) * p + (jump / 2) * (d / Math.max(history, 1e-9)),
    k,
    d,
  ]);
  if (history > 0)
    for (const times of JUMPS)
      after.push([jump / 2 / JUMPS.length, 1, Math.min(1 / (times * mean), MEMORY_DAYS)]);
  const logs = after.map(([p, k, d], index) => {
    const [changes0, days0] = index === 0 ? prior : [0, 0];
    return Math.log(p) + logLikelihood(seen, weight, k + changes0, d + days0);
  });
  const top = Math.max(...logs);
  const scaled = logs.map((log) => Math.exp(log - top));
  const total = scaled.reduce((sum, each) => sum + each, 0);
  return pruned(
    after.map(([, k, d], index): Run => {
      const p = (scaled[index] ?? 0) / total;
      const share = k < YOUNG_CHANGES ? 1 : p;
      const sum = k * memory + share * seen;
      const cut = sum > MOST_CHANGES ? MOST_CHANGES / sum : 1;
      return [p, Math.max(sum * cut, TINY), Math.max((d * memory + share * weight) * cut, TINY)];
    }),
  );
}

/** The first run and the most probable others; probabilities add up to 1. */
function pruned([first = [1, 0, 0], ...others]: readonly Run[]): Run[] {
  const kept = [first, ...others.sort((one, other) => other[0] - one[0]).slice(0, MOST_RUNS - 1)];
  const total = kept.reduce((sum, [p]) => sum + Math.max(p, LEAST_PROBABILITY), 0);
  return kept.map(([p, k, d]) => [Math.max(p, LEAST_PROBABILITY) / total, k, d]);
}

/** Changes a day that runs lead to expect. */
function meanOf(runs: readonly Run[], [changes, days]: readonly [number, number]): number {
  if (runs.length === 0) return changes / days;
  // Only the first run began with nothing, so only it needs what is known of others.
  return runs.reduce(
    (mean, [p, k, d], index) => mean + (p * (k + (index > 0 ? 0 : changes))) / (d + (index > 0 ? 0 : days)),
    0,
  );
}

/** Probability (its logarithm) of so many changes when the rate follows a Gamma distribution. */
function logLikelihood(seen: number, weight: number, shape: number, days: number): number {
  return (
    logGamma(shape + seen) -
    logGamma(shape) -
    logGamma(seen + 1) +
    shape * Math.log(days / (days + weight)) +
    (seen > 0 ? seen * Math.log(Math.max(weight, 1e-12) / (days + weight)) : 0)
  );
}

/** Stirling's series, moved to arguments of 7 and more: exact to ten digits. */
function logGamma(x: number): number {
  let [shifted, product] = [x, 1];
  while (shifted < 7) {
    product *= shifted;
    shifted += 1;
  }
  const inverse = 1 / (shifted * shifted);
  return (
    (shifted - 0.5) * Math.log(shifted) -
    shifted +
    0.9189385332046727 +
    (1 / 12 - inverse * (1 / 360 - inverse / 1260)) / shifted -
    Math.log(product)
  );
}

function prior({ typical: [logPerDay] }: Rhythm): readonly [changes: number, days: number] {
  return [PRIOR_CHANGES, PRIOR_CHANGES / Math.exp(logPerDay)];
}

interface Seen {
  from: number;
  to: number;
  known: readonly number[];
  /** What one known time counts. */
  each: number;
  unknown: number;
}

function learnedRhythm(
  rhythm: Rhythm,
  look: Seen,
  before: ChangeRate,
  after: ChangeRate,
  dayMs: number,
): Rhythm {
  const days = (look.to - look.from) / dayMs;
  const typicalDays = Math.min(TYPICAL_DAYS, rhythm.typical[1] + days);
  const step = Math.min(1, days / (typicalDays + TYPICAL_PRIOR));
  const logRate = Math.log(Math.max(changesPerDay(after, rhythm), 1 / MEMORY_DAYS));
  const passed = Math.max(0, look.to - (rhythm.at ?? look.from)) / dayMs;
  const time = {
    typical: [
      precise(rhythm.typical[0] + (logRate - rhythm.typical[0]) * step),
      precise(typicalDays),
    ] as const,
    weeks: precise(rhythm.weeks + Math.min(passed, WEEKDAYS) / WEEKDAYS),
    at: Math.max(rhythm.at ?? look.to, look.to),
  };
  // A rate that has held for less than a day cannot show whether it is a rhythm or a jump.
  const held = after.runs.reduce((sum, [p, , d]) => sum + (p * d ** 2) / (1 + d ** 2), 0);
  if (held < 0.1 || days > WEEKDAYS) return { ...rhythm, ...time };

  const { factors, hours, weekdays } = tableOf(rhythm);
  const perDay = changesPerDay(before, rhythm);
  const seen = new Array<number>(HOURS + WEEKDAYS).fill(0);
  const expected = new Array<number>(HOURS + WEEKDAYS).fill(0);
  const count = (cell: number, changes: number) => {
    add(seen, cell % HOURS, changes);
    add(seen, HOURS + Math.floor(cell / HOURS), changes);
  };
  const whole = weightOf(rhythm, look.from, look.to, dayMs);
  for (const [cell, length] of cellsOf(look.from, look.to, dayMs)) {
    const [hour, weekday] = [cell % HOURS, Math.floor(cell / HOURS)];
    add(expected, hour, length * perDay * item(weekdays, weekday));
    add(expected, HOURS + weekday, length * perDay * item(hours, hour));
    count(cell, (look.unknown * length * item(factors, cell)) / whole);
  }
  for (const known of look.known) count(cellOf(known, dayMs), look.each);

  const forget = Math.exp(-passed / MEMORY_DAYS);
  // A burst of one flow is no rhythm.
  const found = look.unknown + look.known.length * look.each;
  const most = 2 * perDay * whole + 1;
  const importance = held / (1 + perDay / RHYTHM_CHANGES);
  const counted = importance * Math.min(1, most / Math.max(found, 1e-9));
  return {
    v: 1,
    ...time,
    seen: rhythm.seen.map((each, index) => precise(each * forget + item(seen, index) * counted)),
    expected: rhythm.expected.map((each, index) =>
      precise(each * forget + item(expected, index) * importance),
    ),
  };
}

/** The parts of the week that an interval touches, with the days that it spends in each. */
export function cellsOf(from: number, to: number, dayMs: number): Array<[cell: number, days: number]> {
  const parts: Array<[number, number]> = [];
  const begin = positionOf(from, dayMs) * HOURS;
  const end = begin + ((to - from) / dayMs) * HOURS;
  for (let hour = Math.floor(begin); hour < end; hour += 1) {
    const length = Math.min(end, hour + 1) - Math.max(begin, hour);
    if (length > 0) parts.push([hour % CELLS, length / HOURS]);
  }
  return parts;
}

/** Sums over a week, so that an integral over any interval takes two look-ups. */
interface Table {
  /** Of each hour of a week: how many times the usual rate holds; 1 on average. */
  readonly factors: readonly number[];
  readonly hours: readonly number[];
  readonly weekdays: readonly number[];
  /** Up to the beginning of each hour: ∫ factor, in days, and the integral of that, in days². */
  readonly sums: Float64Array;
  readonly areas: Float64Array;
}

/** A rhythm never changes: what follows from it is computed once, and kept as long as it is. */
const tableOf = once((rhythm: Rhythm): Table => {
  const { seen, expected } = rhythm;

  const smooth = (values: readonly number[], hour: number) =>
    item(values, (hour + HOURS - 1) % HOURS) / 4 +
    item(values, hour) / 2 +
    item(values, (hour + 1) % HOURS) / 4;
  const hours = normal(
    Array.from({ length: HOURS }, (_, hour) => {
      return (smooth(seen, hour) + RHYTHM_PRIOR) / (smooth(expected, hour) + RHYTHM_PRIOR);
    }),
  );
  // The first week says nothing of the next: what all flows have in common on one day may be a change that lasts.
  const trust = Math.max(0, rhythm.weeks - 1) / (rhythm.weeks + 1);
  const weekdays = normal(
    Array.from({ length: WEEKDAYS }, (_, day) => {
      const ratio = (item(seen, HOURS + day) + RHYTHM_PRIOR) / (item(expected, HOURS + day) + RHYTHM_PRIOR);
      return 1 + (ratio - 1) * trust;
    }),
  );
  const factors = Array.from(
    { length: CELLS },
    (_, cell) => item(hours, cell % HOURS) * item(weekdays, Math.floor(cell / HOURS)),
  );
  const sums = new Float64Array(CELLS + 1);
  const areas = new Float64Array(CELLS + 1);
  for (let cell = 0; cell < CELLS; cell += 1) {
    sums[cell + 1] = item(sums, cell) + item(factors, cell) / HOURS;
    areas[cell + 1] = item(areas, cell) + item(sums, cell) / HOURS + item(factors, cell) / HOURS ** 2 / 2;
  }
  return { factors, hours, weekdays, sums, areas };
});

function once<Key extends object, Value>(compute: (key: Key) => Value): (key: Key) => Value {
  const known = new WeakMap<Key, Value>();
  return (key) => {
    const value = known.get(key) ?? compute(key);
    known.set(key, value);
    return value;
  };
}

function normal(values: readonly number[]): number[] {
  const mean = values.reduce((sum, each) => sum + each, 0) / values.length;
  return values.map((each) => each / mean);
}

/** Both integrals from the beginning of a week up to a position in it or in a later one, in days. */
function at({ factors, sums, areas }: Table, days: number): { sum: number; area: number } {
  const weeks = Math.floor(days / WEEKDAYS);
  const hour = Math.min(CELLS - 1, Math.max(0, Math.floor((days - weeks * WEEKDAYS) * HOURS)));
  const rest = days - weeks * WEEKDAYS - hour / HOURS;
  const sum = item(sums, hour) + item(factors, hour) * rest;
  const area = item(areas, hour) + item(sums, hour) * rest + (item(factors, hour) * rest ** 2) / 2;
  if (weeks === 0) return { sum, area };
  // Each whole week adds its own area and, as factors are 1 on average, seven days for every day after it.
  const position = days - weeks * WEEKDAYS;
  const before = weeks * WEEKDAYS;
  return {
    sum: before + sum,
    area: weeks * item(areas, CELLS) + (WEEKDAYS ** 2 * weeks * (weeks - 1)) / 2 + before * position + area,
  };
}

/** Days since the beginning of the week. */
function positionOf(time: number, dayMs: number): number {
  const week = dayMs * WEEKDAYS;
  return (((time % week) + week) % week) / dayMs;
}

function item(values: ArrayLike<number>, index: number): number {
  return values[index] ?? 0;
}

function add(values: number[], index: number, more: number): void {
  values[index] = item(values, index) + more;
}

/** Adding 0 makes -0, which JSON cannot hold, 0. */
function rounded(value: number): number {
  return Number(value.toPrecision(8)) + 0;
}

/** Small steps add up here: eight digits would lose them. */
function precise(value: number): number {
  return Number(value.toPrecision(10)) + 0;
}
