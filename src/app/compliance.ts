import type { Redis } from 'ioredis';
import type { Config } from '../config/config.ts';
import { DeletionNotices, type DeletionRecord, missingSettings } from '../fleet/accountDeletion.ts';
import {
  type AgeLimits,
  ageLimits,
  isWrongType,
  type Kind,
  keysByKind,
  retentionInterval,
} from '../fleet/retention.ts';
import { keysBeginning } from '../redis/nodes.ts';
import { clockOf } from '../redis/redisClock.ts';
import { lastSeenIn, STATE } from '../results/tracks.ts';

/** What is stored of one kind. Instants are ISO 8601 in UTC, by Redis's clock. */
export interface StoredKind {
  kind: Kind;
  what: string;
  count: number;
  /** When the oldest of it was stored or last seen; null where there is none or it does not say so. */
  since: string | null;
  /** When the last of what is there now has to be gone; null where there is none. */
  until: string | null;
  limitSeconds: number;
  /** The settings that the limit follows from. */
  settings: string[];
  /** How many outlive the limit. */
  outlived: number;
  /** Some of the keys that they are in. */
  keys: string[];
}

export interface ComplianceReport {
  at: string;
  prefix: string;
  kinds: StoredKind[];
  /** Other keys of the service: configuration, schedules, API keys, sessions, waiting jobs, counts. One may count twice. */
  otherKeys: number;
  outlived: number;
  deletions: DeletionsReport;
  /** What the numbers do not say, and what may differ from the agreement. */
  notes: string[];
}

/** eBay's notices of deleted accounts. */
export interface DeletionsReport {
  /** Settings that the address for them needs and this process has not; empty: it is configured. */
  missing: string[];
  /** Where eBay sends them; empty: nowhere. */
  url: string;
  /** Accounts that are not erased yet, and notices that came for events of the last 30 days. */
  pending: number;
  recent: number;
  /** Of those whose account was named here, the newest first, at most ten. */
  found: DeletionRecord[];
}

const ABOUT: Record<Kind, readonly [what: string, ...settings: string[]]> = {
  results: ['results of searches', 'RESULTS_TTL'],
  items: ['answers for items that searches share', 'RESULTS_TTL'],
  jobs: ['ended jobs', 'RESULTS_TTL'],
  jobEvents: ['BullMQ’s events of jobs', 'RESULTS_TTL'],
  shared: ['identical searches and their ends', 'SEARCH_DEADLINE', 'RESULTS_TTL'],
  categories: ['names of categories', 'CATEGORY_NAMES_TTL'],
  tracks: ['listings of tracks', 'TRACK_TTL'],
  watched: ['what watchlists have seen', 'TRACK_TTL'],
  alertStates: ['what alerts know of listings', 'TRACK_TTL'],
  alertHits: ['alerts that wait for a message', 'TRACK_TTL'],
  alertTexts: ['titles and pictures for alerts', 'RESULTS_TTL'],
  events: ['events', 'EVENTS_MAX_AGE'],
  cooldowns: ['products with a recent price event', 'EVENT_COOLDOWN'],
  quarantine: ['jobs in quarantine', 'QUARANTINE_TTL'],
  runs: ['requests of searches', 'SEARCH_DEADLINE', 'RESULTS_TTL'],
  published: ['ids of published events, by search', 'SEARCH_DEADLINE', 'RESULTS_TTL'],
  idempotency: ['idempotency keys', 'SEARCH_DEADLINE', 'RESULTS_TTL'],
};

/** Clause 8.1(c), s. */
const LISTINGS_LIMIT = 21_600;
/** Keys that are named of each kind. */
const NAMED = 5;
const NAMED_NOTICES = 10;
const BATCH = 500;
const MB = 1024 * 1024;

/**
 * Counts what Redis holds of eBay's answers and compares its age with the limits. It changes nothing, and reads a part at a
 * time while the service goes on.
 */
export class ComplianceCheck {
  readonly #redis: Redis;
  readonly #config: Config;
  readonly #limits: AgeLimits;
  /** Two rounds of the removal: what is younger than this beyond its limit is about to go. */
  readonly #toleranceMs: number;
  readonly #kinds = new Map<Kind, Tally>();
  /** Keys looked at so far. */
  looked = 0;

  /** @param config as the fleet runs it */
  constructor(redis: Redis, config: Config) {
    this.#redis = redis;
    this.#config = config;
    this.#limits = ageLimits(config);
    this.#toleranceMs = 2 * retentionInterval(config) + 1000;
  }

  /** @throws AbortError */
  async report(signal: AbortSignal): Promise<ComplianceReport> {
    const { prefix } = this.#config.queue;
    const now = await clockOf(this.#redis, prefix).current();
    for (const kind of Object.keys(ABOUT) as Kind[])
      this.#kinds.set(kind, new Tally(this.#limits[kind], now, this.#toleranceMs));
    const known = new Set<string>();
    let otherKeys = 0;
    for await (const found of keysBeginning(this.#redis, `${prefix}:`, { signal })) {
      this.looked += found.length;
      for (const [kind, own] of keysByKind(found, prefix)) {
        if (kind === undefined) {
          otherKeys += own.length;
          continue;
        }
        // SCAN may name a key twice.
        const keys = own.filter((key) => !known.has(key));
        for (const key of keys) known.add(key);
        await this.#look(kind, keys, signal);
      }
    }
    const kinds = [...this.#kinds].map(([kind, tally]): StoredKind => {
      const [what, ...settings] = ABOUT[kind];
      return { kind, what, ...tally.result(), limitSeconds: this.#limits[kind] / 1000, settings };
    });
    const outlived = kinds.reduce((sum, each) => sum + each.outlived, 0);
    const [deletions, notes] = [await this.#deletions(), await this.#notes()];
    return { at: new Date(now).toISOString(), prefix, kinds, otherKeys, outlived, deletions, notes };
  }

  async #deletions(): Promise<DeletionsReport> {
    const { queue, ebay } = this.#config;
    const notices = new DeletionNotices(this.#redis, queue.prefix);
    const [pending, recent, found] = await Promise.all([
      notices.countPending(),
      notices.countRecent(),
      notices.found(NAMED_NOTICES),
    ]);
    return { missing: missingSettings(ebay), url: ebay.deletionUrl, pending, recent, found };
  }

  async #look(kind: Kind, keys: string[], signal: AbortSignal): Promise<void> {
    const tally = this.#kinds.get(kind) as Tally;
    const ofOne = {
      tracks: this.#listings,
      events: this.#entries,
      jobEvents: this.#entries,
      jobs: this.#jobs,
      quarantine: this.#quarantine,
    }[kind as string];
    if (ofOne === undefined) return this.#lives(kind, keys, tally);
    for (const key of keys) {
      signal.throwIfAborted();
      await ofOne.call(this, key, tally).catch((error: Error) => {
        if (!isWrongType(error)) throw error;
      });
    }
  }

  /** Keys that end by themselves. */
  async #lives(kind: Kind, keys: string[], tally: Tally): Promise<void> {
    // When what they hold of eBay's answers was stored.
    const began = { results: 'timed', items: 'at', shared: 'at' }[kind as string] ?? '';
    const kept = this.#limits.results;
    for (let from = 0; from < keys.length; from += BATCH) {
      const part = keys.slice(from, from + BATCH);
      const reads = this.#redis.pipeline();
      for (const key of part) {
        reads.pttl(key);
        if (began !== '') reads.hget(key, began);
      }
      const replies = ((await reads.exec()) ?? []).map(([error, reply]) => {
        // What is no hash says no time.
        if (error !== null && !isWrongType(error)) throw error;
        return error === null ? reply : null;
      });
      const step = began === '' ? 1 : 2;
      for (const [index, key] of part.entries()) {
        const left = replies[index * step] as number;
        // It ended meanwhile.
        if (left === -2) continue;
        const timed = Number(step === 2 ? (replies[index * step + 1] ?? 0) : 0);
        // What names the searches of a listing has a life of its own, as long as their results.
        const isListed = key.startsWith(`${this.#config.queue.prefix}:listed:`);
        const life = isListed ? kept : this.#limits[kind];
        tally.addLife(key, left, timed > 0 ? { at: timed, kept } : undefined, life);
      }
    }
  }

  async #listings(key: string, tally: Tally): Promise<void> {
    if (!key.endsWith(':v2')) {
      const left = await this.#redis.pttl(key);
      if (left !== -2) tally.addLife(key, left);
      return;
    }
    let cursor = '0';
    do {
      const [next, flat] = await this.#redis.hscan(key, cursor, 'COUNT', BATCH);
      for (let i = 0; i < flat.length; i += 2)
        if (flat[i] !== STATE) tally.add(key, lastSeenIn(flat[i + 1] as string) ?? 0);
      cursor = next;
    } while (cursor !== '0');
  }

  /** Of a stream: the number of its entries, its ends, and each entry that is too old. */
  async #entries(key: string, tally: Tally): Promise<void> {
    const count = await this.#redis.xlen(key);
    if (count === 0) return;
    const timeOf = (entries: Array<[string, string[]]>) => Number(entries[0]?.[0].split('-')[0] ?? 0);
    const [first, last] = await Promise.all([
      this.#redis.xrange(key, '-', '+', 'COUNT', 1),
      this.#redis.xrevrange(key, '+', '-', 'COUNT', 1),
    ]);
    let outlived = 0;
    let place = '-';
    for (; tally.isOver(timeOf(first)); ) {
      const old = await this.#redis.xrange(key, place, `(${tally.earliest}-0`, 'COUNT', BATCH);
      outlived += old.length;
      if (old.length < BATCH) break;
      place = `(${old.at(-1)?.[0]}`;
    }
    tally.addMany(key, { count, oldest: timeOf(first), newest: timeOf(last), outlived });
  }

  async #jobs(key: string, tally: Tally): Promise<void> {
    const count = await this.#redis.zcard(key);
    if (count === 0) return;
    const [[, oldest], [, newest], outlived] = await Promise.all([
      this.#redis.zrange(key, '0', '0', 'WITHSCORES'),
      this.#redis.zrevrange(key, 0, 0, 'WITHSCORES'),
      this.#redis.zcount(key, '-inf', `(${tally.earliest}`),
    ]);
    tally.addMany(key, { count, oldest: Number(oldest), newest: Number(newest), outlived });
  }

  async #quarantine(key: string, tally: Tally): Promise<void> {
    for (const entry of await this.#redis.lrange(key, 0, -1)) tally.add(key, timeOfEntry(entry));
  }

  async #notes(): Promise<string[]> {
    const { resultsTtl } = this.#config.search;
    const info = await this.#redis.info('persistence');
    const sizeOf = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1] ?? 0) / MB;
    const [base, current] = [sizeOf('aof_base_size'), sizeOf('aof_current_size')];
    return [
      ...(resultsTtl > LISTINGS_LIMIT
        ? [
            `RESULTS_TTL is ${resultsTtl} s: of listings older than 6 hours every display has to say how old they are (8.1(c))`,
          ]
        : []),
      ...(/^aof_enabled:1/m.test(info)
        ? [
            `Redis’s append-only file has ${current.toFixed(1)} MB, ${base.toFixed(1)} MB of it from its last rewrite: it keeps what was ` +
              'deleted until the next one (BGREWRITEAOF, as an administrator of Redis)',
          ]
        : []),
      `not counted: jobs that wait, of which those for items hold an item id until they run, at most for SEARCH_DEADLINE (${this.#config.search.deadline} s)`,
      'not looked at: Redis’s files, backups, log files, and what other programs took from here',
    ];
  }
}

/** 0 for what is none of ours, which is as old as can be. */
function timeOfEntry(text: string): number {
  try {
    return Date.parse((JSON.parse(text) as { at: string }).at) || 0;
  } catch {
    return 0;
  }
}

/** The sum of one kind. */
class Tally {
  readonly #limitMs: number;
  readonly #now: number;
  readonly #toleranceMs: number;
  #count = 0;
  #oldest = Number.POSITIVE_INFINITY;
  #until = Number.NEGATIVE_INFINITY;
  #outlived = 0;
  readonly #keys = new Set<string>();

  constructor(limitMs: number, now: number, toleranceMs: number) {
    this.#limitMs = limitMs;
    this.#now = now;
    this.#toleranceMs = toleranceMs;
  }

  /** What is older outlives its limit, ms since the epoch. */
  get earliest(): number {
    return Math.floor(this.#now - this.#limitMs - this.#toleranceMs);
  }

  isOver(at: number): boolean {
    return at < this.earliest;
  }

  /** Something that began then. */
  add(key: string, at: number): void {
    this.addMany(key, { count: 1, oldest: at, newest: at, outlived: this.isOver(at) ? 1 : 0 });
  }

  addMany(
    key: string,
    { count, oldest, newest, outlived }: Record<'count' | 'oldest' | 'newest' | 'outlived', number>,
  ): void {
    this.#count += count;
    this.#oldest = Math.min(this.#oldest, oldest);
    this.#until = Math.max(this.#until, newest + this.#limitMs);
    this.#note(key, outlived);
  }

  /**
   * A key with an end of its own.
   * @param left its life, ms; -1: without an end @param began when what it holds began, and how long that is kept, ms
   * @param full the life that it began with, ms
   */
  addLife(
    key: string,
    left: number,
    began?: { at: number; kept: number },
    full: number = this.#limitMs,
  ): void {
    const isOver =
      left === -1 ||
      left > this.#limitMs + this.#toleranceMs ||
      (began !== undefined && began.at < this.#now - began.kept - this.#toleranceMs);
    this.#count += 1;
    // A full life that ends then began then, or later.
    const since = began?.at ?? (left === -1 ? Number.POSITIVE_INFINITY : this.#now + left - full);
    this.#oldest = Math.min(this.#oldest, since);
    if (left !== -1) this.#until = Math.max(this.#until, this.#now + left);
    this.#note(key, isOver ? 1 : 0);
  }

  #note(key: string, outlived: number): void {
    this.#outlived += outlived;
    if (outlived > 0 && this.#keys.size < NAMED) this.#keys.add(key);
  }

  result(): Pick<StoredKind, 'count' | 'since' | 'until' | 'outlived' | 'keys'> {
    const instant = (ms: number) => (Number.isFinite(ms) && ms > 0 ? new Date(ms).toISOString() : null);
    return {
      count: this.#count,
      since: instant(this.#oldest),
      until: instant(this.#until),
      outlived: this.#outlived,
      keys: [...this.#keys],
    };
  }
}
