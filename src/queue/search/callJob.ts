import { DelayedError, type Job } from 'bullmq';
import type { PageAnswer } from '../../collector/answers.ts';
import { conditionsOf, headOf } from '../../collector/assemble.ts';
import type { Failure } from '../../failures.ts';
import type { NormalRequest } from '../../product/requestSchema.ts';
import { isWhollyKnown } from '../../product/track.ts';
import type { WantedItem } from '../../results/resultStore.ts';
import type { Run } from '../../results/runState.ts';
import { isolateCrashing } from '../bullmq/crashLimit.ts';
import { holdQueue, resumeSearch } from '../bullmq/queues.ts';
import { isLockLost } from '../bullmq/worker.ts';
import {
  addCalls,
  itemCall,
  lanesFor,
  type PageDone,
  type PlannedPage,
  pageCall,
  pagesAfter,
  plannedPages,
} from './calls.ts';
import type { QueueContext } from './context.ts';
import {
  type CallJobData,
  callOptions,
  deferNewerVersion,
  type ItemJobData,
  type ItemJobResult,
  idsOfCall,
  type PageJobData,
  type PageJobResult,
  readCall,
  type SearchProgress,
} from './jobData.ts';
import { toBullMQ, type Verdict, verdictOn } from './retryPolicy.ts';

/** One job of the calls queue: one call. The answer is stored first; everything after it may be done twice. */
export async function processCall(
  context: QueueContext,
  job: Job,
  token: string,
  signal: AbortSignal,
): Promise<PageJobResult | ItemJobResult> {
  let call: CallJobData | undefined;
  try {
    await deferNewerVersion(context, job, token);
    const read = readCall(job, context);
    call = read;
    Object.assign(job.opts, callOptions(read.request, context.rules));
    return await isolateCrashing<PageJobResult | ItemJobResult>(context, job, token, () =>
      read.kind === 'page'
        ? collectPage(context, job, read, signal)
        : collectItem(context, job, read, signal),
    );
  } catch (thrown) {
    if (thrown instanceof DelayedError || isLockLost(thrown)) throw thrown;
    const verdict = verdictOn(thrown, {
      attemptsMade: job.attemptsMade,
      attempts: context.rules.attempts,
      deadline: (call?.search.timestamp ?? job.timestamp) + context.deadlineMs,
      now: Date.now(),
    });
    // Without Redis nothing can be noted, and what happens to the job does not hang on it.
    if (call !== undefined) await note(context, job, call, verdict).catch(() => undefined);
    throw await carryOut(context, job, token, verdict);
  }
}

/** Leaves word of what went wrong: for the search, the person who waits and the log. */
async function note(
  context: QueueContext,
  job: Job,
  call: CallJobData,
  { action, failure, ...rest }: Verdict,
): Promise<void> {
  const { runs, searches, log } = context;
  const { search, kind } = call;
  const about = { ...idsOfCall(job, call), code: failure.code };
  await runs.countFailedCalls(search, failure.detail.calls ?? 0);
  if (action === 'fail') {
    await (call.kind === 'page' ? pageFailed(context, call) : itemFailed(context, call, failure));
    log.error(`${kind} failed`, { ...about, reason: failure.message });
  } else {
    log.warn(`${kind} has to wait`, { ...about, action, reason: failure.message, ...rest });
  }
  if (action === 'hold' || action === 'delay') await tellWaiting(searches, search.searchId, failure);
}

async function tellWaiting(
  searches: QueueContext['searches'],
  searchId: string,
  failure: Failure,
): Promise<void> {
  const job = await searches.getJob(searchId);
  if (job === undefined) return;
  const { reason = failure.code, until } = failure.detail;
  await job.updateProgress({ ...(job.progress as object), state: 'waiting', reason, until });
}

/** Does what the verdict says and returns the error by which BullMQ learns of it. */
async function carryOut(context: QueueContext, job: Job, token: string, verdict: Verdict): Promise<Error> {
  switch (verdict.action) {
    case 'fail':
      return toBullMQ.fail(verdict.failure);
    case 'retry':
      return toBullMQ.retry(verdict.failure);
    case 'hold':
      await holdQueue(context.redis, context.calls, verdict.until - Date.now());
      return toBullMQ.backToHead();
    case 'delay':
      await job.moveToDelayed(verdict.until, token);
      return toBullMQ.delayed();
    case 'handBack':
      return toBullMQ.backToHead();
  }
}

/** One page of a search. */
export async function collectPage(
  context: QueueContext,
  job: Job,
  asked: PageJobData,
  signal: AbortSignal,
): Promise<PageJobResult> {
  const { results, runs } = context;
  const { search, page } = asked;
  const [before, stored] = await Promise.all([runs.read(search), results.read(search, page)]);
  if (before?.cancelled) return { page, products: 0, skipped: 'cancelled' };
  const request = { ...asked.request, priority: before?.class ?? asked.request.priority };
  const data = { ...asked, request };
  const done =
    stored === undefined
      ? await collectNew(context, job, data, signal)
      : await standingAfter(context, data, stored, results.stored(search), stored.latencyMs);
  await enqueueNextPages(context, data, done);
  const { products } = done;
  return { page, products, ...(stored === undefined ? {} : { skipped: 'stored' as const }) };
}

/** A page that is there, and how its search stands then. Its products themselves are held no longer. */
interface PageStanding extends PageDone {
  products: number;
  /** Undefined when it is forgotten. */
  run: Run | undefined;
  /** Numbers of the pages that are there. */
  there: number[];
  /** From the call's slot until its answer was stored, ms. */
  busyMs: number;
}

async function collectNew(
  context: QueueContext,
  job: Job,
  data: PageJobData,
  signal: AbortSignal,
): Promise<PageStanding> {
  const { request, marketplace, offset, limit } = data;
  const ids = idsOfCall(job, data);
  const call = { request, marketplace, offset, limit, class: request.priority, signal, ids };
  return keep(
    context,
    job,
    data,
    await stopAtKnown(context, request, await context.collector.collectPage(call)),
  );
}

/** All of it leaves at once, the answer first; what comes after it may be done twice. */
function keep(context: QueueContext, job: Job, data: PageJobData, answer: PageAnswer): Promise<PageStanding> {
  const { search, page, request } = data;
  const collectedAt = performance.now();
  const stored = context.results.store(search, page, answer, headOf(request, answer));
  context.metrics.collected(answer.products.length, answer.rejected);
  const { received, latencyMs, calls } = answer;
  const standing = standingAfter(context, data, answer, stored, latencyMs);
  const logged = job.log(`${received} items in ${Math.round(latencyMs)} ms, ${calls} call(s)`);
  return Promise.all([standing, logged]).then(([done]) => ({
    ...done,
    busyMs: latencyMs + performance.now() - collectedAt,
  }));
}

function standingAfter(
  { runs }: QueueContext,
  { search, page }: PageJobData,
  { marketplace, hasNext, endsAtKnown, total, products: { length: products } }: PageAnswer,
  stored: Promise<number[]>,
  busyMs: number,
): Promise<PageStanding> {
  const done: PageDone = { page, marketplace, hasNext, total, ...(endsAtKnown ? { endsAtKnown } : {}) };
  return Promise.all([runs.pageDone(search, page, products), stored]).then(([run, there]) => ({
    ...done,
    products,
    run,
    there,
    busyMs,
  }));
}

/** No page of this marketplace is asked for after one that failed for good. */
export async function pageFailed(
  { runs }: QueueContext,
  { search, marketplace }: PageJobData,
): Promise<void> {
  await runs.stopPaging(search, marketplace);
}

/** Newest first, what follows a page that the track knows is known too. */
function endsAtTheKnown({ track, sort }: NormalRequest): boolean {
  return track !== undefined && sort === 'newlyListed';
}

/** Decided before the page is stored, since at its end this very search teaches the track what it has seen. */
async function stopAtKnown(
  { tracks, tenant }: QueueContext,
  request: NormalRequest,
  answer: PageAnswer,
): Promise<PageAnswer> {
  if (!endsAtTheKnown(request)) return answer;
  // Those that the request's conditions drop are never delivered and so never known.
  const itemIds = answer.products.filter(conditionsOf(request)).map(({ itemId }) => itemId);
  const track = await tracks.look(tenant, request.track as string, itemIds);
  return isWhollyKnown(track, itemIds) ? { ...answer, endsAtKnown: true } : answer;
}

/** What follows a page that is there: the pages after it, or a new run where the search had already been summed up. */
async function enqueueNextPages(
  context: QueueContext,
  data: PageJobData,
  { run, there, busyMs, products: _, ...done }: PageStanding,
): Promise<void> {
  const { searches, intervalMs } = context;
  const { search, request } = data;
  if (run === undefined || run.cancelled) return;
  if (run.ended) {
    await resumeSearch(searches, search.searchId);
    return;
  }

  let next: PlannedPage[] = [];
  if (run.number === data.run && !run.broken.includes(done.marketplace)) {
    // Where a page may be the last one, none may be under way beyond it.
    const lanes = endsAtTheKnown(request) ? 1 : lanesFor(busyMs, intervalMs());
    next = pagesAfter(request, done, new Set(there), lanes);
  }
  const family = { search, run: data.run, request };
  const planned = next.map((each) => pageCall(family, each));
  await addCalls(context, family, planned, (closed) => {
    const progress: SearchProgress = {
      state: closed === undefined ? 'collecting' : 'waiting',
      pages: there.length,
      of: plannedPages(request),
      products: run.products,
      ...closed,
    };
    return searches.updateJobProgress(search.searchId, progress);
  });
}

/** The name under which a run notes that no further details are asked for. */
export const DETAILS = 'details';

/** The details of one product. */
export async function collectItem(
  context: QueueContext,
  job: Job,
  item: ItemJobData,
  signal: AbortSignal,
): Promise<ItemJobResult> {
  const { results, runs, collector } = context;
  const { search, itemId, marketplace, request: asked } = item;
  const [before, stored] = await Promise.all([runs.read(search), results.readItem(search, itemId)]);
  if (before?.cancelled) return { itemId, availability: null, skipped: 'cancelled' };
  const request = { ...asked, priority: before?.class ?? asked.priority };

  let answer = stored;
  if (answer === undefined) {
    const call = { request, marketplace, itemId, class: request.priority, signal };
    answer = await collector.collectDetails(call);
    await Promise.all([
      results.storeItem(search, itemId, answer),
      job.log(`in ${Math.round(answer.latencyMs)} ms, ${answer.calls} call(s)`),
    ]);
  }
  const run = await runs.read(search);
  if (run?.ended && !run.cancelled) await resumeSearch(context.searches, search.searchId);
  else await enqueueNextItem(context, { ...item, request }, run);
  const { availability } = answer.details;
  return { itemId, availability, ...(stored === undefined ? {} : { skipped: 'stored' as const }) };
}

/** An item that failed says nothing about the next, unless no call will be made any more. */
export async function itemFailed(context: QueueContext, item: ItemJobData, failure: Failure): Promise<void> {
  const { runs } = context;
  const hopeless = failure.code === 'credential-refused' || failure.code === 'gave-up-waiting';
  if (hopeless) await runs.stopPaging(item.search, DETAILS);
  else await enqueueNextItem(context, item, await runs.read(item.search));
}

/** Adds the item that follows in this one's lane. */
async function enqueueNextItem(
  context: QueueContext,
  item: ItemJobData,
  run: Run | undefined,
): Promise<void> {
  const { results, searches } = context;
  const { search, request, itemId, lanes } = item;
  if (run === undefined || run.cancelled || run.ended || run.number !== item.run) return;
  if (run.broken.includes(DETAILS)) return;
  const [wanted, there, pages] = await Promise.all([
    results.wantedItems(search),
    results.storedItems(search),
    results.stored(search),
  ]);
  const next = nextInLane(wanted, (each) => !there.has(each.itemId), itemId, lanes);
  const planned = next.map((each) => itemCall(item, each, lanes));
  await addCalls(context, item, planned, (closed) => {
    const progress: SearchProgress = {
      state: closed === undefined ? 'collecting' : 'waiting',
      pages: pages.length,
      of: plannedPages(request),
      products: run.products,
      details: { there: there.size, of: wanted.length },
      ...closed,
    };
    return searches.updateJobProgress(search.searchId, progress);
  });
}

/**
 * The items of a search are called for in lanes: of three, the first has items 1, 4, 7, … and the second 2, 5, 8, ….
 * Within a lane each item is followed by the next, so that as many as there are lanes are under way, nothing is planned
 * far ahead, and each item has exactly one that adds it.
 */
export function firstOfLanes(
  wanted: readonly WantedItem[],
  isOpen: (item: WantedItem) => boolean,
  lanes: number,
): WantedItem[] {
  return Array.from({ length: lanes }, (_, lane) => firstOpen(wanted, isOpen, lane, lanes)).flat();
}

/** The open item that follows this one in its lane. */
export function nextInLane(
  wanted: readonly WantedItem[],
  isOpen: (item: WantedItem) => boolean,
  itemId: string,
  lanes: number,
): WantedItem[] {
  const place = wanted.findIndex((item) => item.itemId === itemId);
  return place < 0 ? [] : firstOpen(wanted, isOpen, place + lanes, lanes);
}

function firstOpen(
  wanted: readonly WantedItem[],
  isOpen: (item: WantedItem) => boolean,
  from: number,
  step: number,
): WantedItem[] {
  for (let place = from; place < wanted.length; place += step) {
    const item = wanted[place] as WantedItem;
    if (isOpen(item)) return [item];
  }
  return [];
}
