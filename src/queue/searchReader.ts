import type { Job, JobState, Queue } from 'bullmq';
import { headOf } from '../collector/assemble.ts';
import { Failure, parseReason } from '../failures.ts';
import { parseSearchRequest } from '../product/parseRequest.ts';
import type { Product } from '../product/product.ts';
import type { NormalRequest } from '../product/requestSchema.ts';
import type { SearchSummary } from '../product/summary.ts';
import { ProductList, productsOf } from '../results/products.ts';
import type { ResultStore, StoredResult } from '../results/resultStore.ts';
import type { RunStates, SearchRef } from '../results/runState.ts';
import { classOf } from './bullmq/queues.ts';
import type { Admission, Closed } from './search/context.ts';
import { refuseNewer, type SearchProgress } from './search/jobData.ts';
import { summarise } from './search/summarise.ts';

export interface ReaderParts {
  searches: Queue;
  results: ResultStore;
  runs: RunStates;
  tenant: string;
  marketplace: string;
  closedFor: Admission['closedFor'];
}

/** How searches stand and what they found. Changes nothing. */
export class SearchReader {
  readonly #parts: ReaderParts;

  constructor(parts: ReaderParts) {
    this.#parts = parts;
  }

  /** @throws Failure `search_not_found` */
  async job(searchId: string): Promise<Job> {
    const job = await this.#jobOf(searchId);
    if (job !== undefined) return job;
    const id = JSON.stringify(searchId.slice(0, 64));
    throw new Failure('search_not_found', `no search ${id}: a search is kept for RESULTS_TTL after its end`);
  }

  /**
   * BullMQ keeps keys of its own beside the jobs (`meta`, `wait`, `repeat:NAME`, `ID:lock`), which an id may hit: they are
   * of another type, or have no time at which they were added.
   */
  async #jobOf(searchId: string): Promise<Job | undefined> {
    try {
      const job = await this.#parts.searches.getJob(searchId);
      return job !== undefined && Number.isFinite(job.timestamp) ? job : undefined;
    } catch (error) {
      if (error instanceof Error && error.message.startsWith('WRONGTYPE')) return undefined;
      throw error;
    }
  }

  refOf(job: Job): SearchRef {
    return { tenant: this.#parts.tenant, searchId: job.id as string, timestamp: job.timestamp };
  }

  async report(searchId: string): Promise<SearchReport> {
    const state = await this.#parts.searches.getJobState(searchId);
    const job = await this.job(searchId);
    const report = reportOn(job, state);
    if (report.state === 'done') return report;
    const run = await this.#parts.runs.read(this.refOf(job));
    if (run?.withdrawn) return this.#withdrawn(job, report);
    return besideGate(report, await this.#parts.closedFor(run?.class ?? classOf(job.data)));
  }

  /** What a search asks for; undefined when nobody can read it. */
  async request(searchId: string): Promise<NormalRequest | undefined> {
    const parsed = parseSearchRequest((await this.job(searchId)).data, this.#parts);
    return parsed.ok ? parsed.request : undefined;
  }

  /**
   * In eBay's order; also while the search still runs.
   * @throws Failure `unknown_payload_version` when there are some that only a newer release can read
   */
  async products(searchId: string): Promise<Product[]> {
    const job = await this.job(searchId);
    const parsed = parseSearchRequest(job.data, this.#parts);
    if (!parsed.ok) {
      await this.#ownUpToNewer(job);
      return [];
    }
    return productsOf(parsed.request, await this.#content(this.refOf(job)));
  }

  /** The same to be read in parts; undefined for a search whose request nobody can read. */
  async productList(searchId: string): Promise<ProductList | undefined> {
    const job = await this.job(searchId);
    const parsed = parseSearchRequest(job.data, this.#parts);
    if (!parsed.ok) {
      await this.#ownUpToNewer(job);
      return undefined;
    }
    return ProductList.open(this.#parts.results, await this.#origin(this.refOf(job)), parsed.request);
  }

  /** What a newer release found is there, though not for this one: that is not the same as nothing. */
  async #ownUpToNewer(job: Job): Promise<void> {
    const stored = await this.#parts.results.stored(await this.#origin(this.refOf(job)));
    if (stored.length > 0) refuseNewer(job.data);
  }

  async #content(search: SearchRef): Promise<StoredResult> {
    return this.#parts.results.readAll(await this.#origin(search));
  }

  /** Where the result is: another search may have collected it. */
  async #origin(search: SearchRef): Promise<SearchRef> {
    const source = (await this.#parts.runs.read(search))?.source;
    return source === undefined ? search : { ...search, ...source };
  }

  /** For its own asker a withdrawn search has ended, though it goes on for others. */
  async #withdrawn(job: Job, report: SearchReport): Promise<SearchReport> {
    const search = this.refOf(job);
    const [run, content, expiresAt] = await Promise.all([
      this.#parts.runs.read(search),
      this.#content(search),
      this.#parts.results.expiresAt(search),
    ]);
    const parsed = parseSearchRequest(job.data, this.#parts);
    if (run === undefined || !parsed.ok) return report;
    const { request } = parsed;
    const { searchId } = search;
    const cancelled = { ...run, cancelled: true };
    const summary = summarise({
      searchId,
      request,
      run: cancelled,
      heads: content.pages.map(({ answer }) => headOf(request, answer)),
      details: content.details,
      noLongerListed: content.verdict?.gone ?? [],
      failed: [],
      expiresAt,
      now: Date.now(),
    });
    return { ...report, state: 'done', summary };
  }
}

/** How a search stands. */
export interface SearchReport {
  searchId: string;
  /** `waiting`: for quota, a pause or the circuit; `progress` says why and until when. */
  state: 'queued' | 'collecting' | 'waiting' | 'done';
  progress: SearchProgress | null;
  /** Of a search that is done and did not fail. */
  summary: SearchSummary | null;
  /** Of a search that failed: the closed code and what happened. */
  error: { code: string; message: string } | null;
}

/** @param state read before the job was: of a job that has ended, the end must be in it. */
export function reportOn(job: Job, state: JobState | 'unknown'): SearchReport {
  const progress = isProgress(job.progress) ? job.progress : null;
  const searchId = job.id as string;
  if (state === 'completed')
    return { searchId, state: 'done', progress, summary: job.returnvalue as SearchSummary, error: null };
  if (state === 'failed')
    return { searchId, state: 'done', progress, summary: null, error: parseReason(job.failedReason ?? '') };
  if (progress?.state === 'waiting')
    return { searchId, state: 'waiting', progress, summary: null, error: null };
  const started = state === 'active' || state === 'waiting-children' || progress !== null;
  return { searchId, state: started ? 'collecting' : 'queued', progress, summary: null, error: null };
}

/** What closes the gate; all other reasons to wait are the search's own. */
const GATE_REASONS = new Set(['quota', 'pause', 'circuit']);

/**
 * The report with the gate as it is now: progress was written when a page last moved, and a gate that has closed or
 * opened since concerns this search all the same.
 */
export function besideGate(report: SearchReport, closed: Closed | undefined): SearchReport {
  const { state, progress } = report;
  if (progress === null || (state !== 'collecting' && state !== 'waiting')) return report;
  const { reason, until, ...rest } = progress;
  if (closed !== undefined)
    return { ...report, state: 'waiting', progress: { ...rest, state: 'waiting', ...closed } };
  if (state === 'collecting' || !GATE_REASONS.has(reason ?? '')) return report;
  return { ...report, state: 'collecting', progress: { ...rest, state: 'collecting' } };
}

function isProgress(value: unknown): value is SearchProgress {
  return typeof value === 'object' && value !== null && 'state' in value;
}
