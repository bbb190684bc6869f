import { DelayedError, type Job, WaitingChildrenError } from 'bullmq';
import type { ItemAnswer } from '../../collector/answers.ts';
import { assembleHeads, type PageHead } from '../../collector/assemble.ts';
import { asFailure, Failure, type FailureCode } from '../../failures.ts';
import type { NormalRequest } from '../../product/requestSchema.ts';
import type { SearchSummary } from '../../product/summary.ts';
import { redisFailure } from '../../redis/failure.ts';
import type { Run, SearchRef } from '../../results/runState.ts';
import { isolateCrashing } from '../bullmq/crashLimit.ts';
import { ageOf, FIRST, itemJobId, pageJobId } from '../bullmq/queues.ts';
import { isLockLost } from '../bullmq/worker.ts';
import { asScheduledRun } from '../schedules/scheduledRun.ts';
import { DETAILS, firstOfLanes } from './callJob.ts';
import {
  addCalls,
  chainOf,
  firstMissing,
  itemCall,
  lanesFor,
  type PlannedCall,
  pageCall,
  plannedPages,
} from './calls.ts';
import { coalesce, publishResult } from './coalesce.ts';
import type { QueueContext } from './context.ts';
import {
  deferNewerVersion,
  idsOfSearch,
  readSearch,
  type SearchIds,
  type SearchProgress,
  searchOptions,
} from './jobData.ts';
import { gaveUp, LONGEST_HOLD_MS, toBullMQ } from './retryPolicy.ts';
import { announceEnd, announceFailure, compareWithHistory, type FailedCall, summarise } from './summarise.ts';

/** A closure's end is as good as now when it is this near. */
const NEXT_LOOK_MS = 1000;

/**
 * A search: the parent of its pages. It runs when it starts, adds the first page of each marketplace and waits; and once
 * more when no page is under way any longer, to sum up. Which of the two it is follows from what is stored, so it may be
 * run any number of times.
 */
export async function processSearch(context: QueueContext, job: Job, token: string): Promise<SearchSummary> {
  const ids = idsOfSearch(context, job);
  try {
    await deferNewerVersion(context, job, token);
    const request = readSearch(job, context.tenant, context);
    Object.assign(job.opts, searchOptions(request, context.rules));
    return await isolateCrashing(context, job, token, async () => {
      const summary = await asScheduledRun(context, job, () =>
        collect(context, job, token, { request, ids }),
      );
      await announceEnd(context, job, request, summary);
      const { outcome, counts, calls } = summary;
      context.log.info('search ended', { ...ids, outcome, products: counts.products, calls, ms: ageOf(job) });
      return summary;
    });
  } catch (thrown) {
    if (isSignal(thrown)) throw thrown;
    const failure = await announceFailure(context, job, redisFailure(thrown) ?? asFailure(thrown));
    if (failure.code === 'redis-unavailable') {
      // If Redis is back by now, look again soon; if not, the job's lock runs out and another worker takes it.
      await job.moveToDelayed(Date.now() + NEXT_LOOK_MS, token);
      throw toBullMQ.delayed();
    }
    const { code, message: reason } = failure;
    context.log.warn('search ended', { ...ids, outcome: 'failed', code, reason, ms: ageOf(job) });
    throw toBullMQ.fail(failure);
  }
}

async function collect(
  context: QueueContext,
  job: Job,
  token: string,
  { request: asked, ids }: { request: NormalRequest; ids: SearchIds },
): Promise<SearchSummary> {
  const search: SearchRef = { tenant: context.tenant, searchId: job.id as string, timestamp: job.timestamp };
  const run = await context.runs.begin(search, job.attemptsMade);
  ids.run = run.number;
  if (run.isNew) context.log.info('search started', { ...ids, ...aboutOf(asked) });

  const answer = await coalesce(context, job, token, { search, request: asked, run });
  if (answer !== undefined) {
    await context.runs.end(search);
    return answer;
  }
  const request = { ...asked, priority: run.class ?? asked.priority };
  try {
    const summary = await collectAll(context, job, token, { search, request, run });
    await publishResult(context, search, request, summary);
    return run.withdrawn ? { ...summary, outcome: 'cancelled' } : summary;
  } catch (thrown) {
    if (!isSignal(thrown) && redisFailure(thrown) === undefined)
      await publishResult(context, search, request, asFailure(thrown));
    throw thrown;
  }
}

/** Goes round until every page and item is there or has failed, leaving by an error whenever it has to wait for one. */
async function collectAll(
  context: QueueContext,
  job: Job,
  token: string,
  { search, request, run: begun }: { search: SearchRef; request: NormalRequest; run: Run },
): Promise<SearchSummary> {
  let run = begun;
  const asked = new Set<string>();
  for (;;) {
    const standing = await standingOf(context, job, { search, request, run });
    const { next } = standing;
    if (run.cancelled || next.length === 0) return end(context, { search, request, run, standing });
    if (next.some(({ id }) => asked.has(id))) {
      // Nothing is under way, nothing failed, and yet an answer is not there: it was, and has expired.
      run = await context.runs.restart(search, job.attemptsMade);
      await job.log('results expired before the search ended: starting over as a new run');
      context.log.warn('results expired, starting over', {
        ...idsOfSearch(context, job),
        run: run.number,
      });
      continue;
    }
    await waitForAdmission(context, job, token, request, standing);
    await addCalls(context, { search, run: run.number, request }, next);
    await job.changePriority({ priority: FIRST });
    if (await job.moveToWaitingChildren(token)) throw new WaitingChildrenError();
    for (const { id } of next) asked.add(id);
    // Somebody may have cancelled while this looked away.
    run = (await context.runs.read(search)) ?? run;
  }
}

/** A search whose class may not spend now waits in this queue, where it costs no slot, and says why. */
async function waitForAdmission(
  { admission, deadlineMs }: QueueContext,
  job: Job,
  token: string,
  request: NormalRequest,
  { heads }: Standing,
): Promise<void> {
  const closed = await admission.closedFor(request.priority);
  const now = Date.now();
  if (closed === undefined || closed.until <= now) return;
  const { reason, until } = closed;
  if (now >= job.timestamp + deadlineMs)
    throw gaveUp(new Failure('share-spent', `no call may be made because of ${reason}`));
  const progress: SearchProgress = {
    state: 'waiting',
    pages: heads.length,
    of: plannedPages(request),
    products: heads.reduce((sum, { products }) => sum + products.length, 0),
    reason,
    until,
  };
  await job.updateProgress(progress);
  await job.moveToDelayed(nextLook(now, until), token);
  throw toBullMQ.delayed();
}

/** Figures may change before a far end, so half of the way is slept at a time; near ends are waited for. */
function nextLook(now: number, until: number): number {
  const half = now + (until - now) / 2;
  return Math.max(now + NEXT_LOOK_MS, Math.min(until, Math.max(half, now + LONGEST_HOLD_MS)));
}

async function end(
  context: QueueContext,
  ended: {
    search: SearchRef;
    request: NormalRequest;
    run: Run;
    standing: Standing;
  },
): Promise<SearchSummary> {
  const { search, request } = ended;
  const { heads, details, failed } = ended.standing;
  const { searchId } = search;
  // Read again: pages counted their calls, and somebody may have cancelled, since this run was looked at.
  const run = (await context.runs.read(search)) ?? ended.run;
  const complete = !run.cancelled && failed.every(({ page }) => page === null);
  const noLongerListed = (await compareWithHistory(context, { search, request, complete }))?.gone ?? [];
  const expiresAt = await context.results.expiresAt(search);
  const summary = summarise({
    searchId,
    request,
    run,
    heads,
    details,
    noLongerListed,
    failed,
    expiresAt,
    now: Date.now(),
  });
  await context.runs.end(search);
  const { outcome, error } = summary;
  if (outcome === 'failed' && error !== null)
    throw new Failure(error.code as FailureCode, error.message, { searchId });
  return summary;
}

/** Errors that say that a job has been moved, by us or by others; not failures. */
function isSignal(thrown: unknown): boolean {
  return thrown instanceof WaitingChildrenError || thrown instanceof DelayedError || isLockLost(thrown);
}

function aboutOf({ query, categoryIds, marketplaces, maxItems, priority }: NormalRequest) {
  return { query, categoryIds, marketplaces, maxItems, class: priority };
}

interface Collecting {
  search: SearchRef;
  request: NormalRequest;
  run: Run;
}

/** How a search stands that has no call under way. */
export interface Standing {
  /** In page order. */
  heads: PageHead[];
  /** By item id; of a search without details none. */
  details: Map<string, ItemAnswer>;
  /** What failed for good in this run. */
  failed: FailedCall[];
  /** What is to be called next; empty when the search has all it can get. */
  next: PlannedCall[];
}

/** Pages first; with `details: full`, once each page is there or has failed, the items of the products that there are. */
export async function standingOf(
  context: QueueContext,
  job: Job,
  { search, request, run }: Collecting,
): Promise<Standing> {
  const planned = request.marketplaces.flatMap((id) => chainOf(request, id).map(({ page }) => page));
  const stored = await context.results.readHeads(search, planned);
  const heads = stored.map(({ head }) => head);
  const wantsDetails = request.details === 'full';
  const details = wantsDetails ? await context.results.readDetails(search) : new Map<string, ItemAnswer>();
  const family = { search, run: run.number, request };
  const reasons = await failureReasons(job);

  const there = new Map(stored.map(({ page, head }) => [page, head]));
  const missingPages = firstMissing(request, there).map((planned) => ({
    ...planned,
    reason: reasons.get(pageJobId(search.searchId, run.number, planned.page)),
  }));
  const failedPages = missingPages.filter(hasFailed);
  const pages = missingPages.filter((page) => !hasFailed(page));
  if (pages.length > 0 || !wantsDetails) {
    const next = pages.map(({ reason, ...planned }) => pageCall(family, planned));
    return { heads, details, failed: failedPages, next };
  }

  const wanted = assembleHeads(request, heads).products.map(({ itemId, marketplace }) => ({
    itemId,
    marketplace,
  }));
  const missingItems = wanted
    .filter(({ itemId }) => !details.has(itemId))
    .map((item) => ({
      ...item,
      page: null,
      reason: reasons.get(itemJobId(search.searchId, run.number, item.itemId)),
    }));
  const failed = [...failedPages, ...missingItems.filter(hasFailed)];
  if (run.broken.includes(DETAILS)) return { heads, details, failed, next: [] };
  const open = new Set(missingItems.filter((item) => !hasFailed(item)).map(({ itemId }) => itemId));
  if (open.size === 0) return { heads, details, failed, next: [] };
  await context.results.wantItems(search, wanted);
  // All of these will be called for, so one more may wait in the queue than are under way: no slot passes it by.
  const lanes = lanesFor(Math.max(...heads.map(({ latencyMs }) => latencyMs)), context.intervalMs()) + 1;
  const first = firstOfLanes(wanted, ({ itemId }) => open.has(itemId), lanes);
  return { heads, details, failed, next: first.map((item) => itemCall(family, item, lanes)) };
}

function hasFailed<Call extends { reason: string | undefined }>(
  call: Call,
): call is Call & { reason: string } {
  return call.reason !== undefined;
}

/** Why children failed for good, by the id of their job. */
async function failureReasons(job: Job): Promise<Map<string, string>> {
  const failures = Object.entries(await job.getIgnoredChildrenFailures());
  return new Map(failures.map(([key, reason]) => [key.slice(key.lastIndexOf(':') + 1), reason]));
}
