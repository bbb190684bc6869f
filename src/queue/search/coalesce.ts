import type { Job } from 'bullmq';
import type { ProductHead } from '../../collector/assemble.ts';
import { pageNumber, progressOf } from '../../collector/paging.ts';
import { Failure, type FailureCode } from '../../failures.ts';
import { hasMarginCondition } from '../../product/costs.ts';
import { parseSearchRequest, requestHash } from '../../product/parseRequest.ts';
import type { NormalRequest, Priority } from '../../product/requestSchema.ts';
import type { SearchSummary } from '../../product/summary.ts';
import { clockOf } from '../../redis/redisClock.ts';
import type { Requester, SharedEnd } from '../../results/coalescedSearches.ts';
import type { SearchRef, SearchStore } from '../../results/searchStore.ts';
import { linkTo, sharedTrace } from '../../telemetry/tracing.ts';
import { classOf, hasEnded, PRIORITY } from '../bullmq/queues.ts';
import { openChildren } from '../bullmq/storedJobs.ts';
import type { QueueContext } from './context.ts';
import { idsOfSearch, refuseNewer } from './jobData.ts';
import { isOverdue, promote, publishProgress, type SearchRun } from './plan.ts';
import { deadlineOf, gaveUp, NEXT_LOOK_AT_LEADER_MS } from './retryPolicy.ts';
import { endOfWithdrawn } from './summary.ts';

/** What the leader publishes for those who asked the same; `trace` is that of its calls, if it has one. */
type SharedResult = { trace?: string } & (
  | { summary: SearchSummary }
  | { failure: { code: FailureCode; message: string } }
);

function requesterOf({ searchId, timestamp }: SearchRef): Requester {
  return `${searchId}@${timestamp}`;
}

function refOf(requester: Requester, tenant: string): SearchRef {
  const at = requester.lastIndexOf('@');
  return { tenant, searchId: requester.slice(0, at), timestamp: Number(requester.slice(at + 1)) };
}

/**
 * The summary of another search that has just collected the same; undefined where this one must collect itself.
 * @throws the leader's failure, where asking again would be refused again; BullMQ's DelayedError while it collects
 */
export async function coalesce(
  context: QueueContext,
  job: Job,
  run: SearchRun,
): Promise<SearchSummary | undefined> {
  const { coalesced, store, tenant, log } = context;
  const { search, request, campaignId } = run;
  const hash = requestHash(request, campaignId);
  const me = requesterOf(search);
  let { source } = run;
  /** What it has taken from another search before is its own then, and it calls for what is missing. */
  const collectAlone = async () => {
    if (source !== undefined) await store.keep(search, source);
    return undefined;
  };
  if (run.cancelled) {
    await coalesced.leave(hash, me);
    return collectAlone();
  }
  let maxAgeMs = request.maxAge * 1000;
  for (;;) {
    const claim = await coalesced.claim(hash, me, maxAgeMs);
    if (claim.role === 'leader') return collectAlone();
    if (claim.role === 'answered') {
      const answered = refOf(claim.end.by, tenant);
      const summary = summaryFrom(claim.end, run, clockOf(context.redis).date());
      if (summary.expiresAt !== null && (await store.expiresAt(answered)) === undefined) {
        // The earlier search ended recently enough, but its result has expired.
        maxAgeMs = 0;
        continue;
      }
      await store.takeFrom(search, answered);
      // The other one has waited until its deadline, not until that of this search.
      if (summary.missing.some(({ code }) => code === 'gave-up-waiting') && !isOverdue(context, run)) {
        source = answered;
        maxAgeMs = 0;
        continue;
      }
      context.metrics.coalesced(callsOf(claim.end));
      const by = answered.searchId;
      log.debug('search coalesced', { ...idsOfSearch(context, job), run: run.number, by });
      return summary;
    }
    const leader = refOf(claim.leader, tenant);
    if (!(await isAtWork(context, leader))) {
      await resumeWaiting(context, await coalesced.resign(hash, claim.leader));
      continue;
    }
    if (isOverdue(context, run)) {
      await coalesced.leave(hash, me);
      if (source !== undefined) return collectAlone();
      throw gaveUp(new Failure('gave-up-waiting', `it waits for the identical search ${leader.searchId}`));
    }
    await raiseClass(context, leader, request.priority);
    await publishProgress(context, run, { reason: 'identical-search', leader: leader.searchId });
    const next = Math.min(Date.now() + NEXT_LOOK_AT_LEADER_MS, deadlineOf(context, run));
    await job.moveToDelayed(next, job.token);
    // The leader may have ended before this job was delayed, when it could not be promoted yet.
    if ((await coalesced.read(hash)).leader !== claim.leader) await resumeWaiting(context, [me]);
    // Workers alone come here: a producer, which cancels with this module, does not load BullMQ's worker.
    const { signals } = await import('../bullmq/signals.ts');
    throw signals.delayed();
  }
}

/**
 * The same for requests that go through the same listing and judge its products alike, however many they want and whatever
 * they then ask about each.
 */
function listingHash(request: NormalRequest, campaignId: string): string {
  const { maxCalls: _, variations: _all, costs, ...rest } = request;
  const judging = hasMarginCondition(costs) ? { costs } : {};
  return requestHash({ ...rest, ...judging, maxItems: 0, details: 'none' }, campaignId);
}

/** A track compares with what eBay shows now, and may end a listing at what it knows. Named listings have no pages. */
function mayShare({ track, items }: NormalRequest): boolean {
  return track === undefined && items === undefined;
}

/**
 * Gives a search the pages of an earlier one that went through the same listing, where they are all that it asks for and
 * none is older than its `maxAge`. It makes no call for a page then, and goes on with what it asks about each product.
 */
export async function reusePages(context: QueueContext, job: Job, run: SearchRun): Promise<void> {
  const { coalesced, store, tenant, redis, metrics, log } = context;
  const { search, request } = run;
  if (request.maxAge === 0 || run.cancelled || !mayShare(request)) return;
  if ((await store.storedPages(search)).length > 0) return;
  const since = (await clockOf(redis).current()) - request.maxAge * 1000;
  // Pages with facets hold the same products as those without.
  const requests = request.facets ? [request] : [request, { ...request, facets: true }];
  const noted = await Promise.all(
    requests.map((each) => coalesced.noted(listingHash(each, run.campaignId), since)),
  );
  for (const requester of noted.flat()) {
    const earlier = refOf(requester, tenant);
    const stored = await store.readHeads(earlier, await store.storedPages(earlier));
    const numbers = new Map(stored.map(({ page, head }) => [head, page]));
    const { pages, next, stoppedBy } = progressOf(
      request,
      [...numbers.keys()],
      ({ fits }: ProductHead) => fits,
    );
    // Its own pages may be larger, so that its bound reaches further.
    if (pages.length === 0 || next.length > 0 || stoppedBy === 'max-calls') continue;
    if (pages.some(({ observedAt }) => Date.parse(observedAt) < since)) continue;
    const taken = pages.map((earlierHead) => {
      const { facets, ...rest } = earlierHead;
      const head = { ...rest, ...(request.facets && facets && { facets }) };
      return { page: pageNumber(request, head), from: numbers.get(earlierHead) as number, head };
    });
    if (!(await store.reuse(search, earlier, taken))) continue;
    metrics.reused(pages.length);
    const by = earlier.searchId;
    log.debug('pages reused', { ...idsOfSearch(context, job), run: run.number, by, pages: pages.length });
    return;
  }
}

/** Publishes the leader's end for all who asked the same. */
export async function publishResult(
  context: QueueContext,
  run: SearchRun,
  end: SearchSummary | Failure,
): Promise<void> {
  const { coalesced, store } = context;
  const { search, request, campaignId } = run;
  const hash = requestHash(request, campaignId);
  const me = requesterOf(search);
  // A cancelled search answers no other one, and what may pass is for the next one to try. Others have other budgets. Where
  // some of it is there at the deadline, those whose own has not come go on from there.
  const isFinal =
    end instanceof Failure
      ? !end.retryable
      : end.outcome !== 'cancelled' &&
        !(end.outcome === 'degraded' && end.error?.retryable) &&
        !end.missing.some(({ code }) => code === 'budget_exceeded');
  // Pages of an earlier search may be older than those who wait allow. Each of them looks for pages itself.
  const isReused = !(end instanceof Failure) && request.maxAge > 0 && (await store.isReused(search));
  if (!isFinal || isReused) return resumeWaiting(context, await coalesced.resign(hash, me));
  const sharedResult: SharedResult = {
    ...(end instanceof Failure ? { failure: { code: end.code, message: end.message } } : { summary: end }),
    ...sharedTrace(),
  };
  // Also one that stopped at a bound: asking again would spend the same calls and stop there too.
  const found =
    !(end instanceof Failure) && end.outcome !== 'degraded' && end.missing.length === 0 ? end : undefined;
  if (found !== undefined && mayShare(request))
    await coalesced.note(listingHash(request, campaignId), me, {
      items: found.counts.collected,
      at: Date.parse(found.finishedAt),
    });
  const good = found !== undefined;
  await resumeWaiting(context, await coalesced.finish(hash, me, JSON.stringify(sharedResult), good));
}

/** Those who waited look again at once. One that is not delayed yet does so by itself. */
async function resumeWaiting({ searches, tenant }: QueueContext, requesters: Requester[]): Promise<void> {
  await Promise.all(
    requesters.map(async (requester) => {
      const job = await searches.getJob(refOf(requester, tenant).searchId);
      await promote(job);
    }),
  );
}

async function isAtWork({ searches }: QueueContext, { searchId, timestamp }: SearchRef): Promise<boolean> {
  const job = await searches.getJob(searchId);
  if (job === undefined || job.timestamp !== timestamp) return false;
  return !hasEnded(await job.getState());
}

/** What the identical search cost. */
function callsOf({ payload }: SharedEnd): number {
  return (JSON.parse(payload) as { summary: SearchSummary }).summary.calls;
}

/** The leader's summary as that of this search, which made no call itself. */
function summaryFrom(
  { payload }: SharedEnd,
  { search, request, startedAt }: SearchRun,
  now: Date,
): SearchSummary {
  const shared = JSON.parse(payload) as SharedResult;
  linkTo(shared);
  if ('failure' in shared) throw new Failure(shared.failure.code, shared.failure.message);
  const { summary } = shared;
  if (summary.outcome === 'degraded' && request.onFailure === 'fail') {
    const { code, message } = summary.error ?? { code: 'internal', message: 'nothing was collected' };
    throw new Failure(code as FailureCode, message);
  }
  return {
    ...summary,
    searchId: search.searchId,
    calls: 0,
    callsLeft: null,
    startedAt: new Date(startedAt).toISOString(),
    finishedAt: now.toISOString(),
  };
}

/** A search gets the class of one that waits for it, if that is higher, and so do its calls that wait in the queue. */
async function raiseClass(
  { store, searches, calls }: QueueContext,
  search: SearchRef,
  wanted: Priority,
): Promise<void> {
  const job = await searches.getJob(search.searchId);
  const run = await store.readRun(search);
  const present = run?.request?.priority ?? classOf(job?.data);
  if (job === undefined || PRIORITY[wanted] >= PRIORITY[present]) return;
  await store.raiseClass(search, wanted);
  // It may be waiting for a share that its new class is not bound to.
  await promote(job);
  for (const call of await openChildren(job, calls)) {
    await call.changePriority({ priority: PRIORITY[wanted] }).catch(() => undefined);
    await promote(call);
  }
}

type Cancelling = Pick<QueueContext, 'redis' | 'searches' | 'store' | 'coalesced' | 'marketplace'>;

/**
 * False for a search that has ended. One that others wait for goes on for them and stops when the last of them is cancelled.
 * No page that begins after this resolves calls eBay; those under way, up to ten (`concurrencyFor`), may still call.
 * @throws Failure `unknown_payload_version` for one of a newer release: this one cannot say who waits for it
 */
export async function cancelSearch(context: Cancelling, job: Job, search: SearchRef): Promise<boolean> {
  const { coalesced, store } = context;
  if (hasEnded(await job.getState())) return false;
  refuseNewer(job.data);
  const run = await store.readRun(search);
  const request = run?.request ?? readRequest(job, context);
  if (request === undefined) return false;
  const hash = requestHash({ ...request, tenant: search.tenant }, run?.campaignId);
  const me = requesterOf(search);
  const { leader, followers } = await coalesced.read(hash);
  if (leader === me && followers.length > 0) {
    await store.mark(search, 'withdrawn');
    if (run?.request !== undefined) await endOfWithdrawn(context, { ...run, search, request: run.request });
    return true;
  }
  await coalesced.leave(hash, me);
  await stop(job, search, store);
  if (leader !== undefined && leader !== me && followers.every((requester) => requester === me))
    await stopWithdrawn(context, refOf(leader, search.tenant));
  return true;
}

/** Of a search that no worker has begun, or one of version 0.1. The settings of a worker may add costs to a request. */
function readRequest({ data }: Job, { marketplace }: Cancelling): NormalRequest | undefined {
  const parsed = parseSearchRequest(data, { marketplace });
  return parsed.ok ? parsed.request : undefined;
}

/** The mark comes first, so that a page that starts now does not call. Without waiting pages the search sums up. */
async function stop(job: Job, search: SearchRef, store: SearchStore): Promise<void> {
  await store.mark(search, 'cancelled');
  if (await job.isDelayed()) await promote(job);
  else await job.removeUnprocessedChildren();
}

async function stopWithdrawn({ searches, store }: Cancelling, leader: SearchRef): Promise<void> {
  const job = await searches.getJob(leader.searchId);
  const run = await store.readRun(leader);
  if (job !== undefined && run?.withdrawn) await stop(job, leader, store);
}
