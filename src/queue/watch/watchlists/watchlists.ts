import type { Redis } from 'ioredis';
import { Failure } from '../../../failures.ts';
import type { Watchlist } from '../../../product/watchlistSchema.ts';
import type { WatchlistDefinition } from './definition.ts';
import type { ImportError, ImportSource, OwnColumns } from './import.ts';

/*
 * What callers use (HTTP, CLI, library):
 *
 *   new Watchlists({ redis, prefix, tenant, defaults, minInterval, deadlineMs })
 *   put(watchlist)                     makes a list, or changes its options; its listings stay
 *   import(name, source, options)      adds, replaces or removes listings; makes the list where there is none
 *   list(), get(name)                  reports
 *   entries(name, { after, limit, state })   a page of listings with what was last seen
 *   pause(name), resume(name)          whether that changed anything
 *   remove(name)                       the list, its listings and all that was seen
 *
 * Failures: `invalid_request` (detail.errors: path, code, message), `watchlist_not_found`, `redis-unavailable`.
 */

export type { ImportEntry, ImportError, ImportSource, OwnColumns } from './import.ts';

export interface WatchlistsOptions {
  redis: Redis;
  prefix: string;
  tenant: string;
  /** Marketplace of a list that names none; it may change. */
  defaults: { readonly marketplace: string };
  /** SCHEDULE_MIN_INTERVAL, seconds. */
  minInterval: number;
  /** Longest wait for Redis in any call, ms. */
  deadlineMs: number;
}

/**
 * What a look last found: `waiting` for the first look; `in-stock`; `out-of-stock`; `ended`: eBay no longer has the listing,
 * or its end is past.
 */
export const WATCH_STATES = ['waiting', 'in-stock', 'out-of-stock', 'ended'] as const;
export type WatchState = (typeof WATCH_STATES)[number];

/** A watchlist and its state. Instants are ISO 8601 in UTC. */
export interface WatchlistReport extends WatchlistDefinition {
  state: 'active' | 'paused';
  createdAt: string;
  /** Listings. */
  entries: number;
  /** How many listings are in each state. */
  counts: Record<WatchState, number>;
  /** How the listings are looked at. */
  groups: {
    /** Searches by sellers and category, and listings that are seen by them. */
    searches: number;
    bySearch: number;
    /** Listings that take a call each. */
    byItem: number;
    /** Listings of which it is not yet known how they are looked at best. */
    unknown: number;
  };
  /** Calls that one look at every listing takes, as measured or estimated; and those a day with atLeastEvery. */
  callsPerLook: number;
  callsPerDay: number;
  /** When every listing has been looked at since: the earliest time of a last look; null before that. */
  lastLook: string | null;
}

/** A listing of a watchlist. */
export interface WatchedEntry {
  /** Id of the listing, or `v1|LISTING|VARIATION` where one variation is watched. */
  item: string;
  columns: OwnColumns;
  state: WatchState;
  /** eBay's id of the item that was seen last. */
  itemId: string | null;
  /** Price without shipping, and shipping, in the listing's own currency, as they were reported last. */
  price: { value: string; currency: string } | null;
  shipping: { value: string; currency: string } | null;
  quantity: number | null;
  /** The listing says only that there are more than so many. */
  quantityMoreThan: number | null;
  /** When a look saw it last, and when the next one is due at the latest; null: not yet, or the list is paused. */
  lastSeen: string | null;
  nextCheck: string | null;
}

export interface WatchedPage {
  entries: WatchedEntry[];
  /** Pass it as `after` for the next page; null: this is the last one. */
  next: string | null;
}

export interface ImportOptions {
  /**
   * `add` (default): listings that are there get the new columns; `replace`: listings that are not imported are removed;
   * `remove`: the listings named are removed.
   */
  mode?: 'add' | 'replace' | 'remove' | undefined;
  /** Imports what is right and leaves out what is wrong. Default: where anything is wrong nothing is stored. */
  skipWrong?: boolean | undefined;
  /** Says what an import would do and stores nothing. */
  dryRun?: boolean | undefined;
}

/** What an import did; numbers of listings. */
export interface ImportReport {
  /** Lines, or entries, that were read. */
  lines: number;
  added: number;
  /** They were there and have other columns now. */
  changed: number;
  unchanged: number;
  removed: number;
  /** With `remove`: named, but not in the list. */
  absent: number;
  /** Lines that name a listing which another line names too; the last one counts. */
  duplicates: number;
  /** What was wrong and left out (`skipWrong`); at most 100. */
  skipped: ImportError[];
  /** Listings of the list now. */
  entries: number;
}

/** Watchlists of one tenant. */
export class Watchlists {
  constructor(_options: WatchlistsOptions) {}

  /**
   * Makes a list or changes its options; its listings stay.
   * @throws Failure `invalid_request` naming every wrong field (`detail.errors`)
   */
  put(_watchlist: Watchlist): Promise<WatchlistReport> {
    throw unfinished();
  }

  /**
   * Adds, replaces or removes listings. A list that does not exist is made with the defaults, but for `remove`.
   * @throws Failure `invalid_request`: `detail.errors` have the path `LINE.COLUMN` or `LINE`
   */
  import(_name: string, _source: ImportSource, _options: ImportOptions = {}): Promise<ImportReport> {
    throw unfinished();
  }

  /** All lists, by name. */
  list(): Promise<WatchlistReport[]> {
    throw unfinished();
  }

  get(_name: string): Promise<WatchlistReport> {
    throw unfinished();
  }

  /**
   * Listings by their id, a page at a time.
   * @param options.after `next` of the page before @param options.limit 1 to 1,000, default 100
   * @param options.state only those in this state
   */
  entries(
    _name: string,
    _options: { after?: string | undefined; limit?: number | undefined; state?: WatchState | undefined } = {},
  ): Promise<WatchedPage> {
    throw unfinished();
  }

  /** No look begins until `resume`; one that is under way goes on. False when it was paused already. */
  pause(_name: string): Promise<boolean> {
    throw unfinished();
  }

  /** False when it was not paused. */
  resume(_name: string): Promise<boolean> {
    throw unfinished();
  }

  /** The list with its listings and all that was seen. */
  remove(_name: string): Promise<void> {
    throw unfinished();
  }
}

function unfinished(): Failure {
  return new Failure('internal', 'not there yet');
}
