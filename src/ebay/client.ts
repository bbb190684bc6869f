import { apiOrigin } from '../config/checks.ts';
import type { Config } from '../config/config.ts';
import { type Logger, NOOP_LOGGER } from '../telemetry/logger.ts';
import type { CallMetrics } from '../telemetry/metrics.ts';
import { AnalyticsClient } from './analytics.ts';
import type { CallGate } from './gate/gate.ts';
import { type CallFor, type EbayAnswer, EbayHttp, type TokenSource } from './http.ts';

export interface EbayClientOptions {
  config: Pick<Config, 'ebay' | 'pace'>;
  gate: CallGate;
  tokens: TokenSource;
  log?: Logger;
  metrics?: Pick<CallMetrics, 'called'>;
  /** Least time between two quota questions of this process, ms. Default 10,000. */
  analyticsIntervalMs?: number;
}

/** eBay for one credential: the Browse API behind the call gate, and the quota that eBay counts. */
export class EbayClient {
  readonly browse: BrowseClient;
  readonly gate: CallGate;
  readonly #analytics: AnalyticsClient;
  readonly #http: EbayHttp;
  readonly #log: Logger;

  constructor({ config, gate, tokens, log = NOOP_LOGGER, metrics, analyticsIntervalMs }: EbayClientOptions) {
    const common = { origin: apiOrigin(config.ebay), ebay: config.ebay, tokens };
    this.gate = gate;
    this.#log = log;
    this.#analytics = new AnalyticsClient({
      ...common,
      log,
      ...(analyticsIntervalMs === undefined ? {} : { minIntervalMs: analyticsIntervalMs }),
    });
    this.#http = new EbayHttp({
      ...common,
      pace: config.pace,
      gate,
      checkQuota: async (signal) => {
        await this.reconcile(signal);
        const { closed, now } = await gate.read();
        return closed && { forMs: closed.until - now, reason: closed.reason };
      },
      ...(metrics ? { metrics } : {}),
    });
    this.browse = new BrowseClient(this.#http);
  }

  /**
   * Brings the quota counter in line with eBay's own count, up or down; another program may spend from the same quota.
   * Safe to run at any time and in several processes. @returns whether eBay's figures were taken over.
   * @throws Failure `redis-unavailable`.
   */
  async reconcile(signal?: AbortSignal): Promise<boolean> {
    const before = await this.gate.read();
    const figures = await this.#analytics.browseQuota(signal);
    if (figures === undefined) return false;
    if (!(await this.gate.reconcile(figures, before.mark))) {
      const reset = new Date(figures.reset).toISOString();
      this.#log.info('quota figures ignored: their day has ended', { reset });
      return false;
    }
    const { limit, remaining } = figures;
    this.#log.info('quota reconciled', { limit, remaining, countedHere: before.remaining });
    return true;
  }

  /** Ends the kept-alive connections. */
  close(): void {
    this.#http.close();
    this.#analytics.close();
  }
}

const BROWSE = '/buy/browse/v1';

/** The two Browse methods that this service uses. Both spend from one pool of calls. */
export class BrowseClient {
  readonly #http: EbayHttp;

  constructor(http: EbayHttp) {
    this.#http = http;
  }

  /** `item_summary/search`. Which parameters and headers there are is the collector's knowledge. @throws as `EbayHttp.get`. */
  search(
    params: Record<string, string>,
    headers: Record<string, string>,
    call: CallFor,
  ): Promise<EbayAnswer> {
    return this.#http.get(
      { endpoint: 'search', path: `${BROWSE}/item_summary/search`, params, headers },
      call,
    );
  }

  /** One item by its RESTful id, `v1|LEGACY|VARIATION`. @throws as `EbayHttp.get`; `item-gone` when eBay has it no longer. */
  getItem(itemId: string, headers: Record<string, string>, call: CallFor): Promise<EbayAnswer> {
    const path = `${BROWSE}/item/${encodeURIComponent(itemId)}`;
    return this.#http.get({ endpoint: 'item', path, headers }, call);
  }
}
