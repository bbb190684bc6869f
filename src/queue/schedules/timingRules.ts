import { echo, type InputError } from '../../product/inputErrors.ts';
import { nextRun, shortestGap } from './calendar.ts';
import { type Cron, CronError, parseCron } from './cron.ts';
import { isTimeZone } from './zone.ts';

/** The fields that say when, once they are valid. */
export interface WrittenTiming {
  cron?: string;
  tz?: string;
  every?: number;
  start?: string;
  end?: string;
  limit?: number;
}

interface Limits {
  /** Least time between two runs, seconds. */
  minInterval: number;
  now: number;
}

type Unread = { [Field in keyof WrittenTiming]: unknown };

const MOST_RUNS = 1_000_000;
const LONGEST_EVERY = 31_536_000;
/** RFC 3339 with its offset: a time without one would mean something else on another machine. */
const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})$/;

/** Everything wrong with when a schedule is to run. */
export function timingErrors(written: Unread, limits: Limits): InputError[] {
  const { cron, every } = written;
  const errors: InputError[] = [];
  if ((cron === undefined) === (every === undefined))
    errors.push({ path: 'cron', code: 'cron_or_every', message: 'give cron or every, and not both' });
  if (cron !== undefined) errors.push(...cronErrors(cron, limits));
  if (every !== undefined) errors.push(...everyErrors(every, limits));
  errors.push(...zoneErrors(written), ...limitErrors(written.limit));
  const bounds = boundErrors(written, limits);
  errors.push(...bounds);
  if (errors.length === 0) errors.push(...emptyErrors(written as WrittenTiming, limits));
  return errors;
}

function cronErrors(text: unknown, { minInterval }: Limits): InputError[] {
  const refuse = (code: string, message: string) => [
    { path: 'cron', code, message: `${message}; got ${echo(text)}` },
  ];
  let cron: Cron;
  try {
    if (typeof text !== 'string' || text.length > 200)
      return refuse('invalid_cron', 'must be text of at most 200 characters');
    cron = parseCron(text);
  } catch (error) {
    if (error instanceof CronError) return refuse('invalid_cron', error.message);
    throw error;
  }
  return shortestGap(cron) >= minInterval * 1000
    ? []
    : refuse('interval_too_short', `runs closer together than ${minInterval} s (SCHEDULE_MIN_INTERVAL)`);
}

function everyErrors(every: unknown, { minInterval }: Limits): InputError[] {
  if (typeof every === 'number' && Number.isInteger(every) && every >= minInterval && every <= LONGEST_EVERY)
    return [];
  const code = typeof every === 'number' && every < minInterval ? 'interval_too_short' : 'invalid_interval';
  const message = `must be whole seconds from ${minInterval} (SCHEDULE_MIN_INTERVAL) to ${LONGEST_EVERY}; got ${echo(every)}`;
  return [{ path: 'every', code, message }];
}

function zoneErrors({ tz, every }: Unread): InputError[] {
  if (tz === undefined) return [];
  if (typeof tz !== 'string' || !isTimeZone(tz)) {
    const message = `must be an IANA time zone such as Europe/Berlin; got ${echo(tz)}`;
    return [{ path: 'tz', code: 'unknown_timezone', message }];
  }
  if (every === undefined) return [];
  return [{ path: 'tz', code: 'timezone_without_cron', message: 'means nothing with every: leave it out' }];
}

function limitErrors(limit: unknown): InputError[] {
  if (limit === undefined) return [];
  if (typeof limit === 'number' && Number.isInteger(limit) && limit >= 1 && limit <= MOST_RUNS) return [];
  return [
    {
      path: 'limit',
      code: 'limit_range',
      message: `must be an integer from 1 to ${MOST_RUNS}; got ${echo(limit)}`,
    },
  ];
}

function boundErrors({ start, end }: Unread, { now }: Limits): InputError[] {
  const errors: InputError[] = [];
  for (const [path, value] of Object.entries({ start, end }))
    if (value !== undefined && !isInstant(value))
      errors.push({
        path,
        code: 'invalid_date',
        message: `must be a date and time with its offset, such as 2030-01-31T09:00:00Z; got ${echo(value)}`,
      });
  if (!isInstant(end)) return errors;
  if (Date.parse(end) <= now)
    errors.push({ path: 'end', code: 'end_in_the_past', message: `is over; got ${echo(end)}` });
  else if (isInstant(start) && Date.parse(start) >= Date.parse(end))
    errors.push({ path: 'end', code: 'end_before_start', message: 'must be later than start' });
  return errors;
}

function isInstant(value: unknown): value is string {
  return typeof value === 'string' && INSTANT.test(value) && Date.parse(value) >= 0;
}

/** All is well alone, and yet no run lies between start and end. */
function emptyErrors({ cron, tz = 'UTC', start, end }: WrittenTiming, { now }: Limits): InputError[] {
  if (cron === undefined || end === undefined) return [];
  const timing = { cron: parseCron(cron), tz, end: Date.parse(end) };
  const from = start === undefined ? now : Math.max(now, Date.parse(start) - 1);
  if (nextRun(timing, from) !== undefined) return [];
  return [{ path: 'end', code: 'never_runs', message: 'lies before the first run' }];
}
