import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { ApiKeys } from '../apiKeys.ts';

/** Who has logged in: a key with the role `operate`. */
export interface Session {
  keyId: string;
  tenant: string;
}

/** A working day. */
const LIFE_S = 8 * 3600;

/** Logins, known to every process of the installation. Redis has a digest of each only. */
export class Sessions {
  readonly #redis: Redis;
  readonly #prefix: string;
  readonly #keys: ApiKeys;

  constructor(redis: Redis, prefix: string, keys: ApiKeys) {
    this.#redis = redis;
    this.#prefix = prefix;
    this.#keys = keys;
  }

  /** The session's secret, for the cookie. */
  async open(session: Session): Promise<string> {
    const secret = randomBytes(32).toString('base64url');
    await this.#redis.set(this.#key(secret), JSON.stringify(session), 'EX', LIFE_S);
    return secret;
  }

  /** Ends with its key: one that is revoked, expired or has lost the role opens nothing any more. */
  async read(secret: string): Promise<Session | undefined> {
    const stored = await this.#redis.get(this.#key(secret));
    if (stored === null) return undefined;
    const session = JSON.parse(stored) as Session;
    const key = await this.#keys.read(session.keyId);
    const isOver = key?.expiresAt != null && Date.parse(key.expiresAt) <= Date.now();
    return key?.roles.includes('operate') && !isOver ? session : undefined;
  }

  async close(secret: string): Promise<void> {
    await this.#redis.del(this.#key(secret));
  }

  #key(secret: string): string {
    return `${this.#prefix}:dashboard-session:${digest(secret)}`;
  }
}

/** What a page of this session must send along with every change; nobody else's page can know it. */
export function csrfToken(secret: string): string {
  return digest(`csrf ${secret}`);
}

export function isCsrfToken(presented: string, secret: string): boolean {
  const [one, other] = [digest(presented), digest(csrfToken(secret))];
  return timingSafeEqual(Buffer.from(one), Buffer.from(other));
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}
