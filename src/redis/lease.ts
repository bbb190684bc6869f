import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';

export interface LeaseOptions {
  key: string;
  /** Life of the lease without renewal, ms: how long a duty rests after its holder died. */
  ttlMs: number;
}

const RENEW_IF_MINE = `
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 0`;
const RELEASE_IF_MINE = `
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0`;

/**
 * A duty that one process of the fleet has at a time: `SET NX PX` with an owner's value, renewed while held. It is a
 * lease, not a lock: a holder that was frozen past `ttlMs` may overlap with the next one for a moment, so what is done
 * under it must be safe to do twice.
 */
export class Lease {
  readonly #redis: Redis;
  readonly #options: LeaseOptions;
  readonly #owner = randomUUID();

  constructor(redis: Redis, options: LeaseOptions) {
    this.#redis = redis;
    this.#options = options;
  }

  /** True if this process holds the duty now; takes or renews it. An unreachable Redis means no. */
  async hold(): Promise<boolean> {
    const { key, ttlMs } = this.#options;
    try {
      if ((await this.#redis.set(key, this.#owner, 'PX', ttlMs, 'NX')) === 'OK') return true;
      return (await this.#redis.eval(RENEW_IF_MINE, 1, key, this.#owner, ttlMs)) === 1;
    } catch {
      return false;
    }
  }

  async release(): Promise<void> {
    await this.#redis.eval(RELEASE_IF_MINE, 1, this.#options.key, this.#owner).catch(() => undefined);
  }
}
