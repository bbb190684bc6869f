import { isObject } from '../../product/parseRequest.ts';
import { echo, type InputError } from '../../product/schemaErrors.ts';
import { type Definition, parseSchedule } from '../schedules/definition.ts';
import { below } from '../search/jobData.ts';

/** A watchlist as somebody thinks of making it. Durations are in seconds. */
export interface PlannedWatchlist {
  name: string;
  listings: number;
  atLeastEvery: number;
  atMostEvery?: number;
  value: number;
}

/** What a plan is asked about: schedules and watchlists that do not exist yet, or as they would be changed. */
export interface Additions {
  schedules: Definition[];
  watchlists: PlannedWatchlist[];
}

interface Limits {
  tenant: string;
  /** Marketplace of a request that names none. */
  marketplace: string;
  /** Least time between two looks, seconds. */
  minInterval: number;
  now: number;
}

/** More would be a plan of its own. */
const MOST_ADDITIONS = 1000;

/**
 * Reads one schedule or watchlist (it has `listings`), a list of them, or `{"schedules": […], "watchlists": […]}`, and names
 * everything wrong with them; never throws on input. Paths begin with `add`.
 */
export function parseAdditions(input: unknown, limits: Limits): Additions & { errors: InputError[] } {
  const result: Additions & { errors: InputError[] } = { schedules: [], watchlists: [], errors: [] };
  const wanted = listOf(input);
  if (wanted.length === 0 || wanted.length > MOST_ADDITIONS) {
    const message = `must be a schedule, a watchlist, or a list of 1 to ${MOST_ADDITIONS} of them`;
    result.errors.push({ path: 'add', code: 'invalid_payload', message });
    return result;
  }
  const names = new Set<string>();
  for (const { path, value } of wanted) {
    const isWatchlist = isObject(value) && 'listings' in value;
    const refuse = (errors: readonly InputError[]) =>
      result.errors.push(...below('add', path === '' ? errors : below(path, errors)));
    const parsed = isWatchlist ? parseWatchlist(value, limits) : parseSchedule(value, limits);
    if (!parsed.ok) {
      refuse(parsed.errors);
      continue;
    }
    const { name } = 'definition' in parsed ? parsed.definition : parsed.watchlist;
    const key = `${isWatchlist} ${name}`;
    if (names.has(key)) refuse([{ path: 'name', code: 'duplicate_name', message: `${name} is there twice` }]);
    names.add(key);
    if ('definition' in parsed) result.schedules.push(parsed.definition);
    else result.watchlists.push(parsed.watchlist);
  }
  return result;
}

function listOf(input: unknown): Array<{ path: string; value: unknown }> {
  const numbered = (list: readonly unknown[], at: string) =>
    list.map((value, index) => ({ path: `${at}${index}`, value }));
  if (Array.isArray(input)) return numbered(input, '');
  if (!isObject(input) || !('schedules' in input || 'watchlists' in input))
    return [{ path: '', value: input }];
  const { schedules = [], watchlists = [], ...others } = input;
  if (!Array.isArray(schedules) || !Array.isArray(watchlists) || Object.keys(others).length > 0) return [];
  return [...numbered(schedules, 'schedules.'), ...numbered(watchlists, 'watchlists.')];
}

const WATCHLIST_NAME = /^[a-z0-9-]{1,40}$/;
const MOST_LISTINGS = 20_000;
const WATCHLIST_FIELDS = ['name', 'listings', 'atLeastEvery', 'atMostEvery', 'value'];
/** Of a watchlist that says nothing, seconds. */
const AT_LEAST_EVERY = 21_600;
const MOST_SECONDS = 31_536_000;
const MOST_VALUE = 1000;

type ParsedWatchlist = { ok: true; watchlist: PlannedWatchlist } | { ok: false; errors: InputError[] };

function parseWatchlist(written: Record<string, unknown>, { minInterval }: Limits): ParsedWatchlist {
  const errors: InputError[] = [];
  const refuse = (path: string, code: string, message: string) => errors.push({ path, code, message });
  for (const key of Object.keys(written))
    if (!WATCHLIST_FIELDS.includes(key))
      refuse(key.slice(0, 64), 'unknown_field', `is not known here; known: ${WATCHLIST_FIELDS.join(', ')}`);
  const { name, listings, atLeastEvery = AT_LEAST_EVERY, atMostEvery, value = 1 } = written;
  if (typeof name !== 'string' || !WATCHLIST_NAME.test(name))
    refuse(
      'name',
      'invalid_name',
      `must be 1 to 40 of the characters a-z, 0-9 and hyphen; got ${echo(name)}`,
    );
  if (!Number.isInteger(listings) || !isWithin(listings, 1, MOST_LISTINGS))
    refuse(
      'listings',
      'listings_range',
      `must be an integer from 1 to ${MOST_LISTINGS}; got ${echo(listings)}`,
    );
  const range = `must be seconds from ${minInterval} (SCHEDULE_MIN_INTERVAL) to ${MOST_SECONDS}`;
  for (const [path, seconds] of Object.entries({ atLeastEvery, atMostEvery }))
    if (seconds !== undefined && !isWithin(seconds, minInterval, MOST_SECONDS))
      refuse(path, 'invalid_interval', `${range}; got ${echo(seconds)}`);
  if (
    isWithin(atMostEvery, 0, MOST_SECONDS) &&
    isWithin(atLeastEvery, 0, MOST_SECONDS) &&
    atLeastEvery < atMostEvery
  )
    refuse('atLeastEvery', 'guarantee_too_short', `must not be shorter than atMostEvery (${atMostEvery})`);
  if (!isWithin(value, 0, MOST_VALUE) || value === 0)
    refuse('value', 'value_range', `must be a number above 0, at most ${MOST_VALUE}; got ${echo(value)}`);
  if (errors.length > 0) return { ok: false, errors };
  return {
    ok: true,
    watchlist: {
      name: name as string,
      listings: listings as number,
      atLeastEvery: atLeastEvery as number,
      ...(atMostEvery !== undefined && { atMostEvery: atMostEvery as number }),
      value: value as number,
    },
  };
}

function isWithin(value: unknown, from: number, to: number): value is number {
  return typeof value === 'number' && value >= from && value <= to;
}
