import { isObject } from '../../product/parseRequest.ts';
import { echo, type InputError } from '../../product/schemaErrors.ts';
import { MAX_WATCHED } from '../../product/watchlistSchema.ts';
import { type Definition, parseSchedule } from '../schedules/definition.ts';
import { below } from '../search/jobData.ts';
import { parseWatchlist, type WatchlistDefinition } from './watchlists/definition.ts';

/** A watchlist as somebody thinks of making it. */
export interface PlannedWatchlist extends WatchlistDefinition {
  listings: number;
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
    const parsed = isWatchlist ? planned(value, limits) : parseSchedule(value, limits);
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

/** A watchlist, and how many listings it would have. */
function planned({ listings, ...list }: Record<string, unknown>, limits: Limits) {
  const parsed = parseWatchlist(list, limits);
  const isCount =
    Number.isInteger(listings) && (listings as number) >= 1 && (listings as number) <= MAX_WATCHED;
  const message = `must be an integer from 1 to ${MAX_WATCHED}; got ${echo(listings)}`;
  const own = isCount ? [] : [{ path: 'listings', code: 'listings_range', message }];
  if (!parsed.ok) return { ok: false, errors: [...parsed.errors, ...own] } as const;
  if (!isCount) return { ok: false, errors: own } as const;
  return { ok: true, watchlist: { ...parsed.definition, listings: listings as number } } as const;
}
