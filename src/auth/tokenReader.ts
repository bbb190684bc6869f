import type { AuthMetrics } from '../telemetry/authMetrics.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { MemoryCopy } from './memoryCopy.ts';
import type { CachedToken, Miss, TokenCache } from './tokenCache.ts';
import type { TokenData } from './tokenData.ts';

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
