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
 *     PUT    /_sim/settings                  {"latencyMs"?, "unsteady"?, "tokenLifetime"?, "tokenValidity"?}
 *     POST   /_sim/listings                  {"title", "price", "marketplace"?, …} → {"itemId"}
 *     PATCH  /_sim/listings/ID               {"price"?, "stock"?}
 *     DELETE /_sim/listings/ID
 *
 * Refusals are `{"error": "…"}`: 400 for what makes no sense, 404 for an unknown path.
 */

import { type Answer, empty, json } from './answers.ts';
import type { NewListing } from './catalogue/catalogue.ts';
import { type FaultSpec, isFaultName } from './faults.ts';
import type { LogEntry, LogFilter, RequestKind } from './log.ts';
import type { QuotaChange, QuotaState } from './quota.ts';
import type { Unsteadiness } from './search/search.ts';
import type { Credential } from './tokens.ts';
import type { World } from './world.ts';

export interface Settings {
  readonly latencyMs?: number | readonly [low: number, high: number];
  readonly unsteady?: Partial<Unsteadiness>;
  /** Seconds announced as `expires_in` from now on. */
  readonly tokenLifetime?: number;
  /** Seconds for which tokens minted from now on really work; null: as announced. */
  readonly tokenValidity?: number | null;
}

export interface ListingChange {
  /** Decimal string in the listing's currency. */
  readonly price?: string;
  /** 0 is out of stock. */
  readonly stock?: number;
}

/** A control call that names something that is not there, or whose values make no sense. */
class ControlError extends Error {
  override readonly name = 'ControlError';
}

export class Controls {
  private readonly world: World;

  constructor(world: World) {
    this.world = world;
  }

  /** Arms a fault; its id disarms it. */
  arm(spec: FaultSpec): number {
    if (!isFaultName(spec.fault)) throw new ControlError(`no fault is called ${String(spec.fault)}`);
    return this.world.faults.arm(spec);
  }

  /** Disarms one fault, or all. */
  clear(id?: number): void {
    this.world.faults.clear(id);
  }

  log(filter?: LogFilter): LogEntry[] {
    return this.world.log.read(filter);
  }

  clearLog(): void {
    this.world.log.clear();
  }

  /** Changes the day of one credential (default: the first) and returns its state. */
  quota(change: QuotaChange & { readonly clientId?: string } = {}): QuotaState {
    const { tokens } = this.world;
    const account = change.clientId === undefined ? tokens.accounts[0] : tokens.account(change.clientId);
    if (account === undefined) throw new ControlError(`no credential is called ${change.clientId}`);
    account.quota.set(change);
    return account.quota.state();
  }

  /** Revokes all working tokens, or those of one credential; returns how many. */
  revokeTokens(clientId?: string): number {
    return this.world.tokens.revokeAll(clientId);
  }

  /** Adds a keyset, or changes the secret of one; earlier tokens work until they are revoked. */
  setCredential(credential: Credential): void {
    const { clientId, clientSecret } = credential;
    if (!clientId || !clientSecret) throw new ControlError('a credential needs clientId and clientSecret');
    this.world.tokens.setCredential(credential);
  }

  configure(settings: Settings): void {
    const { world } = this;
    world.latencyMs = settings.latencyMs ?? world.latencyMs;
    world.search.unsteady = { ...world.search.unsteady, ...settings.unsteady };
    world.tokens.lifetimeS = settings.tokenLifetime ?? world.tokens.lifetimeS;
    if (settings.tokenValidity !== undefined) world.tokens.validityS = settings.tokenValidity;
  }

  /** Adds a listing, newest and ranked first; returns its item id. */
  addListing(listing: NewListing): string {
    if (!/^\d+(\.\d{1,2})?$/.test(listing.price)) throw new ControlError(`${listing.price} is no price`);
    return this.world.catalogue.add(listing).itemId;
  }

  /** Changes the listing with this item id or listing number. */
  changeListing(id: string, { price, stock }: ListingChange): void {
    const changed = this.world.catalogue.change(listingNumber(id), {
      ...(price !== undefined && { priceCents: Math.round(Number(price) * 100) }),
      ...(stock !== undefined && { stock }),
    });
    if (!changed) throw new ControlError(`no listing ${id}`);
  }

  removeListing(id: string): void {
    if (!this.world.catalogue.remove(listingNumber(id))) throw new ControlError(`no listing ${id}`);
  }

  state() {
    const { tokens, faults, search, latencyMs, log } = this.world;
    return {
      tokensMinted: tokens.minted,
      credentials: tokens.accounts.map(({ credential, quota }) => ({
        clientId: credential.clientId,
        quota: quota.state(),
      })),
      faults: faults.armed(),
      settings: {
        latencyMs,
        unsteady: search.unsteady,
        tokenLifetime: tokens.lifetimeS,
        tokenValidity: tokens.validityS,
      },
      /** Sequence number of the newest log entry. */
      lastSeq: log.last,
    };
  }
}

function listingNumber(id: string): string {
  return /^v1\|(\d+)\|/.exec(id)?.[1] ?? id;
}

/** Answers one call of the control API. */
export function answerControl(
  controls: Controls,
  method: string,
  path: string,
  query: URLSearchParams,
  body: string,
): Answer {
  const [name = '', rest] = path.replace(/^\/_sim\/?/, '').split(/\/(.*)/s);
  try {
    // biome-ignore lint/suspicious/noExplicitAny: the shape of each body is in the list above
    const input: any = body === '' ? {} : JSON.parse(body);
    const result = () => {
      switch (`${method} ${name}`) {
        case 'GET state':
          return controls.state();
        case 'GET log':
          return controls.log({
            since: Number(query.get('since') ?? 0),
            kind: (query.get('kind') ?? undefined) as RequestKind | undefined,
          });
        case 'DELETE log':
          return controls.clearLog();
        case 'POST faults':
          return { id: controls.arm(input) };
        case 'DELETE faults':
          return controls.clear(rest === undefined ? undefined : Number(rest));
        case 'PUT quota':
          return controls.quota(input);
        case 'POST tokens':
          return { revoked: controls.revokeTokens(input.clientId) };
        case 'PUT credentials':
          return controls.setCredential(input);
        case 'PUT settings':
          return controls.configure(input);
        case 'POST listings':
          return { itemId: controls.addListing(input) };
        case 'PATCH listings':
          return controls.changeListing(decodeURIComponent(rest ?? ''), input);
        case 'DELETE listings':
          return controls.removeListing(decodeURIComponent(rest ?? ''));
        default:
          return null;
      }
    };
    const value = result();
    if (value === null) return json(404, { error: `no control is at ${method} ${path}` });
    return value === undefined ? empty(204) : json(200, value);
  } catch (error) {
    if (error instanceof ControlError || error instanceof SyntaxError || error instanceof URIError) {
      return json(400, { error: error.message });
    }
    throw error;
  }
}
