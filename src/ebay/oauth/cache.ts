import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { type EncryptionKey, readEncryptionKeys } from '../../config/checks.ts';
import { type Config, ConfigError } from '../../config/config.ts';
import { Failure } from '../../failures.ts';
import { isSealed, seal, unseal } from '../../redis/sealing.ts';
import type { Logger } from '../../telemetry/logger.ts';
import type { AuthMetrics } from '../../telemetry/metrics.ts';
import { isObject, parseObject } from '../answer.ts';

/** Whose token it is: another owner's value is a miss, so that switching never serves the wrong token. */
export interface TokenOwner {
  environment: string;
  /** A short digest of the client id. */
  credential: string;
  /** Sorted, separated by one space. */
  scopes: string;
}

/**
 * A cached token as other services may read it. `expires_in` is the whole life in seconds as eBay gave it, `stored_at`
 * the moment of caching in ISO 8601.
 */
export interface TokenData extends Partial<TokenOwner> {
  access_token: string;
  expires_in: number;
  token_type: string;
  stored_at: string;
}

/** A token as it stands in the cache, with what follows from its data (ms since the epoch). */
export interface CachedToken {
  /** The cache key's value. */
  value: string;
  data: TokenData;
  usableUntil: number;
  cachedUntil: number;
}

/**
 * Why the cache gives no token. `unsealed`: it is in the clear although this process has keys. `silent`: Redis does not answer,
 * or there is none.
 */
export type Miss = 'absent' | 'garbage' | 'undecryptable' | 'unsealed' | 'foreign' | 'expired' | 'silent';

/** What the cache key holds. */
export interface Found {
  /** Its value; empty where there is none. */
  value: string;
  token?: CachedToken | undefined;
  miss?: Miss;
  /** A token that is ours but too old. */
  expired?: TokenData;
}

const ABSENT: Found = { value: '', miss: 'absent' };
const NO_ANSWER: Found = { value: '', miss: 'silent' };

/** What the parts of the token service share. */
export interface TokenContext {
  config: Config;
  tenant: string;
  /** None: the token lives in this process alone. */
  redis: Redis | undefined;
  clock: FleetClock;
  log: Logger;
  metrics: AuthMetrics | undefined;
  random: () => number;
  /** Called with every token that is read or written. */
  seen: (accessToken: string) => void;
}

/** Reads the fleet's token with one GET; its value is parsed once as long as it stays the same. */
export class TokenCache {
  readonly owner: TokenOwner;
  readonly #context: TokenContext;
  readonly #key: string;
  /** The first one writes, each of them reads; none: values are plain JSON. */
  readonly #encryptionKeys: readonly EncryptionKey[];
  #reading: Promise<Found> | undefined;
  #parsed: Found = ABSENT;

  /** @throws ConfigError where `TOKEN_ENCRYPTION_KEYS` cannot be used. */
  constructor(context: TokenContext) {
    const { config, tenant } = context;
    const { keys, problems } = readEncryptionKeys(config.token.encryptionKeys);
    if (problems.length > 0) throw new ConfigError(problems);
    this.#encryptionKeys = keys;
    this.#context = context;
    this.#key = tokenKeys(tenant, config).value;
    this.owner = tokenOwner(config);
  }

  /**
   * Asks Redis. Callers that come while an answer is outstanding share it; so while Redis stalls they wait
   * `TOKEN_READ_TIMEOUT` together, not each.
   */
  read(): Promise<Found> {
    const { redis } = this.#context;
    if (redis === undefined) return Promise.resolve(NO_ANSWER);
    this.#reading ??= this.#ask(redis);
    return this.#reading;
  }

  /** The next reading asks Redis again. */
  changed(): void {
    this.#reading = undefined;
  }

  #ask(redis: Redis): Promise<Found> {
    const over = () => {
      if (this.#reading === reading) this.changed();
    };
    const { readTimeout } = this.#context.config.token;
    const reading: Promise<Found> = answered(redis, () => redis.get(this.#key), readTimeout, over).then(
      (value) => this.open(value ?? ''),
      // Another program uses the name; the next token request replaces it.
      ({ message }: Error) => (message.includes('WRONGTYPE') ? { value: '', miss: 'garbage' } : NO_ANSWER),
    );
    return reading;
  }

  /** What a value of the cache key means, here and now. */
  async open(value: string): Promise<Found> {
    if (value === '') return ABSENT;
    if (this.#parsed.value !== value) this.#parsed = await this.#parse(value);
    const { token } = this.#parsed;
    if (token === undefined || this.isValid(token.data)) return this.#parsed;
    // Only a clock that Redis has just set may call the fleet's token too old.
    await this.#setClock();
    return this.isValid(token.data) ? { value, token } : { value, miss: 'expired', expired: token.data };
  }

  /** Whether values are written encrypted, and read only so. */
  get isSealing(): boolean {
    return this.#encryptionKeys.length > 0;
  }

  isValid(data: Pick<TokenData, 'expires_in' | 'stored_at'>): boolean {
    const { clock, config } = this.#context;
    return isValidAt(data, clock.now(), config.token.expiryBuffer);
  }

  async #parse(value: string): Promise<Found> {
    const wasSealed = isSealed(value);
    const text = wasSealed ? await unseal(value, this.#encryptionKeys, this.#binding) : value;
    if (text === undefined) return { value, miss: 'undecryptable' };
    const data = asTokenData(parseObject(text));
    if (data === undefined) return { value, miss: 'garbage' };
    if (!belongsTo(data, this.owner)) return { value, miss: 'foreign' };
    // Any program that may write to Redis could have made it.
    if (!wasSealed && this.isSealing) return { value, miss: 'unsealed' };
    return { value, token: this.#timed(value, data) };
  }

  /** This service's token as the cache will hold it: JSON, or a JWE that opens only for the same tenant and environment. */
  async seal(token: Omit<TokenData, keyof TokenOwner>): Promise<CachedToken> {
    const data = { ...token, ...this.owner };
    const value = await seal(JSON.stringify(data), this.#encryptionKeys[0], this.#binding);
    return this.#timed(value, data);
  }

  get #binding() {
    return { tenant: this.#context.tenant, environment: this.owner.environment };
  }

  #timed(value: string, data: TokenData): CachedToken {
    const { token } = this.#context.config;
    this.#context.seen(data.access_token);
    const cachedUntil = Date.parse(data.stored_at) + cacheMs(data.expires_in, token);
    return { value, data, usableUntil: usableUntil(data, token.expiryBuffer), cachedUntil };
  }

  async #setClock(): Promise<void> {
    const { redis, clock, config } = this.#context;
    if (redis !== undefined) await clock.set(redis, config.token.readTimeout).catch(() => undefined);
  }
}

/** The keys of one tenant's token: the value, and beside it in the same Cluster slot what belongs to it. */
export function tokenKeys(tenant: string, { ebay }: Pick<Config, 'ebay'>) {
  const value = tenant === 'default' ? 'ebay:access_token' : `ebay:access_token:${tenant}`;
  // A corrected keyset starts without the pauses of the wrong one.
  const keyset = digest([ebay.environment, ebay.clientId, ebay.clientSecret, ebay.scopes].join('\n'));
  return {
    value,
    lock: `{${value}}:lock`,
    fence: `{${value}}:fence`,
    interval: `{${value}}:interval`,
    pause: `{${value}}:pause:${keyset}`,
    refused: `{${value}}:refused:${keyset}`,
    mints: (day: string) => `{${value}}:mints:${digest(ebay.clientId)}:${day}`,
  };
}

/** Where the clock of a machine is set, this one goes on as it did. */
export const monotonic = () => performance.timeOrigin + performance.now();

/**
 * Redis’s time as this process estimates it: a clock of its own, corrected by Redis's last answer. All processes of the fleet
 * agree on a token's age and on the day of a token request, also one whose own clock is days off.
 */
export class FleetClock {
  readonly #clock: () => number;
  #offsetMs = 0;
  /** Whether Redis has said what time it is. */
  isSet = false;

  constructor(clock: () => number = Date.now) {
    this.#clock = clock;
  }

  /** Asks Redis. @throws Failure `redis-unavailable` after so many seconds */
  async set(redis: Redis, seconds: number): Promise<void> {
    const [whole, micros] = await answered(redis, () => redis.time(), seconds);
    this.learn(Number(whole) * 1000 + Number(micros) / 1000);
  }

  /** ms since the epoch. */
  now(): number {
    return this.#clock() + this.#offsetMs;
  }

  learn(redisNow: number): void {
    this.#offsetMs = redisNow - this.#clock();
    this.isSet = true;
  }
}

/** States of a connection that comes up; one that was lost is `reconnecting`, and nobody waits for it. */
const CONNECTING = new Set(['wait', 'connecting', 'connect']);

/**
 * What Redis answers to `command` within `seconds`. An answer that has arrived while this process was too busy to look
 * still counts: sockets are read once more before giving up.
 * @param over runs when the answer arrives, however late, before the caller learns it; or when the command was not sent
 * @throws Failure `redis-unavailable`, at once while the connection is lost.
 */
export async function answered<T>(
  redis: Redis,
  command: () => Promise<T>,
  seconds: number,
  over: () => void = () => undefined,
): Promise<T> {
  const ms = Math.ceil(seconds * 1000);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => setImmediate(reject, new Error(`no answer within ${ms} ms`)), ms);
  });
  const answer = CONNECTING.has(redis.status) ? connected(redis, late).then(command) : command();
  answer.then(over, over);
  try {
    return await Promise.race([answer, late]);
  } catch (error) {
    throw new Failure('redis-unavailable', `Redis does not serve the token (${(error as Error).message})`);
  } finally {
    clearTimeout(timer);
  }
}

function connected(redis: Redis, late: Promise<never>): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (done: () => void) => () => {
      redis.off('ready', ready).off('close', lost).off('end', lost);
      done();
    };
    const ready = settle(resolve);
    const lost = settle(() => reject(new Error('no connection')));
    redis.on('ready', ready).on('close', lost).on('end', lost);
    late.catch(lost);
    if (redis.status === 'wait') redis.connect().catch(lost);
  });
}

export function tokenOwner({ ebay }: Pick<Config, 'ebay'>): TokenOwner {
  return {
    environment: ebay.environment,
    credential: digest(ebay.clientId),
    scopes: scopeList(ebay.scopes).toSorted().join(' '),
  };
}

export function scopeList(scopes: string): string[] {
  return [...new Set(scopes.trim().split(/\s+/))];
}

/** Enough of a SHA-256 to distinguish values; the value cannot be found from it. */
export function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}

const OWNER_FIELDS = ['environment', 'credential', 'scopes'] as const;

/** A value written by another service may leave out whose it is; what it says must be right. */
export function belongsTo(data: TokenData, owner: TokenOwner): boolean {
  return OWNER_FIELDS.every((field) => data[field] === undefined || data[field] === owner[field]);
}

/** Visible ASCII without spaces: what an Authorization header carries unharmed, eBay's `^` and `#` included. */
const TOKEN_SHAPE = /^[\x21-\x7e]{1,8192}$/;

export function isTokenText(value: unknown): value is string {
  return typeof value === 'string' && TOKEN_SHAPE.test(value);
}

/** The parsed value of the cache key, or nothing where it is no token. `stored_at` may still be unreadable. */
export function asTokenData(value: unknown): TokenData | undefined {
  if (!isObject(value)) return undefined;
  const { access_token, expires_in, token_type, stored_at } = value;
  if (!isTokenText(access_token) || typeof expires_in !== 'number' || !(expires_in > 0)) return undefined;
  const named = OWNER_FIELDS.filter((field) => value[field] !== undefined);
  return {
    access_token,
    expires_in,
    token_type: typeof token_type === 'string' ? token_type : 'Bearer',
    stored_at: typeof stored_at === 'string' ? stored_at : '',
    ...Object.fromEntries(named.map((field) => [field, String(value[field])])),
  };
}

/**
 * Seconds of its life that a token may be used: all but the buffer. A token that would lose half of its life or more to
 * the buffer loses a fifth instead, or it would be fetched all the time.
 */
export function usableSeconds(expiresIn: number, buffer: number): number {
  return expiresIn >= 2 * buffer ? expiresIn - buffer : expiresIn * 0.8;
}

/** Milliseconds that a token stays in Redis. */
export function cacheMs(expiresIn: number, { cacheTime, expiryBuffer }: Config['token']): number {
  return Math.floor(Math.min(cacheTime, usableSeconds(expiresIn, expiryBuffer)) * 1000);
}

/** When the token stops being used, ms since the epoch; `NaN` where `stored_at` is missing or unreadable. */
function usableUntil(data: Pick<TokenData, 'expires_in' | 'stored_at'>, buffer: number): number {
  return Date.parse(data.stored_at) + usableSeconds(data.expires_in, buffer) * 1000;
}

/**
 * Valid from when it was stored until its buffer begins. A `stored_at` ahead of `now` by more than the buffer is from a
 * clock that is wrong.
 */
export function isValidAt(data: Pick<TokenData, 'expires_in' | 'stored_at'>, now: number, buffer: number) {
  return now < usableUntil(data, buffer) && Date.parse(data.stored_at) - now <= buffer * 1000;
}
