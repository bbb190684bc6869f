import { defaultRepeatStrategy, type RepeatOptions } from 'bullmq';

/** A cron expression of five fields, read. All lists ascend. */
export interface Cron {
  minutes: number[];
  hours: number[];
  /** Days of the month; `lastDay` besides them. */
  days: number[];
  lastDay: boolean;
  months: number[];
  /** 0 is Sunday. */
  weekdays: number[];
  /** Whether a day may match by its date, by its weekday, or (both) by either, as cron has it. */
  by: 'date' | 'weekday' | 'either';
}

interface Field {
  name: string;
  from: number;
  to: number;
  words?: readonly string[];
}

const MONTHS = 'jan feb mar apr may jun jul aug sep oct nov dec'.split(' ');
const WEEKDAYS = 'sun mon tue wed thu fri sat'.split(' ');
const FIELDS = {
  minute: { name: 'minute', from: 0, to: 59 },
  hour: { name: 'hour', from: 0, to: 23 },
  day: { name: 'day of month', from: 1, to: 31 },
  month: { name: 'month', from: 1, to: 12, words: MONTHS },
  // 7 is another way to say Sunday.
  weekday: { name: 'day of week', from: 0, to: 7, words: WEEKDAYS },
} as const satisfies Record<string, Field>;

/** The most days that each month can have. */
const LONGEST = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** Why a text is no cron expression; the message says what is allowed. */
export class CronError extends Error {
  override readonly name = 'CronError';
}

/**
 * Reads `minute hour day-of-month month day-of-week`: numbers, names (`jan`, `mon`), `*`, lists, ranges, steps, and `L`
 * for the last day of a month. @throws CronError
 */
export function parseCron(text: string): Cron {
  const fields = text.trim().split(/\s+/);
  if (fields.length === 6) throw new CronError('has 6 fields: seconds are not supported, use five fields');
  if (fields.length !== 5 || fields[0] === '')
    throw new CronError(
      `needs five fields (minute hour day month weekday), has ${fields[0] === '' ? 0 : fields.length}`,
    );
  const [minute, hour, day, month, weekday] = fields as [string, string, string, string, string];
  const dates = day.split(',').filter((part) => part.toUpperCase() !== 'L');
  const cron: Cron = {
    minutes: parseField(minute, FIELDS.minute),
    hours: parseField(hour, FIELDS.hour),
    days: dates.length === 0 ? [] : parseField(dates.join(','), FIELDS.day),
    lastDay: dates.length < day.split(',').length,
    months: parseField(month, FIELDS.month),
    weekdays: ascending(parseField(weekday, FIELDS.weekday).map((each) => each % 7)),
    by: weekday === '*' ? 'date' : day === '*' ? 'weekday' : 'either',
  };
  if (!canHappen(cron))
    throw new CronError(`never comes: no such day in ${month === '*' ? 'any month' : 'these months'}`);
  return cron;
}

function canHappen({ by, lastDay, months, days }: Cron): boolean {
  return (
    by !== 'date' || lastDay || months.some((month) => (days[0] ?? 32) <= (LONGEST[month - 1] as number))
  );
}

function parseField(text: string, field: Field): number[] {
  return ascending(text.split(',').flatMap((part) => parsePart(part, field)));
}

function parsePart(part: string, field: Field): number[] {
  const [range = '', step, ...more] = part.split('/');
  const every = step === undefined ? 1 : wholeNumber(step);
  if (more.length > 0 || every === undefined || every < 1) throw wrong(part, field);
  const [first = '', last, ...tooMany] = range.split('-');
  const from = range === '*' ? field.from : readValue(first, field);
  // A step after a single value goes on to the end, as in `5/15`.
  const open = range === '*' || (last === undefined && step !== undefined);
  const to = open ? endOf(field) : readValue(last ?? first, field);
  if (tooMany.length > 0 || from === undefined || to === undefined || from > to) throw wrong(part, field);
  return Array.from({ length: Math.floor((to - from) / every) + 1 }, (_, index) => from + index * every);
}

function endOf(field: Field): number {
  return field === FIELDS.weekday ? 6 : field.to;
}

function readValue(text: string, { from, to, words = [] }: Field): number | undefined {
  const word = words.indexOf(text.toLowerCase());
  const value = word < 0 ? wholeNumber(text) : word + from;
  return value === undefined || value < from || value > to ? undefined : value;
}

function wholeNumber(text: string): number | undefined {
  return /^\d{1,4}$/.test(text) ? Number(text) : undefined;
}

function wrong(part: string, { name, from, to, words }: Field): CronError {
  const named = words === undefined ? '' : ` or ${words[0]}-${words.at(-1)}`;
  return new CronError(
    `${JSON.stringify(part.slice(0, 32))} is no ${name} (${from}-${to}${named}, lists, ranges, steps)`,
  );
}

function ascending(values: number[]): number[] {
  return [...new Set(values)].sort((one, other) => one - other);
}

/** When a schedule runs; all instants in ms since the epoch. */
export type Timing = { start?: number; end?: number } & (
  | { cron: Cron; tz: string }
  /** Runs are at `anchor` and every so many ms from it on. */
  | { everyMs: number; anchor: number }
);

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

/** Nothing that can happen stays away for longer: 29 February, over a year like 2100. */
const LONGEST_WAIT_DAYS = 8 * 366;

/** The first run after an instant; undefined when none follows. */
export function nextRun(timing: Timing, after: number): number | undefined {
  // `start` itself may be a run.
  const from = Math.max(after, (timing.start ?? Number.NEGATIVE_INFINITY) - 1);
  const next =
    'cron' in timing ? nextByClock(timing.cron, new Zone(timing.tz), from) : nextInStep(timing, from);
  return next === undefined || next > (timing.end ?? Number.POSITIVE_INFINITY) ? undefined : next;
}

function nextInStep({ everyMs, anchor }: { everyMs: number; anchor: number }, from: number): number {
  return from < anchor ? anchor : anchor + (Math.floor((from - anchor) / everyMs) + 1) * everyMs;
}

/**
 * Each local time of the expression is one run: at the first instant the clocks show it, or, where they skip it, at the
 * jump. Several that fall on one jump are one run.
 */
function nextByClock(cron: Cron, zone: Zone, from: number): number | undefined {
  const local = zone.localAt(from);
  const today = Math.floor(local / DAY) * DAY;
  for (let day = today; day < today + LONGEST_WAIT_DAYS * DAY; day += DAY) {
    if (!isDayOf(cron, day)) continue;
    for (const hour of cron.hours)
      for (const minute of cron.minutes) {
        const time = day + (hour * 60 + minute) * MINUTE;
        if (time <= local) continue;
        const instant = zone.firstInstantOf(time);
        if (instant > from) return instant;
      }
  }
  return undefined;
}

/** @param day midnight of a local day */
function isDayOf({ by, days, lastDay, months, weekdays }: Cron, day: number): boolean {
  const date = new Date(day);
  if (!months.includes(date.getUTCMonth() + 1)) return false;
  const byDate = days.includes(date.getUTCDate()) || (lastDay && new Date(day + DAY).getUTCDate() === 1);
  const byWeekday = weekdays.includes(date.getUTCDay());
  if (by === 'either') return byDate || byWeekday;
  return by === 'date' ? byDate : byWeekday;
}

/** The least time between two runs on a day without a clock change, ms; of days that follow each other if any do. */
export function shortestGap(cron: Cron): number {
  const minutes = cron.hours.flatMap((hour) => cron.minutes.map((minute) => hour * 60 + minute));
  const overnight = (minutes[0] as number) + 24 * 60 - (minutes.at(-1) as number);
  const gaps = minutes.slice(1).map((minute, index) => minute - (minutes[index] as number));
  return Math.min(overnight, ...gaps) * MINUTE;
}

/**
 * The clocks of a time zone. A local time is written as the instant at which a clock in UTC shows the same digits, so
 * that calendar arithmetic on it is UTC arithmetic.
 */
export class Zone {
  readonly #format: Intl.DateTimeFormat;

  /** @throws RangeError for a name that is no time zone. */
  constructor(name: string) {
    this.#format = new Intl.DateTimeFormat('en-US', {
      timeZone: name,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
  }

  /** What the clocks show at an instant. */
  localAt(instant: number): number {
    const part: Record<string, number> = {};
    for (const { type, value } of this.#format.formatToParts(instant)) part[type] = Number(value);
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = part;
    return (
      Date.UTC(year, month - 1, day, hour, minute, second) + (instant - Math.floor(instant / 1000) * 1000)
    );
  }

  /**
   * When the clocks first show a local time; for one that they skip, the moment of the jump, when they first show a
   * later one. So a later local time never comes earlier.
   */
  firstInstantOf(local: number): number {
    // Nowhere do clocks change twice within two days.
    const before = this.#offsetAt(local - DAY);
    const after = this.#offsetAt(local + DAY);
    const instants = [local - before, local - after].sort((one, other) => one - other) as [number, number];
    return instants.find((instant) => this.localAt(instant) === local) ?? this.#jumpBetween(...instants);
  }

  #offsetAt(instant: number): number {
    return this.localAt(instant) - instant;
  }

  /** Clocks jump at whole minutes. */
  #jumpBetween(earlier: number, later: number): number {
    const offset = this.#offsetAt(later);
    let [low, high] = [earlier, later];
    while (high - low > MINUTE) {
      const middle = low + Math.floor((high - low) / MINUTE / 2) * MINUTE;
      if (this.#offsetAt(middle) === offset) high = middle;
      else low = middle;
    }
    return high;
  }
}

export function isTimeZone(name: string): boolean {
  try {
    new Zone(name);
    return true;
  } catch {
    return false;
  }
}

/**
 * How BullMQ finds a cron schedule's next run; must be set on the queue that adds schedules and on the worker that
 * goes on with them. It stands in for cron-parser's rule for clock changes (6.7 runs a skipped 02:30 at 03:30).
 * A scheduler that somebody added with plain BullMQ and in BullMQ's own terms keeps BullMQ's rule.
 */
export function repeatStrategy(after: number, options: RepeatOptions): number | undefined {
  const { pattern = '', tz, startDate, endDate, immediately } = options;
  const cron = readable(pattern);
  if (cron === undefined || tz === undefined) return defaultRepeatStrategy(after, options);
  if (immediately === true) return after;
  const bounds = {
    ...(startDate === undefined ? {} : { start: +new Date(startDate) }),
    ...(endDate === undefined ? {} : { end: +new Date(endDate) }),
  };
  return nextRun({ cron, tz, ...bounds }, after);
}

function readable(pattern: string): Cron | undefined {
  try {
    return parseCron(pattern);
  } catch (error) {
    if (error instanceof CronError) return undefined;
    throw error;
  }
}
