import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { Config } from '../../config/config.ts';
import { Failure } from '../../failures.ts';
import { type Logger, NOOP_LOGGER } from '../../telemetry/logger.ts';
import type { AuthMetrics } from '../../telemetry/metrics.ts';
import type { Scrubber } from '../../telemetry/scrubber.ts';
import { untraced } from '../../telemetry/tracing.ts';
import { isCredentialRefused } from '../retryPolicy.ts';
import {
  type CachedToken,
  FleetClock,
  type Found,
  isTokenText,
  type Miss,
  monotonic,
  TokenCache,
  type TokenContext,
  type TokenData,
} from './cache.ts';
import { FleetPermits, LocalPermits, Minter, type Need, type Permits } from './mint.ts';

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

const FORM_REMEDIES = {
  unsealed:
    'it is in the clear, and TOKEN_ENCRYPTION_KEYS is set: give the keys to every process, and let no other program write it',
  undecryptable:
    'no key of TOKEN_ENCRYPTION_KEYS opens it, or it was sealed for another tenant or environment: keep the former key in ' +
    'the list for TOKEN_CACHE_TIME',
  sealed:
    'it is encrypted, and this process has no TOKEN_ENCRYPTION_KEYS: give it the keys of the other processes',
};

/**
 * The fleet's eBay application token: one in Redis for all processes, fetched by the first that needs it, ahead of its
 * end, and never by two at a time.
 *
 * Reading order. Redis has it: use it. Redis has none: fetch a new one, and only if that fails use the copy in memory.
 * Redis does not answer: the copy in memory, or a failure, for no call can be made without Redis. Without any Redis
 * configured the process fetches tokens for itself.
 */
export class EbayAuthService {
  readonly #context: TokenContext;
  readonly #cache: TokenCache;
  readonly #permits: Permits;
  readonly #minter: Minter;
  readonly #ahead: RefreshAhead;
  /** The last token that this process used. It may be used longer than Redis keeps it. */
  #copy: CachedToken | undefined;
  #redisAnswers = true;
  /** Forms of values that were warned of. */
  readonly #warned = new Set<keyof typeof FORM_REMEDIES>();
  /** The copy that was put in the place of a value in the clear. */
  #putBack = '';
  #accepted = '';

  /** @throws ConfigError where `TOKEN_ENCRYPTION_KEYS` cannot be used. */
  constructor({ config, redis, scrubber, ...options }: EbayAuthOptions) {
    const context: TokenContext = {
      config,
      redis,
      tenant: options.tenant ?? 'default',
      clock: new FleetClock(options.clock ?? (redis && monotonic)),
      log: options.log ?? NOOP_LOGGER,
      metrics: options.metrics,
      random: options.random ?? Math.random,
      seen: (token) => scrubber?.learnToken(token),
    };
    this.#context = context;
    this.#cache = new TokenCache(context);
    this.#permits = redis ? new FleetPermits(redis, context) : new LocalPermits(context);
    this.#minter = new Minter(context, this.#cache, this.#permits);
    this.#ahead = new RefreshAhead(context, (current) => this.#renew(current));
  }

  /**
   * The token to call eBay with now; ask again for every call.
   * @param beforeMint runs before a new token is fetched, and prevents that by throwing: a token costs one of the day's
   * requests, so there should be a call that can use it.
   * @throws Failure `token-unavailable` (with `until` and `reason`), `credential-refused`, `mint-budget-spent`,
   * `redis-unavailable`.
   */
  async getAccessToken(beforeMint?: () => Promise<unknown>): Promise<string> {
    const { token, value, miss } = await this.#read();
    if (token !== undefined) return this.#serve(token, sourceOf(miss));
    await beforeMint?.();
    return this.#obtain({ reason: 'missing', stale: value });
  }

  /**
   * Another token than the refused one: the cached one where that is another already, else a new one. Without `refused`:
   * a new one in any case.
   * @throws Failure as `getAccessToken`.
   */
  async refreshToken(refused?: string): Promise<string> {
    if (refused !== undefined && this.#copy?.data.access_token === refused) this.#copy = undefined;
    const { token, value, miss } = await this.#read();
    const cached = token?.data.access_token;
    if (refused !== undefined && token !== undefined && cached !== refused)
      return this.#serve(token, sourceOf(miss));
    const reason = refused === undefined ? 'forced' : 'refused';
    const need: Need = { reason, stale: value, unwanted: refused ?? cached };
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
    const stored_at = token.stored_at ?? new Date(this.#context.clock.now()).toISOString();
    const sealed = await this.#cache.seal({ access_token, expires_in, token_type, stored_at });
    this.#copy = await this.#minter.publish(sealed, '', -1);
  }

  /** What is cached, whatever its age; null where nothing is, or nothing of ours. */
  async retrieveToken(): Promise<TokenData | null> {
    const { token, expired } = await this.#read();
    return token?.data ?? expired ?? null;
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
  async status() {
    const { miss, token = this.#usableCopy() } = await this.#read();
    const unknown = { mintsToday: 0, refusedInARow: 0, pause: undefined };
    const { mintsToday, refusedInARow, pause } = await this.#permits.state().catch(() => unknown);
    const { clock, config } = this.#context;
    const now = clock.now();
    const seconds = (ms: number) => Math.round(ms / 1000);
    const age = token && seconds(now - Date.parse(token.data.stored_at));
    const source: Source | 'none' = token === undefined ? 'none' : sourceOf(miss);
    return {
      /** Where a caller's token would come from now; `none`: it would be fetched. */
      source,
      /** Why Redis gives none. */
      miss: miss ?? null,
      /** Since it was stored. */
      age: age ?? null,
      /** Until eBay ends it. */
      expiresIn: token ? token.data.expires_in - (age as number) : null,
      /** Until it stops being used, which is the expiry buffer earlier. */
      usableFor: token ? seconds(token.usableUntil - now) : null,
      ...this.#cache.owner,
      /** Whether new values are written encrypted. */
      encrypted: config.token.encryptionKeys !== '',
      mintsToday,
      dailyMintLimit: config.token.dailyMintLimit,
      /** New tokens in a row that the API refused; at three the credential counts as refused. */
      refusedInARow,
      /** No token request leaves before `until` (ISO 8601). */
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
  async #read(): Promise<Found> {
    const { metrics } = this.#context;
    const found = await this.#cache.read();
    const { miss } = found;
    if (miss !== undefined) metrics?.missed(miss);
    this.#noteRedis(miss !== 'silent');
    if (miss === 'unsealed' || miss === 'undecryptable') this.#warnOfForm(miss);
    if (miss === 'unsealed') return { ...found, token: await this.#ownInstead(found.value) };
    return miss === 'silent' ? { ...found, token: this.#usableCopy() } : found;
  }

  /** One line for each, whatever is written how often. */
  #warnOfForm(miss: 'unsealed' | 'undecryptable'): void {
    const { log, tenant } = this.#context;
    const reason = miss === 'undecryptable' && !this.#cache.isSealing ? 'sealed' : miss;
    if (this.#warned.has(reason)) return;
    this.#warned.add(reason);
    log.warn('token in Redis not used', { tenant, reason, remedy: FORM_REMEDIES[reason] });
  }

  /**
   * The copy in memory, where another program wrote a token in the clear: so that costs no token request. It takes that
   * one's place once. Processes without keys replace it by a token request, and so it would go on without end.
   */
  async #ownInstead(value: string): Promise<CachedToken | undefined> {
    const copy = this.#usableCopy();
    if (copy === undefined || copy.cachedUntil <= this.#context.clock.now()) return undefined;
    if (this.#putBack !== copy.value) {
      this.#putBack = copy.value;
      await this.#permits.replace(copy, value).catch(() => undefined);
      this.#cache.changed();
    }
    return copy;
  }

  /** One line when Redis stops answering and one when it answers again. */
  #noteRedis(answers: boolean): void {
    const { log, redis, tenant } = this.#context;
    if (answers === this.#redisAnswers || redis === undefined) return;
    this.#redisAnswers = answers;
    if (answers) log.info('Redis answers again', { tenant });
    else log.warn('Redis does not answer: the token in memory serves', { tenant });
  }

  #usableCopy(): CachedToken | undefined {
    const copy = this.#copy;
    return copy !== undefined && this.#context.clock.now() < copy.usableUntil ? copy : undefined;
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
    const { metrics } = this.#context;
    if (this.#usableCopy() !== token) {
      this.#copy = token;
      metrics?.expiresAt(Date.now() + token.usableUntil - this.#context.clock.now());
    }
    if (source === 'redis') this.#minter.recovered();
    this.#ahead.used(token);
    metrics?.served(source);
    return token.data.access_token;
  }

  async #renew(current: CachedToken): Promise<void> {
    try {
      const token = await this.#minter.acquire({ reason: 'ahead', stale: current.value });
      if (token.value === current.value) return;
      this.#copy = token;
      this.#ahead.watch(token);
    } catch (error) {
      // A failure is in the log already or another process is fetching the token, and no caller waits for it.
      if (error instanceof Failure) return;
      const { log, tenant } = this.#context;
      log.error('background token refresh failed', { tenant, cause: String(error) });
    }
  }
}

/** Where a token that was not minted comes from. */
function sourceOf(miss: Miss | undefined): Source {
  return miss === undefined ? 'redis' : 'memory';
}

/** What `dpf token` shows; durations in seconds. Never the token. */
export type TokenStatus = Awaited<ReturnType<EbayAuthService['status']>>;

/**
 * Has the next token fetched before the cached one ends, so that no caller waits for it. Every process picks its own
 * moment between the beginning and the middle of the last part; the first one fetches. A token that nobody used is not
 * replaced: an idle fleet asks eBay for nothing.
 */
export class RefreshAhead {
  readonly #context: AheadContext;
  readonly #fetchNext: (current: CachedToken) => Promise<void>;
  #token: CachedToken | undefined;
  #timer: NodeJS.Timeout | undefined;
  #used = false;
  #isDue = false;
  #closed = false;

  /** @param fetchNext fetches the next token unless another process does */
  constructor(context: AheadContext, fetchNext: (current: CachedToken) => Promise<void>) {
    this.#context = context;
    this.#fetchNext = fetchNext;
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
    this.#arm(refreshAt(token, this.#context) - this.#context.clock.now());
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
    const { clock, config, random } = this.#context;
    this.#isDue = false;
    if (token === undefined || this.#closed || clock.now() >= token.usableUntil) return;
    // No call waits for it, so no call's trace shows it.
    void untraced(() => this.#fetchNext(token)).finally(() => {
      // Not replaced: another process is fetching it, it failed, or our clock was wrong. Look again before it ends.
      if (this.#token !== token) return;
      const soonest = config.token.refreshAhead * 1000 * (0.15 + 0.1 * random());
      this.#arm(Math.max(refreshAt(token, this.#context) - clock.now(), soonest));
    });
  }
}

type AheadContext = Pick<TokenContext, 'config' | 'clock' | 'random'>;

/** When a process asks for the next token: within the first half of `TOKEN_REFRESH_AHEAD`, the last part of the cached time. */
export function refreshAt(
  { cachedUntil }: Pick<CachedToken, 'cachedUntil'>,
  { config, random }: Pick<AheadContext, 'config' | 'random'>,
): number {
  return cachedUntil - config.token.refreshAhead * 1000 * (1 - 0.5 * random());
}
