import { echo, type InputError } from '../../product/inputErrors.ts';
import { tidyJson } from '../../product/plainJson.ts';
import { parseSearchRequest } from '../../product/request.ts';
import type { NormalRequest } from '../../product/requestSchema.ts';
import { SCHEDULE_NAME } from '../../product/scheduleSchema.ts';
import type { Timing } from './calendar.ts';
import { parseCron } from './cron.ts';
import { timingErrors, type WrittenTiming } from './timingRules.ts';

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
    ...strangers(written),
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
    ...(cron === undefined ? {} : { cron: cron.trim().replace(/\s+/g, ' '), tz: tz ?? 'UTC' }),
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
    : { ...bounds, cron: parseCron(cron), tz };
}

function strangers(written: Record<string, unknown>): InputError[] {
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
