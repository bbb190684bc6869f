import { hash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { ApiKey, ApiKeys } from './apiKeys.ts';

export interface SessionsOptions {
  redis: Redis;
  prefix: string;
  keys: Pick<ApiKeys, 'read'>;
  /** The pages that they are good for; what one hands out opens no other. */
  place: 'page' | 'dashboard';
  /** How long one lasts, seconds. */
  lifeS: number;
}

/**
 * Sessions of people who signed in with an API key, known to every process of the installation. Redis has a digest of what
 * the browser holds, and the key's id, never the key.
 */
export class Sessions {
  readonly lifeS: number;
  readonly #options: SessionsOptions;

  constructor(options: SessionsOptions) {
    this.#options = options;
    this.lifeS = options.lifeS;
  }

  /** Returns the secret that the browser is to hold. */
  async open(keyId: string): Promise<string> {
    const secret = randomBytes(32).toString('base64url');
    await this.#options.redis.set(this.#key(secret), keyId, 'EX', this.lifeS);
    return secret;
  }

  /** The key that it was opened with. It ends with its key: one that was taken back, or has expired, opens nothing any more. */
  async read(secret: string): Promise<ApiKey | undefined> {
    const { redis, keys } = this.#options;
    const keyId = await redis.get(this.#key(secret));
    const key = keyId === null ? undefined : await keys.read(keyId);
    const isOver = key?.expiresAt != null && Date.parse(key.expiresAt) <= Date.now();
    return isOver ? undefined : key;
  }

  async close(secret: string): Promise<void> {
    await this.#options.redis.del(this.#key(secret));
  }

  #key(secret: string): string {
    const { prefix, place } = this.#options;
    return `${prefix}:session:${place}:${digest(secret)}`;
  }
}

/** What a page of this session must send along with every change; nobody else's page can know it. */
export function csrfToken(secret: string): string {
  return digest(`csrf ${secret}`);
}

/** Whether the token that came is the session's, in a time that tells nothing. */
export function isCsrfToken(presented: string, token: string): boolean {
  return timingSafeEqual(Buffer.from(digest(presented)), Buffer.from(digest(token)));
}

function digest(text: string): string {
  return hash('sha256', text, 'base64url');
}
