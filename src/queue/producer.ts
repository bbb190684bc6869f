import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { type CallEstimate, estimateCalls } from '../collector/query.ts';
import { type BudgetState, Failure } from '../failures.ts';
import { listingNamed } from '../product/itemReference.ts';
import type { PlanReport } from '../product/planReport.ts';
import type { Product } from '../product/product.ts';
import type { NormalRequest, Priority, SearchRequest } from '../product/requestSchema.ts';
import type { Schedule } from '../product/scheduleSchema.ts';
import type { Watchlist } from '../product/watchlistSchema.ts';
import { redisFailure } from '../redis/failure.ts';
import { clockOf } from '../redis/redisClock.ts';
import { CoalescedSearches } from '../results/coalescedSearches.ts';
import { mayHave } from '../results/products.ts';
import { type BudgetName, SearchStore } from '../results/searchStore.ts';
import { sendSpan } from '../telemetry/tracing.ts';
import { Alerts } from './alerts/alerts.ts';
import { Channels, type ChannelsOptions } from './alerts/channels.ts';
import { Budgets, tightest } from './budgets.ts';
import { callsAhead } from './bullmq/counts.ts';
import { resumeSearch, SEARCH_JOB, withinDeadline } from './bullmq/queues.ts';
import { type AskedBy, callerOptions } from './caller.ts';
import { bindIdempotencyKey } from './idempotency.ts';
import { createIntake, type IntakeLimits, type Refusal, refusalOf } from './intake.ts';
import { Schedules } from './schedules/schedules.ts';
import { cancelSearch } from './search/coalesce.ts';
import type { Admission } from './search/context.ts';
import { estimate, type Outlook, type SearchEstimate } from './search/estimate.ts';
import { below, invalid, parseOwnRequest, searchOptions } from './search/jobData.ts';
import type { JobDefaults } from './search/retryPolicy.ts';
import { SearchList, type SearchListPart, type SearchListQuery } from './searchList.ts';
import { SearchReader, type SearchReport } from './searchReader.ts';
import type { PlanSettings } from './watch/planReader.ts';
import { Watchlists } from './watch/watchlists/watchlists.ts';

export interface ProducerOptions {
  /** A connection of the `caller` profile; the tenant's queues are on it, and `close` closes them. */
  redis: Redis;
  searches: Queue;
  calls: Queue;
  prefix: string;
  tenant: string;
  rules: JobDefaults;
  /** Marketplace of a request that names none; read for each request, since it may change. */
  readonly marketplace: string;
  /** For a request without costs, as its setting is written; read for each request. Empty: none. */
  readonly costs?: unknown;
  /** Undefined where only the worker knows it. */
  readonly affiliateCampaignId?: string | undefined;
  /** How long a search's products are kept after its first answer, ms. */
  resultsTtlMs: number;
  /** The longest life of a search, and so of what is stored about it, ms. */
  runsTtlMs: number;
  /** Least time between two runs of a schedule, seconds. */
  minScheduleInterval: number;
  limits: () => IntakeLimits;
  /** Longest wait for Redis in any call, ms; then the call fails with `redis-unavailable`. */
  deadlineMs: number;
  /** Whether the call gate lets a class of searches call now. */
  admission: Admission;
  outlook: (callClass: Priority) => Promise<Omit<Outlook, 'ahead'>>;
  /** Of the tenant, in calls a day; 0: no budget. Read for each request. */
  readonly tenantCalls?: number;
  /** What the plan of schedules and watchlists depends on; read for each plan. */
  plan: () => PlanSettings;
  /** How the channels of alerts are kept and woken. */
  channels: Pick<ChannelsOptions, 'encryptionKeys' | 'isAllowed' | 'secretOverlapMs' | 'wake' | 'learn'>;
  /** Called for searches that were refused. */
  refused?: ((reason: Refusal, searches: number) => void) | undefined;
  /** Waits for Redis, at most `deadlineMs`. */
  reachRedis: () => Promise<void>;
  /** Called at the end of `close`. */
  onClose?: () => Promise<void> | void;
}

export interface EnqueueOptions {
  /**
   * Names this very request, a search or a list of searches in their order. The same request with the same key makes no
   * second search and returns the same ids; another one fails with `idempotency_key_reused`. A key is remembered for the
   * longest life of a search, and is shared with HTTP's `Idempotency-Key`. Default: every call makes new searches.
   */
  idempotencyKey?: string;
  /** Id of the API key whose budget (`dailyCalls`) the searches are charged to. Default: that of the tenant alone. */
  apiKey?: string | undefined;
  /** Who asks, for the list of searches. Default: a program with this library. */
  askedBy?: AskedBy | undefined;
}

/** Whose budget a request belongs to, as `EnqueueOptions.apiKey`. */
type Payer = Pick<EnqueueOptions, 'apiKey'>;

/** What may still be called today: of the tightest budget where there is one, else of what a class may use of the day. */
export interface Allowance {
  /** Whose it is: the kind of the budget, or the class. */
  of: BudgetState['kind'] | Priority;
  limit: number;
  left: number;
  /** When it begins again, ms from now. */
  resetMs: number;
  /** Undefined: it is of a class. */
  budget?: BudgetState;
}

/** How long the state of the day that a request without a budget is answered with is used again, ms. */
const ALLOWANCE_TTL_MS = 1000;

/** A watchlist that does not exist yet, and how many listings it would have. */
export type PlannedWatchlist = Watchlist & { listings: number };

export interface PlanOptions {
  /** Another daily limit of calls, 1 to 1,000,000: the report says what it would bring. */
  calls?: number | undefined;
  /**
   * Schedules and watchlists that do not exist yet, or as they would be changed: what they would cost, and what they would
   * take from the others. Also `{ schedules, watchlists }`.
   */
  add?:
    | Schedule
    | PlannedWatchlist
    | ReadonlyArray<Schedule | PlannedWatchlist>
    | { schedules?: Schedule[]; watchlists?: PlannedWatchlist[] }
    | undefined;
}

interface WaitOptions {
  timeoutMs?: number;
  outageMs?: number;
  onProgress?: (report: SearchReport) => void;
  signal?: AbortSignal;
}

/** A person does not notice this interval. */
const POLL_MS = 100;

/** Adds searches to the queue, and reads and changes them. Every method fails within `deadlineMs` without Redis. */
export class SearchProducer {
  /** Searches that are run again and again. */
  readonly schedule: Schedules;
  /** Sets of listings that are watched for price, stock, days of arrival, end and return. */
  readonly watchlists: Watchlists;
  /** What is worth a message, and where messages are sent. */
  readonly alerts: Alerts;
  readonly channels: Channels;
  readonly #options: ProducerOptions;
  readonly #reader: SearchReader;
  readonly #list: SearchList;
  readonly #store: SearchStore;
  readonly #admit: ReturnType<typeof createIntake>;
  readonly #coalesced: CoalescedSearches;
  readonly #budgets: Budgets;
  readonly #outlooks = new Map<Priority, { at: number; outlook: Promise<Omit<Outlook, 'ahead'>> }>();

  constructor(options: ProducerOptions) {
    const { redis, searches, prefix, minScheduleInterval, resultsTtlMs, runsTtlMs } = options;
    this.#options = options;
    this.schedule = new Schedules({ ...options, defaults: options, minInterval: minScheduleInterval });
    this.watchlists = new Watchlists({ ...options, defaults: options, minInterval: minScheduleInterval });
    this.alerts = new Alerts(options);
    this.channels = new Channels({ ...options, ...options.channels });
    this.#admit = createIntake(redis, searches, options.limits);
    this.#store = new SearchStore({ redis, prefix, resultTtlMs: resultsTtlMs, runTtlMs: runsTtlMs });
    this.#coalesced = new CoalescedSearches({ redis, prefix, ttlMs: runsTtlMs, endTtlMs: resultsTtlMs });
    const { tenant } = options;
    const tenantCalls = () => options.tenantCalls ?? 0;
    this.#budgets = new Budgets({ redis, prefix, tenant, tenantCalls, runsTtlMs });
    this.#reader = new SearchReader({ ...options, defaults: options, store: this.#store });
    this.#list = new SearchList({
      ...{ ...options, defaults: options, store: this.#store },
      step: (work) => this.#call(work),
    });
  }

  /**
   * Adds one search and returns its id.
   * @throws Failure `invalid_request` naming every wrong field (`detail.errors`); `backlog_full` when too many searches
   * wait or Redis's memory is nearly full (`detail.reason`); `budget_exceeded` (`detail.budget`, `detail.until`) before
   * anything is spent; `idempotency_key_reused`; `redis-unavailable` with the id in
   * `detail.searchId`: adding it again with the same idempotency key is safe.
   */
  async enqueue(request: SearchRequest, options: EnqueueOptions = {}): Promise<{ searchId: string }> {
    const [added] = await this.enqueueMany([request], options);
    return added as { searchId: string };
  }

  /** Adds all of them or none; the ids are in the same order. @throws Failure as `enqueue`; paths begin with the index */
  async enqueueMany(
    requests: SearchRequest[],
    { idempotencyKey, apiKey, askedBy }: EnqueueOptions = {},
  ): Promise<Array<{ searchId: string }>> {
    const { redis, searches, rules, tenant } = this.#options;
    try {
      const own = ownBudgets(apiKey);
      // Where the search's budgets are written has the time of its job in its name.
      const stamped = own.length === 0 ? {} : { timestamp: Date.now() };
      const jobs = this.#checked(requests).map((data, index) => {
        const jobId = newId(tenant, idempotencyKey, index);
        const opts = { ...searchOptions(data, rules), ...callerOptions(askedBy), ...stamped, jobId };
        return { name: SEARCH_JOB, data, opts };
      });
      await this.#call(async () => {
        if (idempotencyKey !== undefined)
          await bindIdempotencyKey(redis, this.#options, idempotencyKey, requests);
        await this.#admit(jobs.map(({ data }) => data));
        const { timestamp = 0 } = stamped;
        const isThere = await this.#areThere(
          idempotencyKey === undefined ? [] : jobs.map(({ opts }) => opts.jobId),
        );
        // A search that is there already reserves what it needs by itself.
        const added = jobs.filter((_, index) => !isThere[index]);
        const reservations = added.map(({ data, opts }) => ({
          search: { searchId: opts.jobId, timestamp },
          run: 1,
          calls: estimateCalls(data).total,
        }));
        await this.#budgets.reserve(own, reservations, { isNew: true });
        const [first, ...others] = jobs;
        const ids = jobs.map(({ opts }) => opts.jobId);
        await sendSpan<unknown>(searches.name, ids, () =>
          // One alone costs Redis half of a list of one.
          first !== undefined && others.length === 0
            ? searches.add(first.name, first.data, first.opts)
            : searches.addBulk(jobs),
        );
      }, jobs[0]?.opts.jobId);
      return jobs.map(({ opts }) => ({ searchId: opts.jobId }));
    } catch (error) {
      const reason = refusalOf(error);
      if (reason !== undefined) this.#options.refused?.(reason, requests.length);
      throw error;
    }
  }

  /** What a search would cost, and when it could be done. @throws Failure `invalid_request`, `redis-unavailable` */
  async estimate(request: SearchRequest, payer: Payer = {}): Promise<SearchEstimate> {
    const [normal] = this.#checked([request]) as [NormalRequest];
    return this.#estimateFor(estimateCalls(normal), normal.priority, payer);
  }

  /** What may still be called today. @throws Failure `redis-unavailable` */
  allowance(callClass: Priority, { apiKey }: Payer = {}): Promise<Allowance> {
    return this.#call(async () => {
      const budget = tightest(await this.#budgets.read(ownBudgets(apiKey)));
      if (budget !== undefined) {
        const { kind, limit, left, reset } = budget;
        return {
          of: kind,
          limit,
          left,
          resetMs: Math.max(0, Date.parse(reset) - (await this.now())),
          budget,
        };
      }
      const { upTo, remaining, reset, now } = await this.#outlook(callClass);
      return { of: callClass, limit: upTo, left: remaining, resetMs: Math.max(0, reset - now) };
    });
  }

  /** The state of a search. @throws Failure `search_not_found` */
  get(searchId: string): Promise<SearchReport> {
    return this.#call(() => this.#reader.report(searchId), searchId);
  }

  /**
   * A part of the list of searches, newest first; `cursor` continues with the `next` of the part before. See `SearchList` for
   * what is listed while searches begin and end. @throws Failure `invalid_request` naming every wrong parameter
   */
  list(query: SearchListQuery = {}): Promise<SearchListPart> {
    return this.#list.read(query);
  }

  /** What a search asks for; undefined when it cannot be read. @throws Failure `search_not_found` */
  request(searchId: string): Promise<NormalRequest | undefined> {
    return this.#call(() => this.#reader.request(searchId), searchId);
  }

  /**
   * The products that are there, in eBay's order; also while the search still runs.
   * @throws Failure `search_not_found`; `unknown_payload_version` when only a newer release can read them
   */
  products(searchId: string): Promise<Product[]> {
    return this.#call(() => this.#reader.products(searchId), searchId);
  }

  /** The same, one page of eBay's at a time. @throws Failure `search_not_found`, also when the results expire meanwhile */
  async *productParts(searchId: string): AsyncGenerator<Product[], void, undefined> {
    const list = await this.#call(() => this.#reader.productList(searchId), searchId);
    for (const range of list?.ranges ?? [])
      yield await this.#call(async () => list?.read(range) ?? [], searchId);
  }

  /** Products of a search by their item ids, of those that it has; only pages with them are read. @throws as `productParts` */
  productsNamed(searchId: string, itemIds: ReadonlySet<string>): Promise<Map<string, Product>> {
    return this.#call(async () => {
      const listings = new Set([...itemIds].map(listingNamed));
      const found = new Map<string, Product>();
      const list = await this.#reader.productList(searchId, { withLater: true });
      for (const range of list?.ranges.filter((each) => mayHave(each, listings)) ?? [])
        for (const product of (await list?.read(range)) ?? [])
          if (itemIds.has(product.itemId)) found.set(product.itemId, product);
      return found;
    }, searchId);
  }

  /**
   * What a search that has not ended still needs, and when it could be done; null for one that has ended.
   * @throws Failure `search_not_found`, `redis-unavailable`
   */
  async remaining(report: SearchReport, payer: Payer = {}): Promise<SearchEstimate | null> {
    if (report.state === 'done') return null;
    const request = await this.request(report.searchId);
    return request === undefined
      ? null
      : this.#estimateFor(openCalls(report, request), request.priority, payer);
  }

  /**
   * Resolves when the search has ended, with whatever outcome. It polls: an event stream misses what ends before the call
   * or while Redis restarts.
   * @param options.timeoutMs default: no limit. @param options.outageMs how long Redis may be away; default: no limit.
   * @param options.onProgress called whenever the report changes.
   * @throws Failure `search_not_found`, also while it waits, if Redis loses the search; `interrupted` after the timeout or
   * when `signal` aborts, `redis-unavailable` after an outage: the search goes on.
   */
  async waitFor(searchId: string, options: WaitOptions = {}): Promise<SearchReport> {
    const { timeoutMs = Number.POSITIVE_INFINITY, outageMs = Number.POSITIVE_INFINITY } = options;
    const { onProgress, signal } = options;
    const deadline = performance.now() + timeoutMs;
    let servedAt = performance.now();
    for (let last = ''; ; await sleep(POLL_MS)) {
      const report = await this.get(searchId).catch((error) => {
        if (last !== '' && error instanceof Failure && error.code === 'search_not_found')
          throw new Failure('search_not_found', `search ${searchId} is gone, as Redis lost it: search again`);
        const now = performance.now();
        if (redisFailure(error) === undefined || now >= deadline || now - servedAt >= outageMs) throw error;
        return undefined;
      });
      if (report !== undefined) {
        servedAt = performance.now();
        const seen = JSON.stringify(report);
        if (seen !== last) onProgress?.(report);
        last = seen;
        if (report.state === 'done') return report;
      }
      if (performance.now() >= deadline || signal?.aborted)
        throw new Failure('interrupted', `search ${searchId} goes on`, { searchId });
    }
  }

  /**
   * Cancels a search. What it has collected stays readable; its outcome will be `cancelled`. Returns false for one that
   * has already ended. @throws Failure `search_not_found`
   */
  async cancel(searchId: string): Promise<boolean> {
    return this.#call(async () => {
      const job = await this.#reader.job(searchId);
      const { redis, searches, marketplace } = this.#options;
      const parts = { redis, searches, store: this.#store, coalesced: this.#coalesced, marketplace };
      return cancelSearch(parts, job, this.#reader.refOf(job));
    }, searchId);
  }

  /**
   * Starts an ended search again, for what is missing; false for one that still runs.
   * @param payer whose budget its calls are charged to; default: who put the search in
   * @throws Failure `search_not_found`; `budget_exceeded`, and then nothing has changed
   */
  async retry(searchId: string, payer?: Payer): Promise<boolean> {
    return this.#call(async () => {
      const job = await this.#reader.job(searchId);
      if (job.finishedOn === undefined) return false;
      const search = this.#reader.refOf(job);
      const own = payer ? ownBudgets(payer.apiKey) : ((await this.#store.readRun(search))?.budgets ?? []);
      const [report, request] = await Promise.all([
        this.#reader.report(searchId),
        this.#reader.request(searchId),
      ]);
      const isWhole = report.summary?.outcome === 'complete';
      const open = isWhole || request === undefined ? 0 : Math.max(1, openCalls(report, request).total);
      await this.#budgets.read(own, open);
      if (payer !== undefined) await this.#store.setBudgets(search, own);
      return resumeSearch(this.#options.searches, searchId);
    }, searchId);
  }

  /**
   * What each schedule and watchlist costs a day, how soon it sees a change, as expected and as measured, and advice. Nothing
   * is changed. @throws Failure `invalid_request` naming every wrong field, `redis-unavailable`
   */
  async plan({ calls, add }: PlanOptions = {}): Promise<PlanReport> {
    const [{ readPlan }, { planReport }] = await Promise.all([
      import('./watch/planReader.ts'),
      import('./watch/forecast.ts'),
    ]);
    const { watchlists } = this;
    const read = () => readPlan({ ...this.#options, watchlists }, { calls, add });
    const { state, whatIf } = await this.#call(read);
    // A thousand schedules take half a second: no time that Redis needs.
    return planReport(state, whatIf);
  }

  /** Redis's time, by which all instants are that reports have, ms since the epoch. */
  now(): Promise<number> {
    const { redis, prefix } = this.#options;
    return clockOf(redis, prefix).current();
  }

  /** Resolves once Redis answers. @throws Failure `redis-unavailable` naming host and cause. */
  ready(): Promise<void> {
    return this.#options.reachRedis();
  }

  /** Ends the connections that this producer opened. */
  async close(): Promise<void> {
    const { searches, calls, deadlineMs, onClose } = this.#options;
    const closed = Promise.all([searches.close(), calls.close()]);
    await withinDeadline(closed, deadlineMs).catch(() => undefined);
    await onClose?.();
  }

  #areThere(searchIds: readonly string[]): Promise<boolean[]> {
    const { redis, searches } = this.#options;
    return Promise.all(searchIds.map(async (id) => (await redis.exists(searches.toKey(id))) === 1));
  }

  /** @throws Failure `invalid_request` naming every wrong field; with several requests paths begin with the index */
  #checked(requests: readonly SearchRequest[]): NormalRequest[] {
    const { tenant, marketplace, costs, affiliateCampaignId } = this.#options;
    const defaults = { tenant, marketplace, costs, affiliateCampaignId };
    const parsed = requests.map((request) => parseOwnRequest(request, defaults));
    const errors = parsed.flatMap((result, index) => {
      if (result.ok) return [];
      return requests.length === 1 ? result.errors : below(index, result.errors);
    });
    if (errors.length > 0) throw invalid('invalid_request', errors);
    return parsed.flatMap((result) => (result.ok ? [result.request] : []));
  }

  #estimateFor(calls: CallEstimate, priority: Priority, { apiKey }: Payer): Promise<SearchEstimate> {
    return this.#call(async () => {
      const { outlook: outlookOf, calls: queue } = this.#options;
      const [outlook, ahead, budgets] = await Promise.all([
        outlookOf(priority),
        callsAhead(queue, priority),
        this.#budgets.read(ownBudgets(apiKey)),
      ]);
      return estimate(calls, priority, { ...outlook, ahead }, budgets);
    });
  }

  /** The day as it was a moment ago: many requests at once are answered with one reading. */
  #outlook(callClass: Priority): Promise<Omit<Outlook, 'ahead'>> {
    const known = this.#outlooks.get(callClass);
    if (known !== undefined && performance.now() - known.at < ALLOWANCE_TTL_MS) return known.outlook;
    const outlook = this.#options.outlook(callClass);
    this.#outlooks.set(callClass, { at: performance.now(), outlook });
    outlook.catch(() => this.#outlooks.delete(callClass));
    return outlook;
  }

  /** @throws Failure `redis-unavailable` after the deadline or an error of Redis, with the id of the search */
  async #call<T>(work: () => Promise<T>, searchId?: string): Promise<T> {
    try {
      return await withinDeadline(work(), this.#options.deadlineMs);
    } catch (error) {
      const failure = redisFailure(error);
      if (failure === undefined || searchId === undefined) throw error;
      throw new Failure('redis-unavailable', failure.message, { searchId });
    }
  }
}

function ownBudgets(apiKey: string | undefined): BudgetName[] {
  return apiKey === undefined ? [] : [`key:${apiKey}`];
}

/** What a search still needs. */
function openCalls({ progress }: SearchReport, request: NormalRequest): CallEstimate {
  const calls = estimateCalls(request);
  const pages = Math.max(0, calls.pages - (progress?.pages ?? 0));
  const details = Math.max(0, calls.details - (progress?.details?.there ?? 0));
  const atMost = Math.max(pages, calls.atMost - calls.details - (progress?.pages ?? 0)) + details;
  return { pages, details, total: pages + details, atMost };
}

/** A hash of the key, because BullMQ keeps keys of its own beside the jobs: an id `meta` would hit one of them. */
function newId(tenant: string, idempotencyKey: string | undefined, index: number): string {
  if (idempotencyKey === undefined) return `s_${randomUUID().replaceAll('-', '')}`;
  const hash = createHash('sha256').update(JSON.stringify([tenant, idempotencyKey, index]));
  return `s_${hash.digest('hex').slice(0, 32)}`;
}
