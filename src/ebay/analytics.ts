import { type Logger, NOOP_LOGGER } from '../telemetry/logger.ts';
import { isObject, readAnswer } from './answer.ts';
import type { QuotaFigures } from './gate/gate.ts';
import type { TokenSource } from './http.ts';
import { answerOf, axiosClient, closeAxios, Deadline, transport } from './transport.ts';

export interface AnalyticsOptions {
  origin: string;
  /** Seconds. */
  ebay: { connectTimeout: number; callTimeout: number; maxBodyBytes: number };
  tokens: TokenSource;
  log?: Logger;
  /** Least time between two questions of this process, ms. */
  minIntervalMs?: number;
}

/** eBay allows 5,000 of these calls a day as well; a dozen processes at this pace stay below it in any 429 storm. */
const MIN_INTERVAL_MS = 10_000;
const PATH = '/developer/analytics/v1_beta/rate_limit/';

/** Asks eBay how many Browse calls are left. It has a quota of its own and therefore does not pass the call gate. */
export class AnalyticsClient {
  readonly #options: AnalyticsOptions;
  readonly #axios;
  readonly #log: Logger;
  #lastAsked = Number.NEGATIVE_INFINITY;

  constructor(options: AnalyticsOptions) {
    this.#options = options;
    this.#log = options.log ?? NOOP_LOGGER;
    this.#axios = axiosClient({ origin: options.origin, maxBodyBytes: options.ebay.maxBodyBytes });
  }

  close(): void {
    closeAxios(this.#axios);
  }

  /** The figures of Browse, or undefined where eBay does not state them now, or was asked a moment ago. Never rejects. */
  async browseQuota(signal?: AbortSignal): Promise<QuotaFigures | undefined> {
    if (performance.now() - this.#lastAsked < (this.#options.minIntervalMs ?? MIN_INTERVAL_MS))
      return undefined;
    this.#lastAsked = performance.now();
    const deadline = new Deadline(signal);
    try {
      const token = await this.#options.tokens.getAccessToken();
      deadline.start(this.#options.ebay.callTimeout * 1000);
      const response = await this.#axios.get(PATH, {
        params: { api_context: 'buy', api_name: 'browse' },
        headers: { authorization: `Bearer ${token}` },
        transport: transport(this.#options.ebay.connectTimeout * 1000),
        signal: deadline.signal,
        validateStatus: () => true,
      });
      const answer = answerOf(response);
      if (answer.status === 204) return undefined;
      const reading = readAnswer(answer, 'rate_limit');
      if (reading.is === 'body') return readRateLimits(reading.body);
      this.#log.warn('eBay did not state the quota', { status: answer.status });
    } catch (error) {
      const code = (error as { code?: unknown }).code;
      this.#log.warn('quota request failed', {
        cause: typeof code === 'string' ? code : 'no answer',
      });
    } finally {
      deadline.close();
    }
    return undefined;
  }
}

/** Of eBay's two Browse resources this is search and getItem together; the other is `buy.browse.item.bulk`. */
const RESOURCE = 'buy.browse';

/**
 * Browse's figures out of a `getRateLimits` answer. Names are compared without case (eBay is asked for `browse` and
 * answers `Browse`), every field may be missing, and figures that make no sense together are none.
 */
export function readRateLimits(body: Record<string, unknown>): QuotaFigures | undefined {
  for (const api of list(body.rateLimits)) {
    if (lower(api.apiName) !== 'browse') continue;
    for (const resource of list(api.resources)) {
      if (lower(resource.name) !== RESOURCE) continue;
      const figures = list(resource.rates)
        .map(figuresOf)
        .find((each) => each !== undefined);
      if (figures) return figures;
    }
  }
  return undefined;
}

function figuresOf(rate: Record<string, unknown>): QuotaFigures | undefined {
  const { limit, remaining } = rate;
  const reset = typeof rate.reset === 'string' ? Date.parse(rate.reset) : Number.NaN;
  if (!isCount(limit) || !isCount(remaining) || Number.isNaN(reset)) return undefined;
  return { limit, remaining, reset };
}

function isCount(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0;
}

function list(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

function lower(value: unknown): string {
  return typeof value === 'string' ? value.toLowerCase() : '';
}
