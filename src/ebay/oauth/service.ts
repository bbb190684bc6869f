import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { readEncryptionKeys } from '../../config/checks.ts';
import { type Config, ConfigError } from '../../config/config.ts';
import { Failure } from '../../failures.ts';
import { type Logger, NOOP_AUTH_METRICS, NOOP_LOGGER } from '../../telemetry/logger.ts';
import type { AuthMetrics } from '../../telemetry/metrics.ts';
import type { Scrubber } from '../../telemetry/scrubber.ts';
import { isCredentialRefused, type MintTrouble } from '../retryPolicy.ts';
import {
  type CachedToken,
  FleetClock,
  type Found,
  isTokenText,
  type Miss,
  TokenCache,
  type TokenData,
} from './cache.ts';
import {
  FleetPermits,
  isRedisFailure,
  LocalPermits,
  Minter,
  type Need,
  type PermitState,
  type Permits,
  tokenKeys,
} from './mint.ts';

export type { TokenData } from './cache.ts';

export interface EbayAuthOptions {
  config: Config;
  /** A connection of the `caller` profile. Without one the token lives in this process alone. */
  redis?: Redis | undefined;
  /** Whose token: each tenant has a key of its own. Default: `default`. */
  tenant?: string;
  log?: Logger;
  metrics?: AuthMetrics;
  /** Called with every token that this process sees. */
  scrubber?: Pick<Scrubber, 'learnToken'>;
  /** For tests: this process's clock (ms since the epoch) and its dice. */
  clock?: () => number;
  random?: () => number;
}

type Source = 'redis' | 'memory' | 'mint';

/**
 * The fleet's eBay application token: one in Redis for all processes, fetched by the first that needs it, ahead of its
 * end, and never by two at a time.
 *
 * Reading order. Redis has it: use it. Redis has none: fetch a new one, and only if that fails use the copy in memory.
 * Redis does not answer: the copy in memory, or a failure, for no call can be made without Redis. Without any Redis
 * configured the process fetches tokens for itself.
 */
export class EbayAuthService {
  readonly #config: Config;
  readonly #tenant: string;
  readonly #log: Logger;
  readonly #metrics: AuthMetrics;
  readonly #clock: FleetClock;
  readonly #cache: TokenCache;
  readonly #permits: Permits;
  readonly #minter: Minter;
  readonly #ahead: RefreshAhead;
  /** The last token that this process used. It may be used longer than Redis keeps it. */
  #copy: CachedToken | undefined;
  #redisAnswers = true;
  #accepted = '';

  /** @throws ConfigError where `TOKEN_ENCRYPTION_KEYS` cannot be used. */
  constructor(options: EbayAuthOptions) {
    const { config, redis, tenant = 'default', log = NOOP_LOGGER, random = Math.random, scrubber } = options;
    const { keys: encryptionKeys, problems } = readEncryptionKeys(config.token.encryptionKeys);
    if (problems.length > 0) throw new ConfigError(problems);
    this.#config = config;
    this.#tenant = tenant;
    this.#log = log;
    this.#metrics = options.metrics ?? NOOP_AUTH_METRICS;
    const clock = new FleetClock(options.clock);
    this.#clock = clock;
    this.#cache = new TokenCache({
      redis,
      key: tokenKeys(tenant, config).value,
      tenant,
      config,
      encryptionKeys,
      clock,
      seen: (token) => scrubber?.learnToken(token),
    });
    this.#permits = redis
      ? new FleetPermits(redis, tenant, config, clock)
      : new LocalPermits(config.token, clock);
    this.#minter = new Minter({
      config,
      tenant,
      cache: this.#cache,
      permits: this.#permits,
      clock,
      log,
      metrics: this.#metrics,
      random,
    });
    this.#ahead = new RefreshAhead({
      aheadMs: config.token.refreshAhead * 1000,
      now: () => clock.now(),
      random,
      renew: (current) => this.#renew(current),
    });
  }

  /**
   * The token to call eBay with now; ask again for every call.
   * @param beforeMint runs before a new token is fetched, and prevents that by throwing: a token costs one of the day's
   * requests, so there should be a call that can use it.
   * @throws Failure `token-unavailable` (with `until` and `reason`), `credential-refused`, `mint-budget-spent`,
   * `redis-unavailable`.
   */
  async getAccessToken(beforeMint?: () => Promise<unknown>): Promise<string> {
    const { found, token, source } = await this.#read();
    if (token !== undefined) return this.#serve(token, source);
    await beforeMint?.();
    return this.#obtain({ reason: 'missing', stale: found.value });
  }

  /**
   * Another token than the refused one: the cached one where that is another already, else a new one. Without `refused`:
   * a new one in any case.
   * @throws Failure as `getAccessToken`.
   */
  async refreshToken(refused?: string): Promise<string> {
    if (refused !== undefined && this.#copy?.data.access_token === refused) this.#copy = undefined;
    const { found, token, source } = await this.#read();
    const cached = token?.data.access_token;
    if (refused !== undefined && token !== undefined && cached !== refused) return this.#serve(token, source);
    const need: Need = {
      reason: refused === undefined ? 'forced' : 'refused',
      stale: found.value,
      unwanted: refused ?? cached,
    };
    const fresh = await this.#obtain(need);
    // A flight begun before the refusal may have ended with the very token that was refused.
    return fresh === need.unwanted ? this.#obtain(need) : fresh;
  }

  /** The cached token, or the copy in memory while Redis does not answer; asks eBay for nothing. */
  async cachedToken(): Promise<string | undefined> {
    return (await this.#read()).token?.data.access_token;
  }

  /** The API took this token: whatever was refused before, the credential is a good one. Cheap to call for every answer. */
  accepted(token: string): void {
    if (token === this.#accepted) return;
    this.#accepted = token;
    this.#permits.accepted(token).catch(() => {
      if (this.#accepted === token) this.#accepted = '';
    });
  }

  /**
   * Puts a token from elsewhere into cache and memory, for the specified time; `stored_at` is now unless given.
   * Where Redis does not take it, memory alone has it.
   */
  async storeToken(token: Omit<TokenData, 'stored_at'> & { stored_at?: string }): Promise<void> {
    if (!isTokenText(token.access_token) || !(token.expires_in > 0))
      throw new Failure('internal', 'a token to store needs an access_token and a positive expires_in');
    const { access_token, expires_in, token_type } = token;
    const stored_at = token.stored_at ?? new Date(this.#clock.now()).toISOString();
    this.#copy = await this.#cache.seal({ access_token, expires_in, token_type, stored_at });
    try {
      await this.#permits.store(this.#copy, '', -1);
      this.#cache.changed();
    } catch (error) {
      if (!isRedisFailure(error)) throw error;
      this.#log.warn('Redis does not take the token: it is kept in memory', { tenant: this.#tenant });
    }
  }

  /** What is cached, whatever its age; null where nothing is, or nothing of ours. */
  async retrieveToken(): Promise<TokenData | null> {
    const { found, token } = await this.#read();
    return token?.data ?? found.expired ?? null;
  }

  /** False from five minutes before the end of life on, and where `stored_at` is missing or unreadable. */
  isTokenValid(token: Partial<TokenData> | null | undefined): boolean {
    const { expires_in = 0, stored_at = '' } = token ?? {};
    return this.#cache.isValid({ expires_in, stored_at });
  }

  /** Resolves when the next token request may leave. */
  async enforceRateLimit(): Promise<void> {
    const ms = await this.#permits.untilNext().catch(() => 0);
    // Redis counts in whole ms.
    if (ms > 0) await sleep(ms + 1);
  }

  /** For people: where the token comes from, its age, the day's count, the pause. Never the token. */
  async status(): Promise<TokenStatus> {
    const read = await this.#read();
    const token = read.token ?? this.#usableCopy();
    const { mintsToday, refusedInARow, pause } = await this.#permits.state().catch(unknownState);
    const now = this.#clock.now();
    const seconds = (ms: number) => Math.round(ms / 1000);
    const storedAt = token === undefined ? 0 : Date.parse(token.data.stored_at);
    return {
      source: read.source ?? (token === undefined ? 'none' : 'memory'),
      miss: read.found.miss ?? null,
      age: token === undefined ? null : seconds(now - storedAt),
      expiresIn: token === undefined ? null : seconds(storedAt - now) + token.data.expires_in,
      usableFor: token === undefined ? null : seconds(token.usableUntil - now),
      ...this.#cache.owner,
      encrypted: this.#config.token.encryptionKeys !== '',
      mintsToday,
      dailyMintLimit: this.#config.token.dailyMintLimit,
      refusedInARow,
      coolDown: pause
        ? { reason: pause.reason, until: new Date(now + pause.ms).toISOString(), seconds: seconds(pause.ms) }
        : null,
      credentialRefused: pause !== undefined && isCredentialRefused(pause.reason),
    };
  }

  /** Forgets token, pause and refusals, here and in Redis; the day's count stays.
   * @throws Failure `redis-unavailable`: then only this process has forgotten. */
  async clear(): Promise<void> {
    this.#copy = undefined;
    this.#minter.recovered();
    this.#cache.changed();
    await this.#permits.clear();
  }

  /** Stops refreshing in the background. */
  close(): void {
    this.#ahead.close();
  }

  /** Redis first; the copy in memory instead while Redis does not answer, and only then. */
  async #read(): Promise<ReadToken> {
    const { token, ...found } = await this.#cache.read();
    const isSilent = found.miss === 'silent';
    if (found.miss !== undefined) this.#metrics.misses.inc({ tenant: this.#tenant, reason: found.miss });
    this.#noteRedis(!isSilent);
    if (token !== undefined) return { found, token, source: 'redis' };
    const copy = isSilent ? this.#usableCopy() : undefined;
    return copy === undefined ? { found } : { found, token: copy, source: 'memory' };
  }

  /** One line when Redis stops answering and one when it answers again. */
  #noteRedis(answers: boolean): void {
    if (answers === this.#redisAnswers || this.#permits instanceof LocalPermits) return;
    this.#redisAnswers = answers;
    const fields = { tenant: this.#tenant };
    if (answers) this.#log.info('Redis answers again', fields);
    else this.#log.warn('Redis does not answer: the token in memory serves', fields);
  }

  #usableCopy(): CachedToken | undefined {
    return this.#copy !== undefined && this.#clock.now() < this.#copy.usableUntil ? this.#copy : undefined;
  }

  async #obtain(need: Need): Promise<string> {
    const flight = this.#minter.obtain(need);
    const fallback = () => (need.reason === 'forced' ? undefined : this.#usableCopy());
    const kept = this.#minter.failing ? fallback() : undefined;
    if (kept !== undefined) {
      // The endpoint failed last time: a caller that has a copy does not wait for the next try.
      flight.catch(() => undefined);
      return this.#serve(kept, 'memory');
    }
    try {
      return this.#serve(await flight, 'mint');
    } catch (failure) {
      // Where new tokens were refused too, the copy would be as well.
      const isRefused = failure instanceof Failure && failure.detail.reason === 'tokens-refused';
      const rest = isRefused ? undefined : fallback();
      if (rest === undefined) throw failure;
      return this.#serve(rest, 'memory');
    }
  }

  #serve(token: CachedToken, source: Source): string {
    if (this.#usableCopy() !== token) {
      this.#copy = token;
      this.#metrics.expiresAt(this.#tenant, token.usableUntil);
    }
    if (source === 'redis') this.#minter.recovered();
    this.#ahead.used(token);
    this.#metrics.served.inc({ tenant: this.#tenant, source });
    return token.data.access_token;
  }

  async #renew(current: CachedToken): Promise<void> {
    const token = await this.#minter.renewAhead(current).catch((error: unknown) => {
      // A failure is in the log already, and no caller waits for this token.
      if (!(error instanceof Failure))
        this.#log.error('background token refresh failed', { tenant: this.#tenant, cause: String(error) });
      return undefined;
    });
    if (token === undefined || token.value === current.value) return;
    this.#copy = token;
    this.#ahead.watch(token);
  }
}

/** What there is without asking eBay: a token and its source, or only what Redis said. */
type ReadToken = { found: Omit<Found, 'token'> } & (
  | { token: CachedToken; source: Source }
  | { token?: undefined; source?: undefined }
);

function unknownState(error: unknown): PermitState {
  if (!isRedisFailure(error)) throw error;
  return { mintsToday: 0, refusedInARow: 0, pause: undefined };
}

/** What `dpf token` shows; durations in seconds. Never the token. */
export interface TokenStatus {
  /** Where a caller's token would come from now; `none`: it would be fetched. */
  source: Source | 'none';
  /** Why Redis gives none. */
  miss: Miss | null;
  /** Since it was stored. */
  age: number | null;
  /** Until eBay ends it. */
  expiresIn: number | null;
  /** Until it stops being used, which is the expiry buffer earlier. */
  usableFor: number | null;
  environment: string;
  /** Digest of the client id. */
  credential: string;
  scopes: string;
  /** Whether new values are written encrypted. */
  encrypted: boolean;
  mintsToday: number;
  dailyMintLimit: number;
  /** New tokens in a row that the API refused; at three the credential counts as refused. */
  refusedInARow: number;
  /** No token request leaves before `until` (ISO 8601). */
  coolDown: { reason: MintTrouble; until: string; seconds: number } | null;
  credentialRefused: boolean;
}

export interface RefreshAheadOptions {
  /** `TOKEN_REFRESH_AHEAD`: the last part of the cached time, ms. */
  aheadMs: number;
  now: () => number;
  random: () => number;
  /** Fetches the next token unless another process does. */
  renew: (current: CachedToken) => Promise<void>;
}

/**
 * Has the next token fetched before the cached one ends, so that no caller waits for it. Every process picks its own
 * moment between the beginning and the middle of the last part; the first one fetches. A token that nobody used is not
 * replaced: an idle fleet asks eBay for nothing.
 */
export class RefreshAhead {
  readonly #options: RefreshAheadOptions;
  #token: CachedToken | undefined;
  #timer: NodeJS.Timeout | undefined;
  #used = false;
  #isDue = false;
  #closed = false;

  constructor(options: RefreshAheadOptions) {
    this.#options = options;
  }

  /** A caller uses this token. Costs nothing as long as it is the same one. */
  used(token: CachedToken): void {
    if (token.value !== this.#token?.value) this.watch(token);
    this.#used = true;
    if (this.#isDue) this.#renew();
  }

  /** This is the token now, used or not. */
  watch(token: CachedToken): void {
    this.#token = token;
    this.#used = false;
    this.#isDue = false;
    this.#arm(refreshAt(token, this.#options) - this.#options.now());
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #arm(delayMs: number): void {
    clearTimeout(this.#timer);
    if (this.#closed) return;
    const due = () => {
      if (this.#used) this.#renew();
      else this.#isDue = true;
    };
    this.#timer = setTimeout(due, Math.max(0, delayMs)).unref();
  }

  #renew(): void {
    const token = this.#token;
    this.#isDue = false;
    if (token === undefined || this.#closed || this.#options.now() >= token.usableUntil) return;
    const { aheadMs, random, renew, now } = this.#options;
    void renew(token).finally(() => {
      // Not replaced: another process is fetching it, it failed, or our clock was wrong. Look again before it ends.
      if (this.#token !== token) return;
      this.#arm(Math.max(refreshAt(token, this.#options) - now(), aheadMs * (0.15 + 0.1 * random())));
    });
  }
}

/** When a process asks for the next token: within the first half of the last part of the cached time. */
export function refreshAt(
  { cachedUntil }: Pick<CachedToken, 'cachedUntil'>,
  { aheadMs, random }: Pick<RefreshAheadOptions, 'aheadMs' | 'random'>,
): number {
  return cachedUntil - aheadMs * (1 - 0.5 * random());
}
