import type { Job } from 'bullmq';
import type { ItemAnswer, PageAnswer } from '../../collector/answers.ts';
import { assembleHeads, conditionsOf, headOf } from '../../collector/assemble.ts';
import type { PageCall } from '../../collector/collector.ts';
import { factsOf, mostItems, needOf, pagesAhead, shareOf } from '../../collector/paging.ts';
import { asFailure, Failure } from '../../failures.ts';
import { pictureName } from '../../product/picture.ts';
import type { NormalRequest } from '../../product/requestSchema.ts';
import { isAllKnownBehind, trackFingerprint } from '../../product/track.ts';
import { redisFailure } from '../../redis/failure.ts';
import { answeredAt } from '../../results/itemAnswers.ts';
import {
  itemField,
  itemFields,
  pageField,
  pageFields,
  type Run,
  type SearchRef,
  type WantedItem,
} from '../../results/searchStore.ts';
import { isolateCrashing } from '../bullmq/crashLimit.ts';

import { holdQueue, itemJobId, LONGEST_DELAY_MS, pageJobId } from '../bullmq/queues.ts';

import { isSignal, signals } from '../bullmq/signals.ts';
import { collectTogether, sharedLook } from '../watch/watchlists/bulkLooks.ts';
import { noteSellers } from '../watch/watchlists/lookEnd.ts';
import { watchLookOf } from '../watch/watchlists/lookIds.ts';
import type { QueueContext } from './context.ts';
import {
  CALL_VERSION,
  type CallJobData,
  type CallJobResult,
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
  isOverdue,
  itemCall,
  itemConcurrency,
  itemsAfter,
  pageCall,
  promote,
  publishProgress,
  type SearchRun,
} from './plan.ts';
import { deadlineOf, endsAllItems, gaveUp, limitOf, type Verdict, verdictOn } from './retryPolicy.ts';
import { takeKnown } from './wantedItems.ts';

/** One job of the calls queue, a page or an item of a search: one call. */
export async function processCall(
  context: QueueContext,
  job: Job,
  signal: AbortSignal,
): Promise<CallJobResult> {
  let call: CallJobData | undefined;
  try {
    await deferNewerVersion(context, job, CALL_VERSION);
    const read = readCall(job);
    call = read;
    Object.assign(job.opts, callOptions(context.rules));
    return await isolateCrashing<CallJobResult>(context, job, () =>
      read.kind === 'page'
        ? collectPage(context, job, read, signal)
        : collectItem(context, job, read, signal),
    );
  } catch (thrown) {
    if (isSignal(thrown)) throw thrown;
    // Without Redis it is not known, and the job waits for Redis.
    const run = call && (await context.store.readRun(call.search).catch(() => undefined));
    const verdict = verdictOn(thrown, {
      attemptsMade: job.attemptsMade,
      attempts: context.rules.attempts,
      backoffMs: context.rules.backoffMs,
      deadline: deadlineOf(context, run),
      limit: limitOf(context, run),
      now: Date.now(),
    });
    if (call === undefined && verdict.failure.code === 'invalid_payload') await detach(job);
    // Without Redis nothing can be recorded, which changes nothing for the job.
    if (call !== undefined) await recordFailure(context, job, call, run, verdict).catch(() => undefined);
    throw await carryOut(context, job, call, verdict);
  }
}

/** One page of a search. */
async function collectPage(
  context: QueueContext,
  job: Job,
  data: PageJobData,
  signal: AbortSignal,
): Promise<PageJobResult> {
  const { store, intervalMs } = context;
  const { search, page, marketplace, offset, limit } = data;
  const found = await store.look(search, pageField(page), marketplace);
  if (found.run?.cancelled) return { page, products: 0, skipped: 'cancelled' };
  const run = await runOf(context, job, data, found.run);
  const { request } = run;
  const need = needOf(request, data, found.facts);
  if (need === 'ended' && !found.isStored) return { page, products: 0, skipped: 'ended' };
  if (need === 'foreign') throw await notPlanned(job, data);
  if (need !== 'needed' && !found.isStored && !(await isNext(context, run, data))) {
    if (need === 'unsure') throw await notPlanned(job, data);
    // Removed, so that the same page can be added again when it is the next one.
    job.opts.removeOnComplete = true;
    return { page, products: 0, skipped: 'astray' };
  }

  if (!found.isStored && isTooLate(context, job, run)) throw gaveUp(undefined, limitOf(context, run));
  const [stored] = found.isStored ? await store.readHeads(search, [page]) : [];
  const ids = idsOfCall(job, data);
  const charge = context.budgets.chargeOf(search.searchId, run.budgets);
  const call = {
    marketplace,
    offset,
    limit,
    class: request.priority,
    charge,
    signal,
    ids,
    ...sellersOf(context, search),
  };
  const { head, answer } = stored
    ? { ...stored, answer: {} }
    : await packedPage(context, page, { ...call, request: await withPicture(context, run) });
  // Where a page may be the last one, none may be under way beyond it.
  const concurrency = endsAtKnown(request) ? 1 : concurrencyFor(head.latencyMs, intervalMs());
  const facts = factsOf(head);
  const ahead = head.endsAtKnown ? [] : pagesAhead(request, head, [...found.facts, facts]);
  const followers = ahead.map((address) => pageCall(run, address));
  // Its search may have ended with the stored page, and would end twice. One that was retried may have stored it before it died.
  const resumes = stored === undefined || job.attemptsMade > 0;
  await advance(context, run, { chain: marketplace, answer, facts, concurrency }, followers, resumes);
  return { page, products: head.products.length, ...(stored && { skipped: 'stored' }) };
}

/** For looks at watchlists. */
function sellersOf(context: QueueContext, { searchId }: SearchRef): Pick<PageCall, 'noteSellers'> {
  if (watchLookOf(searchId) === undefined) return {};
  const note = (sellers: ReadonlyMap<string, string>) =>
    noteSellers(context, searchId, sellers).catch((error) => {
      throw redisFailure(error) ?? error;
    });
  return { noteSellers: note };
}

/** The request of a run with its picture, which the job of its search alone has. */
async function withPicture(context: QueueContext, { search, request }: SearchRun): Promise<NormalRequest> {
  if (request.image === undefined) return request;
  const job = await context.searches.getJob(search.searchId);
  const { image } = job?.timestamp === search.timestamp ? checkedRequest(job.data, context) : {};
  if (image !== undefined && pictureName(image) === pictureName(request.image)) return { ...request, image };
  throw new Failure('search_not_found', `the picture of search ${search.searchId} is not there`);
}

/** Whether the search no longer waits for this call. One that is retried after the end of the search starts it again. */
function isTooLate(context: QueueContext, { attemptsMade }: Job, run: SearchRun): boolean {
  return isOverdue(context, run) && !(run.ended && attemptsMade > 0);
}

/** Whether a page is what the search itself asks for now, by all of the pages that are there. */
async function isNext(
  { store }: QueueContext,
  { search, request }: SearchRun,
  { marketplace, offset }: PageJobData,
): Promise<boolean> {
  const { next } = assembleHeads(request, await store.readAllHeads(search));
  return next.some((address) => address.marketplace === marketplace && address.offset === offset);
}

/** Calls for a page. Its products are packed at once: until they are stored, less is held in memory. */
async function packedPage(context: QueueContext, page: number, call: PageCall) {
  const { collector, metrics } = context;
  const answer = await stopAtKnown(context, call.request, await collector.collectPage(call));
  metrics.collected(answer.products.length, answer.rejected);
  const head = headOf(call.request, answer);
  return { head, answer: pageFields(page, answer, head) };
}

/** Newest first, what follows a page whose end the track knows is known too. */
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
  const itemIds = answer.products.map(({ itemId }) => itemId);
  const fitting = answer.products.filter(conditionsOf(request)).map(({ itemId }) => itemId);
  const name = { tenant, name: request.track as string, request: trackFingerprint(request) };
  const track = await tracks.look(name, itemIds);
  const { marketplace } = answer;
  const total = answer.total ?? Number.POSITIVE_INFINITY;
  const wanted = Math.min(shareOf(request, marketplace), total);
  const within = Math.min(mostItems(request, marketplace), total);
  return isAllKnownBehind(track, { itemIds, fitting }, { marketplace, wanted, within })
    ? { ...answer, endsAtKnown: true }
    : answer;
}

/** Items whose answers are looked for before jobs are added for them, where other searches may be asking for the same. */
const NEXT_ITEMS = 5;

/** One item of a search. */
async function collectItem(
  context: QueueContext,
  job: Job,
  data: ItemJobData,
  signal: AbortSignal,
): Promise<ItemJobResult> {
  const { store } = context;
  const { search, itemId, marketplace } = data;
  const [found, wanted] = await Promise.all([
    store.look(search, itemField(itemId)),
    store.wantedItems(search),
  ]);
  if (found.run?.cancelled) return { itemId, availability: null, skipped: 'cancelled' };
  const run = await runOf(context, job, data, found.run);
  const { request } = run;
  const item = wanted.find((each) => each.itemId === itemId && each.marketplace === marketplace);
  if (item === undefined) throw await notPlanned(job, data);

  if (!found.isStored && isTooLate(context, job, run)) throw gaveUp(undefined, limitOf(context, run));
  const stored = found.isStored ? (await store.readItems(search, [itemId])).get(itemId) : undefined;
  const known = stored ? { answer: stored } : await claimItem(context, job, run, item);
  if (known !== undefined) {
    // Others may have begun to wait since it was shared, or its worker died before. What was stored before the affiliate
    // campaign changed has other links than they may take, and what a look at a watchlist was answered may be of a call for
    // several items, which says less.
    const mayShare =
      run.campaignId === context.itemAnswers.campaignId && watchLookOf(search.searchId) === undefined;
    if (mayShare) await shareAnswer(context, job, run, item, known.answer);
    if (!stored) {
      await store.addKnown(search, new Map([[itemId, known.answer]]), answeredAt(known.answer));
      context.metrics.reused(1);
      // The same search as led to this answer is likely to have led to those that follow.
      await takeKnown(context, run, itemsAfter(wanted, itemId));
    }
    // One at a time: the search whose calls lead is ahead, and each job takes a place in the queue.
    await itemDone(context, run, wanted, itemId, undefined, 1);
    return { itemId, availability: known.answer.details.availability, skipped: 'stored' };
  }
  const charge = context.budgets.chargeOf(search.searchId, run.budgets);
  const call = {
    request,
    marketplace,
    itemId,
    class: request.priority,
    charge,
    signal,
    ...sellersOf(context, search),
  };
  // One that failed is called for by itself.
  const shared =
    job.attemptsMade === 0
      ? await collectTogether(context, run, wanted, item, { charge, signal })
      : undefined;
  if (shared !== undefined) {
    await itemDone(context, run, wanted, itemId, shared);
    return { itemId, availability: shared.details.availability };
  }
  const answer = await claimedCall(context, job, run, item, async () => {
    const called = await context.collector.collectItem(call);
    if (called.products) context.metrics.collected(called.products.length, called.rejected ?? {});
    await takeKnown(context, run, itemsAfter(wanted, itemId).slice(0, NEXT_ITEMS));
    await itemDone(context, run, wanted, itemId, called);
    return called;
  });
  return { itemId, availability: answer.details.availability };
}

/**
 * An answer that another search got; undefined where this job is to make the call.
 * @throws BullMQ's signal of a job that was delayed, while another job makes it
 */
async function claimItem(
  { itemAnswers }: QueueContext,
  job: Job,
  { request }: SearchRun,
  item: WantedItem,
): Promise<{ answer: ItemAnswer } | undefined> {
  const jobId = job.id as string;
  const claimed = await itemAnswers.claim(request, item, { jobId, data: job.data });
  if (claimed === 'call') return undefined;
  if ('answer' in claimed) return claimed;
  await job.moveToDelayed(Date.now() + Math.min(claimed.waitMs, LONGEST_DELAY_MS), job.token);
  // The answer may have come before this job was delayed, when its wait could not be ended yet.
  if (!(await itemAnswers.isExpected(request, item, jobId))) await promote(job);
  throw signals.delayed();
}

/**
 * A call whose answer, or failure, others wait for. They get it once this search has stored it: what it took from others
 * would count as no call of its own.
 */
async function claimedCall(
  context: QueueContext,
  job: Job,
  run: SearchRun,
  item: WantedItem,
  call: () => Promise<ItemAnswer>,
): Promise<ItemAnswer> {
  const answer = await call().catch(async (thrown) => {
    // Without Redis the claim ends by itself.
    await passTurnOn(context, job, run, item, thrown).catch(() => undefined);
    throw thrown;
  });
  // Where this fails, the job runs again and finds the answer with its search.
  await shareAnswer(context, job, run, item, answer);
  return answer;
}

/** Keeps an answer for later searches, and stores it with those whose jobs wait for it. */
async function shareAnswer(
  context: QueueContext,
  job: Job,
  { request }: SearchRun,
  item: WantedItem,
  answer: ItemAnswer,
): Promise<void> {
  const waiting = await context.itemAnswers.put(request, item, job.id as string, answer);
  // One that this fails for looks by itself when its delay ends.
  await Promise.all(waiting.map((data) => endWait(context, data).catch(() => undefined)));
}

/**
 * Ends the wait of a job for an answer that is there now: its search takes the answer and goes on, and the job, which would
 * cost a place in the queue, is removed. Where the search may not take it, the job makes the call itself.
 */
async function endWait(context: QueueContext, entry: unknown): Promise<void> {
  const { store } = context;
  const found = await waitingCall(context, entry);
  if (found === undefined || found.gone !== undefined) return;
  const { job, data } = found;
  const { search, itemId, marketplace } = data;
  const [begun, wanted] = await Promise.all([store.readRun(search), store.wantedItems(search)]);
  const { number, request, cancelled, ended } = begun ?? {};
  const item = wanted.find((one) => one.itemId === itemId && one.marketplace === marketplace);
  if (item === undefined || request === undefined || number !== data.run || cancelled || ended) return;
  const run = { ...(begun as Run), search, request };
  const next = itemsAfter(wanted, itemId);
  const known = await takeKnown(context, run, [item, ...next.slice(0, NEXT_ITEMS)]);
  if (!known.has(itemId)) {
    await promote(job);
    return;
  }
  // The next job is added first: a search goes round again when it has none.
  await itemDone(context, run, wanted, itemId, undefined, 1);
  await job.remove();
}

/**
 * A job of this tenant that waits in the calls queue, or the id of one that is there no longer; undefined where it is under
 * way, has ended or is another program's.
 */
async function waitingCall(
  { calls, searches, tenant }: Pick<QueueContext, 'calls' | 'searches' | 'tenant'>,
  entry: unknown,
) {
  const { search, run, kind, itemId } = (entry ?? {}) as Partial<ItemJobData>;
  if (kind !== 'item' || search?.tenant !== tenant || run === undefined || itemId === undefined)
    return undefined;
  const jobId = itemJobId(search.searchId, run, itemId);
  const job = await calls.getJob(jobId);
  if (job === undefined) return { gone: jobId };
  if (job.parentKey !== searches.toKey(search.searchId)) return undefined;
  const state = await job.getState();
  if (state !== 'delayed' && state !== 'prioritized' && state !== 'waiting') return undefined;
  return { job, data: readCall(job) as ItemJobData };
}

/**
 * After a failure one of the jobs that wait makes the call, if it has not failed itself. What keeps a job from calling for a
 * time (pause, quota, share of its class) keeps all of its class from it, and is no failure that counts. A budget that is spent
 * keeps its own searches only.
 */
async function passTurnOn(
  { itemAnswers, ...context }: QueueContext,
  job: Job,
  { request }: SearchRun,
  item: WantedItem,
  thrown: unknown,
): Promise<void> {
  const { code, disposition } = redisFailure(thrown) ?? asFailure(thrown);
  const isHeldUp = disposition === 'wait' && code !== 'budget_exceeded';
  const gone: string[] = [];
  for (const entry of await itemAnswers.release(request, item, job.id as string)) {
    const found = await waitingCall(context, entry);
    if (found === undefined) continue;
    if (found.gone !== undefined) gone.push(found.gone);
    // One that has failed before waits as long as its failure demands.
    else if (found.job.attemptsMade > 0 || (isHeldUp && found.job.priority >= job.priority)) continue;
    else if (await promote(found.job)) break;
  }
  await itemAnswers.forget(request, item, gone);
}

/** @param answer none where it is stored already, or the item failed */
async function itemDone(
  context: QueueContext,
  run: SearchRun,
  wanted: readonly WantedItem[],
  itemId: string,
  answer?: ItemAnswer,
  concurrency = itemConcurrency(answer?.latencyMs ?? 0, context.intervalMs()),
): Promise<void> {
  const fields = answer === undefined ? {} : itemFields(itemId, answer);
  const followers = itemsAfter(wanted, itemId).map((item) => itemCall(run, item));
  const isShared = (await sharedLook(context, run)) !== undefined;
  const step = { chain: DETAILS, answer: fields, concurrency: isShared ? 1 : concurrency };
  await advance(context, run, step, followers);
}

/** @throws Failure `search_not_found` or `invalid_payload`: anyone with BullMQ may have added the job */
async function runOf(
  context: QueueContext,
  job: Job,
  data: CallJobData,
  run: Run | undefined,
): Promise<SearchRun> {
  const { search } = data;
  if (run === undefined || search.tenant !== context.tenant) {
    await detach(job);
    throw new Failure('search_not_found', `no search ${search.searchId.slice(0, 64)} of ${search.timestamp}`);
  }
  const isChild = job.parentKey === context.searches.toKey(search.searchId) && job.id === idOfCall(data);
  // One of an earlier run is wanted only when somebody retries it.
  if (!isChild || (data.run !== run.number && job.attemptsMade === 0)) throw await notPlanned(job, data);
  const { request } = run;
  if (request !== undefined) return { ...run, search, number: data.run, request };
  // A worker of version 0.1 has begun the run and added this call, with a copy of what the search asks for.
  if (data.v !== 1) throw await notPlanned(job, data);
  const adopted = checkedRequest((data as { request?: unknown }).request, context);
  await context.store.adopt(search, adopted);
  return { ...run, search, number: data.run, request: adopted };
}

/** The id with which its search adds this call, once. */
function idOfCall(data: CallJobData): string {
  const { search, run } = data;
  return data.kind === 'page'
    ? pageJobId(search.searchId, run, data.page)
    : itemJobId(search.searchId, run, data.itemId);
}

/**
 * The search that this job is a child of is not to learn of its end: it adds its own call of this id. It is not kept either:
 * a job that is added with its id would make the search its parent.
 */
async function detach(job: Job): Promise<void> {
  job.opts.removeOnFail = true;
  if (job.parentKey !== undefined) await job.removeChildDependency().catch(() => undefined);
}

async function notPlanned(job: Job, { kind, search }: CallJobData): Promise<Failure> {
  await detach(job);
  return new Failure('invalid_payload', `search ${search.searchId} has no such ${kind} to call for`);
}

/** Writes down what went wrong: for the search, those who wait for it, and the log. */
async function recordFailure(
  context: QueueContext,
  job: Job,
  call: CallJobData,
  found: Run | undefined,
  verdict: Verdict,
): Promise<void> {
  const { action, failure, ...rest } = verdict;
  const { store, log } = context;
  const { search, kind } = call;
  const about = { ...idsOfCall(job, call), code: failure.code, reason: failure.message };
  if (action === 'fail') log.error(`${kind} failed`, about);
  else log.warn(`${kind} deferred`, { ...about, action, ...rest });
  // A job that is not a call of this search says nothing about it.
  if (found?.request === undefined || failure.code === 'invalid_payload') return;
  const run = { ...found, search, number: call.run, request: found.request };
  await store.countFailedCalls(search, failure.detail.calls ?? 0);
  if (action === 'fail' && call.kind === 'page') {
    // A marketplace ends with a page that failed.
    await store.mark(search, `broken:${call.marketplace}`);
  }
  if (action === 'fail' && call.kind === 'item') {
    await context.itemAnswers.forget(run.request, call, [job.id as string]);
    // An item that failed says nothing about the next ones.
    if (endsAllItems(failure)) await store.mark(search, `broken:${DETAILS}`);
    else await itemDone(context, run, await store.wantedItems(search), call.itemId);
  }
  if (action === 'hold' || action === 'delay') {
    const { reason = failure.code, until } = failure.detail;
    await publishProgress(context, run, { reason, ...(until !== undefined && { until }) });
  }
  if (verdict.action === 'retry') {
    const { attempt, attempts, until } = verdict;
    await publishProgress(context, run, { reason: failure.code, attempt, attempts, until });
  }
}

/** Does what the verdict says and returns the error by which BullMQ learns of it. */
async function carryOut(
  context: QueueContext,
  job: Job,
  call: CallJobData | undefined,
  verdict: Verdict,
): Promise<Error> {
  switch (verdict.action) {
    case 'fail':
      return signals.fail(verdict.failure);
    case 'retry':
      return signals.retry(verdict.failure);
    case 'hold':
      await holdQueue(context.redis, context.calls, verdict.until - Date.now());
      await job.moveToWait(job.token);
      await removeCancelled(context, job, call);
      return signals.waits();
    case 'delay':
      await job.moveToDelayed(verdict.until, job.token);
      await removeCancelled(context, job, call);
      return signals.delayed();
    case 'handBack':
      return signals.handBack();
  }
}

/** Cancelling a search removes its calls that wait. One that was under way then would hold the search up for all of its wait. */
async function removeCancelled({ store }: QueueContext, job: Job, call?: CallJobData): Promise<void> {
  const run = call && (await store.readRun(call.search).catch(() => undefined));
  // One that a worker has taken since finds the mark itself.
  if (run?.cancelled) await job.remove().catch(() => undefined);
}
