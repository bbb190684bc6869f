import { randomInt } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { Redis } from 'ioredis';
import { Failure } from '../../../failures.ts';
import { cut, type InputError } from '../../../product/schemaErrors.ts';
import { MAX_WATCHED, type Watchlist, WatchlistSchema } from '../../../product/watchlistSchema.ts';
import { clockOf } from '../../../redis/redisClock.ts';
import { withinDeadline } from '../../bullmq/queues.ts';
import { versionOf } from '../../schedules/definition.ts';
import { invalid } from '../../search/jobData.ts';
import { PlanStore } from '../planStore.ts';
import { readWatched, type Watched } from './compare.ts';
import { parseWatchlist, type WatchlistDefinition } from './definition.ts';
import type { ImportError, ImportSource, OwnColumns } from './import.ts';
import { watchUnit } from './lookIds.ts';
import { type GroupSummary, type ListRecord, placeOf, type StoredList, WatchStore } from './store.ts';

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
  /** Since when every listing has been looked at: the earliest `lastSeen`; null while one waits. */
  lastLook: string | null;
  /** When the next look at one of them is due at the latest: the earliest `nextCheck`; null where none has one. */
  nextCheck: string | null;
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

/** What a backup has of a list, apart from its listings. */
export type SavedWatchlist = Pick<ListRecord, 'definition' | 'paused' | 'createdAt'>;

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
  readonly #options: WatchlistsOptions;
  readonly #store: WatchStore;
  readonly #plan: PlanStore;

  constructor(options: WatchlistsOptions) {
    const { redis, prefix, tenant } = options;
    this.#options = options;
    this.#store = new WatchStore(redis, prefix, tenant);
    this.#plan = new PlanStore(redis, prefix, tenant);
  }

  /**
   * Makes a list or changes its options; its listings stay.
   * @param options.seen changes it only while its options are still these, see `versionOf`; `*`: only where there is
   * one; null: only where there is none
   * @throws Failure `invalid_request` naming every wrong field (`detail.errors`); `changed_meanwhile`
   */
  put(watchlist: Watchlist, { seen }: { seen?: string | null | undefined } = {}): Promise<WatchlistReport> {
    return this.#call(async () => {
      const definition = this.#parsed(watchlist);
      await this.#change(definition.name, (before) => {
        const present = before === undefined ? null : versionOf(before.definition);
        const isSeen = present === seen || (seen === '*' && present !== null);
        if (seen !== undefined && !isSeen) {
          const change = before === undefined ? 'removed' : seen === null ? 'made' : 'changed';
          const message = `watchlist ${definition.name} was ${change} meanwhile: read it again`;
          throw new Failure('changed_meanwhile', message);
        }
        return { ...(before ?? this.#made(definition)), definition };
      });
      return this.#report(await this.#list(definition.name));
    });
  }

  /** @throws Failure what `put` would throw for this list */
  check(watchlist: Watchlist): void {
    this.#parsed(watchlist);
  }

  /**
   * Adds, replaces or removes listings. A list that does not exist is made with the defaults, but for `remove`.
   * @throws Failure `invalid_request`: `detail.errors` have the path `LINE.COLUMN` or `LINE`
   */
  async import(
    name: string,
    source: ImportSource,
    { mode = 'add', skipWrong = false, dryRun = false }: ImportOptions = {},
  ): Promise<ImportReport> {
    // A program that imports nothing does not load the reader of CSV.
    const { readImport } = await import('./import.ts');
    const { entries, errors, duplicates, lines } = readImport(source);
    const isRefused = errors.length > 0 && (!skipWrong || errors.some(({ line }) => line === 0));
    if (isRefused) throw invalid('invalid_request', errors.map(inputError));
    // A file with its header alone, or with wrong lines only, is a mistake rather than an empty list.
    if (mode === 'replace' && entries.size === 0 && ('csv' in source || lines > 0))
      throw invalid('invalid_request', [
        {
          path: 'entries',
          code: 'invalid_entry',
          message: 'names no listing, and would replace all of them',
        },
      ]);
    return this.#call(async () => {
      const present = await this.#store.get(name);
      if (present === undefined && mode === 'remove') throw notFound(name);
      const definition = present?.record.definition ?? this.#parsed({ name });
      const ids = [...entries.keys()];
      const [there, before] = await Promise.all([this.#store.entryIds(name), this.#store.columns(name, ids)]);
      const known = new Map(ids.map((id, index) => [id, before[index]]));
      const added = ids.filter((id) => known.get(id) === undefined);
      const changed = ids.filter((id) => {
        const own = known.get(id);
        return own !== undefined && !isDeepStrictEqual(own, entries.get(id));
      });
      const removed =
        mode === 'remove'
          ? ids.filter((id) => known.get(id) !== undefined)
          : mode === 'replace'
            ? there.filter((id) => !entries.has(id))
            : [];
      const put = mode === 'remove' ? [] : [...added, ...changed];
      const report: ImportReport = {
        lines,
        added: mode === 'remove' ? 0 : added.length,
        changed: mode === 'remove' ? 0 : changed.length,
        unchanged: mode === 'remove' ? 0 : ids.length - put.length,
        removed: removed.length,
        absent: mode === 'remove' ? added.length : 0,
        duplicates,
        skipped: errors,
        entries: there.length - removed.length + (mode === 'remove' ? 0 : added.length),
      };
      if (report.entries > MAX_WATCHED) {
        const message = `the list would have ${report.entries} listings; ${MAX_WATCHED} are the most`;
        throw invalid('invalid_request', [{ path: 'entries', code: 'too_many', message }]);
      }
      if (dryRun) return report;
      if (present === undefined) await this.#change(name, (made) => made ?? this.#made(definition));
      if (put.length + removed.length === 0) return report;
      const { record } = await this.#list(name);
      const own = new Map(put.map((id) => [id, entries.get(id) as OwnColumns]));
      const left = await this.#store.writeEntries(record, own, removed);
      if (left === undefined) throw notFound(name);
      await this.#plan.touch();
      return { ...report, entries: left };
    }, IMPORT_DEADLINES);
  }

  /** All lists, by name. */
  list(): Promise<WatchlistReport[]> {
    return this.#call(async () => {
      const reports: WatchlistReport[] = [];
      for (const list of await this.#store.all()) reports.push(await this.#report(list));
      return reports;
    }, IMPORT_DEADLINES);
  }

  get(name: string): Promise<WatchlistReport> {
    return this.#call(async () => this.#report(await this.#list(name)), IMPORT_DEADLINES);
  }

  /**
   * Listings by their id, a page at a time.
   * @param options.after `next` of the page before @param options.limit 1 to 1,000, default 100
   * @param options.state only those in this state
   */
  entries(
    name: string,
    options: { after?: string | undefined; limit?: number | undefined; state?: WatchState | undefined } = {},
  ): Promise<WatchedPage> {
    const { after = '', limit = 100, state: wanted } = options;
    return this.#call(async () => {
      const { record } = await this.#list(name);
      const ids = (await this.#store.entryIds(name)).filter((id) => id > after).sort();
      const page: WatchedEntry[] = [];
      for (let from = 0; from < ids.length && page.length <= limit; from += PAGE) {
        const batch = ids.slice(from, from + PAGE);
        const seen = await this.#store.seen(name, batch);
        const watched = new Map(batch.map((id, index) => [id, readWatched(seen[index])]));
        const fitting = batch.filter(
          (id) => wanted === undefined || (watched.get(id)?.state ?? 'waiting') === wanted,
        );
        const columns = await this.#store.columns(name, fitting);
        for (const [index, id] of fitting.entries()) {
          const own = columns[index];
          if (own !== undefined) page.push(entryOf(id, own, watched.get(id), record));
        }
      }
      const entries = page.slice(0, limit);
      const next = page.length > limit ? (entries.at(-1)?.item ?? null) : null;
      return { entries, next };
    }, IMPORT_DEADLINES);
  }

  /** No look begins until `resume`; one that is under way goes on. False when it was paused already. */
  pause(name: string): Promise<boolean> {
    return this.#setPaused(name, true);
  }

  /** False when it was not paused. */
  resume(name: string): Promise<boolean> {
    return this.#setPaused(name, false);
  }

  /**
   * Puts a list of a backup back. One of the same name stays, but gets its listings where a try before this one was killed.
   * @param options.replace replaces the one of the same name @param options.dryRun changes nothing
   * @returns whether anything changed, or would change
   */
  restore(
    { definition, paused, createdAt }: SavedWatchlist,
    entries: ReadonlyMap<string, OwnColumns>,
    { replace, dryRun }: { replace: boolean; dryRun: boolean },
  ): Promise<boolean> {
    const { name } = definition;
    return this.#call(async () => {
      const [present, there] = await Promise.all([this.#store.get(name), this.#store.entryIds(name)]);
      const isBroken = present?.record.createdAt === createdAt && there.length < entries.size;
      if (present !== undefined && !replace && !isBroken) return false;
      if (dryRun) return true;
      await this.#change(name, (before) => ({
        ...(before ?? this.#made(definition)),
        definition,
        paused,
        createdAt,
      }));
      const { record } = await this.#list(name);
      const removed = replace ? there.filter((id) => !entries.has(id)) : [];
      if ((await this.#store.writeEntries(record, entries, removed)) === undefined) throw notFound(name);
      await this.#plan.touch();
      return true;
    }, IMPORT_DEADLINES);
  }

  /** The list with its listings and all that was seen. */
  remove(name: string): Promise<void> {
    return this.#call(async () => {
      const { plan } = await this.#list(name);
      await this.#store.delete(name);
      const units = plan.groups.map(({ id }) => watchUnit(name, id));
      await this.#plan.forget(units, units);
    });
  }

  #setPaused(name: string, paused: boolean): Promise<boolean> {
    return this.#call(async () => {
      let isChanged = false;
      await this.#change(name, (before) => {
        if (before === undefined) throw notFound(name);
        isChanged = before.paused !== paused;
        return { ...before, paused };
      });
      return isChanged;
    });
  }

  #parsed(watchlist: unknown): WatchlistDefinition {
    const { defaults, minInterval } = this.#options;
    const parsed = parseWatchlist(watchlist, { marketplace: defaults.marketplace, minInterval });
    if (!parsed.ok) throw invalid('invalid_request', parsed.errors);
    return parsed.definition;
  }

  #made(definition: WatchlistDefinition): ListRecord {
    const born = randomInt(36 ** 5, 36 ** 6).toString(36);
    return { definition, paused: false, createdAt: clockOf(this.#options.redis).now(), born };
  }

  /** Another process may change it at the same time. */
  async #change(name: string, change: (before: ListRecord | undefined) => ListRecord): Promise<void> {
    await clockOf(this.#options.redis).current();
    for (;;) {
      const present = await this.#store.get(name);
      const after = change(present?.record);
      if (isDeepStrictEqual(after, present?.record)) return;
      // Another site has other listings, and another destination other costs: what was seen before is not compared.
      const isMoved =
        present !== undefined && placeOf(present.record.definition) !== placeOf(after.definition);
      if (!(await this.#store.put(after, present?.text))) continue;
      if (isMoved) await this.#store.forgetSeen(name);
      await this.#plan.touch();
      return;
    }
  }

  async #list(name: string) {
    const list = await this.#store.get(name);
    if (list === undefined) throw notFound(name);
    return list;
  }

  async #report({ record, plan }: StoredList): Promise<WatchlistReport> {
    const { definition, paused, createdAt } = record;
    const { name, atLeastEvery } = definition;
    const instant = (at: number) => (Number.isFinite(at) ? new Date(at).toISOString() : null);
    const [entries, seen] = await Promise.all([this.#store.count(name), this.#store.allSeen(name)]);
    const counts: Record<WatchState, number> = { waiting: 0, 'in-stock': 0, 'out-of-stock': 0, ended: 0 };
    let [earliest, due] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
    for (const text of Object.values(seen)) {
      const watched = readWatched(text);
      if (watched === undefined) continue;
      counts[watched.state] += 1;
      earliest = Math.min(earliest, watched.seen);
      due = Math.min(due, dueAt(watched, definition));
    }
    counts.waiting = Math.max(0, entries - counts['in-stock'] - counts['out-of-stock'] - counts.ended);
    const sum = (kind: string, of: (group: GroupSummary) => number) =>
      plan.groups.reduce((total, group) => total + (group.kind === kind ? of(group) : 0), 0);
    const listings = ({ listings: n }: GroupSummary) => n;
    const callsPerLook = plan.groups.reduce((total, { calls }) => total + calls, 0);
    return {
      ...definition,
      state: paused ? 'paused' : 'active',
      createdAt: new Date(createdAt).toISOString(),
      entries,
      counts,
      groups: {
        searches: sum('search', () => 1),
        bySearch: sum('search', listings),
        byItem: sum('items', listings),
        unknown: sum('new', listings),
      },
      callsPerLook: Math.round(callsPerLook),
      callsPerDay: Math.round((callsPerLook * 86_400) / atLeastEvery),
      lastLook: counts.waiting > 0 ? null : instant(earliest),
      nextCheck: paused ? null : instant(due),
    };
  }

  #call<T>(work: () => Promise<T>, deadlines = 1): Promise<T> {
    return withinDeadline(work(), deadlines * this.#options.deadlineMs);
  }
}

/** What a caller wrote of a list, in a report, which has more fields. */
export function optionsIn(report: WatchlistDefinition): WatchlistDefinition {
  const options = Object.entries(report).filter(([name]) => name in WatchlistSchema.properties);
  return Object.fromEntries(options) as unknown as WatchlistDefinition;
}

/** An import of 20,000 listings, and the states of all of them, take many commands. */
const IMPORT_DEADLINES = 15;
/** Listings that are read at once. */
const PAGE = 1000;

function notFound(name: string): Failure {
  return new Failure('watchlist_not_found', `there is no watchlist ${cut(name, 60)}`);
}

function inputError({ line, column, message }: ImportError): InputError {
  const path = [...(line === 0 ? [] : [line]), ...(column === null ? [] : [column])].join('.');
  return { path: path === '' ? 'entries' : path, code: 'invalid_entry', message };
}

const DAY_MS = 86_400_000;

/** What is sold out or has ended is asked for in the first look that begins a day later. */
function dueAt({ state, seen }: Watched, { atLeastEvery }: WatchlistDefinition): number {
  return seen + atLeastEvery * 1000 + (state === 'in-stock' ? 0 : DAY_MS);
}

function entryOf(
  item: string,
  columns: OwnColumns,
  watched: Watched | undefined,
  { definition, paused }: ListRecord,
): WatchedEntry {
  const { known, seen, state = 'waiting', quantity = null, moreThan = null } = watched ?? {};
  const [offer] = known?.offers ?? [];
  const currency = known?.currency ?? null;
  const money = (value: string | null | undefined) =>
    value == null || currency === null ? null : { value, currency };
  return {
    item,
    columns,
    state,
    itemId: known?.itemId ?? null,
    price: money(offer?.price),
    shipping: money(offer?.shipping),
    quantity,
    quantityMoreThan: moreThan,
    lastSeen: seen === undefined ? null : new Date(seen).toISOString(),
    nextCheck: paused || watched === undefined ? null : new Date(dueAt(watched, definition)).toISOString(),
  };
}
