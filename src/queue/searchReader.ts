import type { Job, JobState, Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { Failure, type FailureCode, parseReason, withBecause } from '../failures.ts';
import { parseSearchRequest } from '../product/parseRequest.ts';
import type { Product } from '../product/product.ts';
import type { NormalRequest } from '../product/requestSchema.ts';
import type { SearchSummary } from '../product/summary.ts';
import { clockOf } from '../redis/redisClock.ts';
import { openProductList, type ProductList, productsOf } from '../results/products.ts';
import type { Run, SearchRef, SearchStore, StoredResult, WithdrawnEnd } from '../results/searchStore.ts';
import { classOf } from './bullmq/queues.ts';
import { findJob } from './bullmq/storedJobs.ts';
import type { Admission, Closed } from './search/context.ts';
import { isNewer, refuseNewer } from './search/jobData.ts';
import { currentProgress, type SearchProgress, type SearchRun } from './search/plan.ts';
import { endOfWithdrawn } from './search/summary.ts';

interface ReaderParts {
  redis: Redis;
  searches: Queue;
  store: SearchStore;
  tenant: string;
  /** Marketplace of a request that names none, and costs of one without; they may change. */
  defaults: { readonly marketplace: string; readonly costs?: unknown };
  admission: Admission;
}

/** Reads the state of searches and what they found. */
export class SearchReader {
  readonly #parts: ReaderParts;

  constructor(parts: ReaderParts) {
    this.#parts = parts;
  }

  /** @throws Failure `search_not_found` */
  async job(searchId: string): Promise<Job> {
    const job = await findJob(this.#parts.searches, searchId);
    if (job !== undefined) return job;
    const id = JSON.stringify(searchId.slice(0, 64));
    throw new Failure('search_not_found', `no search ${id}: a search is kept for RESULTS_TTL after its end`);
  }

  refOf(job: Job): SearchRef {
    return { tenant: this.#parts.tenant, searchId: job.id as string, timestamp: job.timestamp };
  }

  async report(searchId: string): Promise<SearchReport> {
    const { searches, store, admission, redis } = this.#parts;
    const clock = clockOf(redis);
    // Read before the job is: of a job that has ended, the end must be in it.
    const state = await searches.getJobState(searchId);
    const job = await this.job(searchId);
    const search = this.refOf(job);
    const run = await store.readRun(search);
    const written = reportOn(job, state);
    const progress = await currentProgress(store, search, run, written.progress, clock);
    const request = run?.request;
    if (run?.withdrawn && request) return this.#withdrawn({ ...run, search, request }, written);
    if (written.state === 'done') return { ...written, progress: finalProgress(progress, written.summary) };
    const isDue = written.state === 'waiting' && progress?.state === 'collecting';
    const report: SearchReport = { ...written, progress, ...(isDue && { state: 'collecting' }) };
    const closed = await admission.closedFor(request?.priority ?? classOf(job.data));
    const shared = closed && { ...closed, until: Math.round(clock.fromHere(closed.until)) };
    const beside = besideGate(report, shared);
    return { ...beside, progress: beside.progress && withBecause(beside.progress) };
  }

  /** What a search asks for; undefined when it cannot be read. */
  async request(searchId: string): Promise<NormalRequest | undefined> {
    const job = await this.job(searchId);
    const parsed = this.#parsed(job, await this.#parts.store.readRun(this.refOf(job)));
    return parsed.ok ? parsed.request : undefined;
  }

  /**
   * As its run holds it: this process may know other costs and another marketplace, or none. A newer release may mean more
   * by its data than this one reads of its run.
   */
  #parsed(job: Job, run: Pick<Run, 'request'> | undefined) {
    const { marketplace, costs } = this.#parts.defaults;
    if (run?.request === undefined || isNewer(job.data))
      return parseSearchRequest(job.data, { marketplace, costs });
    // The class of the run may have risen. A picture is in the job alone.
    const { image } = run.request;
    const picture = image !== undefined && { image: job.data.image as unknown };
    const asked = { ...run.request, priority: classOf(job.data), ...picture };
    return parseSearchRequest(asked, { marketplace });
  }

  /**
   * No products of a search that Redis lost meanwhile are not the same as none of one that found nothing.
   * @throws Failure `search_not_found`; `unknown_payload_version` when there are some that only a newer release can read
   */
  async products(searchId: string): Promise<Product[]> {
    const found = await this.#readable(searchId);
    const stored = found && (await this.#parts.store.readAll(found.origin));
    const products = found && stored ? productsOf(found.request, within(stored, found.had)) : [];
    if (products.length === 0) await this.job(searchId);
    return products;
  }

  /**
   * The same to be read in parts; undefined for a search whose request cannot be read.
   * @param options.withLater of a withdrawn search also what came for others, which its events name
   */
  async productList(searchId: string, { withLater = false } = {}): Promise<ProductList | undefined> {
    const found = await this.#readable(searchId);
    const had = withLater ? undefined : found?.had;
    const list = found && (await openProductList(this.#parts.store, found.origin, found.request, had));
    if (list?.ranges.length === 0) await this.job(searchId);
    return list;
  }

  /** With where the result is: another search may have collected it. @returns had of a withdrawn search: what it had then */
  async #readable(
    searchId: string,
  ): Promise<{ request: NormalRequest; origin: SearchRef; had?: WithdrawnEnd } | undefined> {
    const { store } = this.#parts;
    const job = await this.job(searchId);
    const search = this.refOf(job);
    const run = await store.readRun(search);
    const origin = { ...search, ...run?.source };
    const parsed = this.#parsed(job, run);
    if (parsed.ok) {
      const request = run?.withdrawn ? run.request : undefined;
      const had = run && request && (await endOfWithdrawn(this.#parts, { ...run, search, request }));
      return { request: parsed.request, origin, ...(had && { had }) };
    }
    // Products that only a newer release can read are not the same as no products.
    if ((await store.storedPages(origin)).length > 0) refuseNewer(job.data);
    return undefined;
  }

  /** For its own requester a cancelled search has ended, though it goes on for others. */
  async #withdrawn(run: SearchRun, report: SearchReport): Promise<SearchReport> {
    const { summary } = await endOfWithdrawn(this.#parts, run);
    return { ...report, state: 'done', progress: finalProgress(null, summary), summary, error: null };
  }
}

/**
 * The state of a search. `waiting`: for quota, a pause or the circuit; `progress` says why and until when. Once it is `done`,
 * there is a summary, or the error that it failed with.
 */
export type SearchReport = { searchId: string; progress: SearchProgress | null } & (
  | { state: 'queued' | 'collecting' | 'waiting'; summary: null; error: null }
  | { state: 'done'; summary: SearchSummary; error: null }
  | { state: 'done'; summary: null; error: { code: FailureCode; message: string } }
);

/** What is stored, less what came for others after this search was withdrawn. */
function within({ pages, details, verdict }: StoredResult, had: WithdrawnEnd | undefined): StoredResult {
  if (had === undefined) return { pages, details, verdict };
  const items = new Set(had.items);
  return {
    pages: pages.filter(({ page }) => had.pages.includes(page)),
    details: new Map([...details].filter(([item]) => items.has(item))),
    verdict,
  };
}

function reportOn(job: Job, state: JobState | 'unknown'): SearchReport {
  const { progress: written } = job;
  const isProgress = typeof written === 'object' && written !== null && 'state' in written;
  const progress = isProgress ? (written as SearchProgress) : null;
  const searchId = job.id as string;
  if (state === 'completed')
    return { searchId, state: 'done', progress, summary: job.returnvalue as SearchSummary, error: null };
  if (state === 'failed')
    return { searchId, state: 'done', progress, summary: null, error: parseReason(job.failedReason ?? '') };
  const started = state === 'active' || state === 'waiting-children' || progress !== null;
  const current = progress?.state === 'waiting' ? 'waiting' : started ? 'collecting' : 'queued';
  return { searchId, state: current, progress, summary: null, error: null };
}

/** The counts of a search that has ended: it waits for nothing any more. */
function finalProgress(last: SearchProgress | null, summary: SearchSummary | null): SearchProgress | null {
  if (summary === null && last === null) return null;
  const { pages, counts } = summary ?? { pages: last?.pages ?? 0, counts: { products: last?.products ?? 0 } };
  const details = last?.details && { details: last.details };
  return { state: 'done', pages, of: pages, products: counts.products, ...details };
}

/** What closes the gate; all other reasons to wait are the search's own. */
const GATE_REASONS = new Set(['quota', 'pause', 'circuit']);

/** The report with the gate as it is now: it may have closed or opened since a page last moved and wrote the progress. */
export function besideGate(report: SearchReport, closed: Closed | undefined): SearchReport {
  const { state, progress } = report;
  if (progress === null || (state !== 'collecting' && state !== 'waiting')) return report;
  const { reason, until, attempt: _attempt, attempts: _attempts, because: _because, ...rest } = progress;
  if (closed !== undefined)
    return { ...report, state: 'waiting', progress: { ...rest, state: 'waiting', ...closed } };
  if (state === 'collecting' || !GATE_REASONS.has(reason ?? '')) return report;
  return { ...report, state: 'collecting', progress: { ...rest, state: 'collecting' } };
}
