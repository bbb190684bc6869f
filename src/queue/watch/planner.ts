import { cellsOf, changesPerDay, type Rhythm, uncertainty, waitOf, weekOf } from './changeRate.ts';
import type { Unit } from './unit.ts';

/**
 * Which looks begin when, so that changes are seen as soon as the calls permit. A look at a unit is worth the time
 * that the changes since the look before have waited, times their value, per call. It begins when it is worth the
 * price of a call. The price is the one at which the calls just last until the budget is renewed. So the rate of looks
 * follows √(changes × value ÷ calls), within each unit's bounds, and a new price is all that a new budget changes.
 * Pure: no clock, no chance, no state.
 */

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
  /** What a call must be worth now: ms that changes have waited, times their value. */
  readonly price: number;
  /** False: the calls do not suffice for the guarantees alone. All of them are then stretched by the same factor. */
  readonly feasible: boolean;
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
  /** What a call must be worth, as in `choose`; mean over the days of a week. */
  readonly price: number;
  readonly callsPerDay: number;
  /** False: the calls do not suffice for the guarantees alone. All of them are then stretched by the same factor. */
  readonly feasible: boolean;
  /** Calls a day that the guarantees need. */
  readonly guaranteedCallsPerDay: number;
}

/** How the looks of the planner are carried out. */
export interface Execution {
  /** Mean time from the decision on a look until eBay is asked, ms; 0 by default. */
  readonly latencyMs?: number;
  /** Time between two decisions, ms; 0 by default. */
  readonly tickMs?: number;
}

/** A look that is guaranteed begins this part of its interval early: between two decisions it would be late. */
export const EARLY = 0.01;
const HOURS_PER_DAY = 24;
const DAYS = 7;
/** The coming hours that a price is found for: what lies beyond is taken to repeat them. */
const HORIZON_DAYS = 7;

/**
 * Which looks begin now. Looks that are guaranteed come first, the most overdue in relation to its interval before the
 * others. Calls for guarantees that become due before `until` are not spent on anything else.
 * @param dayMs length of a day, ms
 */
export function choose(
  units: readonly Unit[],
  rhythm: Rhythm,
  { calls, until }: Budget,
  now: number,
  dayMs: number,
): Choice {
  const stretch = stretchOf(units, calls, until, now);
  const candidates = units.map((unit) => candidateOf(unit, rhythm, stretch, dayMs));
  const span = Math.min(until - now, HORIZON_DAYS * dayMs);
  const hours = span > 0 ? cellsOf(now, now + span, dayMs) : [];
  const levels = levelsOf(rhythm, hours);
  const price = priceOf(candidates, levels, (calls * span) / Math.max(until - now, 1), dayMs);

  const due: Array<{ urgency: number; candidate: Candidate }> = [];
  const worthwhile: Array<{ urgency: number; candidate: Candidate }> = [];
  let reserved = 0;
  for (const candidate of candidates) {
    const { unit, longest } = candidate;
    const { lastLook } = unit;
    reserved += unit.calls * guaranteed(lastLook, longest, now, until);
    if (unit.busy || !(until > now)) continue;
    const since = lastLook === null ? Number.POSITIVE_INFINITY : now - lastLook;
    if (since < unit.atMostEveryMs) continue;
    if (since >= longest * (1 - EARLY))
      due.push({ candidate, urgency: lastLook === null ? 1 : since / longest });
    else {
      // What nothing has been seen of is worth more than any other look, but it is no guarantee.
      const isUnseen = unit.flows.some(({ seenUntil }) => seenUntil === null);
      const worth = isUnseen ? Number.MAX_VALUE : worthOf(candidate, rhythm, now, dayMs);
      if (worth > 0 && worth >= price) worthwhile.push({ candidate, urgency: worth });
    }
  }
  const looks: string[] = [];
  let left = calls;
  const urgent = (one: { urgency: number }, other: { urgency: number }) => other.urgency - one.urgency;
  for (const { candidate } of due.sort(urgent)) {
    const { unit, longest } = candidate;
    if (unit.calls > left) continue;
    looks.push(unit.id);
    left -= unit.calls;
    reserved -=
      unit.calls * (guaranteed(unit.lastLook, longest, now, until) - guaranteed(now, longest, now, until));
  }
  for (const { candidate } of worthwhile.sort(urgent)) {
    const { unit, longest } = candidate;
    const freed =
      unit.calls * (guaranteed(unit.lastLook, longest, now, until) - guaranteed(now, longest, now, until));
    // A look that has needed more than one call before may need twice its mean now.
    const most = unit.calls > 1 ? 2 * unit.calls : unit.calls;
    if (left - most < reserved - freed) continue;
    looks.push(unit.id);
    left -= unit.calls;
    reserved -= freed;
  }
  return { looks, price, feasible: stretch <= 1 };
}

/** What a number of calls a day gives every unit. It answers what-ifs: of the past only the rates count. */
export function predict(
  units: readonly Unit[],
  rhythm: Rhythm,
  callsPerDay: number,
  dayMs: number,
  { latencyMs = 0, tickMs = 0 }: Execution = {},
): Forecast {
  const least = units.reduce((sum, unit) => sum + (unit.calls * dayMs) / unit.atLeastEveryMs, 0);
  const stretch = Math.max(1, least / Math.max(callsPerDay, 1e-9));
  const candidates = units.map((unit) => candidateOf(unit, rhythm, stretch, dayMs));
  const week = weekOf(rhythm);
  const prices = Array.from({ length: DAYS }, (_, day) => {
    const hours = Array.from(
      { length: HOURS_PER_DAY },
      (_, hour) => [day * HOURS_PER_DAY + hour, 1 / HOURS_PER_DAY] as const,
    );
    return priceOf(candidates, levelsOf(rhythm, hours), callsPerDay, dayMs);
  });
  // The price assumes that looks follow the rhythm without delay. Going through a week shows what they really cost.
  const through = (factor: number) =>
    candidates.map((candidate) => weekOfLooks(candidate, week, prices, factor, tickMs, dayMs));
  const spent = (looks: readonly Passed[]) =>
    looks.reduce((sum, { count }, index) => sum + (count * (units[index]?.calls ?? 0)) / DAYS, 0);
  let factor = 1;
  let passed = through(factor);
  for (let round = 0; round < 6; round += 1) {
    const ratio = spent(passed) / callsPerDay;
    if (!(Math.abs(ratio - 1) > 0.003) || !prices.some((price) => price > 0)) break;
    factor *= ratio ** 2;
    passed = through(factor);
  }
  return {
    units: candidates.map(({ unit, longest }, index) => {
      const { count, delay } = passed[index] ?? { count: 0, delay: 0 };
      const delayMs = delay * dayMs + latencyMs;
      const shortest = unit.atMostEveryMs / 2 + latencyMs;
      const bound = (ms: number) =>
        Math.max(Math.min(delayMs, shortest), Math.min(Math.max(delayMs, longest / 2), ms));
      const { perDay, low, high } = spread(unit, rhythm);
      return {
        unit: unit.id,
        callsPerDay: (count * unit.calls) / DAYS,
        looksPerDay: count / DAYS,
        delayMs,
        lowMs: bound(delayMs * Math.sqrt(perDay / Math.max(high, 1e-12))),
        highMs: bound(delayMs * Math.sqrt(perDay / Math.max(low, 1e-12))),
      };
    }),
    price: (factor * prices.reduce((sum, price) => sum + price, 0)) / DAYS,
    callsPerDay: spent(passed),
    feasible: stretch <= 1 + 1e-9,
    guaranteedCallsPerDay: least,
  };
}

/** A unit with what follows from it for this budget. */
interface Candidate {
  readonly unit: Unit;
  /** Changes a day times their value, of each flow and of all. */
  readonly weights: readonly number[];
  readonly weight: number;
  /** The guarantee, stretched where the calls do not suffice, ms. */
  readonly longest: number;
}

function candidateOf(unit: Unit, rhythm: Rhythm, stretch: number, dayMs: number): Candidate {
  const weights = unit.flows.map(({ rate, value }) => {
    const weight = changesPerDay(rate, rhythm) * value;
    return Number.isFinite(weight) && weight > 0 ? weight : 0;
  });
  const longest = Math.max(unit.atLeastEveryMs, unit.atMostEveryMs, dayMs / 1e9) * stretch;
  return { unit, weights, weight: weights.reduce((sum, weight) => sum + weight, 0), longest };
}

/** Per call: ms that the changes since the look before have waited, times their value. */
function worthOf({ unit, weights }: Candidate, rhythm: Rhythm, now: number, dayMs: number): number {
  let waited = 0;
  unit.flows.forEach(({ seenUntil }, index) => {
    if (seenUntil !== null) waited += (weights[index] ?? 0) * waitOf(rhythm, seenUntil, now, dayMs);
  });
  return (waited * dayMs) / unit.calls;
}

/** Looks that the guarantee of a unit still needs until the budget is renewed. */
function guaranteed(lastLook: number | null, longest: number, now: number, until: number): number {
  const first = lastLook === null ? now : Math.max(now, lastLook + longest * (1 - EARLY));
  return first < until ? 1 + Math.floor((until - first) / (longest * (1 - EARLY))) : 0;
}

/** Factor by which all guarantees are stretched so that the calls suffice for them; 1 where they do. */
function stretchOf(units: readonly Unit[], calls: number, until: number, now: number): number {
  const needed = (stretch: number) => {
    let sum = 0;
    for (const { calls: each, lastLook, atLeastEveryMs, atMostEveryMs } of units)
      sum += each * guaranteed(lastLook, Math.max(atLeastEveryMs, atMostEveryMs, 1) * stretch, now, until);
    return sum;
  };
  if (!(needed(1) > calls)) return 1;
  let [low, high] = [1, 2];
  while (needed(high) > calls && high < 1e6) high *= 2;
  for (let round = 0; round < 20; round += 1) {
    const middle = (low + high) / 2;
    if (needed(middle) > calls) low = middle;
    else high = middle;
  }
  return high;
}

/** Hours of the same rhythm: its square root and the days that it holds. */
type Level = readonly [root: number, days: number];

function levelsOf(rhythm: Rhythm, hours: ReadonlyArray<readonly [cell: number, days: number]>): Level[] {
  const week = weekOf(rhythm);
  return hours.map(([cell, days]) => [Math.sqrt(week[cell] ?? 1), days]);
}

/**
 * The price at which the looks of the given hours need so many calls. A unit is looked at √(weight × rhythm ÷ (2 ×
 * price × calls)) times a day, within its bounds.
 */
function priceOf(
  candidates: readonly Candidate[],
  levels: readonly Level[],
  calls: number,
  dayMs: number,
): number {
  const { sum, least, most } = callsADay(candidates, dayMs);
  const logs = levels.map(([root, days]) => [Math.log(Math.max(root, 1e-3)), days] as const);
  const needed = (scale: number) => logs.reduce((total, [log, days]) => total + sum(log + scale) * days, 0);
  // Outside of these limits every unit is at one of its bounds.
  let low = least - Math.max(...logs.map(([log]) => log));
  let high = most - Math.min(...logs.map(([log]) => log));
  if (levels.length === 0 || needed(low) >= calls) return Number.MAX_VALUE;
  if (needed(high) <= calls) return 0;
  for (let round = 0; round < 24; round += 1) {
    const middle = (low + high) / 2;
    if (needed(middle) > calls) high = middle;
    else low = middle;
  }
  // In days until here: scale = log √(1 ÷ price).
  return Math.exp(-(low + high)) * dayMs;
}

/** Width of the steps in which the bounds of units are counted: 1 %. */
const STEP = 0.01;

/**
 * Calls a day of all units as a function of log √(rhythm ÷ price), and where it begins and ends to rise. Up to its lower
 * bound a unit needs a constant number of calls, then one in proportion, then again a constant. So the sum is linear
 * between neighbouring bounds, and one look-up gives it.
 */
function callsADay(candidates: readonly Candidate[], dayMs: number) {
  const bounds = candidates.map(({ unit, weight, longest }) => {
    const speed = Math.sqrt(weight / (2 * unit.calls));
    const fewest = dayMs / (longest * (1 - EARLY));
    const most = Math.max(fewest, dayMs / Math.max(unit.atMostEveryMs, dayMs / 1e9));
    const isFree = speed > 0 && most > fewest;
    return { calls: unit.calls, speed, fewest, most, begin: isFree ? Math.log(fewest / speed) : null };
  });
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const { begin, speed, most: end } of bounds) {
    if (begin === null) continue;
    least = Math.min(least, begin);
    most = Math.max(most, Math.log(end / speed));
  }
  const steps = most > least ? Math.ceil((most - least) / STEP) + 1 : 1;
  const constants = new Float64Array(steps + 1);
  const slopes = new Float64Array(steps + 1);
  let lowest = 0;
  for (const { begin, calls, speed, fewest, most: end } of bounds) {
    lowest += calls * fewest;
    if (begin === null) continue;
    const [from, to] = [
      Math.floor((begin - least) / STEP),
      Math.floor((Math.log(end / speed) - least) / STEP),
    ];
    constants[from] = (constants[from] ?? 0) - calls * fewest;
    slopes[from] = (slopes[from] ?? 0) + calls * speed;
    constants[to] = (constants[to] ?? 0) + calls * end;
    slopes[to] = (slopes[to] ?? 0) - calls * speed;
  }
  let [constant, slope] = [lowest, 0];
  for (let step = 0; step <= steps; step += 1) {
    constant += constants[step] ?? 0;
    slope += slopes[step] ?? 0;
    constants[step] = constant;
    slopes[step] = slope;
  }
  const sum = (scale: number) => {
    const step = Math.min(steps, Math.floor((scale - least) / STEP));
    return step >= 0 ? (constants[step] ?? 0) + (slopes[step] ?? 0) * Math.exp(scale) : lowest;
  };
  return { sum, least, most };
}

/** Looks at one unit in a week, and the mean delay of its changes in days. */
interface Passed {
  readonly count: number;
  readonly delay: number;
}

/** No changes wait for so many days. */
const NEVER_WORTH = 1e9;

/**
 * Goes through a week hour by hour, after a day that is not counted. Within an hour the rhythm is constant, so what
 * has waited is a square of the time, and the moment at which a look is worth its price is a root.
 */
function weekOfLooks(
  { unit, weight, longest }: Candidate,
  week: readonly number[],
  prices: readonly number[],
  factor: number,
  tickMs: number,
  dayMs: number,
): Passed {
  const tick = tickMs / 2 / dayMs;
  const shortest = unit.atMostEveryMs / dayMs + tick;
  const longestDays = Math.max(shortest, (longest * (1 - EARLY)) / dayMs + tick);
  let [count, waits, changes] = [0, 0, 0];
  // Since the last look: changes and what they have waited, at a rate of one a day.
  let [last, pending, waited] = [-1, 0, 0];
  const hour = 1 / HOURS_PER_DAY;
  for (let index = -HOURS_PER_DAY; index < DAYS * HOURS_PER_DAY; index += 1) {
    const cell = (index + week.length) % week.length;
    const rhythm = week[cell] ?? 1;
    const price = ((prices[Math.floor(cell / HOURS_PER_DAY)] ?? 0) * factor * unit.calls) / dayMs;
    // Of a price without bounds the arithmetic below makes no number.
    const threshold = weight > 0 ? Math.min(price / weight, NEVER_WORTH) : NEVER_WORTH;
    let at = index * hour;
    const end = (index + 1) * hour;
    const advance = (to: number) => {
      const days = to - at;
      const more = pending * days + (rhythm * days ** 2) / 2;
      waited += more;
      pending += rhythm * days;
      if (index >= 0) {
        waits += more;
        changes += rhythm * days;
      }
      at = to;
    };
    for (;;) {
      const rest = threshold - waited;
      const until = rest <= 0 ? 0 : (2 * rest) / (pending + Math.sqrt(pending ** 2 + 2 * rhythm * rest));
      const worth = at + until + tick;
      const look = Math.min(Math.max(worth, last + shortest), last + longestDays);
      if (!(look < end)) break;
      advance(Math.max(look, at));
      if (index >= 0) count += 1;
      [last, pending, waited] = [at, 0, 0];
    }
    advance(end);
  }
  return { count, delay: changes > 0 ? waits / changes : 0 };
}

/** Changes a day times value, of all flows together, with a 90 % interval. */
function spread(unit: Unit, rhythm: Rhythm): { perDay: number; low: number; high: number } {
  let [perDay, below, above] = [0, 0, 0];
  for (const { rate, value } of unit.flows) {
    const known = uncertainty(rate, rhythm);
    perDay += known.perDay * value;
    below += ((known.perDay - known.low) * value) ** 2;
    above += ((known.high - known.perDay) * value) ** 2;
  }
  return { perDay, low: Math.max(0, perDay - Math.sqrt(below)), high: perDay + Math.sqrt(above) };
}
