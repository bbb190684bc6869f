import { parseSearchRequest, tidyJson } from '../../product/parseRequest.ts';
import type { NormalRequest } from '../../product/requestSchema.ts';
import { SCHEDULE_NAME } from '../../product/scheduleSchema.ts';
import { echo, type InputError } from '../../product/schemaErrors.ts';
import { CronError, isTimeZone, nextRun, parseCron, shortestGap, type Timing } from './cron.ts';

/** A valid schedule with its defaults filled in; plain JSON, and itself valid as a `Schedule`. */
export interface Definition {
  name: string;
  cron?: string;
  tz?: string;
  every?: number;
  start?: string;
  end?: string;
  limit?: number;
  request: NormalRequest;
}

export interface Circumstances {
  tenant: string;
  /** Marketplace of a request that names none. */
  marketplace: string;
  /** Least time between two runs, seconds. */
  minInterval: number;
  now: number;
}

export type ParsedSchedule = { ok: true; definition: Definition } | { ok: false; errors: InputError[] };

const FIELDS = ['name', 'cron', 'tz', 'every', 'start', 'end', 'limit', 'request'];

/** Reads a schedule from any value and tells everything wrong with it at once; never throws on input. */
export function parseSchedule(input: unknown, circumstances: Circumstances): ParsedSchedule {
  const tidied = tidyJson(input);
  if (!tidied.ok) return tidied;
  const { value } = tidied;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    const message = `a schedule is a JSON object; got ${echo(value)}`;
    return { ok: false, errors: [{ path: '', code: 'invalid_payload', message }] };
  }
  const written = value as Record<string, unknown>;
  const errors = [
    ...unknownFields(written),
    ...nameErrors(written.name),
    ...timingErrors(written, circumstances),
  ];
  const request = parseRequest(written.request, circumstances);
  if (!request.ok) errors.push(...request.errors);
  if (errors.length > 0 || !request.ok) return { ok: false, errors };
  return { ok: true, definition: normal(written as unknown as WrittenSchedule, request.request) };
}

type WrittenSchedule = WrittenTiming & { name: string };

function normal(
  { name, cron, tz, every, start, end, limit }: WrittenSchedule,
  request: NormalRequest,
): Definition {
  const instant = (text: string) => new Date(text).toISOString();
  return {
    name,
    ...(cron === undefined ? {} : { cron: parseCron(cron), tz: tz ?? 'UTC' }),
    ...(every === undefined ? {} : { every }),
    ...(start === undefined ? {} : { start: instant(start) }),
    ...(end === undefined ? {} : { end: instant(end) }),
    ...(limit === undefined ? {} : { limit }),
    request,
  };
}

/** @param anchor where `every` counts from when no start says so, ms since the epoch */
export function timingOf({ cron, tz = 'UTC', every = 0, start, end }: Definition, anchor: number): Timing {
  const bounds = {
    ...(start === undefined ? {} : { start: Date.parse(start) }),
    ...(end === undefined ? {} : { end: Date.parse(end) }),
  };
  return cron === undefined
    ? { ...bounds, everyMs: every * 1000, anchor: bounds.start ?? anchor }
    : { ...bounds, cron, tz };
}

function unknownFields(written: Record<string, unknown>): InputError[] {
  return Object.keys(written)
    .filter((key) => !FIELDS.includes(key))
    .map((key) => ({
      path: key.slice(0, 64),
      code: 'unknown_field',
      message: `is no field of a schedule; known here: ${FIELDS.join(', ')}`,
    }));
}

function nameErrors(name: unknown): InputError[] {
  if (typeof name === 'string' && SCHEDULE_NAME.test(name)) return [];
  const message = `must be 1 to 60 of the characters a-z, 0-9 and hyphen; got ${echo(name)}`;
  return [{ path: 'name', code: 'invalid_name', message }];
}

function parseRequest(written: unknown, { tenant, marketplace }: Circumstances) {
  if (written === undefined)
    return {
      ok: false,
      errors: [{ path: 'request', code: 'required', message: 'is required here' }],
    } as const;
  const isObject = typeof written === 'object' && written !== null && !Array.isArray(written);
  const request = isObject ? { priority: 'scheduled', tenant, ...written } : written;
  const parsed = parseSearchRequest(request, { marketplace });
  if (parsed.ok && parsed.request.tenant !== tenant) {
    const message = `this queue belongs to tenant ${tenant}`;
    return { ok: false, errors: [{ path: 'request.tenant', code: 'invalid_tenant', message }] } as const;
  }
  if (parsed.ok) return parsed;
  const below = (path: string) => (path === '' ? 'request' : `request.${path}`);
  return {
    ok: false,
    errors: parsed.errors.map((error) => ({ ...error, path: below(error.path) })),
  } as const;
}

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
  let cron: string;
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

const WEEKDAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const MONTHS = 'January February March April May June July August September October November December'.split(
  ' ',
);
const UNITS = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
] as const;

/** When a schedule runs, for people: `at 02:30 every day (Europe/Berlin)`. */
export function describeTiming({
  cron,
  tz = 'UTC',
  every = 0,
}: Pick<Definition, 'cron' | 'tz' | 'every'>): string {
  return cron === undefined ? `every ${duration(every)}` : `${byClock(cron)} (${tz})`;
}

function duration(seconds: number): string {
  const [unit, size] = UNITS.find(([, each]) => seconds % each === 0) as (typeof UNITS)[number];
  const count = seconds / size;
  return count === 1 ? unit : `${count} ${unit}s`;
}

/** The usual shapes in words, the others as they are written. */
function byClock(cron: string): string {
  const [minute = '', hour = '', day = '', month = '', weekday = ''] = cron.split(' ');
  const [minutes, hours] = [numbers(minute), numbers(hour)];
  const days = daysInWords(day, month, weekday);
  if (days === undefined) return `cron ${cron}`;
  const [at] = minutes ?? [];
  if (minutes?.length === 1 && hours !== undefined && hours.length <= 4)
    return `at ${list(hours.map((each) => clock(each, at as number)))} ${days}`;
  if (hour !== '*') return `cron ${cron}`;
  if (minute === '*') return `every minute ${days}`;
  if (minutes?.length === 1) return `${at} minutes past every hour ${days}`;
  const step = Number(/^\*\/(\d+)$/.exec(minute)?.[1]);
  return 60 % step === 0 ? `every ${step} minutes ${days}` : `cron ${cron}`;
}

function daysInWords(day: string, month: string, weekday: string): string | undefined {
  const months = month === '*' ? [] : numbers(month, MONTHS, 1);
  if (months === undefined) return undefined;
  const season = months.length === 0 ? '' : ` in ${list(months.map((each) => MONTHS[each - 1] as string))}`;
  if (day === '*' && weekday === '*') return `every day${season}`;
  if (day === '*') {
    const weekdays = numbers(weekday, WEEKDAYS)?.map((each) => each % 7);
    if (weekdays?.join() === '1,2,3,4,5') return `on working days${season}`;
    return weekdays && `on ${list(weekdays.map((each) => WEEKDAYS[each] as string))}${season}`;
  }
  const parts = day.split(',').filter((part) => part.toUpperCase() !== 'L');
  const dates = parts.length === 0 ? [] : numbers(parts.join());
  if (weekday !== '*' || dates === undefined) return undefined;
  const last = parts.length < day.split(',').length ? ['the last day'] : [];
  return `on ${list([...dates.map(String), ...last])} of ${season === '' ? 'each month' : season.slice(4)}`;
}

/** The values of a list of numbers, names and ranges, ascending; undefined for anything else. */
function numbers(field: string, names: string[] = [], first = 0): number[] | undefined {
  const values = field.split(',').flatMap((part) => {
    const [from = Number.NaN, to = from, ...more] = part.split('-').map((text) => {
      const index = names.findIndex((name) => name.slice(0, 3).toLowerCase() === text.toLowerCase());
      return index >= 0 ? index + first : /^\d+$/.test(text) ? Number(text) : Number.NaN;
    });
    if (!(from <= to) || more.length > 0) return [Number.NaN];
    return Array.from({ length: to - from + 1 }, (_, index) => from + index);
  });
  return values.some(Number.isNaN) ? undefined : [...new Set(values)].sort((one, other) => one - other);
}

function clock(hour: number, minute: number): string {
  return `${String(hour).padStart(2, '0')}:${String(minute).padStart(2, '0')}`;
}

function list(words: string[]): string {
  return words.length < 2 ? (words[0] ?? '') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
}
