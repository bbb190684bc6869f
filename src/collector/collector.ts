import { apiOrigin, simulatorHosts } from '../config/checks.ts';
import type { Config } from '../config/config.ts';
import type { BrowseClient } from '../ebay/client.ts';
import type { CallClass } from '../ebay/gate/gate.ts';
import { LocalGate } from '../ebay/gate/localGate.ts';
import type { TokenSource } from '../ebay/http.ts';
import { asFailure, Failure } from '../failures.ts';
import { linkableHosts, type MarketplaceId } from '../product/marketplaces.ts';
import type { NormalRequest } from '../product/requestSchema.ts';
import {
  type MissingPart,
  type Outcome,
  outcomeOf,
  type SearchSummary,
  type StoppedBy,
} from '../product/summary.ts';
import { listingOf } from '../product/track.ts';
import { type Fields, type Logger, NOOP_LOGGER } from '../telemetry/logger.ts';
import type { CallMetrics } from '../telemetry/metrics.ts';
import type { ItemAnswer, PageAnswer } from './answers.ts';
import { type Assembled, assemble, withDetails } from './assemble.ts';
import { goneDetails, mapDetails } from './mapDetails.ts';
import { mapPage } from './mapPage.ts';
import type { PageAddress } from './paging.ts';
import { itemCall, searchCall } from './query.ts';

/** eBay's Browse API, as `BrowseClient` calls it. */
export type Browse = Pick<BrowseClient, 'search' | 'getItem'>;

export interface CollectorOptions {
  browse: Browse;
  log?: Logger;
  clock?: () => Date;
  /** Where links and pictures of products may lead; default: to eBay. */
  hosts?: RegExp;
  /** Of the eBay Partner Network, so that products carry `affiliateUrl`; empty: none. */
  affiliateCampaignId?: string;
}

export interface StandaloneOptions {
  config: Pick<Config, 'ebay' | 'pace'>;
  /** `EbayAuthService` is one; without Redis it keeps its token in memory. */
  tokens: TokenSource;
  log?: Logger;
  metrics?: CallMetrics;
}

export interface PageCall extends PageAddress {
  request: NormalRequest;
  class: CallClass;
  signal?: AbortSignal;
  /** What log lines about this call name it by. */
  ids?: Fields;
}

export interface DetailsCall {
  request: NormalRequest;
  marketplace: MarketplaceId;
  itemId: string;
  class: CallClass;
  signal?: AbortSignal;
}

/** An answer that is complete and wrong is rarely right a moment later, and each costs a call of the day. */
const BAD_PAGE_ATTEMPTS = 2;

/** Search request in, products out. Every call passes the gate of the client that it was given. */
export class EbayProductCollector {
  readonly #browse: Browse;
  readonly #log: Logger;
  readonly #clock: () => Date;
  readonly #hosts: RegExp | undefined;
  readonly #campaignId: string;

  constructor({ browse, log = NOOP_LOGGER, clock = () => new Date(), ...options }: CollectorOptions) {
    this.#browse = browse;
    this.#hosts = options.hosts;
    this.#campaignId = options.affiliateCampaignId ?? '';
    this.#log = log;
    this.#clock = clock;
  }

  /**
   * A collector for a program that has no Redis: it paces itself in memory, so nothing else may use the credential
   * meanwhile.
   */
  static standalone({ config, tokens, log, metrics }: StandaloneOptions): EbayProductCollector {
    const { ebay, pace } = config;
    const measured = metrics ? { metrics } : {};
    const gate = new LocalGate({
      intervalMs: pace.minApiCallInterval * 1000,
      dailyLimit: pace.dailyCallLimit,
      throttlePauseMs: pace.throttlePause * 1000,
      ...measured,
    });
    // With the first call: importing the library does not load the HTTP client.
    let opened: Promise<BrowseClient> | undefined;
    const open = async () => {
      const [{ BrowseClient }, { EbayHttp }] = await Promise.all([
        import('../ebay/client.ts'),
        import('../ebay/http.ts'),
      ]);
      return new BrowseClient(
        new EbayHttp({ origin: apiOrigin(ebay), ebay, pace, gate, tokens, ...measured }),
      );
    };
    const client = () => {
      opened ??= open();
      return opened;
    };
    const browse: Browse = {
      search: async (...call) => (await client()).search(...call),
      getItem: async (...call) => (await client()).getItem(...call),
    };
    return new EbayProductCollector({
      browse,
      hosts: linkableHosts(simulatorHosts(ebay)),
      affiliateCampaignId: ebay.affiliateCampaignId,
      ...(log ? { log } : {}),
    });
  }

  /** One page of one marketplace. @throws Failure as `EbayHttp.get`; `ebay-bad-answer` for an answer that is no page or contradicts itself, `filter-ignored` with `strictFilters`. */
  async collectPage({ request, marketplace, offset, limit, ids, ...call }: PageCall): Promise<PageAnswer> {
    const page: PageAddress = { marketplace, offset, limit };
    const { params, headers } = searchCall(request, page, this.#campaignId);
    const { body, latencyMs, attempts } = await this.#browse.search(params, headers, call);
    const mapped = mapPage(body, { ...page, observedAt: this.#clock().toISOString() }, this.#hosts);
    if (!mapped.ok) {
      const said = mapped.errors.map(({ message }) => `; eBay: ${message}`).join('');
      const message = `eBay's answer is no page of this search (${mapped.reason}${said})`;
      throw new Failure('ebay-bad-answer', message, { calls: attempts, attempts: BAD_PAGE_ATTEMPTS });
    }
    const { warnings, rejected } = mapped.page;
    if (request.strictFilters && warnings.length > 0) {
      const said = warnings.map(({ message }) => message).join('; ');
      const message = `eBay ignored a part of this search, which asks for strictFilters: ${said}`;
      throw new Failure('filter-ignored', message, { calls: attempts });
    }
    const about = { ...ids, marketplace };
    if (warnings.length > 0) this.#log.warn('eBay ignored part of a search', { ...about, warnings });
    if (Object.keys(rejected).length > 0) this.#log.warn('listings skipped', { ...about, rejected });
    return { ...mapped.page, calls: attempts, latencyMs };
  }

  /** One item's details; an item that eBay no longer has is an answer too. @throws Failure as `EbayHttp.get`. */
  async collectDetails(wanted: DetailsCall): Promise<ItemAnswer> {
    const { request, marketplace, itemId, ...call } = wanted;
    const { headers } = itemCall(request, marketplace, itemId, this.#campaignId);
    try {
      const { body, latencyMs, attempts } = await this.#browse.getItem(itemId, headers, call);
      const mapped = mapDetails(body, this.#clock(), this.#hosts);
      if (mapped === null || listingOf(mapped.itemId) !== listingOf(itemId))
        throw new Failure('ebay-bad-answer', `eBay's answer is not the item ${itemId}`, { calls: attempts });
      const { details, listing } = mapped;
      return { details, ...(listing && { listing }), calls: attempts, latencyMs };
    } catch (error) {
      if (!(error instanceof Failure) || error.code !== 'item-gone') throw error;
      return { details: goneDetails(this.#clock()), calls: error.detail.calls ?? 1, latencyMs: 0 };
    }
  }

  /**
   * A whole search without a queue, page by page, until what is wanted is there, the listings end or `maxCalls` is reached;
   * then, with `details: full`, item by item. What came before a failure is kept and `missing` says what did not. A `track`
   * is not compared: what it remembers is in Redis.
   * @throws Failure the first one, when no page at all was answered; `filter-ignored` with `strictFilters`.
   */
  async collect(request: NormalRequest, { signal }: { signal?: AbortSignal } = {}): Promise<Collected> {
    const pages: PageAnswer[] = [];
    const missing: MissingPart[] = [];
    let firstFailure: Failure | undefined;
    const options = { request, class: request.priority, ...(signal ? { signal } : {}) };
    const broken = new Set<MarketplaceId>();
    let assembled = assemble(request, pages);
    const open = () => assembled.next.find(({ marketplace }) => !broken.has(marketplace));
    for (let address = open(); address !== undefined; address = open()) {
      try {
        pages.push(await this.collectPage({ ...options, ...address }));
        assembled = assemble(request, pages);
      } catch (error) {
        const { marketplace } = address;
        const failure = asFailure(error);
        if (failure.code === 'filter-ignored') throw failure;
        firstFailure ??= failure;
        broken.add(marketplace);
        const before = pages.filter((page) => page.marketplace === marketplace).length;
        missing.push({ marketplace, page: before + 1, code: failure.code, message: failure.message });
      }
    }
    if (pages.length === 0 && firstFailure) throw firstFailure;
    let { products } = assembled;
    let calls = pages.reduce((sum, page) => sum + page.calls, 0);
    if (request.details === 'full') {
      products = [];
      for (const product of assembled.products) {
        const { itemId, marketplace } = product;
        try {
          const answer = await this.collectDetails({ ...options, marketplace, itemId });
          products.push(withDetails(product, answer));
          calls += answer.calls;
        } catch (error) {
          const { code, message } = asFailure(error);
          products.push(product);
          missing.push({ marketplace, page: null, itemId, code, message });
        }
      }
    }
    const { counts, warnings, said, lookedAt, stoppedBy = null } = assembled;
    const ending = { pages: assembled.pages, missing: missing.length, cancelled: false, stoppedBy, counts };
    const outcome = outcomeOf({ ...ending, onFailure: request.onFailure });
    return {
      products,
      counts,
      ...said,
      warnings,
      lookedAt,
      stoppedBy,
      outcome,
      missing,
      pages: assembled.pages,
      calls,
    };
  }
}

/** What a search without a queue gave. */
export interface Collected
  extends Omit<Assembled, 'next' | 'stoppedBy' | 'said'>,
    Pick<SearchSummary, 'facets' | 'correctedQuery'> {
  /** Null where a page failed. */
  stoppedBy: StoppedBy | null;
  outcome: Outcome;
  missing: MissingPart[];
  /** HTTP attempts of the pages and details that are there. */
  calls: number;
}
