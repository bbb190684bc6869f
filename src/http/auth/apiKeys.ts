import { hash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Redis } from 'ioredis';

/** What a key may do: add searches, read them, change schedules, see how the service runs. */
export const ROLES = ['enqueue', 'read', 'schedule', 'operate'] as const;
export type Role = (typeof ROLES)[number];

/** A key without its secret. Instants are ISO 8601 in UTC. */
export interface ApiKey {
  /** Public part of the key; stands for it in lists and logs. */
  id: string;
  name: string;
  tenant: string;
  roles: readonly Role[];
  createdAt: string;
  expiresAt: string | null;
}

interface StoredKey extends ApiKey {
  /** SHA-256 of the secret part, hex: of 256 random bits a plain hash is enough. */
  hash: string;
}

/** The prefix lets scanners find leaked keys; the id is public. */
const KEY = /^dpf_live_([0-9a-z]{10})_([\w-]{43})$/;

/** The id in a presented key; undefined for text of another form. */
export function claimedId(presented: string): string | undefined {
  return KEY.exec(presented)?.[1];
}

/** The keys of one installation: one hash, a field per key, and one for their last use. */
export class ApiKeys {
  readonly #redis: Redis;
  readonly #all: string;
  readonly #used: string;

  constructor(redis: Redis, prefix: string) {
    this.#redis = redis;
    this.#all = `${prefix}:api-keys`;
    this.#used = `${prefix}:api-keys:used`;
  }

  /** Makes a key. Its text is returned here only. @param expiresAt ms since the epoch; null: never */
  async add(
    wanted: Pick<ApiKey, 'name' | 'tenant' | 'roles'> & { expiresAt: number | null },
  ): Promise<{ key: string; record: ApiKey }> {
    const id = randomBytes(8).readBigUInt64BE().toString(36).padStart(10, '0').slice(-10);
    const secret = randomBytes(32).toString('base64url');
    const { expiresAt } = wanted;
    const record: ApiKey = {
      id,
      ...wanted,
      createdAt: new Date().toISOString(),
      expiresAt: expiresAt === null ? null : new Date(expiresAt).toISOString(),
    };
    const stored: StoredKey = { ...record, hash: hashOf(secret) };
    await this.#redis.hset(this.#all, id, JSON.stringify(stored));
    return { key: `dpf_live_${id}_${secret}`, record };
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

  /** Revokes the key of this id, or every key of this name, and returns them. */
  async revoke(idOrName: string): Promise<ApiKey[]> {
    const gone = (await this.list()).filter(({ id, name }) => id === idOrName || name === idOrName);
    if (gone.length === 0) return [];
    const ids = gone.map(({ id }) => id);
    const change = this.#redis.multi().hdel(this.#all, ...ids);
    await change.hdel(this.#used, ...ids).exec();
    return gone.map(({ lastUsedAt: _, ...key }) => key);
  }

  /** Whether any key could be used now. */
  async hasUsable(): Promise<boolean> {
    return (await this.list()).some(({ expiresAt }) => !isOver(expiresAt));
  }

  async read(id: string): Promise<StoredKey | undefined> {
    const text = await this.#redis.hget(this.#all, id);
    return text === null ? undefined : (JSON.parse(text) as StoredKey);
  }

  async noteUse(id: string): Promise<void> {
    await this.#redis.hset(this.#used, id, new Date().toISOString());
  }
}

/** Whether this is that key, compared in constant time, and it has not expired. */
export function isGenuine(presented: string, stored: StoredKey): boolean {
  const secret = KEY.exec(presented)?.[2] ?? '';
  const same = timingSafeEqual(Buffer.from(hashOf(secret)), Buffer.from(stored.hash));
  return same && !isOver(stored.expiresAt);
}

export function isOver(expiresAt: string | null): boolean {
  return expiresAt !== null && Date.parse(expiresAt) <= Date.now();
}

function hashOf(secret: string): string {
  return hash('sha256', secret, 'hex');
}
