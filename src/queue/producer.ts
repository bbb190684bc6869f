import { createHash, randomUUID } from 'node:crypto';
import { type JobsOptions, Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { type CallEstimate, estimateCalls } from '../collector/query.ts';
import { Failure } from '../failures.ts';
import { parseSearchRequest } from '../product/parseRequest.ts';
import type { Product } from '../product/product.ts';
import type { NormalRequest, Priority, SearchRequest } from '../product/requestSchema.ts';
import { redisFailure } from '../redis/failure.ts';
import { CoalescedSearches } from '../results/coalescedSearches.ts';
import { SearchStore } from '../results/searchStore.ts';
import { callsAhead } from './bullmq/counts.ts';
import {
  callsQueueName,
  openSearchQueue,
  resumeSearch,
  SEARCH_JOB,
  withinDeadline,
} from './bullmq/queues.ts';
import { Intake, type IntakeLimits, type Refusal, refusalOf } from './intake.ts';
import { Schedules } from './schedules/schedules.ts';
import { cancelSearch } from './search/coalesce.ts';
import type { Admission } from './search/context.ts';
import { estimate, type Outlook, type SearchEstimate } from './search/estimate.ts';
import { invalid, searchOptions } from './search/jobData.ts';
import type { JobDefaults } from './search/retryPolicy.ts';
import { SearchReader, type SearchReport } from './searchReader.ts';

export interface ProducerOptions {
  /** A connection of the `caller` profile. */
  redis: Redis;
  prefix: string;
  tenant: string;
  rules: JobDefaults;
  /** Marketplace of a request that names none; it may change, so it is read anew for each. */
  readonly marketplace: string;
  resultsTtlMs: number;
  /** How long a run is remembered, ms. */
  runsTtlMs: number;
  /** Least time between two runs of a schedule, seconds. */
  minScheduleInterval: number;
  limits: () => IntakeLimits;
  /** Longest wait for Redis in any call, ms; after it the call refuses. */
  deadlineMs: number;
  /** How the call gate stands for a class. */
  admission: Admission;
  outlook: (callClass: Priority) => Promise<Omit<Outlook, 'ahead' | 'now'>>;
  /** Told of searches that were not let in. */
  refused?: ((reason: Refusal, searches: number) => void) | undefined;
  /** Waits for Redis, at most `deadlineMs`. */
  reachRedis: () => Promise<void>;
  /** What `close` must end besides the queue. */
  onClose?: () => Promise<void> | void;
}

export interface EnqueueOptions {
  /**
   * A word of the caller's that stands for this very request: enqueueing again with it never makes a second search.
   * Default: every call makes a new one.
   */
  idempotencyKey?: string;
}

/** Puts searches into the queue and reads what became of them. Every method refuses within `deadlineMs` without Redis. */
export class SearchProducer {
  /** Searches that are run again and again. */
  readonly schedule: Schedules;
  readonly #options: ProducerOptions;
  readonly #searches: Queue;
  readonly #calls: Queue;
  readonly #reader: SearchReader;
  readonly #store: SearchStore;
  readonly #intake: Intake;
  readonly #coalesced: CoalescedSearches;

  constructor(options: ProducerOptions) {
    const { redis, prefix, tenant, resultsTtlMs } = options;
    this.#options = options;
    this.#searches = openSearchQueue(redis, prefix, tenant);
    this.schedule = new Schedules({
      ...options,
      get marketplace() {
        return options.marketplace;
      },
      searches: this.#searches,
      minInterval: options.minScheduleInterval,
    });
    this.#calls = new Queue(callsQueueName(tenant), { connection: redis, prefix });
    // Told by each call's own refusal.
    for (const queue of [this.#searches, this.#calls]) queue.on('error', () => undefined);
    this.#intake = new Intake({ redis, queue: this.#searches, limits: options.limits });
    this.#store = new SearchStore({ redis, prefix, resultTtlMs: resultsTtlMs, runTtlMs: options.runsTtlMs });
    this.#coalesced = new CoalescedSearches({ redis, prefix, ttlMs: options.runsTtlMs });
    this.#reader = new SearchReader({
      searches: this.#searches,
      store: this.#store,
      tenant,
      get marketplace() {
        return options.marketplace;
      },
      closedFor: options.admission.closedFor,
    });
  }

  /**
   * Adds one search and returns its id.
   * @throws Failure `invalid_request` naming every wrong field (`detail.errors`), `backlog_full` when too many searches
   * wait or Redis's memory is nearly full (`detail.because`), or `redis-unavailable`, which names the search's id in `detail.searchId`: enqueueing again with the same idempotency key is safe.
   */
  async enqueue(request: SearchRequest, options: EnqueueOptions = {}): Promise<{ searchId: string }> {
    const [added] = await this.enqueueMany([request], options.idempotencyKey === undefined ? {} : options);
    return added as { searchId: string };
  }

  /** Adds searches, all or none of them valid; in the order given. Throws like `enqueue`; paths begin with the index. */
  async enqueueMany(
    requests: SearchRequest[],
    options: EnqueueOptions = {},
  ): Promise<Array<{ searchId: string }>> {
    try {
      return await this.#add(requests, options);
    } catch (error) {
      const reason = refusalOf(error);
      if (reason !== undefined) this.#options.refused?.(reason, requests.length);
      throw error;
    }
  }

  async #add(
    requests: SearchRequest[],
    { idempotencyKey }: EnqueueOptions,
  ): Promise<Array<{ searchId: string }>> {
    const jobs = newSearches(requests, this.#options, idempotencyKey);
    await this.#asked(async () => {
      await this.#intake.admit(jobs.map(({ data }) => data));
      const [first, ...others] = jobs;
      // One alone costs Redis half of a list of one.
      if (first !== undefined && others.length === 0)
        await this.#searches.add(first.name, first.data, first.opts);
      else await this.#searches.addBulk(jobs);
    }, jobs[0]?.opts.jobId);
    return jobs.map(({ opts }) => ({ searchId: opts.jobId }));
  }

  /**
   * What a search would cost and when it could be done; nothing is enqueued.
   * @throws Failure `invalid_request`, `redis-unavailable`
   */
  async estimate(request: SearchRequest): Promise<SearchEstimate> {
    const [normal] = checkedRequests([request], this.#options) as [NormalRequest];
    return this.#outlookFor(estimateCalls(normal), normal.priority);
  }

  /** How a search stands. @throws Failure `search_not_found` */
  async get(searchId: string): Promise<SearchReport> {
    return this.#asked(() => this.#reader.report(searchId), searchId);
  }

  /** What a search asks for; undefined when nobody can read it. @throws Failure `search_not_found` */
  async request(searchId: string): Promise<NormalRequest | undefined> {
    return this.#asked(() => this.#reader.request(searchId), searchId);
  }

  /**
   * The products that are there, in eBay's order; also while the search still runs.
   * @throws Failure `search_not_found`; `unknown_payload_version` when only a newer release can read them
   */
  async products(searchId: string): Promise<Product[]> {
    return this.#asked(() => this.#reader.products(searchId), searchId);
  }

  /**
   * The same a part at a time, for long lists: one page of eBay's is in memory, not all of them. Ends with the failure
   * `search_not_found` when the results expire meanwhile.
   */
  async *productParts(searchId: string): AsyncGenerator<Product[], void, undefined> {
    const list = await this.#asked(() => this.#reader.productList(searchId), searchId);
    for (const range of list?.ranges ?? [])
      yield await this.#asked(async () => list?.read(range) ?? [], searchId);
  }

  /**
   * What a search that has not ended still needs at most, and when it could be done; null for one that has ended.
   * @throws Failure `search_not_found`, `redis-unavailable`
   */
  async remaining(report: SearchReport): Promise<SearchEstimate | null> {
    const { searchId, state, progress } = report;
    if (state === 'done') return null;
    const request = await this.#asked(() => this.#reader.request(searchId), searchId);
    if (request === undefined) return null;
    const calls = estimateCalls(request);
    const pages = Math.max(0, calls.pages - (progress?.pages ?? 0));
    const details = Math.max(0, calls.details - (progress?.details?.there ?? 0));
    return this.#outlookFor({ pages, details, total: pages + details }, request.priority);
  }

  /**
   * Resolves when the search has ended, however it ended.
   * @param options.timeoutMs default: no limit. @param options.onProgress told whenever the report changes.
   * @throws Failure `search_not_found`; `interrupted` after the timeout or when `signal` aborts: the search goes on.
   */
  async waitFor(
    searchId: string,
    options: { timeoutMs?: number; onProgress?: (report: SearchReport) => void; signal?: AbortSignal } = {},
  ): Promise<SearchReport> {
    return waitForEnd(() => this.get(searchId), options);
  }

  /**
   * Withdraws a search. What it has collected stays readable; its outcome will be `cancelled`. Returns false for one that
   * has already ended. @throws Failure `search_not_found`
   */
  async cancel(searchId: string): Promise<boolean> {
    return this.#asked(async () => {
      const job = await this.#reader.job(searchId);
      const { marketplace } = this.#options;
      return cancelSearch(
        { searches: this.#searches, store: this.#store, coalesced: this.#coalesced, marketplace },
        job,
        this.#reader.refOf(job),
      );
    }, searchId);
  }

  /**
   * Starts a search that has ended once more; only what is missing is called for. Returns false for one that still runs.
   * @throws Failure `search_not_found`
   */
  async retry(searchId: string): Promise<boolean> {
    return this.#asked(async () => {
      await this.#reader.job(searchId);
      return resumeSearch(this.#searches, searchId);
    }, searchId);
  }

  /** Resolves once Redis answers. @throws Failure `redis-unavailable` naming host and cause. */
  async ready(): Promise<void> {
    await this.#options.reachRedis();
  }

  /** Ends the connections that this producer opened. */
  async close(): Promise<void> {
    const queues = [this.#searches, this.#calls].map((queue) => queue.close());
    await withinDeadline(Promise.all(queues), this.#options.deadlineMs).catch(() => undefined);
    await this.#options.onClose?.();
  }

  #outlookFor(calls: CallEstimate, priority: Priority): Promise<SearchEstimate> {
    return this.#asked(async () => {
      const [outlook, ahead] = await Promise.all([
        this.#options.outlook(priority),
        callsAhead(this.#calls, priority),
      ]);
      return estimate(calls, priority, { ...outlook, ahead, now: Date.now() });
    }, undefined);
  }

  async #asked<T>(ask: () => Promise<T>, searchId: string | undefined): Promise<T> {
    try {
      return await withinDeadline(ask(), this.#options.deadlineMs);
    } catch (error) {
      const failure = redisFailure(error);
      if (failure === undefined) throw error;
      throw new Failure('redis-unavailable', failure.message, searchId === undefined ? {} : { searchId });
    }
  }
}

export interface NewSearch {
  name: typeof SEARCH_JOB;
  data: NormalRequest;
  opts: JobsOptions & { jobId: string };
}

export interface NewSearchDefaults {
  tenant: string;
  marketplace: string;
  rules: JobDefaults;
}

/**
 * Requests as jobs, in their order.
 * @throws Failure `invalid_request` naming every wrong field of every request; with several, paths begin with the index.
 */
export function newSearches(
  requests: readonly SearchRequest[],
  defaults: NewSearchDefaults,
  idempotencyKey?: string,
): NewSearch[] {
  return checkedRequests(requests, defaults).map((request, index) => ({
    name: SEARCH_JOB,
    data: request,
    opts: {
      ...searchOptions(request, defaults.rules),
      jobId: newId(defaults.tenant, idempotencyKey, index),
    },
  }));
}

/** @throws Failure `invalid_request`, as `newSearches`. */
export function checkedRequests(
  requests: readonly SearchRequest[],
  { tenant, marketplace }: Pick<NewSearchDefaults, 'tenant' | 'marketplace'>,
): NormalRequest[] {
  const parsed = requests.map((request) => parseSearchRequest(ownedBy(tenant, request), { marketplace }));
  const errors = parsed.flatMap((result, index) => {
    if (result.ok) return [];
    if (requests.length === 1) return result.errors;
    return result.errors.map((error) => ({
      ...error,
      path: error.path ? `${index}.${error.path}` : `${index}`,
    }));
  });
  if (errors.length > 0) throw invalid('invalid_request', errors);
  return parsed.flatMap((result) => (result.ok ? [result.request] : []));
}

/** What is no object stays as it is, for the schema to say so. */
function ownedBy(tenant: string, request: unknown): unknown {
  const isObject = typeof request === 'object' && request !== null && !Array.isArray(request);
  return isObject ? { tenant, ...request } : request;
}

/** Callers' words never become ids: BullMQ keeps its own keys beside the jobs, and `meta` would hit one. */
function newId(tenant: string, idempotencyKey: string | undefined, index: number): string {
  if (idempotencyKey === undefined) return `s_${randomUUID().replaceAll('-', '')}`;
  const hash = createHash('sha256').update(JSON.stringify([tenant, idempotencyKey, index]));
  return `s_${hash.digest('hex').slice(0, 32)}`;
}

/** A question is one cheap read, so this stays below what a person notices without troubling Redis. */
const ASK_EVERY_MS = 100;

/**
 * Asks until the search has ended. Asking survives what an event stream would not: a Redis that restarts, events that
 * were trimmed, an end that came before the question.
 */
export async function waitForEnd(
  ask: () => Promise<SearchReport>,
  options: { timeoutMs?: number; onProgress?: (report: SearchReport) => void; signal?: AbortSignal },
): Promise<SearchReport> {
  const giveUpAt = options.timeoutMs === undefined ? Infinity : Date.now() + options.timeoutMs;
  let last = '';
  for (;;) {
    const report = await askPatiently(ask, giveUpAt);
    const seen = JSON.stringify(report);
    if (seen !== last) options.onProgress?.(report);
    last = seen;
    if (report.state === 'done') return report;
    if (Date.now() >= giveUpAt || options.signal?.aborted)
      throw new Failure('interrupted', `search ${report.searchId} goes on`, { searchId: report.searchId });
    await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS));
  }
}

async function askPatiently(ask: () => Promise<SearchReport>, giveUpAt: number): Promise<SearchReport> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      const passing = error instanceof Failure && error.code === 'redis-unavailable';
      if (!passing || Date.now() >= giveUpAt) throw error;
      await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS));
    }
  }
}
