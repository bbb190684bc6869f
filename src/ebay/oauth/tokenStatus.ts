import type { Config } from '../../config/config.ts';
import type { Logger } from '../../telemetry/logger.ts';
import type { AuthMetrics } from '../../telemetry/metrics.ts';
import {
  type FleetClock,
  isCredentialRefused,
  type LedgerState,
  type MintLedger,
  RedisUnavailable,
} from './ledger.ts';
import type { CachedToken, Miss, TokenCache } from './tokenCache.ts';
import { type TokenData, tokenOwner } from './tokenData.ts';
import type { MintTrouble } from './tokenRequest.ts';

/** The last token that this process used: what serves while Redis or the token endpoint do not. */
export class MemoryCopy {
  readonly #clock: FleetClock;
  #token: CachedToken | undefined;

  constructor(clock: FleetClock) {
    this.#clock = clock;
  }

  keep(token: CachedToken): void {
    this.#token = token;
  }

  /** The copy as long as it may be used, which is longer than Redis keeps it. */
  usable(): CachedToken | undefined {
    return this.#token !== undefined && this.#clock.now() < this.#token.usableUntil ? this.#token : undefined;
  }

  /** Drops the copy if it is this token, or whatever it is. */
  forget(accessToken?: string): void {
    if (accessToken === undefined || this.#token?.data.access_token === accessToken) this.#token = undefined;
  }
}

/** What there is without asking eBay: a token and where it is from, or a miss. */
export type Reading = {
  /** Redis's value, empty where it has none or does not answer. */
  value: string;
  /** Why Redis gives no token. */
  miss?: Miss;
} & (
  | { token: CachedToken; source: 'redis' | 'memory' }
  | { token?: undefined; source?: undefined; expired?: TokenData }
);

export interface TokenReaderParts {
  cache: TokenCache;
  copy: MemoryCopy;
  /** Whether there is a Redis at all. */
  fleet: object | undefined;
  tenant: string;
  log: Logger;
  metrics: AuthMetrics;
}

/** Redis first; the copy in memory instead while Redis does not answer, and only then. */
export class TokenReader {
  readonly #parts: TokenReaderParts;
  #redisAnswers = true;

  constructor(parts: TokenReaderParts) {
    this.#parts = parts;
  }

  async read(): Promise<Reading> {
    const { cache, copy, metrics, tenant } = this.#parts;
    const { token, ...found } = await cache.read();
    if (found.miss !== undefined) metrics.misses.inc({ tenant, reason: found.miss });
    this.#note(found.miss !== 'silent');
    if (token !== undefined) return { ...found, token, source: 'redis' };
    const kept = found.miss === 'silent' ? copy.usable() : undefined;
    return kept === undefined ? found : { ...found, token: kept, source: 'memory' };
  }

  /** One line when Redis falls silent and one when it is back. */
  #note(answers: boolean): void {
    const { fleet, log, tenant } = this.#parts;
    if (answers === this.#redisAnswers || fleet === undefined) return;
    this.#redisAnswers = answers;
    if (answers) log.info('Redis answers again', { tenant });
    else log.warn('Redis does not answer: the token in memory serves', { tenant });
  }
}

/** What `dpf token` shows; durations in seconds. Never the token. */
export interface TokenStatus {
  /** Where a caller's token would come from now; `none`: it would be asked for. */
  source: 'redis' | 'memory' | 'none';
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

export interface StatusParts {
  found: Reading;
  copy: MemoryCopy;
  fleet: MintLedger | undefined;
  alone: MintLedger;
  config: Config;
  clock: FleetClock;
}

export async function readStatus(parts: StatusParts): Promise<TokenStatus> {
  const { found, copy, config } = parts;
  const { mintsToday, refusedInARow, pause } = await ledgerState(parts);
  const now = parts.clock.now();
  const token = found.token ?? copy.usable();
  const seconds = (ms: number) => Math.round(ms / 1000);
  const storedAt = token === undefined ? 0 : Date.parse(token.data.stored_at);
  return {
    source: found.source ?? (token === undefined ? 'none' : 'memory'),
    miss: found.miss ?? null,
    age: token === undefined ? null : seconds(now - storedAt),
    expiresIn: token === undefined ? null : seconds(storedAt - now) + token.data.expires_in,
    usableFor: token === undefined ? null : seconds(token.usableUntil - now),
    ...tokenOwner(config),
    encrypted: config.token.encryptionKeys !== '',
    mintsToday,
    dailyMintLimit: config.token.dailyMintLimit,
    refusedInARow,
    coolDown: pause
      ? { reason: pause.reason, until: new Date(now + pause.ms).toISOString(), seconds: seconds(pause.ms) }
      : null,
    credentialRefused: pause !== undefined && isCredentialRefused(pause.reason),
  };
}

async function ledgerState({ fleet, alone }: StatusParts): Promise<LedgerState> {
  try {
    return await (fleet ?? alone).state();
  } catch (error) {
    if (!(error instanceof RedisUnavailable)) throw error;
    return alone.state();
  }
}
