import type { EbayAnswer, EbayHttp } from './http.ts';
import type { CallFor } from './pendingCall.ts';

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
