import { Cron } from 'croner';

const NICKNAMES: Record<string, string> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
};

const FIELDS = [
  'minute (0-59',
  'hour (0-23',
  'day of month (1-31, L, 15W',
  'month (1-12 or jan-dec',
  'day of week (0-7 or sun-sat, mon#1',
] as const;

/**
 * Reads `minute hour day-of-month month day-of-week` or a nickname (`@daily`). `?` is another way to write `*`.
 * @returns the expression with five fields, single spaces, and no nickname
 * @throws RangeError that says what is allowed
 */
export function parseCron(text: string): string {
  const nickname = text.trim().toLowerCase();
  const written = (Object.hasOwn(NICKNAMES, nickname) ? NICKNAMES[nickname] : undefined) ?? text.trim();
  if (written.startsWith('@'))
    throw new RangeError(`is not known; nicknames are ${Object.keys(NICKNAMES).join(', ')}`);
  const fields = written === '' ? [] : written.split(/\s+/).map((field) => field.replaceAll('?', '*'));
  if (fields.length === 6) throw new RangeError('has 6 fields: seconds are not supported, use five fields');
  if (fields.length !== 5)
    throw new RangeError(`needs five fields (minute hour day month weekday), has ${fields.length}`);
  for (const [index, field] of fields.entries()) {
    const wrong = field.split(',').find((part) => !isField(part, index));
    if (wrong === undefined) continue;
    const part = JSON.stringify(wrong.slice(0, 32));
    throw new RangeError(`${part} is no ${FIELDS[index]}, lists, ranges, steps)`);
  }
  const cron = fields.join(' ');
  if (nextByClock(cron, 'UTC', 0) === undefined)
    throw new RangeError(`never comes: no such day in ${fields[3] === '*' ? 'any month' : 'these months'}`);
  return cron;
}

function isField(text: string, index: number): boolean {
  try {
    open(['*', '*', '*', '*', '*'].with(index, text).join(' '), 'UTC');
    return text !== '';
  } catch {
    return false;
  }
}

/** When a schedule runs; all instants in ms since the epoch. */
export type Timing = { start?: number; end?: number } & (
  | { cron: string; tz: string }
  /** Runs are at `anchor` and every so many ms from it on. */
  | { everyMs: number; anchor: number }
  /** At any time that the planner chooses. */
  | { auto: true }
);

/** The first run after an instant, of `auto` the first moment at which one may be; undefined when none follows. */
export function nextRun(timing: Timing, after: number): number | undefined {
  // `start` itself may be a run.
  const from = Math.max(after, (timing.start ?? Number.NEGATIVE_INFINITY) - 1);
  const next = nextAfter(timing, from);
  return next === undefined || next > (timing.end ?? Number.POSITIVE_INFINITY) ? undefined : next;
}

function nextAfter(timing: Timing, from: number): number | undefined {
  if ('auto' in timing) return from + 1;
  return 'cron' in timing ? nextByClock(timing.cron, timing.tz, from) : nextByInterval(timing, from);
}

function nextByInterval({ everyMs, anchor }: { everyMs: number; anchor: number }, from: number): number {
  return from < anchor ? anchor : anchor + (Math.floor((from - anchor) / everyMs) + 1) * everyMs;
}

function nextByClock(cron: string, tz: string, from: number): number | undefined {
  return open(cron, tz).nextRun(new Date(from))?.getTime();
}

/**
 * Vixie cron's rules. Clock changes: a fixed time that the clocks skip runs once, at the end of the gap; one that they
 * show twice runs the first time; a minute or hour with a wildcard or a step runs whenever the clocks show it. Days: of a
 * date and a weekday one must match, but both where either field begins with an asterisk, with or without a step.
 */
function open(cron: string, timezone: string): Cron {
  const [, , day = '', , weekday = ''] = cron.split(' ');
  return new Cron(cron, {
    timezone,
    mode: '5-part',
    fixedTimeRule: 'no-wildcard',
    domAndDow: day.startsWith('*') || weekday.startsWith('*'),
    // A step after a single value goes on to the end, as in `5/15`.
    sloppyRanges: true,
    paused: true,
  });
}

const HOUR_MS = 3_600_000;

/** The least time between two runs on a day without a clock change, ms; of days that follow each other if any do. */
export function shortestGap(cron: string): number {
  const times = timesOfDay(cron);
  return Math.min(overnight(times, 24 * HOUR_MS), ...gapsWithin(times));
}

/** How often runs come, and how long it is until the next one from any moment, on average. */
export interface Pace {
  /** Runs a ms. */
  rate: number;
  /** Ms. */
  meanWait: number;
}

/** Days with runs that a pace is an average of. */
const DAYS_OF_PACE = 60;

/** By the clock, over the next days that have runs; clock changes do not count. @param after ms since the epoch */
export function paceOf(cron: string, after: number): Pace {
  const times = timesOfDay(cron);
  const [, , day, month, weekday] = cron.split(' ');
  const days = open(`0 0 ${day} ${month} ${weekday}`, 'UTC')
    .nextRuns(DAYS_OF_PACE, new Date(after))
    .map(Number);
  const within = gapsWithin(times);
  const between = days.slice(1).map((each, index) => overnight(times, each - (days[index] as number)));
  const sum = (gaps: readonly number[], of: (gap: number) => number) =>
    gaps.reduce((total, gap) => total + of(gap), 0);
  const all = (of: (gap: number) => number) => between.length * sum(within, of) + sum(between, of);
  const length = all((gap) => gap);
  // A date that comes once more only: nothing is known of what follows.
  if (length === 0) return { rate: 0, meanWait: 0 };
  return { rate: (between.length * times.length) / length, meanWait: all((gap) => gap * gap) / (2 * length) };
}

/** Ms after midnight. */
function timesOfDay(cron: string): number[] {
  const [minute, hour] = cron.split(' ');
  const firstRuns = (pattern: string) => open(pattern, 'UTC').nextRuns(60, new Date(-1)).map(Number);
  const hours = firstRuns(`0 ${hour} * * *`).filter((time) => time < 24 * HOUR_MS);
  const minutes = firstRuns(`${minute} * * * *`).filter((time) => time < HOUR_MS);
  return hours.flatMap((start) => minutes.map((past) => start + past));
}

function gapsWithin(times: readonly number[]): number[] {
  return times.slice(1).map((time, index) => time - (times[index] as number));
}

/** From the last run of a day to the first one of a later day. @param days from midnight to midnight, ms */
function overnight(times: readonly number[], days: number): number {
  return (times[0] as number) + days - (times.at(-1) as number);
}

export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
