import { hash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Redis } from 'ioredis';
import { apiKeysKey, personalKey } from '../../queue/budgets.ts';
import { LuaScript } from '../../redis/luaScript.ts';
import { clockOf, type RedisClock } from '../../redis/redisClock.ts';

/** What a key may do: add searches, read them, change schedules, see how the service runs. */
export const ROLES = ['enqueue', 'read', 'schedule', 'operate'] as const;
export type Role = (typeof ROLES)[number];

/** The largest budget of a key: more than eBay grants anybody. */
export const MOST_DAILY_CALLS = 1_000_000;

/** A key without its secret. Instants are ISO 8601 in UTC. */
export interface ApiKey {
  /** Public part of the key; stands for it in lists and logs. */
  id: string;
  name: string;
  tenant: string;
  roles: readonly Role[];
  createdAt: string;
  expiresAt: string | null;
  /** Its budget: calls to eBay a day that its searches may spend. Absent: none of its own. */
  dailyCalls?: number;
}

export interface StoredKey extends ApiKey {
  /** SHA-256 of the secret part, hex: of 256 random bits a plain hash is enough. */
  hash: string;
}

/** A key as a backup has it. */
export interface SavedKey extends StoredKey {
  lastUsedAt: string | null;
}

/** The prefix lets scanners find leaked keys; the id is public. */
const KEY = /^dpf_live_([0-9a-z]{10})_([\w-]{43})$/;

/** The id in a presented key; undefined for text of another form. */
export function claimedId(presented: string): string | undefined {
  return KEY.exec(presented)?.[1];
}

/** What a new key is to be. `expiresAt` in ms since the epoch; null: never. */
type NewKey = Pick<ApiKey, 'name' | 'tenant' | 'roles' | 'dailyCalls'> & { expiresAt: number | null };

/** A key that is not stored yet. */
export interface PreparedKey {
  /** Its text, which is stored nowhere. */
  key: string;
  record: ApiKey;
  stored: StoredKey;
}

/**
 * Stores a key where there is none, and says whether it is the one that is there: a command whose answer was lost is sent again.
 * KEYS: all keys. ARGV: its id, its record.
 */
const ADD_FIRST = new LuaScript(`
if redis.call('EXISTS', KEYS[1]) == 0 then redis.call('HSET', KEYS[1], ARGV[1], ARGV[2]) end
return redis.call('HGET', KEYS[1], ARGV[1]) == ARGV[2] and 1 or 0`);

/** Replaces a record unless it was changed or removed meanwhile. KEYS: all keys. ARGV: its id, the record before, and after. */
const REPLACE = new LuaScript(`
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1`);

/** The keys of one installation: one hash, a field per key, and one for their last use. */
export class ApiKeys {
  readonly #redis: Redis;
  readonly #clock: RedisClock;
  readonly #all: string;
  readonly #used: string;
  readonly #prefix: string;

  constructor(redis: Redis, prefix: string) {
    this.#redis = redis;
    this.#prefix = prefix;
    this.#clock = clockOf(redis, prefix);
    this.#all = apiKeysKey(prefix);
    this.#used = `${prefix}:api-keys:used`;
  }

  /** Makes a key. Its text is returned here only. */
  async add(wanted: NewKey): Promise<{ key: string; record: ApiKey }> {
    const { stored, ...made } = await this.prepare(wanted);
    await this.#redis.hset(this.#all, stored.id, JSON.stringify(stored));
    return made;
  }

  /** A key that `addFirst` can store. */
  async prepare(wanted: NewKey): Promise<PreparedKey> {
    const id = randomBytes(8).readBigUInt64BE().toString(36).padStart(10, '0').slice(-10);
    const secret = randomBytes(32).toString('base64url');
    const { expiresAt, dailyCalls, ...named } = wanted;
    const record: ApiKey = {
      id,
      ...named,
      ...(dailyCalls !== undefined && { dailyCalls }),
      createdAt: new Date(await this.now()).toISOString(),
      expiresAt: expiresAt === null ? null : new Date(expiresAt).toISOString(),
    };
    return { key: `dpf_live_${id}_${secret}`, record, stored: { ...record, hash: hashOf(secret) } };
  }

  /** Stores a key unless any key is there; true where this one is there then. Of several at once one is stored. */
  async addFirst({ stored }: PreparedKey): Promise<boolean> {
    return (await ADD_FIRST.run(this.#redis, this.#all, [stored.id, JSON.stringify(stored)])) === 1;
  }

  /** All keys by name, with the minute of their last use. */
  async list(): Promise<Array<ApiKey & { lastUsedAt: string | null }>> {
    const [stored, used] = await Promise.all([
      this.#redis.hgetall(this.#all),
      this.#redis.hgetall(this.#used),
    ]);
    return Object.values(stored)
      .map((text) => {
        const { hash: _, ...key } = JSON.parse(text) as StoredKey;
        return { ...key, lastUsedAt: used[key.id] ?? null };
      })
      .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  }

  /**
   * Gives the key of this id, or every key of this name, another budget from its next call on, and returns them. @param
   * dailyCalls null: none
   */
  async setBudget(idOrName: string, dailyCalls: number | null): Promise<ApiKey[]> {
    const changed: ApiKey[] = [];
    for (const { id, name } of await this.list()) {
      if (id !== idOrName && name !== idOrName) continue;
      for (;;) {
        const text = await this.#redis.hget(this.#all, id);
        if (text === null) break;
        const { dailyCalls: _, ...rest } = JSON.parse(text) as StoredKey;
        const next: StoredKey = { ...rest, ...(dailyCalls !== null && { dailyCalls }) };
        if ((await REPLACE.run(this.#redis, this.#all, [id, text, JSON.stringify(next)])) === 0) continue;
        const { hash: _hash, ...key } = next;
        changed.push(key);
        break;
      }
    }
    return changed;
  }

  /** Revokes the key of this id, or every key of this name, with what its person keeps on the page, and returns them. */
  async revoke(idOrName: string): Promise<ApiKey[]> {
    const gone = (await this.list()).filter(({ id, name }) => id === idOrName || name === idOrName);
    if (gone.length === 0) return [];
    const ids = gone.map(({ id }) => id);
    const kept = gone.map(({ id, tenant }) => personalKey(this.#prefix, tenant, id));
    const change = this.#redis.multi().hdel(this.#all, ...ids);
    await change
      .hdel(this.#used, ...ids)
      .del(...kept)
      .exec();
    return gone.map(({ lastUsedAt: _, ...key }) => key);
  }

  /** What a backup keeps of each key, by id; undefined for a record that cannot be read. */
  async saved(): Promise<Array<[id: string, key: SavedKey | undefined]>> {
    const [stored, used] = await Promise.all([
      this.#redis.hgetall(this.#all),
      this.#redis.hgetall(this.#used),
    ]);
    return Object.keys(stored)
      .sort()
      .map((id) => [id, savedKey(stored[id] as string, used[id] ?? null)]);
  }

  /** Puts a key of a backup back. False where a key of this id is there, and stays. */
  async restore({ lastUsedAt, ...key }: SavedKey, { replace }: { replace: boolean }): Promise<boolean> {
    const text = JSON.stringify(key);
    if (replace) await this.#redis.hset(this.#all, key.id, text);
    else if ((await this.#redis.hsetnx(this.#all, key.id, text)) === 0) return false;
    if (lastUsedAt !== null) await this.#redis.hsetnx(this.#used, key.id, lastUsedAt);
    return true;
  }

  /** Whether any key could be used now. */
  async hasUsable(): Promise<boolean> {
    const now = await this.now();
    return (await this.list()).some(({ expiresAt }) => !isOver(expiresAt, now));
  }

  async read(id: string): Promise<StoredKey | undefined> {
    return (await this.readMany([id]))[0];
  }

  /** In the same order; undefined where there is none. One command. */
  async readMany(ids: readonly string[]): Promise<Array<StoredKey | undefined>> {
    const texts = await this.#redis.hmget(this.#all, ...ids);
    return texts.map((text) => (text === null ? undefined : (JSON.parse(text) as StoredKey)));
  }

  async noteUse(id: string): Promise<void> {
    await this.#redis.hset(this.#used, id, new Date(await this.now()).toISOString());
  }

  /** Redis's time, which decides whether a key has expired, ms since the epoch. */
  now(): Promise<number> {
    return this.#clock.current();
  }
}

/** Whether this is that key, compared in constant time, and it has not expired. @param now by Redis's clock */
export function isGenuine(presented: string, stored: StoredKey, now: number): boolean {
  const secret = KEY.exec(presented)?.[2] ?? '';
  const same = timingSafeEqual(Buffer.from(hashOf(secret)), Buffer.from(stored.hash));
  return same && !isOver(stored.expiresAt, now);
}

/** @param now by Redis's clock, ms since the epoch */
export function isOver(expiresAt: string | null, now: number): boolean {
  return expiresAt !== null && Date.parse(expiresAt) <= now;
}

function hashOf(secret: string): string {
  return hash('sha256', secret, 'hex');
}

function savedKey(text: string, lastUsedAt: string | null): SavedKey | undefined {
  try {
    return { ...(JSON.parse(text) as StoredKey), lastUsedAt };
  } catch {
    return undefined;
  }
}
