import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { readEncryptionKeys } from '../../config/checks.ts';
import { type Config, ConfigError } from '../../config/config.ts';
import { Failure } from '../../failures.ts';
import { type Logger, NOOP_AUTH_METRICS, NOOP_LOGGER } from '../../telemetry/logger.ts';
import type { AuthMetrics } from '../../telemetry/metrics.ts';
import type { Scrubber } from '../../telemetry/scrubber.ts';
import { FleetClock, RedisLedger, RedisUnavailable, tokenKeys } from './ledger.ts';
import { MemoryLedger } from './memoryLedger.ts';
import { Minter, type Need } from './mint.ts';
import { type CachedToken, Cipher, TokenCache } from './tokenCache.ts';
import { digest, isTokenText, type TokenData, tokenOwner } from './tokenData.ts';
import { MemoryCopy, readStatus, TokenReader, type TokenStatus } from './tokenStatus.ts';

export type { TokenData } from './tokenData.ts';
export type { TokenStatus } from './tokenStatus.ts';

/**
 * The fleet's eBay application token: one in Redis for all processes, fetched by whichever needs it first, ahead of its
 * end, and never by two at a time.
 *
 * Reading order. Redis has it: use it. Redis has none: get a new one, and only if that fails use the copy in memory. Redis
 * does not answer: the copy in memory, then one request a process.
 */
export class EbayAuthService {
  readonly #parts: AuthParts;
  readonly #ahead: RefreshAhead;
  #accepted = '';

  /** @throws ConfigError where `TOKEN_ENCRYPTION_KEYS` cannot be used. */
  constructor(options: EbayAuthOptions) {
    this.#parts = assemble(options);
    const { config, clock, random } = this.#parts;
    this.#ahead = new RefreshAhead({
      aheadMs: config.token.refreshAhead * 1000,
      now: () => clock.now(),
      random,
      renew: (current) => this.#renew(current),
    });
  }

  /**
   * The token to call eBay with now; ask again for every call.
   * @throws Failure `token-unavailable` (with `until` and `because`), `credential-refused`, `mint-budget-spent`.
   */
  async getAccessToken(): Promise<string> {
    const found = await this.#parts.reader.read();
    if (found.token !== undefined) return this.#serve(found.token, found.source);
    return this.#obtain({ reason: 'missing', stale: found.value });
  }

  /**
   * Another token than the refused one: the cached one where that is another already, else a new one. Without `refused`:
   * a new one in any case.
   * @throws Failure as `getAccessToken`.
   */
  async refreshToken(refused?: string): Promise<string> {
    if (refused !== undefined) this.#parts.copy.forget(refused);
    const found = await this.#parts.reader.read();
    const cached = found.token?.data.access_token;
    if (refused !== undefined && found.token !== undefined && cached !== refused)
      return this.#serve(found.token, found.source);
    const need: Need = {
      reason: refused === undefined ? 'forced' : 'refused',
      stale: found.value,
      unwanted: refused ?? cached,
    };
    const token = await this.#obtain(need);
    // A search begun before the refusal may have ended with the very token that was refused.
    return token === need.unwanted ? this.#obtain(need) : token;
  }

  /** The cached token, or the copy in memory while Redis does not answer; asks eBay for nothing. */
  async cachedToken(): Promise<string | undefined> {
    return (await this.#parts.reader.read()).token?.data.access_token;
  }

  /** The API took this token: whatever was refused before, the credential is a good one. Call it as often as you like. */
  accepted(token: string): void {
    if (token === this.#accepted) return;
    this.#accepted = token;
    const { alone, fleet } = this.#parts;
    void alone.accepted(digest(token));
    fleet?.accepted(digest(token)).catch(() => {
      if (this.#accepted === token) this.#accepted = '';
    });
  }

  /**
   * Puts a token that was got elsewhere into cache and memory, for the specified time; `stored_at` is now unless given.
   * Where Redis does not take it, memory alone has it.
   */
  async storeToken(token: Omit<TokenData, 'stored_at'> & { stored_at?: string }): Promise<void> {
    if (!isTokenText(token.access_token) || !(token.expires_in > 0))
      throw new Failure('internal', 'a token to store needs an access_token and a positive expires_in');
    const { cache, clock, owner, log, tenant } = this.#parts;
    const stored_at = token.stored_at ?? new Date(clock.now()).toISOString();
    const sealed = await cache.seal({ ...token, stored_at, ...owner });
    this.#parts.copy.keep(sealed);
    try {
      await cache.store(sealed, '', -1);
    } catch (error) {
      if (!(error instanceof RedisUnavailable)) throw error;
      log.warn('Redis does not take the token: it is kept in memory', { tenant });
    }
  }

  /** What is cached, whatever its age; null where nothing is, or nothing of ours. */
  async retrieveToken(): Promise<TokenData | null> {
    const found = await this.#parts.reader.read();
    return (found.token === undefined ? found.expired : found.token.data) ?? null;
  }

  /** False from five minutes before the end of life on, and where `stored_at` is missing or unreadable. */
  isTokenValid(token: Partial<TokenData> | null | undefined): boolean {
    const { expires_in = 0, stored_at = '' } = token ?? {};
    return this.#parts.cache.isValid({ expires_in, stored_at });
  }

  /** Resolves when the next token request may leave. */
  async enforceRateLimit(): Promise<void> {
    const { fleet, alone } = this.#parts;
    const ms = await (fleet ?? alone).untilNext().catch(() => alone.untilNext());
    // Redis counts in whole ms.
    if (ms > 0) await sleep(ms + 1);
  }

  /** For people: where the token comes from, its age, the day's count, the pause. Never the token. */
  async status(): Promise<TokenStatus> {
    return readStatus({ ...this.#parts, found: await this.#parts.reader.read() });
  }

  /** Forgets token, pause and refusals, here and in Redis; the day's count stays.
   * @throws Failure `redis-unavailable`: then only this process has forgotten. */
  async clear(): Promise<void> {
    const { cache, copy, alone, fleet, minter } = this.#parts;
    copy.forget();
    await alone.clear();
    minter.recovered();
    try {
      await cache.clear();
      await fleet?.clear();
    } catch (error) {
      if (!(error instanceof RedisUnavailable)) throw error;
      throw new Failure('redis-unavailable', 'Redis did not clear the token: try again when it answers');
    }
  }

  /** Stops refreshing in the background. */
  close(): void {
    this.#ahead.close();
  }

  async #obtain(need: Need): Promise<string> {
    const { minter, copy } = this.#parts;
    const search = minter.obtain(need);
    const spare = () => (need.reason === 'forced' ? undefined : copy.usable());
    const kept = minter.failing ? spare() : undefined;
    if (kept !== undefined) {
      // The endpoint failed last time: whoever has a copy does not wait for the next try.
      search.catch(() => undefined);
      return this.#serve(kept, 'memory');
    }
    try {
      return this.#serve(await search, 'mint');
    } catch (failure) {
      const rest = refusedByApi(failure) ? undefined : spare();
      if (rest === undefined) throw failure;
      return this.#serve(rest, 'memory');
    }
  }

  #serve(token: CachedToken, source: 'redis' | 'memory' | 'mint'): string {
    const { copy, metrics, tenant, minter } = this.#parts;
    if (copy.usable() !== token) {
      copy.keep(token);
      metrics.expiresAt(tenant, token.usableUntil);
    }
    if (source === 'redis') minter.recovered();
    this.#ahead.used(token);
    metrics.served.inc({ tenant, source });
    return token.data.access_token;
  }

  async #renew(current: CachedToken): Promise<void> {
    const { minter, log, tenant } = this.#parts;
    const token = await minter.renewAhead(current).catch((error: unknown) => {
      // A failure is in the log already; nobody waits for this token yet.
      if (!(error instanceof Failure)) log.error('refreshing ahead broke', { tenant, cause: String(error) });
      return undefined;
    });
    if (token === undefined || token.value === current.value) return;
    this.#parts.copy.keep(token);
    this.#ahead.watch(token);
  }
}

/** New tokens were refused too: the copy would be as well. */
function refusedByApi(failure: unknown): boolean {
  return failure instanceof Failure && failure.detail.reason === 'tokens-refused';
}

export interface RefreshAheadOptions {
  /** `TOKEN_REFRESH_AHEAD`: the last part of the cached time, ms. */
  aheadMs: number;
  now: () => number;
  random: () => number;
  /** Fetches the next token unless somebody else does. */
  renew: (current: CachedToken) => Promise<void>;
}

/**
 * Has the next token fetched before the cached one ends, so that no caller waits for it. Every process picks its own
 * moment between the beginning and the middle of the last part; the first one fetches. A token that nobody used is let go:
 * an idle fleet asks eBay for nothing.
 */
export class RefreshAhead {
  readonly #options: RefreshAheadOptions;
  #token: CachedToken | undefined;
  #timer: NodeJS.Timeout | undefined;
  #used = false;
  #due = false;
  #closed = false;

  constructor(options: RefreshAheadOptions) {
    this.#options = options;
  }

  /** A caller uses this token. Costs nothing as long as it is the same one. */
  used(token: CachedToken): void {
    if (token.value !== this.#token?.value) this.watch(token);
    this.#used = true;
    if (this.#due) this.#renew();
  }

  /** This is the token now, used or not. */
  watch(token: CachedToken): void {
    this.#token = token;
    this.#used = false;
    this.#due = false;
    this.#arm(refreshAt(token, this.#options) - this.#options.now());
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #arm(delayMs: number): void {
    clearTimeout(this.#timer);
    if (this.#closed) return;
    this.#timer = setTimeout(() => (this.#used ? this.#renew() : this.#wait()), Math.max(0, delayMs)).unref();
  }

  #wait(): void {
    this.#due = true;
  }

  #renew(): void {
    const token = this.#token;
    this.#due = false;
    if (token === undefined || this.#closed || this.#options.now() >= token.usableUntil) return;
    const { aheadMs, random, renew, now } = this.#options;
    void renew(token).finally(() => {
      // Not replaced: somebody else is at it, it failed, or our clock was wrong. Look again before it ends.
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

export interface EbayAuthOptions {
  config: Config;
  /** A connection of the `caller` profile. Without one the token lives in this process alone. */
  redis?: Redis | undefined;
  /** Whose token: each tenant has a key of its own. Default: `default`. */
  tenant?: string;
  log?: Logger;
  metrics?: AuthMetrics;
  /** Told of every token that this process sees. */
  scrubber?: Pick<Scrubber, 'learnToken'>;
  /** For tests: this process's clock (ms since the epoch) and its dice. */
  clock?: () => number;
  random?: () => number;
}

/**
 * The parts of one `EbayAuthService`, wired by hand.
 * @throws ConfigError where `TOKEN_ENCRYPTION_KEYS` cannot be used.
 */
export function assemble(options: EbayAuthOptions) {
  const { config, redis, tenant = 'default', log = NOOP_LOGGER, random = Math.random } = options;
  const { keys: encryptionKeys, problems } = readEncryptionKeys(config.token.encryptionKeys);
  if (problems.length > 0) throw new ConfigError(problems);
  const metrics = options.metrics ?? NOOP_AUTH_METRICS;
  const owner = tokenOwner(config);
  const keys = tokenKeys(tenant, config);
  const clock = new FleetClock(options.clock);
  const cipher = new Cipher(encryptionKeys, { tenant, environment: owner.environment });
  const seen = (token: string) => options.scrubber?.learnToken(token);
  const cache = new TokenCache({ redis, keys, config, owner, cipher, clock, seen });
  const copy = new MemoryCopy(clock);
  const alone = new MemoryLedger(config.token, clock);
  const fleet = redis && new RedisLedger(redis, keys, config, clock);
  const shared = { config, tenant, owner, clock, cache, copy, fleet, alone, log, metrics, random };
  return { ...shared, minter: new Minter(shared), reader: new TokenReader(shared) };
}

export type AuthParts = ReturnType<typeof assemble>;
