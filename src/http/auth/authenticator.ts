import { LRUCache } from 'lru-cache';
import type { AskedBy } from '../../queue/caller.ts';
import type { Logger } from '../../telemetry/logger.ts';
import { problem } from '../problem.ts';
import { type ApiKey, type ApiKeys, claimedId, isGenuine } from './apiKeys.ts';

/** An authenticated client. @property via where it came in; default: the API */
export type Caller = Pick<ApiKey, 'id' | 'name' | 'tenant' | 'roles' | 'dailyCalls'> & {
  via?: AskedBy['via'];
};

/** Of one address a minute. */
const MAX_FAILURES = 30;
/** Keys, or addresses, in memory. */
const aMinute = { max: 10_000, ttl: 60_000 };
/** A record is reused for so long, ms: it spares Redis a read per request, and a revoked key works so much longer. */
const twoSeconds = { max: 10_000, ttl: 2000 };

type Stored = Awaited<ReturnType<ApiKeys['read']>>;

/** Identifies callers by the bearer key of a request. */
export class Authenticator {
  readonly #keys: ApiKeys;
  readonly #log: Logger;
  /** Promises, so that concurrent requests with one key share a read. */
  readonly #known = new LRUCache<string, Promise<Stored>>(twoSeconds);
  /** Keys whose use was stored within this minute. */
  readonly #used = new LRUCache<string, true>(aMinute);
  /** Failures by address in windows of a minute, of this process. */
  readonly #failures = new LRUCache<string, number>(aMinute);

  constructor(keys: ApiKeys, log: Logger) {
    this.#keys = keys;
    this.#log = log;
  }

  /**
   * @param headers all values of `Authorization` @param source the caller's address
   * @param takesBasic whether the key may come as the password of HTTP Basic too, with any user name
   * @throws Problem 401, the same for every mistake; 429 for an address that fails too often
   */
  async callerOf(headers: readonly string[], source: string, takesBasic = false): Promise<Caller> {
    const [header = ''] = headers.length === 1 ? headers : [];
    const presented = /^Bearer +(\S+)$/i.exec(header)?.[1] ?? (takesBasic ? passwordOf(header) : '');
    const id = claimedId(presented);
    const stored = id === undefined ? undefined : await this.#read(id);
    if (stored !== undefined && isGenuine(presented, stored, await this.#keys.now())) {
      this.noteUse(stored.id);
      return stored;
    }
    const failures = this.#failures.get(source) ?? 0;
    // Valid keys of the same address are not affected.
    if (failures >= MAX_FAILURES)
      throw problem(429, 'too_many_failures', 'too many failed attempts: try later', {
        retryAfter: Math.max(1, Math.ceil(this.#failures.getRemainingTTL(source) / 1000)),
      });
    // A request without a key is not a guess.
    if (headers.length > 0) this.#failures.set(source, failures + 1, { noUpdateTTL: true });
    const reason = reasonOf(headers, id, stored, presented);
    const key = { ...(id && { keyId: id }), ...(stored && { keyName: stored.name }) };
    this.#log.warn('authentication failed', { source, reason, ...key });
    throw problem(401, 'unauthorized', 'send a valid key: Authorization: Bearer dpf_live_…', {
      headers: { 'www-authenticate': takesBasic ? BASIC : 'Bearer realm="dropship-product-finder"' },
    });
  }

  #read(id: string): Promise<Stored> {
    const known = this.#known.get(id);
    if (known !== undefined) return known;
    const stored = this.#keys.read(id);
    this.#known.set(id, stored);
    stored.catch(() => this.#known.delete(id));
    return stored;
  }

  /** The last use of a key, at most once a minute. Not awaited: the request does not depend on it. */
  noteUse(id: string): void {
    if (this.#used.has(id)) return;
    this.#used.set(id, true);
    this.#keys.noteUse(id).catch(() => this.#used.delete(id));
  }
}

const BASIC = 'Basic realm="dropship-product-finder", charset="UTF-8"';

/** Of HTTP Basic (RFC 7617); empty for another header. */
function passwordOf(header: string): string {
  const [, encoded = ''] = /^Basic +([A-Za-z0-9+/]+={0,2})$/i.exec(header) ?? [];
  return /^[^:]*:(.*)$/s.exec(Buffer.from(encoded, 'base64').toString())?.[1] ?? '';
}

function reasonOf(headers: readonly string[], id: string | undefined, stored: Stored, presented: string) {
  if (headers.length === 0) return 'no key';
  if (id === undefined) return 'malformed';
  if (stored === undefined) return 'unknown key';
  return isGenuine(presented, { ...stored, expiresAt: null }, 0) ? 'expired' : 'wrong secret';
}
