import type { NewListing } from './catalogue/catalogue.ts';
import type { Listing } from './catalogue/listing.ts';
import { type ArmedFault, type FaultSpec, isFaultName } from './faults/registry.ts';
import type { LogEntry, LogFilter } from './log.ts';
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

export interface SimulatorState {
  readonly tokensMinted: number;
  readonly credentials: readonly { readonly clientId: string; readonly quota: QuotaState }[];
  readonly faults: readonly ArmedFault[];
  readonly settings: Required<Omit<Settings, 'unsteady'>> & { readonly unsteady: Unsteadiness };
  /** Sequence number of the newest log entry. */
  readonly lastSeq: number;
}

/** A control call that names something that is not there, or asks for nonsense. */
export class ControlError extends Error {
  override readonly name = 'ControlError';
}

/** Everything a test or a demo can do to a simulator in its own process. `SimulatorControl` does it from another. */
export class Controls {
  private readonly world: World;

  constructor(world: World) {
    this.world = world;
  }

  /** Arms a fault; its id disarms it. */
  arm(spec: FaultSpec): number {
    if (!isFaultName(spec.fault)) throw new ControlError(`no fault is called ${String(spec.fault)}`);
    return this.world.armory.arm(spec);
  }

  /** Disarms one fault, or all. */
  clear(id?: number): void {
    this.world.armory.clear(id);
  }

  log(filter?: LogFilter): LogEntry[] {
    return this.world.log.read(filter);
  }

  clearLog(): void {
    this.world.log.clear();
  }

  /** Changes the day of one credential, the first unless named, and answers what it is then. */
  quota(change: QuotaChange & { readonly clientId?: string } = {}): QuotaState {
    const { accounts } = this.world.tokens;
    const account = change.clientId === undefined ? accounts[0] : this.world.tokens.account(change.clientId);
    if (account === undefined) throw new ControlError(`no credential is called ${change.clientId}`);
    account.quota.set(change);
    return account.quota.state();
  }

  /** Revokes all working tokens, or those of one credential; answers how many. */
  revokeTokens(clientId?: string): number {
    return this.world.tokens.revokeAll(clientId);
  }

  /** Adds a keyset, or changes the secret of one; tokens minted before go on working until they are revoked. */
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

  /** Adds a listing, newest and ranked first; answers its item id. */
  addListing(listing: NewListing): string {
    if (!/^\d+(\.\d{1,2})?$/.test(listing.price)) throw new ControlError(`${listing.price} is no price`);
    return this.world.catalogue.add(listing).itemId;
  }

  /** Changes the listing with this item id or listing number. */
  changeListing(id: string, { price, stock }: ListingChange): void {
    const changes: Partial<Listing> = {
      ...(price !== undefined && { priceCents: Math.round(Number(price) * 100) }),
      ...(stock !== undefined && { stock }),
    };
    if (!this.world.catalogue.change(listingNumber(id), changes)) throw new ControlError(`no listing ${id}`);
  }

  removeListing(id: string): void {
    if (!this.world.catalogue.remove(listingNumber(id))) throw new ControlError(`no listing ${id}`);
  }

  state(): SimulatorState {
    const { tokens, armory, search, latencyMs, log } = this.world;
    return {
      tokensMinted: tokens.count,
      credentials: tokens.accounts.map(({ credential, quota }) => ({
        clientId: credential.clientId,
        quota: quota.state(),
      })),
      faults: armory.armed(),
      settings: {
        latencyMs,
        unsteady: search.unsteady,
        tokenLifetime: tokens.lifetimeS,
        tokenValidity: tokens.validityS,
      },
      lastSeq: log.last,
    };
  }
}

function listingNumber(id: string): string {
  return /^v1\|(\d+)\|/.exec(id)?.[1] ?? id;
}
