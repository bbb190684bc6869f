import type { Job } from 'bullmq';
import type { ItemAnswer } from '../../collector/answers.ts';
import { assembleHeads, type PageHead, type ProductHead } from '../../collector/assemble.ts';
import { hasItemProducts } from '../../collector/deliver.ts';
import { progressOf } from '../../collector/paging.ts';
import { estimateCalls } from '../../collector/query.ts';
import { asFailure, Failure, type FailureCode, parseReason } from '../../failures.ts';
import { nameOf } from '../../product/itemReference.ts';
import type { MarketplaceId } from '../../product/marketplaces.ts';
import type { NormalRequest } from '../../product/requestSchema.ts';
import { searchTitle } from '../../product/subject.ts';
import type { SearchSummary } from '../../product/summary.ts';
import { redisFailure } from '../../redis/failure.ts';
import { clockOf } from '../../redis/redisClock.ts';
import type { BudgetName, WantedItem } from '../../results/searchStore.ts';
import { tightest } from '../budgets.ts';
import { isolateCrashing } from '../bullmq/crashLimit.ts';
import { FIRST } from '../bullmq/queues.ts';
import { reattachCalls, waitForCalls } from '../bullmq/repair.ts';
import { ageOf } from '../bullmq/repeat.ts';
import { isSignal, signals } from '../bullmq/signals.ts';
import { failuresOfChildren } from '../bullmq/storedJobs.ts';
import { asScheduledRun, scheduleOf } from '../schedules/scheduledRun.ts';
import { ScheduleStore } from '../schedules/store.ts';
import { endSharedCall, noteSeen } from '../watch/sharedLooks.ts';
import { sharedLook } from '../watch/watchlists/bulkLooks.ts';
import { endLookJob } from '../watch/watchlists/lookEnd.ts';
import { coalesce, publishResult, reusePages } from './coalesce.ts';
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
  isOverdue,
  itemCall,
  itemConcurrency,
  type PlannedCall,
  pageCall,
  promote,
  publishProgress,
  type SearchRun,
} from './plan.ts';
import { deadlineOf, endsAllItems, gaveUp, limitOf, nextLookAtGate, verdictOn } from './retryPolicy.ts';
import {
  type Collected,
  compareWithTrack,
  endOfWithdrawn,
  publishEnd,
  publishFailure,
  refOf,
  type SearchEnd,
  summarise,
} from './summary.ts';
import { itemsToAsk } from './wantedItems.ts';

/**
 * A search: the parent of its pages. It runs when it starts, adds the first page of each marketplace and waits; it runs
 * again when no page is under way, to sum up. Which of the two follows from what is stored: it may run any number of times.
 */
export async function processSearch(context: QueueContext, job: Job): Promise<SearchSummary> {
  const ids = idsOfSearch(context, job);
  try {
    await deferNewerVersion(context, job, SEARCH_VERSION);
    const request = readSearch(job, context);
    Object.assign(job.opts, searchOptions(request, context.rules));
    return await isolateCrashing(context, job, async () => {
      const end = await asScheduledRun(context, job, () => collect(context, job, request, ids));
      const { summary } = end;
      if (!(await endSharedCall(context, job)) && !(await endLookJob(context, job, { summary }))) {
        await noteSeen(context, job, summary);
        await publishEnd(context, job, end);
      }
      const { outcome, counts, calls } = summary;
      context.log.info('search ended', {
        ...ids,
        outcome,
        products: counts.products,
        calls,
        ms: ageOf(job, clockOf(context.redis).now()),
      });
      return summary;
    });
  } catch (thrown) {
    if (isSignal(thrown)) throw thrown;
    const failure = await endFailed(context, job, redisFailure(thrown) ?? asFailure(thrown));
    // Without a deadline: the job must not end before its end is published.
    const deadline = Number.POSITIVE_INFINITY;
    const once = { attemptsMade: 0, attempts: 1, backoffMs: 0 };
    const verdict = verdictOn(failure, { ...once, deadline, now: Date.now() });
    if (verdict.action === 'delay') {
      // If Redis is still away, the job's lock runs out and another worker takes it.
      await job.moveToDelayed(verdict.until, job.token);
      throw signals.delayed();
    }
    const { code, message: reason } = failure;
    context.log.warn('search ended', {
      ...ids,
      outcome: 'failed',
      code,
      reason,
      ms: ageOf(job, clockOf(context.redis).now()),
    });
    throw signals.fail(failure);
  }
}

/**
 * What it has reserved is released. Of a shared call nothing is published, see `endSharedCall`. A look at a
 * watchlist has events of its own. Returns what keeps this from being done.
 */
async function endFailed(context: QueueContext, job: Job, failure: Failure): Promise<Failure> {
  try {
    if (failure.code === 'redis-unavailable') return failure;
    await context.budgets.settle(job.id as string);
    if (await endSharedCall(context, job, failure.code)) return failure;
    if (await endLookJob(context, job, { failure })) return failure;
  } catch (thrown) {
    return redisFailure(thrown) ?? asFailure(thrown);
  }
  return publishFailure(context, job, failure);
}

async function collect(
  context: QueueContext,
  job: Job,
  asked: NormalRequest,
  ids: SearchIds,
): Promise<SearchEnd> {
  const { store, log, affiliateCampaignId } = context;
  const search = refOf(context, job);
  const budgets = await budgetsOf(context, job);
  const begun = await store.begin(search, job.attemptsMade, asked, affiliateCampaignId, budgets);
  const run = { search, ...begun };
  ids.run = run.number;
  if (run.isNew) {
    const { query, categoryIds, items, marketplaces, maxItems, priority } = run.request;
    const subject = query === undefined ? searchTitle(run.request) : undefined;
    const named = { query, subject, categoryIds, items: items?.length };
    log.info('search started', { ...ids, ...named, marketplaces, maxItems, class: priority });
  }

  const summary = await coalesce(context, job, run);
  if (summary !== undefined) {
    await store.mark(search, 'ended');
    await context.budgets.settle(search.searchId);
    return { summary };
  }
  try {
    await reusePages(context, job, run);
    const end = await collectAll(context, job, run);
    await publishResult(context, run, end.summary);
    const { summary } = run.withdrawn ? await endOfWithdrawn(context, run) : end;
    // What it took from another search and did not add to was reported by that one.
    return run.source !== undefined && end.summary.calls === 0 ? { summary } : { ...end, summary };
  } catch (thrown) {
    if (isSignal(thrown) || redisFailure(thrown) !== undefined) throw thrown;
    await publishResult(context, run, asFailure(thrown));
    if (run.withdrawn) return { summary: (await endOfWithdrawn(context, run)).summary };
    throw thrown;
  }
}

/** The budget of the schedule that a search is a run of; that of an API key is with its run. */
async function budgetsOf({ redis, searches, tenant }: QueueContext, job: Job): Promise<BudgetName[]> {
  const schedule = scheduleOf(job);
  if (schedule === null) return [];
  const record = await new ScheduleStore(redis, searches.opts.prefix as string, tenant).get(schedule);
  return record?.definition.dailyCalls === undefined ? [] : [`schedule:${schedule}`];
}

/** Goes round until every page and item is there or has failed. It leaves by an error when it must wait for one. */
async function collectAll(context: QueueContext, job: Job, begun: SearchRun): Promise<SearchEnd> {
  const { store, searches, redis, log } = context;
  const { search, request, campaignId } = begun;
  let run = begun;
  const added = new Set<string>();
  for (;;) {
    const { next, open, ...collected } = await readCollected(context, job, run);
    if (run.cancelled || next.length === 0) return end(context, run, collected);
    let isExpired = hasExpired(run, collected);
    const again = isExpired ? [] : next.flatMap(({ jobId }) => (added.has(jobId) ? [jobId] : []));
    if (again.length > 0) {
      const { queued, failed } = await reattachCalls(redis, context, search.searchId, again);
      if (queued > 0 && (await waitForCalls(redis, searches, job))) throw signals.waitsForChildren();
      if (queued + failed > 0) continue;
      // Nothing is under way, nothing failed, and yet an answer is not there.
      isExpired = true;
    }
    if (isExpired && !run.startedOver) {
      run = { search, ...(await store.restart(search, job.attemptsMade, request, campaignId)) };
      log.warn('results expired, starting over', { ...idsOfSearch(context, job), run: run.number });
      continue;
    }
    // Starting over again and again would spend calls until the deadline.
    const refused = isExpired
      ? gaveUp(undefined, 'RESULTS_TTL')
      : isOverdue(context, run)
        ? gaveUp(undefined, limitOf(context, run))
        : await budgetFailure(context, run, collected, next.length);
    if (refused !== undefined) {
      // Where a page is not there, the items of those before it are not looked at yet.
      const items = next[0]?.data.kind === 'page' ? (await itemCalls(context, run, collected)).open : [];
      const failed = [...open, ...items].map((call) => notMade(request, collected.heads, call, refused));
      return end(context, run, { ...collected, failed: [...collected.failed, ...failed] });
    }
    await waitForAdmission(context, job, run);
    await advance(context, run, { chain: '', answer: {}, concurrency: next.length }, next);
    if ((job.progress as { state?: unknown } | null)?.state !== 'collecting' && !run.waiting)
      await publishProgress(context, run, undefined);
    await job.changePriority({ priority: FIRST });
    if (await waitForCalls(redis, searches, job)) throw signals.waitsForChildren();
    for (const { jobId } of next) added.add(jobId);
    // The search may have been cancelled meanwhile.
    run = { ...run, ...(await store.readRun(search)), request };
  }
}

/** Whether the answers of this run are gone: all end with the first one. */
function hasExpired({ results }: SearchRun, { heads, details }: Collected): boolean {
  return results > 1 || (results === 1 && heads.length + details.size === 0);
}

/** A search whose class may not spend now waits in this queue, where it costs no slot, and says why. */
async function waitForAdmission(context: QueueContext, job: Job, run: SearchRun): Promise<void> {
  const closed = await context.admission.closedFor(run.request.priority);
  const now = Date.now();
  if (closed === undefined || closed.until <= now) return;
  await publishProgress(context, run, closed);
  const next = Math.min(nextLookAtGate(closed.until, now), deadlineOf(context, run));
  await job.moveToDelayed(next, job.token);
  // Cancelling ends a wait, unless it came just before this one began.
  const present = await context.store.readRun(run.search).catch(() => undefined);
  if (present?.cancelled) await promote(job);
  throw signals.delayed();
}

/**
 * What a search has, and what is to be called for next: pages, then items; nothing when it has all it can get. `open` has
 * also the items after those.
 */
async function readCollected(
  context: QueueContext,
  job: Job,
  run: SearchRun,
): Promise<Collected & { next: PlannedCall[]; open: PlannedCall[] }> {
  const { store, calls, intervalMs } = context;
  const { search, request } = run;
  const [heads, details, failures] = await Promise.all([
    store.readAllHeads(search),
    asksItems(request) ? store.readDetails(search) : new Map<string, ItemAnswer>(),
    failuresOfChildren(job, calls),
  ]);
  const { next } = assembleHeads(request, heads);
  const pages = next.map((address) => pageCall(run, address));
  const failed: Collected['failed'] = failedAmong(pages, failures).map((part) => ({
    ...part,
    page: nextPageOf(request, heads, part.marketplace),
  }));
  const missing = pages.filter(({ jobId }) => !failures.has(jobId));
  if (missing.length > 0) return { heads, details, failed, next: missing, open: missing };

  const items = await itemCalls(context, run, { heads, details });
  const failedItems = failedAmong(items.open, failures);
  failed.push(...failedItems);
  const open = items.open.filter(({ jobId }) => !failures.has(jobId));
  const last = failedItems.find(endsAllItems);
  // What keeps all others from being asked for is why each of them is not there.
  if (last !== undefined) failed.push(...open.map((call) => notMade(request, heads, call, last)));
  if (last !== undefined || open.length === 0) return { heads, details, failed, next: [], open: [] };
  await store.wantItems(search, items.wanted);
  const latencyMs = Math.max(0, ...[...heads, ...details.values()].map((answer) => answer.latencyMs));
  const isShared = (await sharedLook(context, run)) !== undefined;
  const concurrency = isShared ? 1 : itemConcurrency(latencyMs, intervalMs());
  return { heads, details, failed, next: open.slice(0, concurrency), open };
}

function asksItems(request: NormalRequest): boolean {
  return request.details !== 'none' || hasItemProducts(request);
}

/** The items that a search wants of what is there, and the calls for those without an answer. */
async function itemCalls(
  context: QueueContext,
  run: SearchRun,
  { heads, details }: Pick<Collected, 'heads' | 'details'>,
): Promise<{ wanted: WantedItem[]; open: PlannedCall[] }> {
  const { request } = run;
  if (!asksItems(request)) return { wanted: [], open: [] };
  const wanted = await itemsToAsk(context, run, assembleHeads(request, heads).products, details);
  const open = wanted.filter(({ itemId }) => !details.has(itemId)).map((item) => itemCall(run, item));
  return { wanted, open };
}

function failedAmong(
  calls: readonly PlannedCall[],
  failures: ReadonlyMap<string, string>,
): Collected['failed'] {
  return calls.flatMap(({ jobId, data }) => {
    const reason = failures.get(jobId);
    if (reason === undefined) return [];
    const item = data.kind === 'item' ? { itemId: nameOf(data.itemId) } : {};
    return [{ marketplace: data.marketplace, page: null, ...item, ...parseReason(reason) }];
  });
}

/**
 * Reserves what a search still needs in its budgets, unless it has done so in this run and on this day.
 * @returns why it may not go on
 */
async function budgetFailure(
  { budgets }: QueueContext,
  { search, request, number, ...run }: SearchRun,
  { heads, details }: Collected,
  least: number,
): Promise<Failure | undefined> {
  const calls = Math.max(least, estimateCalls(request).total - heads.length - details.size);
  try {
    await budgets.reserve(run.budgets, [{ search, run: number, calls }]);
    return undefined;
  } catch (thrown) {
    if (thrown instanceof Failure && thrown.code === 'budget_exceeded') return thrown;
    throw thrown;
  }
}

/** A call that a search does not make any more. */
function notMade(
  request: NormalRequest,
  heads: readonly PageHead[],
  { data }: PlannedCall,
  { code, message }: { code: string; message: string },
): Collected['failed'][number] {
  const { marketplace } = data;
  const part = data.kind === 'item' ? { itemId: nameOf(data.itemId) } : {};
  const page = data.kind === 'page' ? nextPageOf(request, heads, marketplace) : null;
  return { marketplace, page, ...part, code, message };
}

/** The place of a marketplace's next page in its listing, from 1: the number of its job counts the pages of all of them. */
function nextPageOf(request: NormalRequest, heads: readonly PageHead[], marketplace: MarketplaceId): number {
  const { pages } = progressOf(request, heads, ({ fits }: ProductHead) => fits);
  return pages.filter((page) => page.marketplace === marketplace).length + 1;
}

async function end(context: QueueContext, looked: SearchRun, collected: Collected): Promise<SearchEnd> {
  const { store } = context;
  const { search, request } = looked;
  // Read again: pages counted their calls, and the search may have been cancelled, since this run was read.
  const run = { ...looked, ...(await store.readRun(search)), request };
  // An item that failed is missing in the list of a request with items. Else only its details are.
  const isWhole =
    request.items === undefined
      ? collected.failed.every(({ page }) => page === null)
      : collected.failed.length === 0;
  const complete = !run.cancelled && isWhole;
  const comparison = await compareWithTrack(context, run, complete);
  const gone = comparison?.verdict.gone ?? [];
  const note = comparison?.verdict.note;
  const [budget, now, expiresAt] = await Promise.all([
    context.budgets.settle(search.searchId, run.budgets).then(tightest),
    clockOf(context.redis).current(),
    store.expiresAt(search),
  ]);
  const summed = summarise(run, collected, gone, { now, expiresAt });
  const left = async () => budget?.left ?? (await context.callsLeft(run.request.priority));
  const summary = {
    ...summed,
    callsLeft: summed.calls === 0 ? null : await left(),
    ...(note !== undefined && { trackNote: note }),
  };
  await store.mark(search, 'ended');
  const { outcome, error } = summary;
  if (outcome === 'failed' && error !== null)
    throw new Failure(error.code as FailureCode, error.message, {
      searchId: search.searchId,
      calls: summary.calls,
    });
  return { summary, comparison };
}
