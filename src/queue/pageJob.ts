import type { Job } from 'bullmq';
import { conditionsOf } from '../collector/conditions.ts';
import type { PageAnswer } from '../collector/pageAnswer.ts';
import { headOf } from '../collector/pageHead.ts';
import type { NormalRequest } from '../product/requestSchema.ts';
import { isWhollyKnown } from '../product/track.ts';
import { addCalls } from './addCalls.ts';
import type { Closed, QueueContext } from './context.ts';
import type { PageJobData, PageJobResult, SearchProgress } from './jobData.ts';
import { idsOfCall } from './logIds.ts';
import { lanesFor, pagesAfter, plannedPages } from './pageChain.ts';
import { pageCall } from './plannedCalls.ts';
import { wakeSearch } from './wakeSearch.ts';

/** One page of a search. */
export async function collectPage(
  context: QueueContext,
  job: Job,
  data: PageJobData,
  signal: AbortSignal,
): Promise<PageJobResult> {
  const { results, runs, collector } = context;
  const { search, page, run, request: asked, marketplace, offset, limit } = data;
  const [before, stored] = await Promise.all([runs.read(search), results.read(search, page)]);
  if (before?.cancelled) return { page, products: 0, skipped: 'cancelled' };
  const request = { ...asked, priority: before?.class ?? asked.priority };

  let answer = stored;
  let handlingMs = 0;
  if (answer === undefined) {
    const ids = idsOfCall(job, data);
    const call = { request, marketplace, offset, limit, class: request.priority, signal, ids };
    const collected = await collector.collectPage(call);
    const collectedAt = performance.now();
    answer = await upToTheKnown(context, request, collected);
    await results.store(search, page, answer, headOf(request, answer));
    context.metrics.collected(answer.products.length, answer.rejected);
    await job.log(`${answer.received} items in ${Math.round(answer.latencyMs)} ms, ${answer.calls} call(s)`);
    handlingMs = performance.now() - collectedAt;
  }
  await goOn(context, { search, run, request }, page, answer, answer.latencyMs + handlingMs);
  return {
    page,
    products: answer.products.length,
    ...(stored === undefined ? {} : { skipped: 'stored' as const }),
  };
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
  family: Pick<PageJobData, 'search' | 'run' | 'request'>,
  page: number,
  answer: PageAnswer,
  busyMs: number,
): Promise<void> {
  const { results, runs, searches, intervalMs } = context;
  const { search, request } = family;
  const [run, there] = await Promise.all([
    runs.pageDone(search, page, answer.products.length),
    results.stored(search),
  ]);
  if (run === undefined || run.cancelled) return;
  if (run.ended) {
    await wakeSearch(searches, search.searchId);
    return;
  }

  let closed: Closed | undefined;
  if (run.number === family.run && !run.broken.includes(answer.marketplace)) {
    // Where a page may be the last one, none may be under way beyond it.
    const lanes = endsAtTheKnown(request) ? 1 : lanesFor(busyMs, intervalMs());
    const next = pagesAfter(request, { ...answer, page }, new Set(there), lanes);
    closed = await addCalls(
      context,
      family,
      next.map((planned) => pageCall(family, planned)),
    );
  }
  const progress: SearchProgress = {
    state: closed === undefined ? 'collecting' : 'waiting',
    pages: there.length,
    of: plannedPages(request),
    products: run.products,
    ...closed,
  };
  await searches.updateJobProgress(search.searchId, progress);
}
