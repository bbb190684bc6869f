import type { Job } from 'bullmq';
import type { ItemAnswer, PageAnswer } from '../../collector/answers.ts';
import { conditionsOf, headOf, type PageHead } from '../../collector/assemble.ts';
import { Failure } from '../../failures.ts';
import type { NormalRequest } from '../../product/requestSchema.ts';
import { isWhollyKnown } from '../../product/track.ts';
import {
  itemField,
  itemFields,
  pageField,
  pageFields,
  type Run,
  type WantedItem,
} from '../../results/searchStore.ts';
import { isolateCrashing } from '../bullmq/crashLimit.ts';
import { holdQueue } from '../bullmq/queues.ts';
import { dueAt } from '../bullmq/repeat.ts';
import { isSignal, signals } from '../bullmq/signals.ts';
import type { QueueContext } from './context.ts';
import {
  CALL_VERSION,
  type CallJobData,
  callOptions,
  checkedRequest,
  deferNewerVersion,
  type ItemJobData,
  type ItemJobResult,
  idsOfCall,
  type PageJobData,
  type PageJobResult,
  readCall,
} from './jobData.ts';
import {
  advance,
  concurrencyFor,
  DETAILS,
  itemCall,
  itemConcurrency,
  itemsAfter,
  type PageDone,
  pageCall,
  pagesAfter,
  pagesOf,
  publishProgress,
  type SearchRun,
} from './plan.ts';
import { endsAllItems, type Verdict, verdictOn } from './retryPolicy.ts';

/** One job of the calls queue, a page or an item of a search: one call. */
export async function processCall(
  context: QueueContext,
  job: Job,
  token: string,
  signal: AbortSignal,
): Promise<PageJobResult | ItemJobResult> {
  let call: CallJobData | undefined;
  try {
    await deferNewerVersion(context, job, token, CALL_VERSION);
    const read = readCall(job);
    call = read;
    Object.assign(job.opts, callOptions(context.rules));
    return await isolateCrashing<PageJobResult | ItemJobResult>(context, job, token, () =>
      read.kind === 'page'
        ? collectPage(context, job, read, signal)
        : collectItem(context, job, read, signal),
    );
  } catch (thrown) {
    if (isSignal(thrown)) throw thrown;
    const due = call === undefined ? job.timestamp : dueAt(call.search.searchId, call.search.timestamp);
    const verdict = verdictOn(thrown, {
      attemptsMade: job.attemptsMade,
      attempts: context.rules.attempts,
      deadline: due + context.deadlineMs,
      now: Date.now(),
    });
    // Without Redis nothing can be recorded, which changes nothing for the job.
    if (call !== undefined) await recordFailure(context, job, call, verdict).catch(() => undefined);
    throw await carryOut(context, job, token, verdict);
  }
}

/** One page of a search. */
async function collectPage(
  context: QueueContext,
  job: Job,
  data: PageJobData,
  signal: AbortSignal,
): Promise<PageJobResult> {
  const { store, collector, intervalMs } = context;
  const { search, page, marketplace, offset, limit } = data;
  const found = await store.look(search, pageField(page));
  if (found.run?.cancelled) return { page, products: 0, skipped: 'cancelled' };
  const run = await runOf(context, data, found.run);
  const { request } = run;
  const isPlanned = pagesOf(request, marketplace).some(
    (planned) => planned.page === page && planned.offset === offset && planned.limit === limit,
  );
  if (!isPlanned) throw notPlanned(data);

  const [stored] = found.isStored ? await store.readHeads(search, [page]) : [];
  const call = {
    request,
    marketplace,
    offset,
    limit,
    class: request.priority,
    signal,
    ids: idsOfCall(job, data),
  };
  const done =
    stored === undefined
      ? packed(context, page, request, await stopAtKnown(context, request, await collector.collectPage(call)))
      : pageDone(page, stored.head, {});
  // Where a page may be the last one, none may be under way beyond it.
  const concurrency = endsAtKnown(request) ? 1 : concurrencyFor(done.latencyMs, intervalMs());
  const followers = pagesAfter(request, done).map((planned) => pageCall(run, planned));
  await advance(context, run, { chain: marketplace, answer: done.answer, concurrency }, followers);
  return { page, products: done.products, ...(stored === undefined ? {} : { skipped: 'stored' as const }) };
}

/** A page that is there, without its products. */
interface CollectedPage extends PageDone {
  products: number;
  latencyMs: number;
  /** Its fields in the search store; none where they stand there already. */
  answer: Record<string, Buffer>;
}

/** Large objects that live through a wait cost the garbage collector more than packing them before it. */
function packed(
  { metrics }: QueueContext,
  page: number,
  request: NormalRequest,
  answer: PageAnswer,
): CollectedPage {
  metrics.collected(answer.products.length, answer.rejected);
  return pageDone(page, answer, pageFields(page, answer, headOf(request, answer)));
}

function pageDone(
  page: number,
  { marketplace, hasNext, endsAtKnown, total, latencyMs, products }: PageHead | PageAnswer,
  answer: Record<string, Buffer>,
): CollectedPage {
  const known = endsAtKnown ? { endsAtKnown } : {};
  return { page, marketplace, hasNext, total, ...known, latencyMs, products: products.length, answer };
}

/** Newest first, what follows a page that the track knows is known too. */
function endsAtKnown({ track, sort }: NormalRequest): boolean {
  return track !== undefined && sort === 'newlyListed';
}

/** Decided before the page is stored, because at its end this very search writes to the track what it has seen. */
async function stopAtKnown(
  { tracks, tenant }: QueueContext,
  request: NormalRequest,
  answer: PageAnswer,
): Promise<PageAnswer> {
  if (!endsAtKnown(request)) return answer;
  // Those that the request's conditions drop are never delivered and so never known.
  const itemIds = answer.products.filter(conditionsOf(request)).map(({ itemId }) => itemId);
  const track = await tracks.look(tenant, request.track as string, itemIds);
  return isWhollyKnown(track, itemIds) ? { ...answer, endsAtKnown: true } : answer;
}

/** The details of one product. */
async function collectItem(
  context: QueueContext,
  job: Job,
  data: ItemJobData,
  signal: AbortSignal,
): Promise<ItemJobResult> {
  const { store, collector } = context;
  const { search, itemId, marketplace } = data;
  const [found, wanted] = await Promise.all([
    store.look(search, itemField(itemId)),
    store.wantedItems(search),
  ]);
  if (found.run?.cancelled) return { itemId, availability: null, skipped: 'cancelled' };
  const run = await runOf(context, data, found.run);
  const { request } = run;
  const isPlanned = wanted.some((item) => item.itemId === itemId && item.marketplace === marketplace);
  if (!isPlanned) throw notPlanned(data);

  const stored = found.isStored ? (await store.readItems(search, [itemId])).get(itemId) : undefined;
  const call = { request, marketplace, itemId, class: request.priority, signal, ids: idsOfCall(job, data) };
  const answer = stored ?? (await collector.collectDetails(call));
  await itemDone(context, run, wanted, itemId, stored === undefined ? answer : undefined);
  const { availability } = answer.details;
  return { itemId, availability, ...(stored === undefined ? {} : { skipped: 'stored' as const }) };
}

async function itemDone(
  context: QueueContext,
  run: SearchRun,
  wanted: readonly WantedItem[],
  itemId: string,
  answer: ItemAnswer | undefined,
): Promise<void> {
  const step = {
    chain: DETAILS,
    answer: answer === undefined ? {} : itemFields(itemId, answer),
    concurrency: itemConcurrency(answer?.latencyMs ?? 0, context.intervalMs()),
  };
  await advance(
    context,
    run,
    step,
    itemsAfter(wanted, itemId).map((item) => itemCall(run, item)),
  );
}

/**
 * The run of a call, with what its search asks for.
 * @throws Failure `search_not_found` or `invalid_payload`: anyone with BullMQ may have added the job
 */
async function runOf(context: QueueContext, data: CallJobData, run: Run | undefined): Promise<SearchRun> {
  const { search } = data;
  if (run === undefined || search.tenant !== context.tenant)
    throw new Failure('search_not_found', `no search ${search.searchId.slice(0, 64)} of ${search.timestamp}`);
  if (run.request !== undefined)
    return { search, number: data.run, request: run.request, waiting: run.waiting };
  // A worker of version 0.1 has begun the run and added this call.
  if (data.v !== 1) throw notPlanned(data);
  const request = checkedRequest(data.request, context);
  await context.store.adopt(search, request);
  return { search, number: data.run, request, waiting: run.waiting };
}

function notPlanned({ kind, search }: CallJobData): Failure {
  return new Failure('invalid_payload', `search ${search.searchId} has no such ${kind} to call for`);
}

/** Writes down what went wrong: for the search, those who wait for it, and the log. */
async function recordFailure(
  context: QueueContext,
  job: Job,
  call: CallJobData,
  { action, failure, ...rest }: Verdict,
): Promise<void> {
  const { store, log } = context;
  const { search, kind } = call;
  const about = { ...idsOfCall(job, call), code: failure.code };
  if (action === 'fail') log.error(`${kind} failed`, { ...about, reason: failure.message });
  else log.warn(`${kind} deferred`, { ...about, action, reason: failure.message, ...rest });
  const run = await store.readRun(search);
  // Of a job that is not a call of this search nothing is to be said there.
  if (run?.request === undefined || failure.code === 'invalid_payload') return;
  await store.countFailedCalls(search, failure.detail.calls ?? 0);
  const { request } = run;
  if (action === 'fail')
    await callFailed(context, call, { ...run, search, number: call.run, request }, failure);
  if (action === 'hold' || action === 'delay') {
    const { reason = failure.code, until } = failure.detail;
    await publishProgress(
      context,
      { search, request },
      { reason, ...(until === undefined ? {} : { until }) },
    );
  }
}

/** A marketplace ends with a page that failed. An item that failed says nothing about the next ones. */
async function callFailed(
  context: QueueContext,
  call: CallJobData,
  run: SearchRun,
  failure: Failure,
): Promise<void> {
  const { store } = context;
  const { search } = run;
  if (call.kind === 'page') await store.mark(search, `broken:${call.marketplace}`);
  else if (endsAllItems(failure)) await store.mark(search, `broken:${DETAILS}`);
  else await itemDone(context, run, await store.wantedItems(search), call.itemId, undefined);
}

/** Does what the verdict says and returns the error by which BullMQ learns of it. */
async function carryOut(context: QueueContext, job: Job, token: string, verdict: Verdict): Promise<Error> {
  switch (verdict.action) {
    case 'fail':
      return signals.fail(verdict.failure);
    case 'retry':
      return signals.retry(verdict.failure);
    case 'hold':
      await holdQueue(context.redis, context.calls, verdict.until - Date.now());
      return signals.handBack();
    case 'delay':
      await job.moveToDelayed(verdict.until, token);
      return signals.delayed();
    case 'handBack':
      return signals.handBack();
  }
}
