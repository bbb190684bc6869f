import type { Redis } from 'ioredis';
import type { Caller } from '../auth/authenticator.ts';
import { problem } from '../problem.ts';

/** What a person keeps about one listing. */
export interface SavedItem {
  favourite: boolean;
  /** Not shown in results until the person asks for hidden ones. */
  hidden: boolean;
  /** Empty: none. */
  note: string;
  /** When it was changed last, ISO 8601 in UTC. */
  at: string;
}

/** Listings that one person may keep; each takes a few hundred bytes. */
export const MAX_SAVED = 2000;
export const MAX_NOTE_LENGTH = 500;
/** Since the last change, seconds: a key that nobody uses any more leaves nothing. */
const LIFE_S = 400 * 24 * 3600;

const NEWS = 'news';
const ITEM = 'item:';

/**
 * What one person keeps on the page: favourites, notes and hidden listings, and up to which event the news were read. Each API
 * key has its own; without keys there is one for everybody. Only ids of listings and the person's own words are stored.
 */
export class PersonalStore {
  readonly #redis: Redis;
  readonly #key: string;

  constructor(redis: Redis, prefix: string, { tenant, id }: Pick<Caller, 'tenant' | 'id'>) {
    this.#redis = redis;
    this.#key = personalKey(prefix, tenant, id);
  }

  /** Every saved listing by its id. */
  async items(): Promise<Map<string, SavedItem>> {
    const fields = await this.#redis.hgetall(this.#key);
    return new Map(
      Object.entries(fields).flatMap(([name, text]) =>
        name.startsWith(ITEM) ? [[name.slice(ITEM.length), savedFrom(text)] as const] : [],
      ),
    );
  }

  /**
   * Changes what is kept about a listing; one about which nothing is kept any more is forgotten.
   * @param at now, ms since the epoch @throws Problem 400 for a note that is too long, 409 for too many listings
   */
  async save(itemId: string, change: Partial<Omit<SavedItem, 'at'>>, at: number): Promise<SavedItem> {
    if ((change.note?.length ?? 0) > MAX_NOTE_LENGTH)
      throw problem(400, 'note_too_long', `a note may have at most ${MAX_NOTE_LENGTH} characters`);
    const field = ITEM + itemId;
    const present = await this.#redis.hget(this.#key, field);
    const saved = { ...savedFrom(present ?? '{}'), ...change, at: new Date(at).toISOString() };
    if (!saved.favourite && !saved.hidden && saved.note === '') await this.#redis.hdel(this.#key, field);
    else {
      if (present === null && (await this.#redis.hlen(this.#key)) > MAX_SAVED)
        throw problem(409, 'too_many_saved', `at most ${MAX_SAVED} listings can be kept: remove some first`);
      await this.#set(field, JSON.stringify(saved));
    }
    return saved;
  }

  /** Id in the stream of the newest event that the person has seen; undefined: none yet. */
  async newsReadUntil(): Promise<string | undefined> {
    return (await this.#redis.hget(this.#key, NEWS)) ?? undefined;
  }

  async setNewsReadUntil(streamId: string): Promise<void> {
    await this.#set(NEWS, streamId);
  }

  async #set(field: string, value: string): Promise<void> {
    await this.#redis.multi().hset(this.#key, field, value).expire(this.#key, LIFE_S).exec();
  }
}

/** @param id of the API key */
export function personalKey(prefix: string, tenant: string, id: string): string {
  return `${prefix}:personal:${tenant}:${id}`;
}

/** What cannot be read is kept as nothing. */
function savedFrom(text: string): SavedItem {
  let stored: Partial<SavedItem> = {};
  try {
    stored = JSON.parse(text) as Partial<SavedItem>;
  } catch {}
  return {
    favourite: stored.favourite === true,
    hidden: stored.hidden === true,
    note: typeof stored.note === 'string' ? stored.note : '',
    at: typeof stored.at === 'string' ? stored.at : '',
  };
}
