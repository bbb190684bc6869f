import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { type CallEstimate, estimateCalls } from '../collector/pagePlan.ts';
import { Failure } from '../failures.ts';
import type { Product } from '../product/product.ts';
import type { NormalRequest, Priority, SearchRequest } from '../product/requestSchema.ts';
import { redisFailure } from '../redis/failure.ts';
import { IdenticalSearches } from '../results/identicalSearches.ts';
import { ResultStore } from '../results/resultStore.ts';
import { RunStates } from '../results/runState.ts';
import { callsAhead } from './callsQueue.ts';
import { cancelSearch } from './cancelSearch.ts';
import type { Admission } from './context.ts';
import { withinDeadline } from './deadline.ts';
import { estimate, type Outlook, type SearchEstimate } from './estimate.ts';
import type { HouseRules } from './houseRules.ts';
import { Intake, type IntakeLimits, type Refusal, refusalOf } from './intake.ts';
import { callsQueueName } from './names.ts';
import { checkedRequests, newSearches } from './newSearches.ts';
import type { SearchReport } from './report.ts';
import { Schedules } from './schedules/schedules.ts';
import { openSearchQueue } from './searchQueue.ts';
import { SearchReader } from './searchReader.ts';
import { waitForEnd } from './waitFor.ts';
import { wakeSearch } from './wakeSearch.ts';

export interface ProducerOptions {
  /** A connection of the `caller` profile. */
  redis: Redis;
  prefix: string;
  tenant: string;
  rules: HouseRules;
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
  refused?: ((because: Refusal, searches: number) => void) | undefined;
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
  readonly #runs: RunStates;
  readonly #intake: Intake;
  readonly #identical: IdenticalSearches;

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
    const results = new ResultStore({ redis, prefix, ttlMs: resultsTtlMs });
    this.#runs = new RunStates({ redis, prefix, ttlMs: options.runsTtlMs });
    this.#identical = new IdenticalSearches({ redis, prefix, ttlMs: options.runsTtlMs });
    this.#reader = new SearchReader({
      searches: this.#searches,
      results,
      runs: this.#runs,
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
      const because = refusalOf(error);
      if (because !== undefined) this.#options.refused?.(because, requests.length);
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
    for (const stretch of list?.stretches ?? [])
      yield await this.#asked(async () => list?.read(stretch) ?? [], searchId);
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
        { searches: this.#searches, runs: this.#runs, identical: this.#identical, marketplace },
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
      return wakeSearch(this.#searches, searchId);
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
