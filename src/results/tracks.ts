import type { Redis } from 'ioredis';
import type { Money } from '../product/money.ts';
import {
  type Comparison,
  compareWithTrack,
  type Observation,
  type Remembered,
  type Track,
  type TrackVerdict,
} from '../product/track.ts';
import { packVerdict, readVerdict } from './packing.ts';
import { keyOf, type SearchRef, VERDICT } from './searchStore.ts';

/** The track's own field; an item's id has no space. */
const STATE = 'the track';

/**
 * KEYS: track, the search's result. ARGV: the state that the comparison began from, the one after it, the verdict, ttl,
 * how many arguments name items to forget, those, then items and their values in turn. All of it or nothing: answers 0
 * when another search has changed the track since, -1 when the result has expired.
 */
const COMMIT = `
if (redis.call('HGET', KEYS[1], '${STATE}') or '') ~= ARGV[1] then return 0 end
if redis.call('EXISTS', KEYS[2]) == 0 then return -1 end
redis.call('HSET', KEYS[1], '${STATE}', ARGV[2])
redis.call('HSET', KEYS[2], '${VERDICT}', ARGV[3])
local first = 6 + tonumber(ARGV[5])
for i = 6, first - 1 do redis.call('HDEL', KEYS[1], ARGV[i]) end
for i = first, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1`;

interface State {
  /** Rises with every search that is compared. */
  version: number;
  established: boolean;
  lastWhole: number | null;
}

export interface TracksOptions {
  redis: Redis;
  prefix: string;
  /** An item that was not seen for this long is forgotten, ms; so is a track that was not used. */
  ttlMs: number;
}

/** What searches with a `track` remember: one hash a name, a field per item. */
export class Tracks {
  readonly #redis: Redis;
  readonly #prefix: string;
  readonly #ttlMs: number;

  constructor({ redis, prefix, ttlMs }: TracksOptions) {
    this.#redis = redis;
    this.#prefix = prefix;
    this.#ttlMs = Math.ceil(ttlMs);
  }

  /** What a track remembers of these items. */
  async look(tenant: string, name: string, itemIds: readonly string[]): Promise<Track> {
    const values = await this.#redis.hmget(this.#key(tenant, name), STATE, ...itemIds);
    const fields = [STATE, ...itemIds].map((field, index) => [field, values[index] ?? null] as const);
    return this.#trackFrom(fields.filter((entry): entry is [string, string] => entry[1] !== null));
  }

  /**
   * Compares a search with its track and leaves the verdict with the search's result, in one step with what the track
   * remembers from now on: done again, it finds its own verdict and changes nothing. Undefined when the result has expired.
   */
  async compare(
    ref: SearchRef,
    name: string,
    observation: Omit<Observation, 'before'>,
  ): Promise<TrackVerdict | undefined> {
    const key = this.#key(ref.tenant, name);
    for (;;) {
      const { before, fields } = await this.#readBoth(key, ref);
      const track = this.#trackFrom(Object.entries(fields));
      const comparison = compareWithTrack(track, { ...observation, ...(before && { before }) });
      if (before !== undefined && changesNothing(before, track, comparison)) return before;
      const stale = this.#forgotten(fields);
      const outcome = await this.#commit(key, ref, fields[STATE] ?? '', comparison, stale);
      if (outcome === 'expired') return undefined;
      if (outcome === 'done') return comparison.verdict;
    }
  }

  async #commit(
    key: string,
    ref: SearchRef,
    from: string,
    { verdict, after }: Comparison,
    stale: string[],
  ): Promise<'done' | 'expired' | 'overtaken'> {
    const { established, lastWhole, items } = after;
    const state: State = { version: readState(from).version + 1, established, lastWhole };
    const reply = await this.#redis.eval(
      COMMIT,
      2,
      key,
      keyOf(this.#prefix, 'pages', ref),
      from,
      JSON.stringify(state),
      packVerdict(verdict),
      this.#ttlMs,
      stale.length,
      ...stale,
      ...[...items].flatMap(([itemId, remembered]) => [itemId, write(remembered)]),
    );
    return reply === 1 ? 'done' : reply === -1 ? 'expired' : 'overtaken';
  }

  /** In one step: a track that is younger than the verdict would hold what this very search has taught it. */
  async #readBoth(key: string, ref: SearchRef) {
    const replies = await this.#redis
      .multi()
      .hgetBuffer(keyOf(this.#prefix, 'pages', ref), VERDICT)
      .hgetall(key)
      .exec();
    const [packed, fields] = (replies ?? []).map(([error, reply]) => {
      if (error) throw error;
      return reply;
    }) as [Buffer | null, Record<string, string>];
    return { before: packed === null ? undefined : readVerdict(packed), fields };
  }

  /** Items that have outlived their time count as unknown even before they are deleted. */
  #trackFrom(fields: Array<[string, string]>): Track {
    const { established, lastWhole } = readState(fields.find(([field]) => field === STATE)?.[1] ?? '');
    const oldest = Date.now() - this.#ttlMs;
    const items = fields
      .filter(([field]) => field !== STATE)
      .map(([itemId, value]) => [itemId, read(value)] as const)
      .filter(([, { lastSeen }]) => lastSeen >= oldest);
    return { established, lastWhole, items: new Map(items) };
  }

  #forgotten(fields: Record<string, string>): string[] {
    const oldest = Date.now() - this.#ttlMs;
    return Object.keys(fields).filter(
      (field) => field !== STATE && read(fields[field] as string).lastSeen < oldest,
    );
  }

  #key(tenant: string, name: string): string {
    return `${this.#prefix}:track:${tenant}:${name}`;
  }
}

function changesNothing(before: TrackVerdict, track: Track, { verdict, after }: Comparison): boolean {
  return after.items.size === 0 && after.established === track.established && verdict.whole === before.whole;
}

function readState(text: string): State {
  return text === '' ? { version: 0, established: false, lastWhole: null } : JSON.parse(text);
}

/** `LAST_SEEN` or `LAST_SEEN AMOUNT CURRENCY`: there may be very many. */
function write({ total, lastSeen }: Remembered): string {
  return total === null ? String(lastSeen) : `${lastSeen} ${total.value} ${total.currency}`;
}

function read(text: string): Remembered {
  const [lastSeen, value, currency] = text.split(' ');
  const total: Money | null = value === undefined || currency === undefined ? null : { value, currency };
  return { lastSeen: Number(lastSeen), total };
}
