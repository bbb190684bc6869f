type BrowseKind =
  | 'search'
  | 'image-search'
  | 'item'
  | 'legacy-item'
  | 'item-group'
  | 'bulk-items'
  | 'compatibility';
export type RequestKind =
  | BrowseKind
  | 'token'
  | 'rate-limit'
  | 'taxonomy'
  | 'public-key'
  | 'picture'
  | 'page'
  | 'other';

/** Whether it is a call of the Browse API. All share one quota, but for the bulk call, which has its own. */
export function isBrowse(kind: RequestKind): kind is BrowseKind {
  return !['token', 'rate-limit', 'taxonomy', 'public-key', 'picture', 'page', 'other'].includes(kind);
}

/** One request as it was seen on the socket. */
export interface LogEntry {
  /** Counts from 1, in order of arrival. */
  readonly seq: number;
  /** Arrival on the machine's monotonic clock, ms with fraction: comparable between processes. */
  readonly at: number;
  /** Arrival in epoch ms. */
  readonly time: number;
  readonly kind: RequestKind;
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  /** The marketplace header as it came. */
  readonly marketplace: string | null;
  /** The end-user context header as it came. */
  readonly context: string | null;
  /** Name of the token that was presented or minted (`t3`); `unknown` for one that no simulator minted. */
  token: string | null;
  /** Client id that the request belongs to. */
  readonly credential: string | null;
  /** Null until answered, and for a request that never was. */
  status: number | null;
  /** Names of the faults applied, joined by `+`. */
  fault: string | null;
  /** True: the whole answer left. False: the connection closed before. Null: still open. */
  delivered: boolean | null;
}

export interface LogFilter {
  /** Only entries after this sequence number. */
  readonly since?: number;
  readonly kind?: RequestKind;
}

/** Entries kept before the oldest are dropped: a day's calls several times over. */
const CAPACITY = 200_000;

export class RequestLog {
  private entries: LogEntry[] = [];
  /** Number of the newest entry. */
  last = 0;

  /** Adds a request that arrives now. */
  add(request: Omit<LogEntry, 'seq' | 'at' | 'time' | 'status' | 'fault' | 'delivered'>): LogEntry {
    this.last += 1;
    const arrival = { seq: this.last, at: Number(process.hrtime.bigint()) / 1e6, time: Date.now() };
    const entry: LogEntry = { ...arrival, ...request, status: null, fault: null, delivered: null };
    this.entries.push(entry);
    if (this.entries.length > CAPACITY) this.entries = this.entries.slice(CAPACITY / 10);
    return entry;
  }

  read({ since = 0, kind }: LogFilter = {}): LogEntry[] {
    return this.entries.filter((entry) => entry.seq > since && (kind === undefined || entry.kind === kind));
  }

  /** Deletes the entries; numbering continues. */
  clear(): void {
    this.entries = [];
  }
}
