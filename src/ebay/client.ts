import { apiOrigin } from '../config/checks.ts';
import type { Config } from '../config/config.ts';
import type { CallMetrics } from '../telemetry/callMetrics.ts';
import type { Logger } from '../telemetry/logger.ts';
import { AnalyticsClient } from './analytics.ts';
import { BrowseClient } from './browse.ts';
import type { CallGate } from './gate.ts';
import { EbayHttp } from './http.ts';
import { reconcileQuota } from './reconcile.ts';
import type { TokenSource } from './tokenSource.ts';

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
  readonly #log: Logger | undefined;

  constructor({ config, gate, tokens, log, metrics, analyticsIntervalMs }: EbayClientOptions) {
    const common = { origin: apiOrigin(config.ebay), ebay: config.ebay, tokens };
    this.gate = gate;
    this.#log = log;
    this.#analytics = new AnalyticsClient({
      ...common,
      ...(log ? { log } : {}),
      ...(analyticsIntervalMs === undefined ? {} : { minIntervalMs: analyticsIntervalMs }),
    });
    this.#http = new EbayHttp({
      ...common,
      pace: config.pace,
      gate,
      checkQuota: (signal) => this.reconcile(signal),
      ...(metrics ? { metrics } : {}),
    });
    this.browse = new BrowseClient(this.#http);
  }

  /**
   * Brings the ledger in line with eBay's own count. @returns whether eBay told it.
   * @throws Failure `redis-unavailable`.
   */
  reconcile(signal?: AbortSignal): Promise<boolean> {
    return reconcileQuota({
      gate: this.gate,
      analytics: this.#analytics,
      ...(this.#log ? { log: this.#log } : {}),
      ...(signal ? { signal } : {}),
    });
  }

  /** Ends the kept-alive connections. */
  close(): void {
    this.#http.close();
    this.#analytics.close();
  }
}
