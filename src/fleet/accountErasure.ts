import type { Redis } from 'ioredis';
import { type Config, ConfigError } from '../config/config.ts';
import { parseObject } from '../ebay/answer.ts';
import { requestHash } from '../product/parseRequest.ts';
import type { NormalRequest } from '../product/requestSchema.ts';
import { openQueues } from '../queue/bullmq/openQueues.ts';
import { isKeyName } from '../queue/bullmq/ownKeys.ts';
import { Schedules } from '../queue/schedules/schedules.ts';
import { tenantsWithSchedules } from '../queue/schedules/store.ts';
import { jobDefaults } from '../queue/search/retryPolicy.ts';
import { WatchStore } from '../queue/watch/watchlists/store.ts';
import { redisFailure } from '../redis/failure.ts';
import { LuaScript } from '../redis/luaScript.ts';
import { keysBeginning } from '../redis/nodes.ts';
import { clockOf } from '../redis/redisClock.ts';
import type { Logger } from '../telemetry/logger.ts';
import {
  DeletionNotices,
  type Erased,
  type ErasedKind,
  NOTHING_ERASED,
  type PendingNotice,
} from './accountDeletion.ts';
import type { Declarations } from './declaration.ts';
import { DeletedAccounts, type Found } from './deletedAccounts.ts';
import { FleetStore, NOTHING, publishNext } from './fleetStore.ts';
import { isWrongType } from './retention.ts';

/**
 * Where the names of sellers can be, all of it below the prefix:
 *
 *   ebay-search…:ID, ebay-calls…:ID, …:repeat:NAME   requests in jobs and schedulers; what eBay said of a search, in its end
 *   …:events                                         the end of a job, with what eBay said
 *   run:…, same:…, pages:…                           the request of a run; what eBay said of it (warnings may quote a filter)
 *   schedules:TENANT, config                         requests of schedules; those that files declare
 *   watch-sellers|totals|groups|looks:TENANT:LIST    sellers of listings; searches by seller
 *   quarantine                                       jobs that no worker can read
 *
 * Products, tracks, events, alerts and their messages have none. Own columns, queries and names that callers gave are theirs.
 */

export interface AccountErasureOptions {
  redis: Redis;
  prefix: string;
  config: () => Config;
  log: Logger;
  /** A search that ran at the first look through Redis may have written the name once more: after this time a second one follows, ms. */
  againAfterMs?: number;
}

const AGAIN_AFTER_MS = 30_000;
/** A look through Redis takes at most this share of the time where notices come all the time. */
const REST = 10;
const BATCH = 500;
/** Longest wait for another process that changes schedules, ms. */
const SCHEDULES_MS = 5000;

/** KEYS: hash. ARGV: field, value as it was read, value in its place (empty: none), further fields and values. */
const REPLACE = new LuaScript(`
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
if ARGV[3] == '' then return redis.call('HDEL', KEYS[1], ARGV[1]) end
redis.call('HSET', KEYS[1], ARGV[1], unpack(ARGV, 3))
return 1`);

/** Erases the accounts of notices from all that Redis holds, for all tenants. One process of the fleet does so at a time. */
export class AccountErasure {
  readonly #options: AccountErasureOptions;
  readonly #notices: DeletionNotices;
  #restUntil = 0;

  constructor(options: AccountErasureOptions) {
    this.#options = options;
    this.#notices = new DeletionNotices(options.redis, options.prefix);
  }

  /** Erases what is to be erased now. A notice stays pending until all of it is done: a process that dies leaves it to the next. */
  async round(signal: AbortSignal): Promise<void> {
    const { redis, prefix, log, againAfterMs = AGAIN_AFTER_MS } = this.#options;
    if (performance.now() < this.#restUntil || (await this.#notices.countPending()) === 0) return;
    const beganAt = await clockOf(redis, prefix).current();
    const due = (await this.#notices.pending()).filter(
      ({ lookedAt }) => lookedAt === null || beganAt >= lookedAt + againAfterMs,
    );
    if (due.length === 0) return;
    const began = performance.now();
    const erased = await new Look(this.#options, due, signal).through();
    this.#restUntil = performance.now() + REST * (performance.now() - began);
    for (const notice of due) {
      const all = sum(notice.erased, erased.get(notice.notificationId));
      if (notice.lookedAt === null) await this.#notices.looked({ ...notice, lookedAt: beganAt, erased: all });
      else {
        await this.#notices.finish({ ...notice, erased: all });
        log.info('deleted account erased', { notificationId: notice.notificationId, ...all });
      }
    }
  }
}

function sum(one: Erased, other: Erased = NOTHING_ERASED): Erased {
  const kinds = Object.keys(NOTHING_ERASED) as ErasedKind[];
  return Object.fromEntries(kinds.map((kind) => [kind, one[kind] + other[kind]])) as Erased;
}

type Queues = ReturnType<typeof openQueues>;

/** One look through Redis for some accounts. */
class Look {
  readonly #options: AccountErasureOptions;
  readonly #redis: Redis;
  readonly #prefix: string;
  readonly #accounts: DeletedAccounts;
  readonly #signal: AbortSignal;
  readonly #erased = new Map<string, Erased>();
  /** Of the tenants that have something to be erased. */
  readonly #queues = new Map<string, Queues>();
  /** Ids of jobs that were removed, by the key of their queue. */
  readonly #removed = new Map<string, Set<string>>();

  constructor(options: AccountErasureOptions, notices: readonly PendingNotice[], signal: AbortSignal) {
    this.#options = options;
    this.#redis = options.redis;
    this.#prefix = options.prefix;
    this.#accounts = new DeletedAccounts(notices);
    this.#signal = signal;
  }

  /** @returns what was erased, by the id of the notice */
  async through(): Promise<ReadonlyMap<string, Erased>> {
    try {
      // What makes new searches comes first.
      await this.#declarations();
      for (const tenant of await tenantsWithSchedules(this.#redis, this.#prefix, this.#signal))
        await this.#schedules(tenant);
      for await (const keys of keysBeginning(this.#redis, `${this.#prefix}:`, { signal: this.#signal }))
        await this.#keys(keys.map((key) => key.slice(this.#prefix.length + 1)));
      for (const [queue, ids] of this.#removed) await this.#jobEvents(queue, ids);
      if (this.#removed.size > 0) await this.#failures();
      return this.#erased;
    } finally {
      await Promise.all([...this.#queues.values()].map((queues) => queues.close()));
    }
  }

  /** Schedules that files declare. A process that reads such a file again brings the name back: its owner must take it out. */
  async #declarations(): Promise<void> {
    const store = new FleetStore(this.#redis, this.#prefix);
    const names: string[] = [];
    const clearList = (list: readonly unknown[]) =>
      list.flatMap((schedule) => {
        const { value: cleared, found, isEmptied } = this.#accounts.clear(schedule);
        if (found.size === 0) return [schedule];
        names.push(String((schedule as { name?: unknown }).name));
        return isEmptied ? [] : [cleared];
      });
    const clearTenants = (tenants: Declarations): Declarations =>
      Object.fromEntries(
        Object.entries(tenants).map(([name, { schedules, ...declaration }]) => [
          name,
          { ...declaration, ...(schedules !== undefined && { schedules: clearList(schedules) }) },
        ]),
      );
    const present = await store.read().catch((error) => {
      // Another program has overwritten it, and it holds nothing of ours.
      if (error instanceof ConfigError) return NOTHING;
      throw error;
    });
    if (this.#accounts.clear(present.document).found.size === 0) return;
    await publishNext(
      store,
      NOTHING,
      ({ schedules, tenants, added, ...document }) => ({
        document: {
          ...document,
          added: clearTenants(added),
          ...(schedules && { schedules: { ...schedules, value: clearList(schedules.value) } }),
          ...(tenants && { tenants: { ...tenants, value: clearTenants(tenants.value) } }),
        },
        changed: true,
        stale: [],
      }),
      () => undefined,
    );
    this.#options.log.warn('a file of schedules names a deleted account: take it out of the file', {
      schedules: [...new Set(names)],
    });
  }

  /** A schedule that would be left without sellers is removed: it must not become one for all of them. */
  async #schedules(tenant: string): Promise<void> {
    const { config } = this.#options;
    const { schedule, ebay, ...settings } = config();
    const schedules = new Schedules({
      ...{ redis: this.#redis, prefix: this.#prefix, tenant, searches: this.#queuesOf(tenant).searches },
      rules: jobDefaults(settings),
      defaults: ebay,
      minInterval: schedule.minInterval,
      deadlineMs: SCHEDULES_MS,
    });
    await schedules.rewriteRequests((request) => {
      const { value, found, isEmptied } = this.#accounts.clear(request);
      this.#count(isEmptied ? 'schedulesRemoved' : 'schedulesChanged', found);
      if (found.size === 0) return request;
      return isEmptied ? undefined : (value as NormalRequest);
    });
  }

  async #keys(names: readonly string[]): Promise<void> {
    const jobs: JobKey[] = [];
    const runs: string[] = [];
    for (const name of names) {
      this.#signal.throwIfAborted();
      const job = jobKey(name);
      if (job !== undefined) jobs.push(job);
      else if (name.startsWith('run:')) runs.push(name);
      else if (name === 'quarantine') await this.#quarantine(name);
      else {
        const [, part, tenant, list] = WATCH.exec(name) ?? [];
        if (part !== undefined && tenant !== undefined && list !== undefined)
          await this.#watchlist(name, part, tenant, list).catch(ignoreWrongType);
      }
    }
    for (let from = 0; from < jobs.length; from += BATCH) await this.#jobs(jobs.slice(from, from + BATCH));
    for (let from = 0; from < runs.length; from += BATCH) await this.#runs(runs.slice(from, from + BATCH));
  }

  async #jobs(jobs: readonly JobKey[]): Promise<void> {
    const reads = this.#redis.pipeline();
    for (const { name } of jobs) reads.hmget(this.#key(name), 'data', 'timestamp', 'finishedOn');
    for (const [index, [error, values]] of ((await reads.exec()) ?? []).entries()) {
      if (error !== null) {
        ignoreWrongType(error);
        continue;
      }
      const [data, timestamp, finishedOn] = values as Array<string | null>;
      const cleared = this.#accounts.clearJson(data);
      if (cleared === undefined) continue;
      const { name, queue, kind, tenant, id } = jobs[index] as JobKey;
      this.#count('searches', cleared.found);
      // One that is not done fails when a worker takes it, where no seller is left, as every job with such a request.
      if (finishedOn === null) {
        await REPLACE.run(this.#redis, this.#key(name), ['data', data as string, cleared.json]);
        continue;
      }
      if (!(await this.#remove(tenant, kind, id))) {
        await REPLACE.run(this.#redis, this.#key(name), ['data', data as string, cleared.json]);
        continue;
      }
      this.#removed.set(queue, (this.#removed.get(queue) ?? new Set()).add(id));
      const ref = `${tenant}:${id}:${timestamp}`;
      await this.#redis.unlink(['run', 'pages', 'announced'].map((each) => this.#key(`${each}:${ref}`)));
    }
  }

  /** @returns whether it is gone; BullMQ cannot read what other programs have made of a job */
  async #remove(tenant: string, kind: string, id: string): Promise<boolean> {
    const { searches, calls } = this.#queuesOf(tenant);
    try {
      await (await (kind === 'search' ? searches : calls).getJob(id))?.remove();
      return true;
    } catch (error) {
      if (redisFailure(error) !== undefined) throw error;
      return false;
    }
  }

  /** What the end of a job says may quote what eBay said of its request. */
  async #jobEvents(queue: string, ids: ReadonlySet<string>): Promise<void> {
    const key = this.#key(`${queue}:events`);
    for (const [entry, fields] of await this.#redis.xrange(key, '-', '+')) {
      const id = fields[fields.indexOf('jobId') + 1] ?? '';
      if (ids.has(id) && this.#accounts.within(fields.join(' ')).size > 0) await this.#redis.xdel(key, entry);
    }
  }

  /** The event of a search that failed says why, in eBay's words too. Those of other searches are not looked at. */
  async #failures(): Promise<void> {
    const key = this.#key('events');
    const ids = new Set([...this.#removed.values()].flatMap((own) => [...own]));
    let place = '-';
    for (;;) {
      const entries = await this.#redis.xrange(key, place, '+', 'COUNT', BATCH);
      for (const [entry, fields] of entries) {
        const { searchId, error } = parseObject(fields[fields.indexOf('data') + 1] ?? '') ?? {};
        if (ids.has(String(searchId)) && this.#accounts.within(JSON.stringify(error ?? '')).size > 0)
          await this.#redis.xdel(key, entry);
      }
      if (entries.length < BATCH) return;
      place = `(${entries.at(-1)?.[0]}`;
    }
  }

  async #runs(names: readonly string[]): Promise<void> {
    const reads = this.#redis.pipeline();
    for (const name of names) reads.hmget(this.#key(name), 'request', 'campaign', 'ended');
    for (const [index, [error, values]] of ((await reads.exec()) ?? []).entries())
      if (error === null) await this.#run(names[index] as string, values as Array<string | null>);
      else ignoreWrongType(error);
  }

  /**
   * A run that is not done goes on with the sellers that are left, and is cancelled without any. Its pages may quote the name,
   * so it asks for them again.
   */
  async #run(name: string, [request, campaign, ended]: ReadonlyArray<string | null>): Promise<void> {
    const key = this.#key(name);
    const cleared = this.#accounts.clearJson(request);
    if (cleared === undefined) return;
    this.#count('other', cleared.found);
    const same = hashOf(request as string, campaign ?? '').map((hash) => this.#key(`same:${hash}`));
    await this.#redis.unlink(this.#key(name.replace(/^run/, 'pages')), ...same);
    if (ended === '1') {
      await this.#redis.unlink(key);
      return;
    }
    const mark = cleared.isEmptied ? ['cancelled', '1'] : [];
    await REPLACE.run(this.#redis, key, ['request', request as string, cleared.json, ...mark]);
  }

  async #watchlist(name: string, part: string, tenant: string, list: string): Promise<void> {
    const key = this.#key(name);
    let cursor = '0';
    let hasChanged = false;
    do {
      const [next, flat] = await this.#redis.hscan(key, cursor, 'COUNT', BATCH);
      for (let i = 0; i < flat.length; i += 2) {
        const [field, value] = [flat[i] as string, flat[i + 1] as string];
        const { found, text } = this.#watched(part, field, value);
        if (found.size === 0) continue;
        hasChanged = true;
        this.#count('watchlists', found);
        await REPLACE.run(this.#redis, key, [field, value, text]);
      }
      cursor = next;
    } while (cursor !== '0');
    // Groups are formed from what is left.
    if (hasChanged) await new WatchStore(this.#redis, this.#prefix, tenant).changed(list);
  }

  /** @returns what stays in the place of a value; empty: nothing */
  #watched(part: string, field: string, value: string): { found: Found; text: string } {
    if (part === 'sellers') return { found: this.#accounts.named(value), text: '' };
    if (part === 'totals')
      return { found: this.#accounts.named(field.slice(field.indexOf(' ') + 1)), text: '' };
    const cleared = this.#accounts.clearJson(value);
    if (cleared === undefined) return { found: new Set(), text: value };
    // A group without one of its sellers is another one.
    return { found: cleared.found, text: part === 'groups' || cleared.isEmptied ? '' : cleared.json };
  }

  async #quarantine(name: string): Promise<void> {
    const key = this.#key(name);
    for (const entry of await this.#redis.lrange(key, 0, -1).catch(ignored)) {
      const found = this.#accounts.within(entry);
      if (found.size === 0) continue;
      this.#count('other', found);
      await this.#redis.lrem(key, 0, entry);
    }
  }

  #count(kind: ErasedKind, found: Found): void {
    for (const id of found) {
      const erased = this.#erased.get(id) ?? { ...NOTHING_ERASED };
      erased[kind] += 1;
      this.#erased.set(id, erased);
    }
  }

  #queuesOf(tenant: string): Queues {
    const queues = this.#queues.get(tenant) ?? openQueues(this.#redis, this.#prefix, tenant);
    this.#queues.set(tenant, queues);
    return queues;
  }

  #key(name: string): string {
    return `${this.#prefix}:${name}`;
  }
}

interface JobKey {
  /** Behind the prefix. */
  name: string;
  queue: string;
  kind: string;
  tenant: string;
  id: string;
}

const JOB = /^(ebay-(search|calls)(?:-([a-z0-9-]+))?):(.+)$/s;
const WATCH = /^watch-(sellers|totals|groups|looks):([^:]+):(.+)$/s;

/** The key of a job or a scheduler; undefined for others. */
function jobKey(name: string): JobKey | undefined {
  const [, queue, kind, tenant = 'default', id] = JOB.exec(name) ?? [];
  if (queue === undefined || kind === undefined || id === undefined) return undefined;
  return isKeyName(id) && !id.startsWith('repeat:') ? undefined : { name, queue, kind, tenant, id };
}

/** None of what is no request. */
function hashOf(request: string, campaign: string): string[] {
  try {
    return [requestHash(JSON.parse(request) as NormalRequest, campaign)];
  } catch {
    return [];
  }
}

/** Another program has put something else in the place of a key. It holds nothing of ours. */
function ignoreWrongType(error: unknown): void {
  if (!isWrongType(error)) throw error;
}

function ignored(error: unknown): [] {
  ignoreWrongType(error);
  return [];
}
