import type { Job, Queue } from 'bullmq';
import { Failure, type FailureCode } from '../../failures.ts';
import { parseSearchRequest, requestHash } from '../../product/parseRequest.ts';
import type { NormalRequest, Priority } from '../../product/requestSchema.ts';
import type { SearchSummary } from '../../product/summary.ts';
import type { CoalescedSearches, Requester, SharedEnd } from '../../results/identicalSearches.ts';
import type { Run, RunStates, SearchRef } from '../../results/runState.ts';
import { PRIORITY } from '../bullmq/queues.ts';
import { plannedPages } from './calls.ts';
import type { QueueContext } from './context.ts';
import { idsOfSearch, refuseNewer } from './jobData.ts';
import { toBullMQ } from './retryPolicy.ts';

/** Whoever waits for another search is called when that ends; this is for a leader that vanished without a word. */
const LOOK_AFTER_LEADER_MS = 15_000;

/** What the leader leaves to those who asked the same. */
type SharedResult = { summary: SearchSummary } | { failure: { code: FailureCode; message: string } };

export function requesterOf({ searchId, timestamp }: SearchRef): Requester {
  return `${searchId}@${timestamp}`;
}

export function refOf(requester: Requester, tenant: string): SearchRef {
  const at = requester.lastIndexOf('@');
  return { tenant, searchId: requester.slice(0, at), timestamp: Number(requester.slice(at + 1)) };
}

/**
 * Finds out whether somebody collects, or has just collected, the same. Answers with the other search's summary, or with
 * undefined for the one that has to collect itself; one that has to wait is put aside, which it learns by an error.
 * @throws the leader's failure, where asking again would be refused again; BullMQ's DelayedError while waiting.
 */
export async function coalesce(
  context: QueueContext,
  job: Job,
  token: string,
  asking: { search: SearchRef; request: NormalRequest; run: Run },
): Promise<SearchSummary | undefined> {
  const { coalesced, runs, tenant, log } = context;
  const { search, request, run } = asking;
  const hash = requestHash(request);
  const me = requesterOf(search);
  if (run.cancelled) {
    await coalesced.leave(hash, me);
    return undefined;
  }
  let maxAgeMs = request.maxAge * 1000;
  for (;;) {
    const claim = await coalesced.claim(hash, me, maxAgeMs);
    if (claim.role === 'leader') return undefined;
    if (claim.role === 'answered') {
      const source = refOf(claim.end.by, tenant);
      const summary = summaryFrom(claim.end, request, search, run);
      if (summary.pages > 0 && (await context.results.stored(source)).length === 0) {
        // The earlier search ended recently enough, but its pages have expired.
        maxAgeMs = 0;
        continue;
      }
      await runs.takeFrom(search, source);
      log.debug('search answered by an identical one', {
        ...idsOfSearch(context, job),
        run: run.number,
        by: source.searchId,
      });
      return summary;
    }
    const leader = refOf(claim.leader, tenant);
    if (!(await isAtWork(context, leader))) {
      await callBack(context, await coalesced.resign(hash, claim.leader));
      continue;
    }
    await raiseClass(context, leader, request.priority);
    await waitForLeader(context, job, token, { hash, leader, request });
  }
}

/** The leader's end, for all who asked the same. */
export async function publishResult(
  context: QueueContext,
  search: SearchRef,
  request: NormalRequest,
  end: SearchSummary | Failure,
): Promise<void> {
  const { coalesced } = context;
  const hash = requestHash(request);
  const me = requesterOf(search);
  // A withdrawn search is nobody's answer, and what may pass is for the next asker to try.
  const isFinal =
    end instanceof Failure
      ? !end.retryable
      : end.outcome !== 'cancelled' && !(end.pages === 0 && end.error?.retryable);
  if (!isFinal) return callBack(context, await coalesced.resign(hash, me));
  const sharedResult: SharedResult =
    end instanceof Failure ? { failure: { code: end.code, message: end.message } } : { summary: end };
  const good = !(end instanceof Failure) && ['complete', 'none-found', 'filtered-out'].includes(end.outcome);
  await callBack(context, await coalesced.finish(hash, me, JSON.stringify(sharedResult), good));
}

/** Those who waited look again at once. One that is not put aside yet does so by itself. */
async function callBack({ searches, tenant }: QueueContext, requesters: Requester[]): Promise<void> {
  await Promise.all(
    requesters.map(async (requester) => {
      const job = await searches.getJob(refOf(requester, tenant).searchId);
      await job?.promote().catch(() => undefined);
    }),
  );
}

async function waitForLeader(
  { coalesced, searches }: QueueContext,
  job: Job,
  token: string,
  { hash, leader, request }: { hash: string; leader: SearchRef; request: NormalRequest },
): Promise<never> {
  await job.updateProgress({
    state: 'waiting',
    pages: 0,
    of: plannedPages(request),
    products: 0,
    reason: 'identical-search',
    leader: leader.searchId,
  });
  await job.moveToDelayed(Date.now() + LOOK_AFTER_LEADER_MS, token);
  // The leader may have ended before this search was put aside, when it could not be called yet.
  if ((await coalesced.read(hash)).leader !== requesterOf(leader)) {
    const delayed = await searches.getJob(job.id as string);
    await delayed?.promote().catch(() => undefined);
  }
  throw toBullMQ.delayed();
}

async function isAtWork({ searches }: QueueContext, { searchId, timestamp }: SearchRef): Promise<boolean> {
  const job = await searches.getJob(searchId);
  if (job === undefined || job.timestamp !== timestamp) return false;
  const state = await job.getState();
  return state !== 'completed' && state !== 'failed' && state !== 'unknown';
}

/** The leader's summary as this asker's own; it has made no call itself. */
function summaryFrom(end: SharedEnd, request: NormalRequest, search: SearchRef, run: Run): SearchSummary {
  const sharedResult = JSON.parse(end.payload) as SharedResult;
  if ('failure' in sharedResult) throw new Failure(sharedResult.failure.code, sharedResult.failure.message);
  const outcome = sharedResult.summary.outcome;
  if (outcome === 'degraded' && request.onFailure === 'fail') {
    const { code, message } = sharedResult.summary.error ?? {
      code: 'internal',
      message: 'nothing was collected',
    };
    throw new Failure(code as FailureCode, message);
  }
  return {
    ...sharedResult.summary,
    searchId: search.searchId,
    calls: 0,
    startedAt: new Date(run.startedAt).toISOString(),
    finishedAt: new Date().toISOString(),
  };
}

/** Somebody of a higher class waits for this search: from now on it has that class, its waiting pages included. */
export async function raiseClass(
  { runs, searches, calls }: QueueContext,
  search: SearchRef,
  wanted: Priority,
): Promise<void> {
  const job = await searches.getJob(search.searchId);
  const run = await runs.read(search);
  const present = run?.class ?? (job?.data as { priority?: Priority } | undefined)?.priority ?? 'interactive';
  if (job === undefined || PRIORITY[wanted] >= PRIORITY[present]) return;
  await runs.raise(search, wanted);
  // It may be waiting for a share that its new class is not bound to; if not, time was faster.
  await job.promote().catch(() => undefined);
  const { unprocessed = [] } = await job.getDependencies();
  for (const key of unprocessed) {
    const page = await calls.getJob(key.slice(key.lastIndexOf(':') + 1));
    await page?.changePriority({ priority: PRIORITY[wanted] }).catch(() => undefined);
    await page?.promote().catch(() => undefined);
  }
}

export interface Cancelling {
  searches: Queue;
  runs: RunStates;
  coalesced: CoalescedSearches;
  marketplace: string;
}

/**
 * Withdraws one asker. The search itself goes on for those who asked the same, and stops with the last of them: no page
 * that begins after this resolves calls eBay. Those under way, up to ten (`lanesFor`), may still call. Returns false for a
 * search that has already ended.
 * @throws Failure `unknown_payload_version` for one of a newer release: who else asks for it, this one cannot tell
 */
export async function cancelSearch(context: Cancelling, job: Job, search: SearchRef): Promise<boolean> {
  const { coalesced, runs } = context;
  const state = await job.getState();
  if (state === 'completed' || state === 'failed' || state === 'unknown') return false;
  refuseNewer(job.data);
  const parsed = parseSearchRequest(job.data, context);
  if (!parsed.ok) return false;
  const hash = requestHash({ ...parsed.request, tenant: search.tenant });
  const me = requesterOf(search);
  const { leader, followers } = await coalesced.read(hash);
  if (leader === me && followers.length > 0) {
    await runs.withdraw(search);
    return true;
  }
  await coalesced.leave(hash, me);
  await stop(job, search, runs);
  if (leader !== undefined && leader !== me && followers.every((requester) => requester === me))
    await stopWithdrawn(context, refOf(leader, search.tenant));
  return true;
}

/** The mark comes first, so that a page that starts now does not call; with the last waiting page the search sums up. */
async function stop(job: Job, search: SearchRef, runs: RunStates): Promise<void> {
  await runs.cancel(search);
  if (await job.isDelayed())
    await job.promote().catch(() => undefined); // Somebody else, or time, was faster.
  else await job.removeUnprocessedChildren();
}

async function stopWithdrawn({ searches, runs }: Cancelling, leader: SearchRef): Promise<void> {
  const job = await searches.getJob(leader.searchId);
  const run = await runs.read(leader);
  if (job !== undefined && run?.withdrawn) await stop(job, leader, runs);
}
