import { isMarketplace } from '../../../product/marketplaces.ts';
import { isObject, tidyJson } from '../../../product/parseRequest.ts';
import { placeErrors } from '../../../product/requestRules.ts';
import { echo, type InputError, inputError } from '../../../product/schemaErrors.ts';
import { violations } from '../../../product/violations.ts';
import { DEFAULT_WATCH_AT_LEAST, type Watchlist, WatchlistSchema } from '../../../product/watchlistSchema.ts';

/** A valid watchlist with its defaults filled in. */
export type WatchlistDefinition = Watchlist &
  Required<Pick<Watchlist, 'marketplace' | 'atLeastEvery' | 'atMostEvery' | 'value' | 'quantity'>>;

export interface WatchlistLimits {
  /** Marketplace of a list that names none. */
  marketplace: string;
  /** SCHEDULE_MIN_INTERVAL, seconds. */
  minInterval: number;
  /** Takes a place that does not exist: an earlier release did, and what it stored stays readable. */
  isStored?: boolean;
}

type ParsedWatchlist = { ok: true; definition: WatchlistDefinition } | { ok: false; errors: InputError[] };

/** As in a request, with the same errors. */
const PLACE: readonly string[] = ['shipTo.country', 'shipTo.postalCode'];

/** Reads a watchlist from any value and names everything wrong with it; never throws on input. */
export function parseWatchlist(
  input: unknown,
  { marketplace, minInterval, isStored = false }: WatchlistLimits,
): ParsedWatchlist {
  const refuse = (...errors: InputError[]) => ({ ok: false, errors }) as const;
  const tidied = tidyJson(input);
  if (!tidied.ok) return tidied;
  const { value } = tidied;
  if (!isObject(value))
    return refuse({
      path: '',
      code: 'invalid_payload',
      message: `a watchlist is a JSON object; got ${echo(value)}`,
    });
  const known = Object.keys(WatchlistSchema.properties);
  const unknown = Object.keys(value).filter((key) => !known.includes(key));
  const errors: InputError[] = unknown.map((key) => ({
    path: key.slice(0, 64),
    code: 'unknown_field',
    message: `is no field of a watchlist; known here: ${known.join(', ')}`,
  }));
  for (const error of violations(WatchlistSchema, value)) {
    if (error.keyword === 'additionalProperties' && error.instancePath === '') continue;
    const missing = error.keyword === 'required' ? `/${error.params.missingProperty}` : '';
    const path = `${error.instancePath}${missing}`.slice(1).replaceAll('/', '.');
    if (errors.some((each) => each.path === path)) continue;
    if (PLACE.includes(path)) {
      errors.push(inputError(error));
      continue;
    }
    const code = path === 'name' ? 'invalid_name' : missing === '' ? 'invalid_value' : 'required';
    const message =
      path === 'name'
        ? 'must be 1 to 60 of the characters a-z, 0-9 and hyphen'
        : (error.message ?? 'is wrong');
    errors.push({ path, code, message });
  }
  if (errors.length > 0) return refuse(...errors);
  const written = value as unknown as Watchlist;
  if (!isMarketplace(marketplace)) throw new RangeError(`${echo(marketplace)} is no marketplace`);
  const atMostEvery = written.atMostEvery ?? minInterval;
  const definition = {
    marketplace,
    value: 1,
    quantity: false,
    ...written,
    atMostEvery,
    atLeastEvery: written.atLeastEvery ?? Math.max(DEFAULT_WATCH_AT_LEAST, atMostEvery),
  };
  if (definition.atMostEvery < minInterval)
    errors.push({
      path: 'atMostEvery',
      code: 'interval_too_short',
      message: `must be at least ${minInterval} (SCHEDULE_MIN_INTERVAL)`,
    });
  if (definition.atLeastEvery < definition.atMostEvery)
    errors.push({
      path: 'atLeastEvery',
      code: 'interval_too_short',
      message: `must be at least ${definition.atMostEvery}, which is atMostEvery`,
    });
  // The search of a look is refused with such a place.
  if (definition.shipTo !== undefined && !isStored)
    errors.push(...placeErrors(definition.shipTo, (field) => `shipTo.${field}`));
  return errors.length > 0 ? refuse(...errors) : { ok: true, definition };
}
