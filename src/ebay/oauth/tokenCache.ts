import type { Redis } from 'ioredis';
import type { EncryptionKey } from '../../config/checks.ts';
import type { Config } from '../../config/config.ts';
import { answered, type FleetClock, RedisUnavailable, STORE, type TokenKeys } from './ledger.ts';
import {
  asTokenData,
  belongsTo,
  cacheMs,
  isValidAt,
  type TokenData,
  type TokenOwner,
  usableUntil,
} from './tokenData.ts';

/** A token as it stands in the cache, with what follows from its data (ms since the epoch). */
export interface CachedToken {
  /** The cache key's value. */
  value: string;
  data: TokenData;
  usableUntil: number;
  cachedUntil: number;
}

/** Why the cache gives no token. `silent`: Redis does not answer. */
export type Miss = 'absent' | 'garbage' | 'undecryptable' | 'foreign' | 'expired' | 'silent';

export interface Found {
  /** The cache key's value, empty where there is none. */
  value: string;
  token?: CachedToken;
  miss?: Miss;
  /** Of a token that is ours but too old. */
  expired?: TokenData;
}

const ABSENT: Found = { value: '', miss: 'absent' };
const NOOP_LOGGER: Found = { value: '', miss: 'silent' };

export interface TokenCacheParts {
  redis: Redis | undefined;
  keys: TokenKeys;
  config: Config;
  owner: TokenOwner;
  cipher: Cipher;
  clock: FleetClock;
  /** Told of every token that is read or written. */
  seen: (accessToken: string) => void;
}

/** The fleet's token in Redis: one GET to read it; its value is parsed once as long as it stays the same. */
export class TokenCache {
  readonly #parts: TokenCacheParts;
  #reading: Promise<Found> | undefined;
  #parsed: Found = ABSENT;

  constructor(parts: TokenCacheParts) {
    this.#parts = parts;
  }

  /**
   * Asks Redis. Callers that come while an answer is outstanding share it; so while Redis stalls they wait
   * `TOKEN_READ_TIMEOUT` together, not each.
   */
  read(): Promise<Found> {
    const { redis } = this.#parts;
    if (redis === undefined) return Promise.resolve(NOOP_LOGGER);
    this.#reading ??= this.#ask(redis);
    return this.#reading;
  }

  #ask(redis: Redis): Promise<Found> {
    const { keys, config } = this.#parts;
    let isSent = false;
    // Before anybody hears of the answer, so that whoever calls next asks anew.
    const over = () => {
      if (this.#reading === reading) this.#reading = undefined;
    };
    const get = () => {
      const reply = redis.get(keys.value);
      isSent = true;
      reply.then(over, over);
      return reply;
    };
    const reading: Promise<Found> = answered(redis, get, config.token.readTimeout * 1000).then(
      (value) => (value === null ? ABSENT : this.open(value)),
      () => {
        if (!isSent) over();
        return NOOP_LOGGER;
      },
    );
    return reading;
  }

  /** What a value of the cache key means, here and now. */
  async open(value: string): Promise<Found> {
    if (this.#parsed.value !== value) this.#parsed = await this.#parse(value);
    const { token } = this.#parsed;
    if (token === undefined || this.isValid(token.data)) return this.#parsed;
    // Only a clock that Redis has just set may call the fleet's token too old.
    await this.#setClock();
    return this.isValid(token.data) ? { value, token } : { value, miss: 'expired', expired: token.data };
  }

  isValid(data: Pick<TokenData, 'expires_in' | 'stored_at'>): boolean {
    return isValidAt(data, this.#parts.clock.now(), this.#parts.config.token.expiryBuffer);
  }

  async #parse(value: string): Promise<Found> {
    const { cipher, owner } = this.#parts;
    const text = isSealed(value) ? await cipher.open(value) : value;
    if (text === undefined) return { value, miss: 'undecryptable' };
    const data = asTokenData(parseJson(text));
    if (data === undefined) return { value, miss: 'garbage' };
    return belongsTo(data, owner) ? { value, token: this.#timed(value, data) } : { value, miss: 'foreign' };
  }

  /** The token as the cache will hold it. */
  async seal(data: TokenData): Promise<CachedToken> {
    return this.#timed(await this.#parts.cipher.seal(JSON.stringify(data)), data);
  }

  /**
   * Puts a token into the cache; gives what stands there instead where that is newer.
   * @param generation of the permit that it was minted by; 0: only into an empty place; -1: in any case.
   * @throws RedisSilent
   */
  async store(token: CachedToken, requester: string, generation: number): Promise<Found | undefined> {
    const { redis, keys, config, clock } = this.#parts;
    if (redis === undefined) return undefined;
    const lifeMs = Math.max(1, Math.floor(token.cachedUntil - clock.now()));
    const standing = await answered(
      redis,
      () =>
        redis.eval(
          STORE,
          4,
          ...[keys.value, keys.lock, keys.fence, keys.pause],
          ...[token.value, lifeMs, requester, generation],
        ) as Promise<string | null>,
      config.redis.commandTimeout * 1000,
    );
    this.#reading = undefined;
    if (standing === null) return undefined;
    return standing === '' ? ABSENT : this.open(standing);
  }

  async clear(): Promise<void> {
    const { redis, keys, config } = this.#parts;
    this.#reading = undefined;
    if (redis !== undefined)
      await answered(redis, () => redis.del(keys.value), config.redis.commandTimeout * 1000);
  }

  #timed(value: string, data: TokenData): CachedToken {
    const { seen, config } = this.#parts;
    const { token } = config;
    seen(data.access_token);
    return {
      value,
      data,
      usableUntil: usableUntil(data, token.expiryBuffer),
      cachedUntil: Date.parse(data.stored_at) + cacheMs(data.expires_in, token),
    };
  }

  async #setClock(): Promise<void> {
    const { redis, clock, config } = this.#parts;
    if (redis === undefined) return;
    try {
      const [seconds, micros] = await answered(redis, () => redis.time(), config.token.readTimeout * 1000);
      clock.learn(Number(seconds) * 1000 + Number(micros) / 1000);
    } catch (error) {
      if (!(error instanceof RedisUnavailable)) throw error;
    }
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What a ciphertext is bound to: it opens nowhere else. */
export interface Binding {
  tenant: string;
  environment: string;
}

/**
 * JWE in compact form, `dir` with A256GCM. The protected header, which GCM authenticates, names key, tenant and
 * environment. The first key writes; every listed key reads.
 */
export class Cipher {
  readonly #keys: readonly EncryptionKey[];
  readonly #binding: Binding;
  /** Loaded where there are keys alone. */
  readonly #jose: Promise<typeof import('jose')> | undefined;

  constructor(keys: readonly EncryptionKey[], binding: Binding) {
    this.#keys = keys;
    this.#binding = binding;
    this.#jose = keys.length === 0 ? undefined : import('jose');
  }

  /** The text itself where no key is configured. */
  async seal(text: string): Promise<string> {
    const key = this.#keys[0];
    if (key === undefined || this.#jose === undefined) return text;
    const { CompactEncrypt } = await this.#jose;
    return new CompactEncrypt(new TextEncoder().encode(text))
      .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', kid: key.kid, ...this.#binding })
      .encrypt(key.secret);
  }

  /** Nothing where the value is damaged, of an unlisted key, or bound to another tenant or environment. */
  async open(sealed: string): Promise<string | undefined> {
    if (this.#jose === undefined) return undefined;
    const { compactDecrypt, decodeProtectedHeader } = await this.#jose;
    try {
      const { kid, tenant, environment } = decodeProtectedHeader(sealed);
      const key = this.#keys.find((candidate) => candidate.kid === kid);
      if (key === undefined || tenant !== this.#binding.tenant || environment !== this.#binding.environment)
        return undefined;
      const { plaintext } = await compactDecrypt(sealed, key.secret, {
        keyManagementAlgorithms: ['dir'],
        contentEncryptionAlgorithms: ['A256GCM'],
      });
      return new TextDecoder().decode(plaintext);
    } catch {
      return undefined;
    }
  }
}

/** Whether a cached value is a JWE: five dot-separated base64url parts, where plain ones are JSON objects. */
export function isSealed(value: string): boolean {
  return /^[\w-]+\.[\w-]*\.[\w-]+\.[\w-]+\.[\w-]+$/.test(value);
}
