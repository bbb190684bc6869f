import type { NewListing } from '../../src/simulator/catalogue/catalogue.ts';
import type { Controls, ListingChange, Settings } from '../../src/simulator/control.ts';
import type { FaultSpec } from '../../src/simulator/faults.ts';
import type { LogEntry, LogFilter } from '../../src/simulator/log.ts';
import type { QuotaChange, QuotaState } from '../../src/simulator/quota.ts';
import type { Credential } from '../../src/simulator/tokens.ts';

/** Drives a simulator in another process: the same calls as `Controls`, each one a request. */
export class SimulatorControl {
  private readonly baseUrl: string;

  /** @param baseUrl the simulator's origin, e.g. `http://127.0.0.1:4010` */
  constructor(baseUrl: string) {
    this.baseUrl = baseUrl.replace(/\/$/, '');
  }

  async arm(spec: FaultSpec): Promise<number> {
    const { id } = await this.call<{ id: number }>('POST', 'faults', spec);
    return id;
  }

  async clear(id?: number): Promise<void> {
    await this.call('DELETE', id === undefined ? 'faults' : `faults/${id}`);
  }

  log({ since = 0, kind }: LogFilter = {}): Promise<LogEntry[]> {
    return this.call('GET', `log?since=${since}${kind === undefined ? '' : `&kind=${kind}`}`);
  }

  async clearLog(): Promise<void> {
    await this.call('DELETE', 'log');
  }

  quota(change: QuotaChange & { readonly clientId?: string } = {}): Promise<QuotaState> {
    return this.call('PUT', 'quota', change);
  }

  async revokeTokens(clientId?: string): Promise<number> {
    const { revoked } = await this.call<{ revoked: number }>('POST', 'tokens/revoke', { clientId });
    return revoked;
  }

  async setCredential(credential: Credential): Promise<void> {
    await this.call('PUT', 'credentials', credential);
  }

  async configure(settings: Settings): Promise<void> {
    await this.call('PUT', 'settings', settings);
  }

  async addListing(listing: NewListing): Promise<string> {
    const { itemId } = await this.call<{ itemId: string }>('POST', 'listings', listing);
    return itemId;
  }

  async changeListing(id: string, change: ListingChange): Promise<void> {
    await this.call('PATCH', `listings/${encodeURIComponent(id)}`, change);
  }

  async removeListing(id: string): Promise<void> {
    await this.call('DELETE', `listings/${encodeURIComponent(id)}`);
  }

  state(): Promise<ReturnType<Controls['state']>> {
    return this.call('GET', 'state');
  }

  private async call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await fetch(`${this.baseUrl}/_sim/${path}`, {
      method,
      ...(body !== undefined && {
        body: JSON.stringify(body),
        headers: { 'content-type': 'application/json' },
      }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`simulator refused ${method} ${path}: ${response.status} ${text}`);
    return (text === '' ? undefined : JSON.parse(text)) as T;
  }
}
