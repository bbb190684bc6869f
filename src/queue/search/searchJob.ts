import type { Job } from 'bullmq';
import type { ItemAnswer } from '../../collector/answers.ts';
import { assembleHeads, type PageHead } from '../../collector/assemble.ts';
import type { TrackComparison } from '../../events/searchEvents.ts';
import { asFailure, Failure, type FailureCode } from '../../failures.ts';
import type { NormalRequest } from '../../product/requestSchema.ts';
import type { SearchSummary } from '../../product/summary.ts';
import { redisFailure } from '../../redis/failure.ts';
import type { Run, SearchRef } from '../../results/searchStore.ts';
import { isolateCrashing } from '../bullmq/crashLimit.ts';
import { FIRST } from '../bullmq/queues.ts';
import { ageOf } from '../bullmq/repeat.ts';
import { isSignal, signals } from '../bullmq/signals.ts';
import { failuresOfChildren } from '../bullmq/storedJobs.ts';
import { asScheduledRun } from '../schedules/scheduledRun.ts';
import { coalesce, publishResult } from './coalesce.ts';
import type { QueueContext } from './context.ts';
import {
  deferNewerVersion,
  idsOfSearch,
  readSearch,
  SEARCH_VERSION,
  type SearchIds,
  searchOptions,
} from './jobData.ts';
import {
  advance,
  allPages,
  DETAILS,
  firstMissing,
  itemCall,
  itemConcurrency,
  type PlannedCall,
  pageCall,
  publishProgress,
} from './plan.ts';
import { gaveUp, nextLookAtGate, verdictOn } from './retryPolicy.ts';
import {
  compareWithTrack,
  type FailedCall,
  publishEnd,
  publishFailure,
  refOf,
  summarise,
} from './summary.ts';

/**
 * A search: the parent of its pages. It runs when it starts, adds the first page of each marketplace and waits; it runs
 * again when no page is under way, to sum up. Which of the two it is follows from what is stored, so it may run any number
 * of times.
 */
export async function processSearch(context: QueueContext, job: Job, token: string): Promise<SearchSummary> {
  const ids = idsOfSearch(context, job);
  try {
    await deferNewerVersion(context, job, token, SEARCH_VERSION);
    const request = readSearch(job, context.tenant, context);
    Object.assign(job.opts, searchOptions(request, context.rules));
    return await isolateCrashing(context, job, token, async () => {
      let comparison: TrackComparison | undefined;
      const summary = await asScheduledRun(context, job, async () => {
        const end = await collect(context, job, token, request, ids);
        comparison = end.comparison;
        return end.summary;
      });
      await publishEnd(context, job, summary, comparison);
      const { outcome, counts, calls } = summary;
      context.log.info('search ended', { ...ids, outcome, products: counts.products, calls, ms: ageOf(job) });
      return summary;
    });
  } catch (thrown) {
    if (isSignal(thrown)) throw thrown;
    const failure = await publishFailure(context, job, redisFailure(thrown) ?? asFailure(thrown));
    // Without a deadline: the job must not end before its end is published.
    const deadline = Number.POSITIVE_INFINITY;
    const verdict = verdictOn(failure, { attemptsMade: 0, attempts: 1, deadline, now: Date.now() });
    if (verdict.action === 'delay') {
      // If Redis is still away, the job's lock runs out and another worker takes it.
      await job.moveToDelayed(verdict.until, token);
      throw signals.delayed();
    }
    const { code, message: reason } = failure;
    context.log.warn('search ended', { ...ids, outcome: 'failed', code, reason, ms: ageOf(job) });
    throw signals.fail(failure);
  }
}

/** How a search ended. */
interface SearchEnd {
  summary: SearchSummary;
  /** Of a search with a track. */
  comparison?: TrackComparison | undefined;
}

async function collect(
  context: QueueContext,
  job: Job,
  token: string,
  asked: NormalRequest,
  ids: SearchIds,
): Promise<SearchEnd> {
  const { store, log } = context;
  const search = refOf(context, job);
  const run = await store.begin(search, job.attemptsMade, asked);
  const { request } = run;
  ids.run = run.number;
  if (run.isNew) {
    const { query, categoryIds, marketplaces, maxItems, priority } = request;
    log.info('search started', { ...ids, query, categoryIds, marketplaces, maxItems, class: priority });
  }

  const summary = await coalesce(context, job, token, { search, request, run });
  if (summary !== undefined) {
    await store.mark(search, 'ended');
    return { summary };
  }
  try {
    const end = await collectAll(context, job, token, search, run);
    await publishResult(context, search, request, end.summary);
    return run.withdrawn ? { ...end, summary: { ...end.summary, outcome: 'cancelled' } } : end;
  } catch (thrown) {
    if (!isSignal(thrown) && redisFailure(thrown) === undefined)
      await publishResult(context, search, request, asFailure(thrown));
    throw thrown;
  }
}

/** Goes round until every page and item is there or has failed. It leaves by an error when it must wait for one. */
async function collectAll(
  context: QueueContext,
  job: Job,
  token: string,
  search: SearchRef,
  begun: Run & { request: NormalRequest },
): Promise<SearchEnd> {
  const { store, log } = context;
  const { request } = begun;
  let run: Run = begun;
  const added = new Set<string>();
  for (;;) {
    const collected = await readCollected(context, job, search, request, run);
    const { next } = collected;
    if (run.cancelled || next.length === 0) return end(context, search, request, run, collected);
    if (next.some(({ jobId }) => added.has(jobId))) {
      // Nothing is under way, nothing failed, and yet an answer is not there: it has expired.
      run = await store.restart(search, job.attemptsMade, request);
      log.warn('results expired, starting over', { ...idsOfSearch(context, job), run: run.number });
      continue;
    }
    await waitForAdmission(context, job, token, search, request);
    const { number, waiting } = run;
    const step = { chain: '', answer: {}, concurrency: next.length };
    await advance(context, { search, number, request, waiting }, step, next);
    if ((job.progress as { state?: unknown } | null)?.state !== 'collecting' && !waiting)
      await publishProgress(context, { search, request }, undefined);
    await job.changePriority({ priority: FIRST });
    if (await job.moveToWaitingChildren(token)) throw signals.waitsForChildren();
    for (const { jobId } of next) added.add(jobId);
    // The search may have been cancelled meanwhile.
    run = (await store.readRun(search)) ?? run;
  }
}

/** A search whose class may not spend now waits in this queue, where it costs no slot, and says why. */
async function waitForAdmission(
  context: QueueContext,
  job: Job,
  token: string,
  search: SearchRef,
  request: NormalRequest,
): Promise<void> {
  const closed = await context.admission.closedFor(request.priority);
  const now = Date.now();
  if (closed === undefined || closed.until <= now) return;
  if (ageOf(job) >= context.deadlineMs)
    throw gaveUp(new Failure('share-spent', `no call may be made because of ${closed.reason}`));
  await publishProgress(context, { search, request }, closed);
  await job.moveToDelayed(nextLookAtGate(closed.until, now), token);
  throw signals.delayed();
}

/** What a search has while no call of it is under way. */
interface Collected {
  /** In page order. */
  heads: PageHead[];
  /** By item id; of a search without details none. */
  details: Map<string, ItemAnswer>;
  /** What failed in this run. */
  failed: FailedCall[];
  /** What is to be called for next; empty when the search has all it can get. */
  next: PlannedCall[];
}

/** Pages first; with `details: full`, once each page is there or has failed, the items of the products that there are. */
async function readCollected(
  { store, intervalMs }: QueueContext,
  job: Job,
  search: SearchRef,
  request: NormalRequest,
  { number, waiting, stopped }: Run,
): Promise<Collected> {
  const run = { search, number, request, waiting };
  const numbers = allPages(request).map(({ page }) => page);
  const wantsDetails = request.details === 'full';
  const [stored, details, failures] = await Promise.all([
    store.readHeads(search, numbers),
    wantsDetails ? store.readDetails(search) : new Map<string, ItemAnswer>(),
    failuresOfChildren(job),
  ]);
  const heads = stored.map(({ head }) => head);
  const there = new Map(stored.map(({ page, head }) => [page, head]));
  const pages = firstMissing(request, there).map((planned) => pageCall(run, planned));
  const failed = failedAmong(pages, failures);
  const missing = pages.filter(({ jobId }) => !failures.has(jobId));
  if (missing.length > 0 || !wantsDetails) return { heads, details, failed, next: missing };

  const wanted = assembleHeads(request, heads).products.map(({ itemId, marketplace }) => ({
    itemId,
    marketplace,
  }));
  const items = wanted.filter(({ itemId }) => !details.has(itemId)).map((item) => itemCall(run, item));
  failed.push(...failedAmong(items, failures));
  const open = stopped.includes(DETAILS) ? [] : items.filter(({ jobId }) => !failures.has(jobId));
  if (open.length === 0) return { heads, details, failed, next: [] };
  await store.wantItems(search, wanted);
  const latencyMs = Math.max(...heads.map((head) => head.latencyMs));
  return { heads, details, failed, next: open.slice(0, itemConcurrency(latencyMs, intervalMs())) };
}

function failedAmong(calls: readonly PlannedCall[], failures: ReadonlyMap<string, string>): FailedCall[] {
  return calls.flatMap(({ jobId, data }): FailedCall[] => {
    const reason = failures.get(jobId);
    if (reason === undefined) return [];
    const { marketplace } = data;
    return data.kind === 'page'
      ? [{ marketplace, page: data.page, reason }]
      : [{ marketplace, page: null, itemId: data.itemId, reason }];
  });
}

async function end(
  context: QueueContext,
  search: SearchRef,
  request: NormalRequest,
  looked: Run,
  { heads, details, failed }: Collected,
): Promise<SearchEnd> {
  const { store } = context;
  const { searchId } = search;
  // Read again: pages counted their calls, and the search may have been cancelled, since this run was read.
  const run = (await store.readRun(search)) ?? looked;
  const complete = !run.cancelled && failed.every(({ page }) => page === null);
  const comparison = await compareWithTrack(context, search, request, complete);
  const summary = summarise({
    searchId,
    request,
    run,
    heads,
    details,
    noLongerListed: comparison?.verdict.gone ?? [],
    failed,
    expiresAt: await store.expiresAt(search),
    now: Date.now(),
  });
  await store.mark(search, 'ended');
  const { outcome, error } = summary;
  if (outcome === 'failed' && error !== null)
    throw new Failure(error.code as FailureCode, error.message, { searchId });
  return { summary, comparison };
}
