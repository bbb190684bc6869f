import { createHash, randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';

/** Who signed in: the id of their key, never the key. */
export interface Session {
  keyId: string;
  /** What a form must carry to be taken for one of our pages'. */
  csrf: string;
}

/** Twelve hours: a working day. */
export const SESSION_S = 12 * 3600;

/** Sessions of people who signed in with a key, kept under a hash of what their browser holds. */
export class Sessions {
  readonly #redis: Redis;
  readonly #prefix: string;

  constructor(redis: Redis, prefix: string) {
    this.#redis = redis;
    this.#prefix = prefix;
  }

  /** Returns what the browser is to hold. */
  async open(keyId: string): Promise<string> {
    const id = randomBytes(32).toString('base64url');
    const session: Session = { keyId, csrf: randomBytes(16).toString('hex') };
    await this.#redis.set(this.#key(id), JSON.stringify(session), 'EX', SESSION_S);
    return id;
  }

  async read(id: string): Promise<Session | undefined> {
    const text = await this.#redis.get(this.#key(id));
    return text === null ? undefined : (JSON.parse(text) as Session);
  }

  async close(id: string): Promise<void> {
    await this.#redis.del(this.#key(id));
  }

  #key(id: string): string {
    return `${this.#prefix}:session:${createHash('sha256').update(id).digest('hex')}`;
  }
}
