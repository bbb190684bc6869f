/**
 * What a test or a demo can do to a simulator: in its own process through `Controls`, from another over HTTP and JSON.
 *
 *     GET    /_sim/state                     tokens, quotas, faults, settings, newest log number
 *     GET    /_sim/log?since=SEQ&kind=KIND   log entries; kind: token, search, item, rate-limit, …
 *     DELETE /_sim/log
 *     POST   /_sim/faults                    a FaultSpec → {"id"}
 *     DELETE /_sim/faults[/ID]               disarms one fault, or all
 *     PUT    /_sim/quota                     {"clientId"?, "limit"?, "used"?, "remaining"?, "resetInS"?, …}
 *     POST   /_sim/tokens/revoke             {"clientId"?} → {"revoked"}
 *     PUT    /_sim/credentials               {"clientId", "clientSecret", "scopes"?}: adds one, or changes its secret
 *     PUT    /_sim/settings                  {"latencyMs"?, "unsteady"?, "tokenLifetime"?, "tokenValidity"?, "rateSpeed"?}
 *     POST   /_sim/listings                  {"title", "price", "marketplace"?, …} → {"itemId"}
 *     PATCH  /_sim/listings/ID               {"price"?, "stock"?}
 *     DELETE /_sim/listings/ID
 *     PUT    /_sim/notices                   {"url", "token"}: subscribes an address, which eBay challenges; "via"?, "retryMs"?
 *     POST   /_sim/notices                   {"username", "userId"?, "url"?, "genuine"?, …}: an account was deleted → {"notificationId"}
 *     GET    /_sim/notices                   the subscription, and how deliveries went
 *     GET    /_sim/market                    the market's time and size
 *     GET    /_sim/market/trace?since=MS     what happened in it, with the true times
 *     GET    /_sim/market/listings?of=NAME   what a search may show now; NAME: a query's words or a seller
 *     PUT    /_sim/market                    {"factor", "of"?}: everything happens this many times as often
 *
 * Refusals are `{"error": "…"}`: 400 for what makes no sense, 404 for an unknown path.
 */

import { type Answer, empty, json } from './answers.ts';
import type { NewListing } from './catalogue/catalogue.ts';
import type { LogFilter, RequestKind } from './log.ts';
import type { QuotaChange, QuotaState } from './quota.ts';
import type { Unsteadiness } from './search/search.ts';
import type { Credential } from './tokens.ts';
import type { SimulatorOptions, World } from './world.ts';

/** See `SimulatorOptions`. */
export interface Settings
  extends Partial<Pick<SimulatorOptions, 'latencyMs' | 'tokenLifetime' | 'tokenValidity' | 'rateSpeed'>> {
  readonly unsteady?: Partial<Unsteadiness>;
}

export interface ListingChange {
  /** Decimal string in the site's currency. */
  readonly price?: string;
  /** 0 is out of stock. */
  readonly stock?: number;
}

export type Controls = ReturnType<typeof createControls>;

/** A call that names something that is not there, or whose values make no sense, throws an Error that says so. */
export function createControls({ tokens, faults, settings, log, catalogue, market, notices }: World) {
  const find = (id: string) => {
    const listing = catalogue.find(/^v1\|(\d+)\|/.exec(id)?.[1] ?? id);
    if (listing === null) throw new Error(`no listing ${id}`);
    return listing;
  };
  return {
    arm: faults.arm,
    clear: faults.clear,
    log: (filter?: LogFilter) => log.read(filter),
    clearLog: () => log.clear(),

    /** Changes the day of one credential (default: the first) and returns its state. */
    quota(change: QuotaChange & { readonly clientId?: string } = {}): QuotaState {
      const account = change.clientId === undefined ? tokens.accounts[0] : tokens.account(change.clientId);
      if (account === undefined) throw new Error(`no credential is called ${change.clientId}`);
      account.quota.set(change);
      return account.quota.state();
    },

    /** Revokes all working tokens, or those of one credential; returns how many. */
    revokeTokens: (clientId?: string) =>
      tokens.revoke(({ account }) => clientId === undefined || account.credential.clientId === clientId),

    /** Adds a keyset, or changes the secret of one; earlier tokens work until they are revoked. */
    setCredential(credential: Credential): void {
      const { clientId, clientSecret } = credential;
      if (!clientId || !clientSecret) throw new Error('a credential needs clientId and clientSecret');
      tokens.setCredential(credential);
    },

    configure({ unsteady, ...changes }: Settings): void {
      Object.assign(settings, changes, { unsteady: { ...settings.unsteady, ...unsteady } });
      if (changes.rateSpeed !== undefined) catalogue.rates.setSpeed(changes.rateSpeed);
    },

    /** Adds a listing, newest and ranked first; returns its item id. */
    addListing(listing: NewListing): string {
      if (!/^\d+(\.\d{1,2})?$/.test(listing.price)) throw new Error(`${listing.price} is no price`);
      return catalogue.add(listing).itemId;
    },

    /** Changes the listing with this item id or listing number. */
    changeListing(id: string, { price, stock }: ListingChange): void {
      const { legacyId, rate, revision } = find(id);
      catalogue.change(legacyId, {
        ...(price !== undefined && {
          priceCents: Math.round(Number(price) * 100) / rate,
          revision: revision + 1,
        }),
        ...(stock !== undefined && { stock }),
      });
    },

    removeListing(id: string): void {
      catalogue.change(find(id).legacyId, null);
    },

    /** Notices of deleted accounts. */
    notices,

    /** Of a simulator that was started with a market. */
    get market() {
      if (market === null) throw new Error('this simulator has no market');
      return market.controls;
    },

    /** `lastSeq` is the sequence number of the newest log entry. */
    state() {
      const credentials = tokens.accounts.map(({ credential: { clientId }, quota }) => {
        return { clientId, quota: quota.state() };
      });
      return {
        tokensMinted: tokens.minted,
        credentials,
        faults: faults.armed(),
        settings: { ...settings },
        lastSeq: log.last,
      };
    },
  };
}

/** What each control does. `rest` is the path behind its name; the shape of each body is in the list above. */
// biome-ignore lint/suspicious/noExplicitAny: input is whatever a test sends
type Control = (controls: Controls, input: any, rest: string, query: URLSearchParams) => unknown;
const CONTROLS: Readonly<Record<string, Control>> = {
  'GET state': (controls) => controls.state(),
  'GET log': (controls, _input, _rest, query) => {
    const kind = (query.get('kind') ?? undefined) as RequestKind | undefined;
    return controls.log({ since: Number(query.get('since') ?? 0), kind });
  },
  'DELETE log': (controls) => controls.clearLog(),
  'POST faults': (controls, input) => ({ id: controls.arm(input) }),
  'DELETE faults': (controls, _, id) => controls.clear(id === '' ? undefined : Number(id)),
  'PUT quota': (controls, input) => controls.quota(input),
  'POST tokens': (controls, input) => ({ revoked: controls.revokeTokens(input.clientId) }),
  'PUT credentials': (controls, input) => controls.setCredential(input),
  'PUT settings': (controls, input) => controls.configure(input),
  'POST listings': (controls, input) => ({ itemId: controls.addListing(input) }),
  'PATCH listings': (controls, input, id) => controls.changeListing(id, input),
  'DELETE listings': (controls, _, id) => controls.removeListing(id),
  'PUT notices': ({ notices }, { url, token, via, retryMs }) => {
    if (via !== undefined) notices.via = via;
    if (retryMs !== undefined) notices.retryMs = retryMs;
    if (url !== undefined) void notices.subscribe(url, token ?? '');
  },
  'POST notices': ({ notices }, input) => ({ notificationId: notices.send(input).notificationId }),
  'GET notices': ({ notices: { subscription, sent } }) => ({ subscription, sent }),
  'GET market': ({ market }, _input, rest, query) => {
    if (rest === 'trace') return market.trace({ since: Number(query.get('since') ?? 0) });
    return rest === 'listings' ? market.listings(query.get('of') ?? undefined) : market.state();
  },
  'PUT market': ({ market }, { factor, of }) => market.scaleRates(factor, of),
};

/** Answers one call of the control API. */
export function answerControl(
  controls: Controls,
  method: string,
  path: string,
  query: URLSearchParams,
  body: string,
): Answer {
  const [name = '', rest = ''] = path.replace(/^\/_sim\/?/, '').split(/\/(.*)/s);
  const control = CONTROLS[`${method} ${name}`];
  if (control === undefined) return json(404, { error: `no control is at ${method} ${path}` });
  try {
    const value = control(controls, JSON.parse(body || '{}'), decodeURIComponent(rest), query);
    return value === undefined ? empty(204) : json(200, value);
  } catch (error) {
    return json(400, { error: error instanceof Error ? error.message : String(error) });
  }
}
