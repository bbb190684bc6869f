import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { LuaScript } from '../redis/luaScript.ts';
import { hashesBeginning } from '../redis/nodes.ts';
import { STATE, type TrackId, type TrackState, trackKey } from './tracks.ts';

/** A listing of a track, as it is stored: `tracks.ts` writes and reads this form. */
export interface SavedListing {
  id: string;
  seen: unknown;
}

export interface SavedTrack extends TrackId {
  /** ISO 8601 in UTC. */
  expiresAt: string;
  state: TrackState;
}

/** A track that is being put back: all of it becomes visible at once, in `end`. */
export interface TrackRestore {
  add(listing: SavedListing): Promise<void>;
  /** False where a track of this name has come up meanwhile, and stays. */
  end(): Promise<boolean>;
  /** Deletes what was written so far. May be called after `end` too. */
  discard(): Promise<void>;
}

/** Listings in one command. */
const BATCH = 500;

/** Life of a copy that is not complete, ms: what remains of a restore that was killed. */
const INCOMPLETE_TTL_MS = 3_600_000;

/** KEYS: the complete copy, the track. ARGV: life (ms), whether to replace. Returns 0 where a track is left as it is. */
const PUBLISH = new LuaScript(`
if ARGV[2] ~= '1' and redis.call('EXISTS', KEYS[2]) == 1 then return 0 end
redis.call('UNLINK', KEYS[2])
redis.call('RENAME', KEYS[1], KEYS[2])
redis.call('PEXPIRE', KEYS[2], ARGV[1])
return 1`);

/** All tracks of an installation, to be saved and put back. */
export class SavedTracks {
  readonly #redis: Redis;
  readonly #prefix: string;

  constructor(redis: Redis, prefix: string) {
    this.#redis = redis;
    this.#prefix = prefix;
  }

  /** All tracks, by name, with the number of their listings. */
  async all(signal?: AbortSignal): Promise<Array<TrackId & { listings: number }>> {
    const start = `${this.#prefix}:track:`;
    const found: Array<TrackId & { listings: number }> = [];
    for (const key of await hashesBeginning(this.#redis, start, signal)) {
      const [, tenant = '', name = ''] = /^([a-z0-9-]+):([a-z0-9-]+):v2$/.exec(key.slice(start.length)) ?? [];
      if (name === '') continue;
      const fields = await this.#redis.hlen(key);
      if (fields > 0) found.push({ tenant, name, listings: fields - 1 });
    }
    return found;
  }

  /** Undefined for a track that is gone or cannot be read. */
  async head(track: TrackId): Promise<SavedTrack | undefined> {
    const key = this.#key(track);
    const [text, lifeMs, [seconds]] = await Promise.all([
      this.#redis.hget(key, STATE),
      this.#redis.pttl(key),
      this.#redis.time(),
    ]);
    const state = json(text ?? '') as TrackState | undefined;
    if (state === undefined || lifeMs < 0) return undefined;
    const { tenant, name } = track;
    const expiresAt = new Date(Number(seconds) * 1000 + lifeMs).toISOString();
    return { tenant, name, expiresAt, state };
  }

  /** A few at a time. One that a search changes meanwhile may come twice: the later one counts. */
  async *listings(track: TrackId): AsyncGenerator<SavedListing[]> {
    let cursor = '0';
    do {
      const [next, flat] = await this.#redis.hscan(this.#key(track), cursor, 'COUNT', BATCH);
      const listings: SavedListing[] = [];
      for (let i = 0; i < flat.length; i += 2)
        if (flat[i] !== STATE) listings.push({ id: flat[i] as string, seen: json(flat[i + 1] as string) });
      yield listings;
      cursor = next;
    } while (cursor !== '0');
  }

  async exists(track: TrackId): Promise<boolean> {
    return (await this.#redis.exists(this.#key(track))) === 1;
  }

  /** @param lifeMs how long the track lives without being used @param replace whether a track of this name is replaced */
  restore({ state, ...track }: SavedTrack, lifeMs: number, replace: boolean): TrackRestore {
    const redis = this.#redis;
    const copy = `${this.#prefix}:restoring:${randomUUID()}`;
    let fields: string[] = [STATE, JSON.stringify(state)];
    const flush = async () => {
      if (fields.length === 0) return;
      await Promise.all([redis.hset(copy, fields), redis.pexpire(copy, INCOMPLETE_TTL_MS)]);
      fields = [];
    };
    return {
      async add({ id, seen }) {
        fields.push(id, JSON.stringify(seen));
        if (fields.length >= 2 * BATCH) await flush();
      },
      end: async () => {
        await flush();
        return (await PUBLISH.run(redis, [copy, this.#key(track)], [lifeMs, replace ? 1 : 0])) === 1;
      },
      async discard() {
        await redis.unlink(copy);
      },
    };
  }

  #key(track: TrackId): string {
    return trackKey(this.#prefix, track);
  }
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
