import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { LuaScript } from './luaScript.ts';

/** KEYS: 1 lease. ARGV: 1 owner, 2 life, ms. */
const HOLD = new LuaScript(`
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1`);

/** KEYS: 1 lease. ARGV: 1 owner. */
const RELEASE = new LuaScript(`
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0`);

/**
 * A task that one process of the fleet does at a time. It is a lease, not a lock: a holder that was frozen past `ttlMs`
 * may overlap with the next one for a moment, so the task must be safe to do twice.
 */
export class Lease {
  readonly #redis: Redis;
  readonly #key: string;
  readonly #ttlMs: number;
  readonly #owner = randomUUID();

  /** @param options.ttlMs life without renewal: how soon another process takes the lease after its holder died */
  constructor(redis: Redis, { key, ttlMs }: { key: string; ttlMs: number }) {
    this.#redis = redis;
    this.#key = key;
    this.#ttlMs = ttlMs;
  }

  /** Takes or renews the lease. True if this process holds it now. @throws what Redis throws */
  async take(): Promise<boolean> {
    return (await HOLD.run(this.#redis, this.#key, [this.#owner, this.#ttlMs])) === 1;
  }

  /** The same, but false without Redis. */
  hold(): Promise<boolean> {
    return this.take().catch(() => false);
  }

  async release(): Promise<void> {
    await RELEASE.run(this.#redis, this.#key, [this.#owner]).catch(() => undefined);
  }
}
