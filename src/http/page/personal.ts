import type { Redis } from 'ioredis';
import { comparePlaces, isPlace } from '../../events/news.ts';
import type { MarketplaceId } from '../../product/marketplaces.ts';
import { apiKeysKey, personalKey } from '../../queue/budgets.ts';
import { LuaScript } from '../../redis/luaScript.ts';
import { asHash } from '../../redis/ownHash.ts';
import type { Caller } from '../auth/authenticator.ts';
import { problem } from '../problem.ts';

/** What a person keeps about one listing. */
export interface SavedItem {
  favourite: boolean;
  /** Not shown in results until the person asks for hidden ones. */
  hidden: boolean;
  /** Empty: none. */
  note: string;
  /** Where it was found, which is where it is asked for again; empty: not known. */
  site: MarketplaceId | '';
  /** Since when it is kept, ISO 8601 in UTC. */
  since: string;
  /** When it was changed last, ISO 8601 in UTC. */
  at: string;
}

type Change = Partial<Pick<SavedItem, 'favourite' | 'hidden' | 'note' | 'site'>>;

/** All that one person keeps, as a backup has it. */
export interface SavedPerson {
  /** Id of the API key; `open` where none is needed. */
  id: string;
  /** Of the newest event that the person has seen; null: none yet. */
  news: string | null;
  items: Record<string, SavedItem>;
}

/** Listings that one person may keep; each takes a few hundred bytes. */
export const MAX_SAVED = 2000;
export const MAX_NOTE_LENGTH = 500;
/** Since the last change, seconds: a key that nobody uses any more leaves nothing. */
const LIFE_S = 400 * 24 * 3600;
/** The longest item id. */
const MAX_ITEM_ID = 100;

const NEWS = 'news';
const ITEM = 'item:';

/**
 * Writes one field unless it was changed since it was read. KEYS: what the person keeps, the API keys. ARGV: the field, its
 * value as it was read (empty: none), its value now (empty: removed), most listings, life (s), id of the API key (empty: none is
 * needed). Answers 1; 0 where it was changed; -1 where there are too many listings; -2 where the key has been revoked.
 */
const WRITE = new LuaScript(`
if ARGV[6] ~= '' and redis.call('HEXISTS', KEYS[2], ARGV[6]) == 0 then return -2 end
local present = redis.call('HGET', KEYS[1], ARGV[1]) or ''
if present ~= ARGV[2] then return 0 end
if ARGV[3] == '' then
  redis.call('HDEL', KEYS[1], ARGV[1])
else
  local others = redis.call('HLEN', KEYS[1]) - redis.call('HEXISTS', KEYS[1], '${NEWS}')
  if present == '' and ARGV[1] ~= '${NEWS}' and others >= tonumber(ARGV[4]) then return -1 end
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
end
redis.call('EXPIRE', KEYS[1], ARGV[5])
return 1`);

/** The caller where no keys are needed. */
const NO_KEY = 'open';

/**
 * What one person keeps on the page: favourites, notes and hidden listings, and up to which event the news were read. Each API
 * key has its own; without keys there is one for everybody. Only ids of listings and the person's own words are stored.
 */
export class PersonalStore {
  readonly #redis: Redis;
  readonly #key: string;
  readonly #apiKeys: string;
  readonly #id: string;

  constructor(redis: Redis, prefix: string, { tenant, id }: Pick<Caller, 'tenant' | 'id'>) {
    this.#redis = redis;
    this.#key = personalKey(prefix, tenant, id);
    this.#apiKeys = apiKeysKey(prefix);
    this.#id = id;
  }

  /** Every saved listing by its id. */
  async items(): Promise<Map<string, SavedItem>> {
    const fields = await this.#own(() => this.#redis.hgetall(this.#key));
    return new Map(Object.entries(itemsIn(fields)));
  }

  async item(itemId: string): Promise<SavedItem | undefined> {
    const text = await this.#own(() => this.#redis.hget(this.#key, ITEM + itemId));
    return text === null ? undefined : savedFrom(text);
  }

  /**
   * Changes what is kept about a listing; one about which nothing is kept any more is forgotten.
   * @param at now, ms since the epoch
   * @throws Problem 400 for a note that is too long, 409 for too many listings, 401 where the key was revoked meanwhile
   */
  async save(itemId: string, change: Change, at: number): Promise<SavedItem> {
    if (itemId.length > MAX_ITEM_ID) throw problem(400, 'no_item', 'this is no id of a listing');
    const note = change.note?.trim();
    if ((note?.length ?? 0) > MAX_NOTE_LENGTH)
      throw problem(400, 'note_too_long', `a note may have at most ${MAX_NOTE_LENGTH} characters`);
    const now = new Date(at).toISOString();
    return this.#write(ITEM + itemId, (text) => {
      const present = savedFrom(text);
      const saved: SavedItem = {
        ...present,
        ...change,
        ...(note !== undefined && { note }),
        since: present.since || now,
        at: now,
      };
      const isKept = saved.favourite || saved.hidden || saved.note !== '';
      return [saved, isKept ? JSON.stringify(saved) : ''];
    });
  }

  /** Id in the stream of the newest event that the person has seen; undefined: none yet. */
  async newsReadUntil(): Promise<string | undefined> {
    return placeIn(await this.#own(() => this.#redis.hget(this.#key, NEWS))) ?? undefined;
  }

  /** Never goes back: another tab may have read further. */
  async setNewsReadUntil(streamId: string): Promise<void> {
    await this.#write(NEWS, (text) => {
      const present = placeIn(text);
      return [undefined, present !== null && comparePlaces(present, streamId) > 0 ? present : streamId];
    });
  }

  /** @param change from the field's value, empty without one, to the answer and the new value; may be called again */
  async #write<Answer>(field: string, change: (text: string) => [Answer, string]): Promise<Answer> {
    const keys = [this.#key, this.#apiKeys];
    const limits = [MAX_SAVED, LIFE_S, this.#id === NO_KEY ? '' : this.#id];
    return this.#own(async () => {
      for (;;) {
        const before = (await this.#redis.hget(this.#key, field)) ?? '';
        const [answer, after] = change(before);
        const result = await WRITE.run(this.#redis, keys, [field, before, after, ...limits]);
        if (result === 1) return answer;
        if (result === -1)
          throw problem(
            409,
            'too_many_saved',
            `at most ${MAX_SAVED} listings can be kept: remove some first`,
          );
        if (result === -2) throw problem(401, 'unauthorized', 'this key was revoked: sign in again');
      }
    });
  }

  /** What another program has put in its place counts as nothing. */
  #own<Answer>(use: () => Promise<Answer>): Promise<Answer> {
    return asHash(this.#redis, this.#key, use);
  }
}

/** What each person of an installation keeps, for a backup. */
export async function savedPerson(redis: Redis, key: string, id: string): Promise<SavedPerson | undefined> {
  const fields = await redis.hgetall(key).catch((error: Error): Record<string, string> => {
    if (!error.message.startsWith('WRONGTYPE')) throw error;
    return {};
  });
  const items = itemsIn(fields);
  const news = placeIn(fields[NEWS]);
  return news === null && Object.keys(items).length === 0 ? undefined : { id, news, items };
}

/** Puts back what a person kept. False where something is kept, and stays. */
export async function restorePerson(
  redis: Redis,
  key: string,
  { news, items }: SavedPerson,
  { replace, dryRun }: { replace: boolean; dryRun: boolean },
): Promise<boolean> {
  if (!replace && (await redis.exists(key)) === 1) return false;
  if (dryRun) return true;
  const fields = Object.entries(items).flatMap(([id, saved]) => [ITEM + id, JSON.stringify(saved)]);
  if (news !== null) fields.push(NEWS, news);
  const change = redis.multi().del(key);
  if (fields.length > 0) change.hset(key, ...fields).expire(key, LIFE_S);
  await change.exec();
  return true;
}

function itemsIn(fields: Readonly<Record<string, string>>): Record<string, SavedItem> {
  return Object.fromEntries(
    Object.entries(fields).flatMap(([name, text]) =>
      name.startsWith(ITEM) ? [[name.slice(ITEM.length), savedFrom(text)] as const] : [],
    ),
  );
}

/** Another program may have written anything. */
function placeIn(text: string | null | undefined): string | null {
  return isPlace(text ?? undefined) ? (text as string) : null;
}

/** What cannot be read is kept as nothing. */
function savedFrom(text: string): SavedItem {
  let stored: Partial<SavedItem> = {};
  try {
    stored = JSON.parse(text) as Partial<SavedItem>;
  } catch {}
  const words = (value: unknown) => (typeof value === 'string' ? value : '');
  return {
    favourite: stored.favourite === true,
    hidden: stored.hidden === true,
    note: words(stored.note),
    site: words(stored.site) as SavedItem['site'],
    since: words(stored.since) || words(stored.at),
    at: words(stored.at),
  };
}
