import { createHash } from 'node:crypto';
import { instantIn } from '../../product/instant.ts';
import { isObject, parseSearchRequest, tidyJson } from '../../product/parseRequest.ts';
import type { NormalRequest } from '../../product/requestSchema.ts';
import { SCHEDULE_NAME, type Schedule } from '../../product/scheduleSchema.ts';
import { echo, type InputError } from '../../product/schemaErrors.ts';
import { below } from '../search/jobData.ts';
import { isTimeZone, nextRun, parseCron, shortestGap, type Timing } from './cron.ts';

/** A valid schedule with its defaults filled in; plain JSON, and itself valid as a `Schedule`. */
export interface Definition extends Omit<Schedule, 'request' | 'auto'> {
  auto?: AutoTiming;
  request: NormalRequest;
}

/** Bounds of an `auto` schedule, seconds. */
export interface AutoTiming {
  atLeastEvery: number;
  /** Undefined: SCHEDULE_MIN_INTERVAL, also where that changes later. */
  atMostEvery?: number;
  value: number;
}

const DAY = 86_400;

interface ScheduleLimits {
  tenant: string;
  /** Marketplace of a request that names none. */
  marketplace: string;
  /** Least time between two runs, seconds. */
  minInterval: number;
  now: number;
}

type ParsedSchedule = { ok: true; definition: Definition } | { ok: false; errors: InputError[] };

/** Reads a schedule from any value and names everything wrong with it; never throws on input. */
export function parseSchedule(input: unknown, limits: ScheduleLimits): ParsedSchedule {
  const tidied = tidyJson(input);
  if (!tidied.ok) return tidied;
  const { value } = tidied;
  if (!isObject(value)) {
    const message = `a schedule is a JSON object; got ${echo(value)}`;
    return { ok: false, errors: [{ path: '', code: 'invalid_payload', message }] };
  }
  const request = parseRequest(value.request, limits);
  const errors = [...fieldErrors(value, limits), ...(request.ok ? [] : request.errors)];
  if (errors.length > 0 || !request.ok) return { ok: false, errors };
  const definition = normal(value as unknown as Schedule, request.request);
  // Each field is valid, and yet no run may lie between start and end.
  if (definition.every !== undefined || nextRun(timingOf(definition, 0), limits.now) !== undefined)
    return { ok: true, definition };
  return { ok: false, errors: [{ path: 'end', code: 'never_runs', message: 'lies before the first run' }] };
}

/**
 * Reads a list of schedules as a file has it; paths of errors begin with the index. An end that is past is fine here: the
 * file stays valid as time goes by, and the schedule is done.
 */
export function parseScheduleList(
  wanted: readonly unknown[],
  limits: Omit<ScheduleLimits, 'now'>,
): { definitions: Definition[]; errors: InputError[] } {
  const parsed = wanted.map((schedule) => parseSchedule(schedule, { ...limits, now: 0 }));
  const errors = parsed.flatMap((each, index) => {
    if (!each.ok) return below(index, each.errors);
    const { name } = each.definition;
    const first = parsed.findIndex((other) => other.ok && other.definition.name === name);
    const message = `${name} is the name of ${first} already`;
    return first === index ? [] : [{ path: `${index}.name`, code: 'duplicate_name', message }];
  });
  return { definitions: parsed.flatMap((each) => (each.ok ? [each.definition] : [])), errors };
}

function normal(
  { name, cron, tz = 'UTC', every, auto, start, end, limit, dailyCalls }: Schedule,
  request: NormalRequest,
): Definition {
  return {
    name,
    ...(cron !== undefined && { cron: parseCron(cron), tz }),
    ...(every !== undefined && { every }),
    ...(auto !== undefined && { auto: normalAuto(auto) }),
    ...(start !== undefined && { start: new Date(start).toISOString() }),
    ...(end !== undefined && { end: new Date(end).toISOString() }),
    ...(limit !== undefined && { limit }),
    ...(dailyCalls !== undefined && { dailyCalls }),
    request,
  };
}

function normalAuto({ atLeastEvery, atMostEvery, value = 1 }: NonNullable<Schedule['auto']>): AutoTiming {
  return {
    atLeastEvery: atLeastEvery ?? Math.max(DAY, atMostEvery ?? 0),
    ...(atMostEvery !== undefined && { atMostEvery }),
    value,
  };
}

/** @param anchor where `every` counts from when no start says so, ms since the epoch */
export function timingOf(
  { cron, tz = 'UTC', every = 0, auto, start, end }: Definition,
  anchor: number,
): Timing {
  const bounds = {
    ...(start !== undefined && { start: Date.parse(start) }),
    ...(end !== undefined && { end: Date.parse(end) }),
  };
  if (auto !== undefined) return { ...bounds, auto: true };
  return cron === undefined
    ? { ...bounds, everyMs: every * 1000, anchor: bounds.start ?? anchor }
    : { ...bounds, cron, tz };
}

function parseRequest(written: unknown, { tenant, marketplace }: ScheduleLimits) {
  const refuse = (...errors: InputError[]) => ({ ok: false, errors }) as const;
  if (written === undefined)
    return refuse({ path: 'request', code: 'required', message: 'is required here' });
  const request = isObject(written) ? { priority: 'scheduled', tenant, ...written } : written;
  const parsed = parseSearchRequest(request, { marketplace });
  if (!parsed.ok) return refuse(...below('request', parsed.errors));
  if (parsed.request.tenant === tenant) return parsed;
  const message = `this queue belongs to tenant ${tenant}`;
  return refuse({ path: 'request.tenant', code: 'invalid_tenant', message });
}

/**
 * Which content a schedule or a watchlist has, as a short text: somebody who changes it says which content they saw.
 * @param content plain JSON; the order of its fields does not count
 */
export function versionOf(content: object): string {
  const sorted = (_: string, value: unknown) =>
    isObject(value) ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))) : value;
  return createHash('sha256').update(JSON.stringify(content, sorted)).digest('base64url').slice(0, 16);
}

/** The definition in a report, which has more fields. */
export function definitionIn(report: Definition): Definition {
  const fields = Object.entries(report).filter(([name]) => FIELDS.includes(name));
  return Object.fromEntries(fields) as unknown as Definition;
}

const FIELDS = ['name', 'cron', 'tz', 'every', 'auto', 'start', 'end', 'limit', 'dailyCalls', 'request'];
const AUTO_FIELDS = ['atLeastEvery', 'atMostEvery', 'value'];
const MAX_RUNS = 1_000_000;
const MAX_EVERY = 31_536_000;
const MAX_VALUE = 1000;
const MAX_DAILY_CALLS = 1_000_000;

/** What is wrong with the fields but the request. */
function fieldErrors(written: Record<string, unknown>, { minInterval, now }: ScheduleLimits): InputError[] {
  const errors: InputError[] = [];
  const refuse = (path: string, code: string, message: string, ...got: unknown[]) =>
    errors.push({ path, code, message: [message, ...got.map((value) => `got ${echo(value)}`)].join('; ') });
  for (const key of Object.keys(written))
    if (!FIELDS.includes(key))
      refuse(
        key.slice(0, 64),
        'unknown_field',
        `is no field of a schedule; known here: ${FIELDS.join(', ')}`,
      );

  const { name, cron, every, auto, tz, limit, start, end, dailyCalls } = written;
  if (typeof name !== 'string' || !SCHEDULE_NAME.test(name))
    refuse('name', 'invalid_name', 'must be 1 to 60 of the characters a-z, 0-9 and hyphen', name);
  if ([cron, every, auto].filter((timing) => timing !== undefined).length !== 1)
    refuse('cron', 'cron_or_every', 'give one of cron, every and auto');
  const problem = cron === undefined ? undefined : cronProblem(cron, minInterval);
  if (problem !== undefined) refuse('cron', ...problem, cron);
  if (every !== undefined && !isInteger(every, minInterval, MAX_EVERY)) {
    const code = typeof every === 'number' && every < minInterval ? 'interval_too_short' : 'invalid_interval';
    const range = `from ${minInterval} (SCHEDULE_MIN_INTERVAL) to ${MAX_EVERY}`;
    refuse('every', code, `must be whole seconds ${range}`, every);
  }
  if (auto !== undefined) errors.push(...autoErrors(auto, written.request, minInterval));
  if (tz !== undefined && (typeof tz !== 'string' || !isTimeZone(tz)))
    refuse('tz', 'unknown_timezone', 'must be an IANA time zone such as Europe/Berlin', tz);
  else if (tz !== undefined && (every !== undefined || auto !== undefined)) {
    const timing = every === undefined ? 'auto' : 'every';
    refuse('tz', 'timezone_without_cron', `means nothing with ${timing}: leave it out`);
  }
  if (limit !== undefined && !isInteger(limit, 1, MAX_RUNS))
    refuse('limit', 'limit_range', `must be an integer from 1 to ${MAX_RUNS}`, limit);
  if (dailyCalls !== undefined && !isInteger(dailyCalls, 1, MAX_DAILY_CALLS))
    refuse(
      'dailyCalls',
      'daily_calls_range',
      `must be an integer from 1 to ${MAX_DAILY_CALLS}, or left out for no limit`,
      dailyCalls,
    );

  const example = 'must be a date and time with its offset, such as 2030-01-31T09:00:00Z';
  for (const [path, value] of Object.entries({ start, end }))
    if (value !== undefined && !isInstant(value)) refuse(path, 'invalid_date', example, value);
  if (isInstant(end) && Date.parse(end) <= now) refuse('end', 'end_in_the_past', 'is over', end);
  else if (isInstant(end) && isInstant(start) && Date.parse(start) >= Date.parse(end))
    refuse('end', 'end_before_start', 'must be later than start');
  return errors;
}

/** What is wrong with `auto`. @param request as written: without a track there are no changes to learn from */
function autoErrors(auto: unknown, request: unknown, minInterval: number): InputError[] {
  const errors: InputError[] = [];
  const refuse = (path: string, code: string, message: string) => errors.push({ path, code, message });
  if (isObject(request) && request.track === undefined)
    refuse(
      'request.track',
      'auto_without_track',
      'is required with auto: what a track marks as new, cheaper, dearer or gone is what the planner learns from',
    );
  if (!isObject(auto)) {
    const example = '{"atLeastEvery": 86400}, or {} for the defaults';
    refuse('auto', 'invalid_auto', `must be an object such as ${example}; got ${echo(auto)}`);
    return errors;
  }
  for (const key of Object.keys(auto))
    if (!AUTO_FIELDS.includes(key))
      refuse(
        `auto.${key.slice(0, 64)}`,
        'unknown_field',
        `is no field of auto; known here: ${AUTO_FIELDS.join(', ')}`,
      );
  for (const key of ['atLeastEvery', 'atMostEvery'] as const) {
    const seconds = auto[key];
    if (seconds === undefined || isWithin(seconds, minInterval, MAX_EVERY)) continue;
    const isShort = typeof seconds === 'number' && seconds < minInterval;
    const range = `from ${minInterval} (SCHEDULE_MIN_INTERVAL) to ${MAX_EVERY}`;
    const code = isShort ? 'interval_too_short' : 'invalid_interval';
    refuse(`auto.${key}`, code, `must be seconds ${range}; got ${echo(seconds)}`);
  }
  const { atLeastEvery, atMostEvery, value } = auto;
  if (
    isWithin(atLeastEvery, 0, MAX_EVERY) &&
    isWithin(atMostEvery, 0, MAX_EVERY) &&
    atLeastEvery < atMostEvery
  )
    refuse(
      'auto.atLeastEvery',
      'guarantee_too_short',
      `must not be shorter than atMostEvery (${atMostEvery}): no run may come before that`,
    );
  if (value !== undefined && !(isWithin(value, 0, MAX_VALUE) && value > 0))
    refuse('auto.value', 'value_range', `must be a number above 0, at most ${MAX_VALUE}; got ${echo(value)}`);
  return errors;
}

function cronProblem(text: unknown, minInterval: number): [code: string, message: string] | undefined {
  if (typeof text !== 'string' || text.length > 200)
    return ['invalid_cron', 'must be text of at most 200 characters'];
  try {
    if (shortestGap(parseCron(text)) >= minInterval * 1000) return undefined;
    return ['interval_too_short', `runs closer together than ${minInterval} s (SCHEDULE_MIN_INTERVAL)`];
  } catch (error) {
    return ['invalid_cron', (error as Error).message];
  }
}

function isWithin(value: unknown, from: number, to: number): value is number {
  return typeof value === 'number' && value >= from && value <= to;
}

function isInteger(value: unknown, from: number, to: number): boolean {
  return Number.isInteger(value) && (value as number) >= from && (value as number) <= to;
}

function isInstant(value: unknown): value is string {
  return typeof value === 'string' && (instantIn(value) ?? -1) >= 0;
}

const WEEKDAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const MONTHS = 'January February March April May June July August September October November December'.split(
  ' ',
);
/** `a, b and c`. */
const LIST = new Intl.ListFormat('en-GB');
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
  auto,
}: Pick<Definition, 'cron' | 'tz' | 'every' | 'auto'>): string {
  if (auto !== undefined) {
    const atMost = auto.atMostEvery === undefined ? '' : `, at most every ${duration(auto.atMostEvery)}`;
    return `when it is worth most, at least every ${duration(auto.atLeastEvery)}${atMost}`;
  }
  return cron === undefined ? `every ${duration(every)}` : `${byClock(cron)} (${tz})`;
}

function duration(seconds: number): string {
  const [unit, size] = UNITS.find(([, each]) => seconds % each === 0) ?? (['second', 1] as const);
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
    return `at ${LIST.format(hours.map((each) => [each, at].map(twoDigits).join(':')))} ${days}`;
  if (hour !== '*') return `cron ${cron}`;
  if (minute === '*') return `every minute ${days}`;
  if (minutes?.length === 1) return `${at} minutes past every hour ${days}`;
  const step = Number(/^\*\/(\d+)$/.exec(minute)?.[1]);
  return 60 % step === 0 ? `every ${step} minutes ${days}` : `cron ${cron}`;
}

function daysInWords(day: string, month: string, weekday: string): string | undefined {
  const months = month === '*' ? [] : numbers(month, MONTHS, 1);
  if (months === undefined) return undefined;
  const season =
    months.length === 0 ? '' : ` in ${LIST.format(months.map((each) => MONTHS[each - 1] as string))}`;
  if (day === '*' && weekday === '*') return `every day${season}`;
  if (day === '*') {
    const weekdays = numbers(weekday, WEEKDAYS)?.map((each) => each % 7);
    if (weekdays?.join() === '1,2,3,4,5') return `on working days${season}`;
    return weekdays && `on ${LIST.format(weekdays.map((each) => WEEKDAYS[each] as string))}${season}`;
  }
  const parts = day.split(',').filter((part) => part.toUpperCase() !== 'L');
  const dates = parts.length === 0 ? [] : numbers(parts.join());
  if (weekday !== '*' || dates === undefined) return undefined;
  const last = parts.length < day.split(',').length ? ['the last day'] : [];
  return `on ${LIST.format([...dates.map(String), ...last])} of ${season === '' ? 'each month' : season.slice(4)}`;
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

const twoDigits = (n: unknown) => String(n).padStart(2, '0');
