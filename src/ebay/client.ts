import type { AxiosInstance } from 'axios';
import { apiOrigin } from '../config/checks.ts';
import type { Config } from '../config/config.ts';
import { type Logger, NOOP_LOGGER } from '../telemetry/logger.ts';
import type { CallMetrics } from '../telemetry/metrics.ts';
import { isObject, readAnswer } from './answer.ts';
import type { CallGate, QuotaFigures } from './gate/gate.ts';
import { type CallFor, type EbayAnswer, EbayHttp, type TokenSource } from './http.ts';
import { axiosClient, closeAxios, Deadline, plainGet } from './transport.ts';

export interface EbayClientOptions {
  config: Pick<Config, 'ebay' | 'pace'>;
  gate: CallGate;
  tokens: TokenSource;
  log?: Logger;
  metrics?: Pick<CallMetrics, 'called'>;
  /** Least time between two ordinary quota questions of this process, ms. */
  analyticsIntervalMs?: number;
}

/** eBay allows 5,000 quota questions a day as well; a dozen processes at this pace stay below it in any 429 storm. */
const ANALYTICS_INTERVAL_MS = 10_000;
const RATE_LIMIT = '/developer/analytics/v1_beta/rate_limit/';

interface ReconcileOptions {
  signal?: AbortSignal | undefined;
  askAgainMs?: number | undefined;
}

/** eBay for one credential: the Browse API behind the call gate, and the quota that eBay counts. */
export class EbayClient {
  readonly browse: BrowseClient;
  readonly gate: CallGate;
  readonly #options: EbayClientOptions;
  readonly #http: EbayHttp;
  readonly #analytics: AxiosInstance;
  readonly #log: Logger;
  #lastAsked = Number.NEGATIVE_INFINITY;

  constructor(options: EbayClientOptions) {
    const { config, gate, tokens, metrics, log = NOOP_LOGGER } = options;
    const { ebay, pace } = config;
    const origin = apiOrigin(ebay);
    this.#options = options;
    this.gate = gate;
    this.#log = log;
    this.#analytics = axiosClient(origin, ebay);
    const checkQuota = async (signal?: AbortSignal) => {
      await this.reconcile({ signal });
      const { closed, now } = await gate.read();
      return closed && { forMs: closed.until - now, reason: closed.reason };
    };
    this.#http = new EbayHttp({ origin, ebay, pace, gate, tokens, checkQuota, metrics });
    this.browse = new BrowseClient(this.#http);
  }

  /**
   * Brings the quota counter in line with eBay's own count, up or down; another program may spend from the same quota.
   * Safe to run at any time and in several processes.
   * @param options.askAgainMs how soon after the last question of this process another one may follow, ms. Default: 10 s
   * @returns whether eBay's figures were taken over, by this process or by another one meanwhile
   * @throws Failure `redis-unavailable`
   */
  async reconcile({ signal, askAgainMs }: ReconcileOptions = {}): Promise<boolean> {
    const before = await this.gate.read();
    const figures = await this.#browseQuota(signal, askAgainMs);
    if (figures === undefined) return false;
    if (!(await this.gate.reconcile(figures, before.mark))) {
      // The first figures of a day set its end: another process has taken them over meanwhile, or their day is over.
      const { mark } = await this.gate.read();
      if (mark.ledger === before.mark.ledger && mark.reset === figures.reset) return true;
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
    closeAxios(this.#analytics);
  }

  /**
   * Asks eBay how many Browse calls are left, which has a quota of its own and does not pass the call gate. Undefined where
   * eBay does not state it now, or was asked a moment ago. Never rejects.
   */
  async #browseQuota(signal?: AbortSignal, askAgainMs?: number): Promise<QuotaFigures | undefined> {
    const { config, tokens, analyticsIntervalMs = ANALYTICS_INTERVAL_MS } = this.#options;
    if (performance.now() - this.#lastAsked < (askAgainMs ?? analyticsIntervalMs)) return undefined;
    this.#lastAsked = performance.now();
    const deadline = new Deadline(signal);
    try {
      const token = await tokens.getAccessToken();
      deadline.start(config.ebay.callTimeout * 1000);
      const answer = await plainGet(this.#analytics, RATE_LIMIT, {
        token,
        params: { api_context: 'buy', api_name: 'browse' },
        signal: deadline.signal,
      });
      if (answer.status === 204) return undefined;
      const reading = readAnswer(answer, 'rate_limit');
      if (reading.is === 'body') return readRateLimits(reading.body);
      this.#log.warn('eBay did not state the quota', { status: answer.status });
    } catch (error) {
      const { code } = error as { code?: unknown };
      this.#log.warn('quota request failed', { cause: typeof code === 'string' ? code : 'no answer' });
    } finally {
      deadline.close();
    }
    return undefined;
  }
}

/**
 * Browse's figures out of a `getRateLimits` answer. Of eBay's two Browse resources, `buy.browse` is search and getItem
 * together; the other is `buy.browse.item.bulk`. Names are compared without case (eBay is asked for `browse` and answers
 * `Browse`), every field may be missing, and figures that make no sense together are none.
 */
export function readRateLimits({ rateLimits }: Record<string, unknown>): QuotaFigures | undefined {
  const isNamed = (value: unknown, name: string) => String(value).toLowerCase() === name;
  return list(rateLimits)
    .filter(({ apiName }) => isNamed(apiName, 'browse'))
    .flatMap(({ resources }) => list(resources))
    .filter(({ name }) => isNamed(name, 'buy.browse'))
    .flatMap(({ rates }) => list(rates))
    .map(figuresOf)
    .find((figures) => figures !== undefined);
}

function list(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

function figuresOf({ limit, remaining, reset }: Record<string, unknown>): QuotaFigures | undefined {
  const at = typeof reset === 'string' ? Date.parse(reset) : Number.NaN;
  return isCount(limit) && isCount(remaining) && !Number.isNaN(at)
    ? { limit, remaining, reset: at }
    : undefined;
}

function isCount(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0;
}

const BROWSE = '/buy/browse/v1';
/** What eBay's catalogue says of an item's product comes only when it is asked for, and costs no call of its own. */
const WITH_PRODUCT = { fieldgroups: 'PRODUCT' };

type Strings = Record<string, string>;

/** The Browse methods that this service uses. All spend from one pool of calls, as counted here. */
export class BrowseClient {
  readonly #http: EbayHttp;

  constructor(http: EbayHttp) {
    this.#http = http;
  }

  /** `item_summary/search`. Which parameters and headers there are is the collector's knowledge. @throws as `EbayHttp.get`. */
  search(params: Strings, headers: Strings, call: CallFor): Promise<EbayAnswer> {
    const path = `${BROWSE}/item_summary/search`;
    return this.#http.get({ endpoint: 'search', path, template: path, params, headers }, call);
  }

  /** `item_summary/search_by_image`. @param image Base64 @throws as `EbayHttp.get`. */
  searchByImage(params: Strings, headers: Strings, image: string, call: CallFor): Promise<EbayAnswer> {
    const path = `${BROWSE}/item_summary/search_by_image`;
    const body = JSON.stringify({ image });
    return this.#http.post({ endpoint: 'search', path, template: path, params, headers, body }, call);
  }

  /** One item by its RESTful id, `v1|LEGACY|VARIATION`. @throws as `EbayHttp.get`; `item-gone` when eBay has it no longer. */
  getItem(itemId: string, headers: Strings, call: CallFor): Promise<EbayAnswer> {
    const path = `${BROWSE}/item/${encodeURIComponent(itemId)}`;
    const template = `${BROWSE}/item/{item_id}`;
    return this.#http.get({ endpoint: 'item', path, template, params: WITH_PRODUCT, headers }, call);
  }

  /**
   * The item of a listing of which only the number in its page's address is known. @throws as `getItem`;
   * `item-has-variations` for a listing with variations.
   */
  getItemByLegacyId(legacyId: string, headers: Strings, call: CallFor): Promise<EbayAnswer> {
    const path = `${BROWSE}/item/get_item_by_legacy_id`;
    const params = { legacy_item_id: legacyId, ...WITH_PRODUCT };
    return this.#http.get({ endpoint: 'legacy-item', path, template: path, params, headers }, call);
  }

  /** Every variation of a listing. @throws as `getItem`. */
  getItemsByGroup(groupId: string, headers: Strings, call: CallFor): Promise<EbayAnswer> {
    const path = `${BROWSE}/item/get_items_by_item_group`;
    const params = { item_group_id: groupId };
    return this.#http.get({ endpoint: 'item-group', path, template: path, params, headers }, call);
  }

  /**
   * What is for sale of up to 20 items, by their RESTful ids: only for keysets with the scope `buy.item.bulk`. eBay counts these
   * calls apart from the others. @throws as `EbayHttp.get`; `ebay-refused` where eBay no longer has one of the items
   */
  getItems(itemIds: readonly string[], headers: Strings, call: CallFor): Promise<EbayAnswer> {
    const path = `${BROWSE}/item/`;
    const params = { item_ids: itemIds.join(',') };
    return this.#http.get({ endpoint: 'bulk-items', path, template: path, params, headers }, call);
  }
}
