import type { Job } from 'bullmq';
import { conditionsOf } from '../collector/conditions.ts';
import type { PageAnswer } from '../collector/pageAnswer.ts';
import { headOf } from '../collector/pageHead.ts';
import type { NormalRequest } from '../product/requestSchema.ts';
import { isWhollyKnown } from '../product/track.ts';
import type { Run } from '../results/runState.ts';
import { addCalls } from './addCalls.ts';
import type { QueueContext } from './context.ts';
import type { PageJobData, PageJobResult, SearchProgress } from './jobData.ts';
import { idsOfCall } from './logIds.ts';
import { lanesFor, type PageDone, type PlannedPage, pagesAfter, plannedPages } from './pageChain.ts';
import { pageCall } from './plannedCalls.ts';
import { wakeSearch } from './wakeSearch.ts';

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
  await goOn(context, data, done);
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
    await upToTheKnown(context, request, await context.collector.collectPage(call)),
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
  await runs.breakChain(search, marketplace);
}

/** Newest first, what follows a page that the track knows is known too. */
function endsAtTheKnown({ track, sort }: NormalRequest): boolean {
  return track !== undefined && sort === 'newlyListed';
}

/** Decided before the page is stored, since at its end this very search teaches the track what it has seen. */
async function upToTheKnown(
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
async function goOn(
  context: QueueContext,
  data: PageJobData,
  { run, there, busyMs, products: _, ...done }: PageStanding,
): Promise<void> {
  const { searches, intervalMs } = context;
  const { search, request } = data;
  if (run === undefined || run.cancelled) return;
  if (run.ended) {
    await wakeSearch(searches, search.searchId);
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
