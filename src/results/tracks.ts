import type { Redis } from 'ioredis';
import {
  type Comparison,
  compareWithTrack,
  listingOf,
  type Observation,
  type Remembered,
  type Track,
  type TrackVerdict,
} from '../product/track.ts';
import { forgetFields } from '../redis/forgetFields.ts';
import { LuaScript } from '../redis/luaScript.ts';
import { asHash } from '../redis/ownHash.ts';
import { clockOf } from '../redis/redisClock.ts';
import { packVerdict, readVerdict } from './packing.ts';
import { answersOf, keyOf, type SearchRef, VERDICT } from './searchStore.ts';

/** The track's own field; the id of a listing has no space. */
export const STATE = 'the track';

/**
 * KEYS: track, the search's result. ARGV: the state that the comparison began from, the one after it, the verdict, ttl,
 * whether the track starts afresh, how many arguments name listings to forget, those, then listings and their values in
 * turn. All of it or nothing: answers 0 when another search has changed the track since, -1 when the result has expired.
 */
const COMMIT = `
if (redis.call('HGET', KEYS[1], '${STATE}') or '') ~= ARGV[1] then return 0 end
if redis.call('EXISTS', KEYS[2]) == 0 then return -1 end
if ARGV[5] == '1' then redis.call('DEL', KEYS[1]) end
redis.call('HSET', KEYS[1], '${STATE}', ARGV[2])
redis.call('HSET', KEYS[2], '${VERDICT}', ARGV[3])
local first = 7 + tonumber(ARGV[6])
for i = 7, first - 1 do redis.call('HDEL', KEYS[1], ARGV[i]) end
for i = first, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1`;

export interface TrackState {
  /** Rises with every search that is compared. */
  version: number;
  /** What its searches ask for, see `trackFingerprint`. */
  request: string;
  /** Which filters eBay ignored in the first complete one of them. */
  ignored: string;
  /** When the first of them began, ms since the epoch. */
  began: number;
  since: number | null;
  lastWhole: number | null;
  /** No listing in it was seen before, ms since the epoch. Missing in what earlier releases wrote. */
  oldest?: number;
  /** Missing in what earlier releases wrote, and in a track of other searches. */
  newest?: Track['newest'];
}

export interface TrackId {
  tenant: string;
  name: string;
}

/** Which track, and what for: another request under the same name starts another track. */
export interface TrackName extends TrackId {
  /** See `trackFingerprint`. */
  request: string;
}

/** What a search saw, and which filters eBay ignored in it, as one word: without a filter it sees other listings. */
export type TrackObservation = Omit<Observation, 'before'> & { ignored: string };

/** What searches with a `track` remember: one hash a name, a field per listing. */
export class Tracks {
  readonly #redis: Redis;
  readonly #prefix: string;
  readonly #ttlMs: number;

  /** @param options.ttlMs a listing that was not seen for this long is forgotten; so is a track that was not used */
  constructor({ redis, prefix, ttlMs }: { redis: Redis; prefix: string; ttlMs: number }) {
    this.#redis = redis;
    this.#prefix = prefix;
    this.#ttlMs = Math.ceil(ttlMs);
  }

  /** What a track remembers of these items. */
  async look(track: TrackName, itemIds: readonly string[]): Promise<Track> {
    const listings = [...new Set(itemIds.map(listingOf))];
    const key = this.#key(track);
    const [state, ...values] = await asHash(this.#redis, key, () =>
      this.#redis.hmget(key, STATE, ...listings),
    );
    if (readState(state ?? '')?.request !== track.request) return this.#trackFrom(undefined, []);
    const fields = listings.map((listing, index) => [listing, values[index] ?? null] as const);
    return this.#trackFrom(
      readState(state ?? ''),
      fields.filter((entry): entry is [string, string] => entry[1] !== null),
    );
  }

  /**
   * Compares a search with its track and leaves the verdict with the search's result, in one step with what the track
   * remembers from now on: done again, it finds its own verdict and changes nothing. Undefined when the result has expired.
   */
  async compare(
    ref: SearchRef,
    track: TrackName,
    { ignored, ...observation }: TrackObservation,
  ): Promise<TrackVerdict | undefined> {
    const key = this.#key(track);
    for (;;) {
      const { before, fields } = await this.#readBoth(key, ref);
      const { [STATE]: from = '', ...stored } = fields;
      const state = readState(from);
      const reason = state && reasonNotToCompare(state, track.request, ignored, observation.began);
      if (reason !== undefined) return before ?? { ...UNCOMPARED, note: reason };
      const isChanged = state !== undefined && state.request !== track.request;
      const known = isChanged
        ? this.#trackFrom(undefined, [])
        : this.#trackFrom(state, Object.entries(stored));
      const comparison = compareWithTrack(known, { ...observation, before });
      if (before !== undefined && changesNothing(before, known, comparison)) return before;
      const note = before?.note ?? (isChanged ? CHANGED_REQUEST : undefined);
      const verdict: TrackVerdict = { ...comparison.verdict, ...(note === undefined ? {} : { note }) };
      const stale = isChanged ? [] : Object.keys(stored).filter((listing) => !known.listings.has(listing));
      const after: TrackState = {
        version: (state?.version ?? 0) + 1,
        request: track.request,
        ignored: known.since === null ? ignored : (state?.ignored ?? ignored),
        began: isChanged ? observation.began : (state?.began ?? observation.began),
        since: comparison.after.since,
        lastWhole: comparison.after.lastWhole,
        oldest: oldestOf(known.listings, comparison.after.listings),
        newest: comparison.after.newest,
      };
      const reply = await this.#redis.eval(
        COMMIT,
        2,
        key,
        keyOf(this.#prefix, 'pages', ref),
        from,
        JSON.stringify(after),
        packVerdict(verdict),
        this.#ttlMs,
        isChanged ? 1 : 0,
        stale.length,
        ...stale,
        ...[...comparison.after.listings].flatMap(([listing, remembered]) => [listing, write(remembered)]),
      );
      if (reply === -1) return undefined;
      if (reply === 1) return verdict;
    }
  }

  /** In one step: a track that is younger than the verdict would hold what this very search has taught it. */
  async #readBoth(key: string, ref: SearchRef) {
    const reads = () => {
      const both = this.#redis
        .multi()
        .hgetBuffer(keyOf(this.#prefix, 'pages', ref), VERDICT)
        .hgetall(key);
      return answersOf(both) as Promise<[Buffer | null, Record<string, string>]>;
    };
    const [packed, fields] = await asHash(this.#redis, key, reads);
    return { before: packed === null ? undefined : readVerdict(packed), fields };
  }

  /** Listings that have outlived their time, or cannot be read, count as unknown even before they are deleted. */
  #trackFrom(state: TrackState | undefined, fields: Array<[string, string]>): Track {
    const rememberedFrom = clockOf(this.#redis, this.#prefix).now() - keptFor(this.#ttlMs);
    const listings = fields
      .flatMap(([listing, value]) => {
        const remembered = read(value);
        return remembered === undefined ? [] : [[listing, remembered] as const];
      })
      .filter(([, { lastSeen }]) => lastSeen >= rememberedFrom);
    const { since = null, lastWhole = null, newest } = state ?? {};
    return { since, lastWhole, rememberedFrom, listings: new Map(listings), newest: newest ?? undefined };
  }

  #key(track: TrackId): string {
    return trackKey(this.#prefix, track);
  }
}

/** Version 0.1 wrote another form under the name without `:v2`. It expires there: its own workers still read it. */
export function trackKey(prefix: string, { tenant, name }: TrackId): string {
  return `${prefix}:track:${tenant}:${name}:v2`;
}

const UNCOMPARED: TrackVerdict = {
  marks: new Map(),
  formerTotals: new Map(),
  gone: [],
  whole: false,
  firstRun: false,
};

const CHANGED_REQUEST =
  'the request of this track has changed, so the track starts afresh: this search is its first one';

/** Longest time by which data go before their limit, ms. */
const LONGEST_MARGIN_MS = 600_000;

/**
 * How long data are kept that one process removes every now and then, ms: a little less than their limit, so that nothing
 * outlives it between two rounds.
 */
export function keptFor(limitMs: number): number {
  return limitMs - Math.min(limitMs / 10, LONGEST_MARGIN_MS);
}

/** KEYS: track. ARGV: its state as it was read, and what it is now. */
const NOTE_OLDEST = new LuaScript(`
if redis.call('HGET', KEYS[1], '${STATE}') == ARGV[1] then redis.call('HSET', KEYS[1], '${STATE}', ARGV[2]) end`);

/**
 * Deletes the listings of a track that were last seen before this, ms since the epoch. A search counts them as unknown already.
 * @param key see `trackKey` @param options.whole read all of it, also where its state says that nothing is so old
 */
export async function forgetOutlived(
  redis: Redis,
  key: string,
  before: number,
  { whole, signal }: { whole: boolean; signal: AbortSignal },
): Promise<void> {
  const text = await redis.hget(key, STATE);
  const state = readState(text ?? '');
  if (!whole && (state?.oldest ?? 0) >= before) return;
  let oldest = Number.MAX_SAFE_INTEGER;
  const isOutlived = (listing: string, value: string) => {
    if (listing === STATE) return false;
    const lastSeen = read(value)?.lastSeen ?? 0;
    if (lastSeen < before) return true;
    oldest = Math.min(oldest, lastSeen);
    return false;
  };
  await forgetFields(redis, key, isOutlived, signal);
  if (state !== undefined)
    await NOTE_OLDEST.run(redis, key, [text as string, JSON.stringify({ ...state, oldest })]);
}

/** Why a search must not be compared with a track, nor change it. */
function reasonNotToCompare(
  state: TrackState,
  request: string,
  ignored: string,
  began: number,
): string | undefined {
  if (state.request !== request)
    return began < state.began
      ? 'a later search with another request uses this track, so nothing was compared'
      : undefined;
  return state.since === null || state.ignored === ignored
    ? undefined
    : 'eBay did not ignore the same filters as in the first search of this track, so nothing was compared; if that stays ' +
        'so, use another track name';
}

function changesNothing(before: TrackVerdict, track: Track, { verdict, after }: Comparison): boolean {
  return after.listings.size === 0 && after.since === track.since && verdict.whole === before.whole;
}

/** Undefined for a track that does not exist, or that another program has written. */
function readState(text: string): TrackState | undefined {
  const state = parseObject(text) as TrackState | undefined;
  return typeof state?.request === 'string' && Number.isInteger(state.version) ? state : undefined;
}

function parseObject(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

/** When the listing was last seen that was not seen for longest, ms since the epoch. */
function oldestOf(known: Track['listings'], changed: Track['listings']): number {
  let oldest = Number.MAX_SAFE_INTEGER;
  for (const [listing, { lastSeen }] of known) if (!changed.has(listing)) oldest = Math.min(oldest, lastSeen);
  for (const { lastSeen } of changed.values()) oldest = Math.min(oldest, lastSeen);
  return oldest;
}

/** Without the names of the fields: there may be very many. */
function write({ lastSeen, itemId, delivered, currency, named, offers }: Remembered): string {
  const prices = offers.map(({ variation, source, price, shipping, seen }) => [
    ...[variation, source, price, shipping],
    ...(seen === null ? [] : [seen]),
  ]);
  return JSON.stringify([lastSeen, itemId, delivered ? 1 : 0, currency, named ? 1 : 0, ...prices]);
}

/** When a listing of a track was last seen, ms since the epoch; undefined for what another program has written. */
export function lastSeenIn(text: string): number | undefined {
  return read(text)?.lastSeen;
}

/** Undefined for what another program has written. */
function read(text: string): Remembered | undefined {
  const fields = parseObject(text);
  if (!Array.isArray(fields) || fields.length < 5 || !fields.slice(5).every(Array.isArray)) return undefined;
  const [lastSeen, itemId, delivered, currency, named, ...prices] = fields as [
    number,
    string,
    0 | 1,
    string | null,
    0 | 1,
    ...Array<[string, string, string, string | null, number?]>,
  ];
  const offers = prices.map(([variation, source, price, shipping, seen = null]) => ({
    variation,
    source,
    price,
    shipping,
    seen,
  }));
  return { lastSeen, itemId, delivered: delivered === 1, currency, named: named === 1, offers };
}
