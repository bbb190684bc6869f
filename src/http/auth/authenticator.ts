import type { Logger } from '../../telemetry/logger.ts';
import { problem } from '../problem.ts';
import { type ApiKey, type ApiKeys, claimedId, isGenuine, type Role } from './apiKeys.ts';

/** An authenticated client. */
export type Caller = Pick<ApiKey, 'id' | 'name' | 'tenant'> & { roles: readonly Role[] };

/** A record is reused for so long, ms: it spares Redis a read per request, and a revoked key works so much longer. */
const KNOWN_FOR_MS = 2000;
const USE_NOTED_EVERY_MS = 60_000;
/** Of one address a minute. */
const MAX_FAILURES = 30;
const MAX_KNOWN = 10_000;

type Stored = Awaited<ReturnType<ApiKeys['read']>>;

/** Identifies callers by the bearer key of a request. */
export class Authenticator {
  readonly #keys: ApiKeys;
  readonly #log: Logger;
  /** Promises, so that concurrent requests with one key share a read. */
  readonly #known = new Map<string, { stored: Promise<Stored>; until: number }>();
  readonly #noted = new Map<string, number>();
  readonly #failures = new Attempts(MAX_FAILURES);

  constructor(keys: ApiKeys, log: Logger) {
    this.#keys = keys;
    this.#log = log;
  }

  /**
   * @param headers all values of `Authorization` @param source the caller's address
   * @throws Problem 401, the same for every mistake; 429 for an address that fails too often
   */
  async callerOf(headers: readonly string[], source: string): Promise<Caller> {
    const presented = headers.length === 1 ? (/^Bearer +(\S+)$/i.exec(headers[0] as string)?.[1] ?? '') : '';
    const id = claimedId(presented);
    const stored = id === undefined ? undefined : await this.#lookUp(id);
    if (stored !== undefined && isGenuine(presented, stored)) {
      this.#noteUse(stored.id);
      return stored;
    }
    // Valid keys of the same address are not affected.
    const wait = this.#failures.waitFor(source);
    if (wait > 0)
      throw problem(429, 'too_many_failures', 'too many failed attempts: try later', { retryAfter: wait });
    // A request without a key is not a guess.
    if (headers.length > 0) this.#failures.count(source);
    this.#log.warn('authentication failed', {
      source,
      reason: reasonOf(headers, id, stored, presented),
      ...(id === undefined ? {} : { keyId: id }),
      ...(stored === undefined ? {} : { keyName: stored.name }),
    });
    throw problem(401, 'unauthorized', 'send a valid key: Authorization: Bearer dpf_live_…', {
      headers: { 'www-authenticate': 'Bearer realm="dropship-product-finder"' },
    });
  }

  #lookUp(id: string): Promise<Stored> {
    const now = Date.now();
    const known = this.#known.get(id);
    if (known !== undefined && known.until > now) return known.stored;
    const stored = this.#keys.read(id);
    if (this.#known.size >= MAX_KNOWN) this.#known.clear();
    this.#known.set(id, { stored, until: now + KNOWN_FOR_MS });
    stored.catch(() => this.#known.delete(id));
    return stored;
  }

  /** Not awaited: the request does not depend on it. */
  #noteUse(id: string): void {
    const now = Date.now();
    if ((this.#noted.get(id) ?? 0) > now - USE_NOTED_EVERY_MS) return;
    this.#noted.set(id, now);
    this.#keys.noteUse(id).catch(() => this.#noted.delete(id));
  }
}

function reasonOf(headers: readonly string[], id: string | undefined, stored: Stored, presented: string) {
  if (headers.length === 0) return 'no key';
  if (id === undefined) return 'malformed';
  if (stored === undefined) return 'unknown key';
  return isGenuine(presented, { ...stored, expiresAt: null }) ? 'expired' : 'wrong secret';
}

/** Counts per key in windows of a minute, in this process; drops the oldest keys beyond `most`. */
export class Attempts {
  readonly #limit: number;
  readonly #most: number;
  readonly #now: () => number;
  readonly #windows = new Map<string, { count: number; until: number }>();

  constructor(limit: number, { most = 10_000, now = Date.now }: { most?: number; now?: () => number } = {}) {
    this.#limit = limit;
    this.#most = most;
    this.#now = now;
  }

  /** Seconds until the next attempt of this key is allowed; 0: now. */
  waitFor(key: string): number {
    const window = this.#windows.get(key);
    const left = window === undefined ? 0 : window.until - this.#now();
    return window === undefined || left <= 0 || window.count < this.#limit ? 0 : Math.ceil(left / 1000);
  }

  count(key: string): void {
    const now = this.#now();
    const window = this.#windows.get(key);
    if (window !== undefined && window.until > now) {
      window.count += 1;
      return;
    }
    // Put last again: the first ones are the oldest.
    this.#windows.delete(key);
    this.#windows.set(key, { count: 1, until: now + 60_000 });
    const oldest = this.#windows.keys().next().value;
    if (this.#windows.size > this.#most && oldest !== undefined) this.#windows.delete(oldest);
  }
}
