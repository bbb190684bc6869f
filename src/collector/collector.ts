import { apiOrigin, simulatorHosts } from '../config/checks.ts';
import type { Config } from '../config/config.ts';
import type { BrowseClient } from '../ebay/client.ts';
import type { CallClass } from '../ebay/gate/gate.ts';
import { LocalGate } from '../ebay/gate/localGate.ts';
import type { CallFor, EbayAnswer, TokenSource } from '../ebay/http.ts';
import { asFailure, Failure } from '../failures.ts';
import { givesProducts, listingNamed, nameOf } from '../product/itemReference.ts';
import { withLanded } from '../product/landed.ts';
import { linkableHosts, type MarketplaceId } from '../product/marketplaces.ts';
import type { Product } from '../product/product.ts';
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
import { refusalWithoutSellers, withoutAskedSellers } from './askedSellers.ts';
import { type Assembled, assemble } from './assemble.ts';
import { deliveredBy, itemsWanted, placesOf, productsAt } from './deliver.ts';
import { goneDetails, mapDetails, mapGroup, mapItemAnswer } from './mapDetails.ts';
import { mapPage } from './mapPage.ts';
import type { PageAddress } from './paging.ts';
import { headersOf, searchCall } from './query.ts';
import { fields, list } from './untrusted.ts';

/** eBay's Browse API, as `BrowseClient` calls it. */
export type Browse = Pick<
  BrowseClient,
  'search' | 'searchByImage' | 'getItem' | 'getItemByLegacyId' | 'getItemsByGroup' | 'getItems'
>;

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

/** Called with the user name of the seller of each listing of an answer, by the id of the listing. No product has it. */
export type NoteSellers = (sellers: ReadonlyMap<string, string>) => Promise<void>;

export interface PageCall extends PageAddress {
  noteSellers?: NoteSellers | undefined;
  request: NormalRequest;
  class: CallClass;
  charge?: CallFor['charge'];
  signal?: AbortSignal;
  /** What log lines about this call name it by. */
  ids?: Fields;
}

export interface ItemCall {
  noteSellers?: NoteSellers | undefined;
  request: NormalRequest;
  marketplace: MarketplaceId;
  /** What is asked for: an item's id, or another `ItemReference`. */
  itemId: string;
  class: CallClass;
  charge?: CallFor['charge'];
  signal?: AbortSignal;
}

export interface BulkCall extends Omit<ItemCall, 'itemId' | 'noteSellers'> {
  /** Up to 20, `v1|LISTING|VARIATION`. */
  itemIds: readonly string[];
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
      searchByImage: async (...call) => (await client()).searchByImage(...call),
      getItem: async (...call) => (await client()).getItem(...call),
      getItemByLegacyId: async (...call) => (await client()).getItemByLegacyId(...call),
      getItemsByGroup: async (...call) => (await client()).getItemsByGroup(...call),
      getItems: async (...call) => (await client()).getItems(...call),
    };
    return new EbayProductCollector({
      browse,
      hosts: linkableHosts(simulatorHosts(ebay)),
      affiliateCampaignId: ebay.affiliateCampaignId,
      ...(log ? { log } : {}),
    });
  }

  /** One page of one marketplace. @throws Failure as `EbayHttp.get`; `ebay-bad-answer` for an answer that is no page or contradicts itself, `filter-ignored` with `strictFilters`. */
  async collectPage({
    request,
    marketplace,
    offset,
    limit,
    ids,
    noteSellers,
    ...call
  }: PageCall): Promise<PageAnswer> {
    const page: PageAddress = { marketplace, offset, limit };
    const { params, headers, image } = searchCall(request, page, this.#campaignId);
    const { filters } = request;
    const { body, latencyMs, attempts } = await (image === undefined
      ? this.#browse.search(params, headers, call)
      : this.#browse.searchByImage(params, headers, image, call)
    ).catch((error) => {
      throw refusalWithoutSellers(error, filters);
    });
    const mapped = mapPage(
      withoutAskedSellers(body, filters),
      { ...page, observedAt: this.#clock().toISOString() },
      this.#hosts,
    );
    if (!mapped.ok) {
      const said = mapped.errors.map(({ message }) => `; eBay: ${message}`).join('');
      const message = `eBay's answer is no page of this search (${mapped.reason}${said})`;
      throw new Failure('ebay-bad-answer', message, { calls: attempts, attempts: BAD_PAGE_ATTEMPTS });
    }
    await noteSellers?.(sellersIn(body));
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

  /**
   * What one call says of an item, of a listing, or of all variations of one; that eBay no longer has it is an answer too.
   * @throws Failure as `EbayHttp.get`; `ebay-bad-answer` for an answer about something else, `item-has-variations`
   */
  async collectItem({ request, marketplace, itemId, noteSellers, ...call }: ItemCall): Promise<ItemAnswer> {
    const asProducts = givesProducts(request, itemId);
    try {
      const headers = headersOf(request, marketplace, this.#campaignId);
      const { body, latencyMs, attempts } = await this.#ask(itemId, headers, call);
      const said = asProducts ? this.#products(body, marketplace, itemId) : this.#details(body, itemId);
      if (said === null)
        throw new Failure('ebay-bad-answer', `eBay's answer is not the item ${itemId}`, { calls: attempts });
      await noteSellers?.(sellersIn(body));
      return { ...said, calls: attempts, latencyMs };
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      const details = goneDetails(this.#clock());
      const { calls = 1 } = error.detail;
      const none = { details, ...(asProducts && { products: [] }), calls, latencyMs: 0 };
      if (error.code === 'item-gone') return none;
      if (error.code !== 'item-has-variations') throw error;
      if (request.variations === 'all')
        return { ...none, details: { ...details, availability: 'unknown' }, hasVariations: true };
      const listing = listingNamed(itemId);
      const message =
        `the listing ${listing} has variations: name one, as v1|${listing}|VARIATION or by the address of its page with ` +
        'var=VARIATION, or ask for variations: all';
      throw new Failure(error.code, message, error.detail);
    }
  }

  /**
   * One call for several items: those that its answer has, by their ids, without auctions. It says at which price an item is sold now, whether it is
   * there, how it is sent, and when it ends. It has no title, pictures, seller or category: the title of these products is
   * their id.
   * @throws Failure as `EbayHttp.get`; `ebay-refused` where eBay no longer has one of the items
   */
  async collectBulk({ request, marketplace, itemIds, ...call }: BulkCall): Promise<BulkAnswer> {
    const headers = headersOf(request, marketplace, this.#campaignId);
    const { body, latencyMs, attempts } = await this.#browse.getItems(itemIds, headers, call);
    const observation = { marketplace, observedAt: this.#clock().toISOString(), rank: 1, hosts: this.#hosts };
    const answers = new Map<string, ItemAnswer>();
    for (const entry of list(body.items)) {
      const item = fields(entry) ?? {};
      // The answer does not say whether an auction can also be bought at a price.
      if (item.currentBidPrice !== undefined || item.minimumPriceToBid !== undefined) continue;
      const unsaid = { title: item.itemId, buyingOptions: ['FIXED_PRICE'] };
      const product = mapItemAnswer({ ...unsaid, ...item }, observation)?.product;
      if (product === undefined || !itemIds.includes(product.itemId)) continue;
      answers.set(product.itemId, { details: product.details, products: [product], calls: 0, latencyMs });
    }
    return { answers, calls: attempts };
  }

  #ask(reference: string, headers: Record<string, string>, call: CallFor): Promise<EbayAnswer> {
    const listing = listingNamed(reference);
    if (reference.startsWith('listing:')) return this.#browse.getItemByLegacyId(listing, headers, call);
    if (reference.startsWith('group:')) return this.#browse.getItemsByGroup(listing, headers, call);
    return this.#browse.getItem(reference, headers, call);
  }

  /**
   * What an answer adds to a product of a page; null for another item's. Each variation of a listing has a price and stock of
   * its own.
   */
  #details(body: unknown, itemId: string): Pick<ItemAnswer, 'details' | 'listing'> | null {
    const mapped = mapDetails(body, this.#clock(), this.#hosts);
    if (mapped === null || mapped.itemId !== itemId) return null;
    const { details, listing } = mapped;
    return { details, ...(listing && { listing }) };
  }

  /** The products that an answer describes; null where they are not what was asked for. */
  #products(
    body: unknown,
    marketplace: MarketplaceId,
    reference: string,
  ): Pick<ItemAnswer, 'details' | 'products' | 'rejected'> | null {
    const observation = { marketplace, observedAt: this.#clock().toISOString(), rank: 1, hosts: this.#hosts };
    const isGroup = reference.startsWith('group:');
    const one = isGroup ? undefined : mapItemAnswer(body, observation)?.product;
    const { products, rejected } = (isGroup ? mapGroup(body, observation) : null) ?? {
      products: one ? [one] : [],
      rejected: {},
    };
    const [first] = products;
    const isAsked = ({ itemId }: Product) =>
      reference.startsWith('v1|') ? itemId === reference : listingOf(itemId) === listingNamed(reference);
    if (first === undefined || !products.every(isAsked)) return null;
    return { details: first.details, products, ...(Object.keys(rejected).length > 0 && { rejected }) };
  }

  /**
   * A whole search without a queue, page by page, until what is wanted is there, the listings end or `maxCalls` is reached;
   * then item by item, with `details: full`, `variations: all` or for the items of the request. What came before a failure is kept and `missing` says what did not. A `track`
   * is not compared: what it remembers is in Redis.
   * @throws Failure the first one, when nothing at all was answered; `filter-ignored` with `strictFilters`.
   */
  async collect(request: NormalRequest, { signal }: { signal?: AbortSignal } = {}): Promise<Collected> {
    const pages: PageAnswer[] = [];
    const missing: MissingPart[] = [];
    let firstFailure: Failure | undefined;
    const options = { request, class: request.priority, ...(signal ? { signal } : {}) };
    const broken = new Set<MarketplaceId>();
    let assembled = assemble(request, pages);
    const nextPage = () => assembled.next.find(({ marketplace }) => !broken.has(marketplace));
    for (let address = nextPage(); address !== undefined; address = nextPage()) {
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
    const answers = new Map<string, ItemAnswer>();
    const failed = new Set<string>();
    const open = () =>
      itemsWanted(request, assembled.products, answers).filter(
        ({ itemId }) => !answers.has(itemId) && !failed.has(itemId),
      );
    // A listing that turns out to have variations is asked for again.
    for (let items = open(); items.length > 0; items = open())
      for (const { itemId, marketplace } of items) {
        try {
          answers.set(itemId, await this.collectItem({ ...options, marketplace, itemId }));
        } catch (error) {
          const failure = asFailure(error);
          firstFailure ??= failure;
          failed.add(itemId);
          const { code, message } = failure;
          missing.push({ marketplace, page: null, itemId: nameOf(itemId), code, message });
        }
      }
    if (pages.length === 0 && answers.size === 0 && firstFailure) throw firstFailure;
    const places = placesOf(request, assembled.products, (reference) => answers.has(reference));
    const products = places
      .flatMap((place) => productsAt(request, place, answers))
      .map((product) => withLanded(product, request.costs));
    const calls = [...pages, ...answers.values()].reduce((sum, answer) => sum + answer.calls, 0);
    const { warnings, said } = assembled;
    const delivered = deliveredBy(request, assembled, answers);
    const { counts, lookedAt, gone } = delivered;
    const stoppedBy = delivered.stoppedBy ?? null;
    const ending = { pages: delivered.answers, missing: missing.length, cancelled: false, stoppedBy, counts };
    const outcome = outcomeOf({ ...ending, onFailure: request.onFailure });
    return {
      products,
      counts,
      gone,
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

/** User names by the id of the listing, of a page, an item or all variations of a listing. */
function sellersIn(body: unknown): Map<string, string> {
  const answer = fields(body) ?? {};
  const sellers = new Map<string, string>();
  for (const entry of [answer, ...list(answer.itemSummaries), ...list(answer.items)]) {
    const { itemId, seller } = fields(entry) ?? {};
    const name = fields(seller)?.username;
    if (typeof itemId === 'string' && typeof name === 'string') sellers.set(listingOf(itemId), name);
  }
  return sellers;
}

export interface BulkAnswer {
  /** By item id; `calls` of each is 0. */
  answers: Map<string, ItemAnswer>;
  /** HTTP attempts of all. */
  calls: number;
}

/** What a search without a queue gave. */
export interface Collected
  extends Omit<Assembled, 'next' | 'stoppedBy' | 'said'>,
    Pick<SearchSummary, 'facets' | 'correctedQuery'> {
  /** Null where a page failed, or one of the items of the request. */
  stoppedBy: StoppedBy | null;
  outcome: Outcome;
  missing: MissingPart[];
  /** Listings that eBay had no longer when asked for one: an item's id, or the listing's where no item was named. */
  gone: string[];
  /** HTTP attempts of the pages and items that are there. */
  calls: number;
}
