import type { Job } from 'bullmq';
import type { PageAnswer } from '../collector/pageAnswer.ts';
import type { Failure } from '../failures.ts';
import { addPages } from './addPages.ts';
import { holdQueue } from './callsQueue.ts';
import type { QueueContext } from './context.ts';
import { type PageJobData, type PageJobResult, pageOptions, type SearchProgress } from './jobData.ts';
import { lanesFor, pagesAfter, plannedPages } from './pageChain.ts';
import { readPage } from './readJob.ts';
import { toBullMQ, type Verdict, verdictOn } from './verdict.ts';
import { wakeSearch } from './wakeSearch.ts';

/** One page of a search: one call. The answer is stored first; everything after it may be done twice. */
export async function processPage(
  context: QueueContext,
  job: Job,
  token: string,
  signal: AbortSignal,
): Promise<PageJobResult> {
  let page: PageJobData | undefined;
  try {
    page = readPage(job, context);
    Object.assign(job.opts, pageOptions(page.request, context.rules));
    return await collect(context, job, page, signal);
  } catch (thrown) {
    const verdict = verdictOn(thrown, {
      attemptsMade: job.attemptsMade,
      attempts: context.rules.attempts,
      deadline: (page?.search.timestamp ?? job.timestamp) + context.deadlineMs,
      now: Date.now(),
    });
    if (page !== undefined) await note(context, page, verdict);
    throw await carryOut(context, job, token, verdict);
  }
}

async function collect(
  context: QueueContext,
  job: Job,
  { search, page, run, request: asked, marketplace, offset, limit }: PageJobData,
  signal: AbortSignal,
): Promise<PageJobResult> {
  const { results, runs, collector } = context;
  const [before, stored] = await Promise.all([runs.read(search), results.read(search, page)]);
  if (before?.cancelled) return { page, products: 0, skipped: 'cancelled' };
  const request = { ...asked, priority: before?.class ?? asked.priority };

  const answer =
    stored ??
    (await collector.collectPage({ request, marketplace, offset, limit, class: request.priority, signal }));
  if (stored === undefined) {
    await results.store(search, page, answer);
    await job.log(`${answer.received} items in ${Math.round(answer.latencyMs)} ms, ${answer.calls} call(s)`);
  }
  await goOn(context, { search, run, request }, page, answer);
  return {
    page,
    products: answer.products.length,
    ...(stored === undefined ? {} : { skipped: 'stored' as const }),
  };
}

/** What follows a page that is there: the pages after it, or a new run where the search had already been summed up. */
async function goOn(
  context: QueueContext,
  family: Pick<PageJobData, 'search' | 'run' | 'request'>,
  page: number,
  answer: PageAnswer,
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

  if (run.number === family.run && !run.broken.includes(answer.marketplace)) {
    const lanes = lanesFor(answer.latencyMs, intervalMs);
    await addPages(context, family, pagesAfter(request, { ...answer, page }, new Set(there), lanes));
  }
  const progress: SearchProgress = {
    state: 'collecting',
    pages: there.length,
    of: plannedPages(request),
    products: run.products,
  };
  await searches.updateJobProgress(search.searchId, progress);
}

/** Leaves word of what went wrong: for the search, the person who waits and the log. */
async function note(
  context: QueueContext,
  page: PageJobData,
  { action, failure, ...rest }: Verdict,
): Promise<void> {
  const { runs, searches, log } = context;
  const { search, marketplace } = page;
  const about = { searchId: search.searchId, page: page.page, marketplace, code: failure.code };
  await runs.spentInVain(search, failure.detail.calls ?? 0);
  if (action === 'fail') {
    await runs.breakChain(search, marketplace);
    log.error('page failed', { ...about, reason: failure.message });
  } else {
    log.warn('page has to wait', { ...about, action, reason: failure.message, ...rest });
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
  const { because = failure.code, until } = failure.detail;
  await job.updateProgress({ ...(job.progress as object), state: 'waiting', because, until });
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
