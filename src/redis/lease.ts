import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { LuaScript } from './luaScript.ts';

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
  /** Until then no other process can have taken the lease, on `performance`'s clock. */
  #heldUntil = 0;

  /** @param options.ttlMs life without renewal: how soon another process takes the lease after its holder died */
  constructor(redis: Redis, { key, ttlMs }: { key: string; ttlMs: number }) {
    this.#redis = redis;
    this.#key = key;
    this.#ttlMs = ttlMs;
  }

  /** Takes or renews the lease, mostly with one command. True if this process holds it now. @throws what Redis throws */
  async take(): Promise<boolean> {
    const askedAt = performance.now();
    const holds = askedAt < this.#heldUntil ? await this.#renew() : await this.#takeFree();
    this.#heldUntil = holds ? askedAt + this.#ttlMs : 0;
    return holds;
  }

  /**
   * Only before the end of the lease as this process knows it, when nobody else can have taken it: unless Redis lost it, or
   * this process was held up right here. It has replaced another holder then. Neither of them holds it until one asks again.
   */
  async #renew(): Promise<boolean> {
    const owner = await this.#redis.set(this.#key, this.#owner, 'PX', this.#ttlMs, 'XX', 'GET');
    return owner === null ? this.#takeFree() : owner === this.#owner;
  }

  async #takeFree(): Promise<boolean> {
    const owner = await this.#redis.set(this.#key, this.#owner, 'PX', this.#ttlMs, 'NX', 'GET');
    if (owner !== this.#owner) return owner === null;
    // Taken by an ask whose answer was lost: it has not been renewed.
    return (await this.#redis.set(this.#key, this.#owner, 'PX', this.#ttlMs, 'XX', 'GET')) === this.#owner;
  }

  /** The same, but false without Redis. */
  hold(): Promise<boolean> {
    return this.take().catch(() => false);
  }

  async release(): Promise<void> {
    this.#heldUntil = 0;
    await RELEASE.run(this.#redis, this.#key, [this.#owner]).catch(() => undefined);
  }
}
