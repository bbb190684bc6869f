import type { Job } from 'bullmq';
import { Failure, type FailureCode } from '../failures.ts';
import { requestHash } from '../product/normalForm.ts';
import type { NormalRequest } from '../product/requestSchema.ts';
import type { SearchSummary } from '../product/summary.ts';
import type { Asker, SharedEnd } from '../results/identicalSearches.ts';
import type { Run } from '../results/runState.ts';
import type { SearchRef } from '../results/searchRef.ts';
import type { QueueContext } from './context.ts';
import { idsOfSearch } from './logIds.ts';
import { plannedPages } from './pageChain.ts';
import { raiseClass } from './raiseClass.ts';
import { toBullMQ } from './verdict.ts';

/** Whoever waits for another search is called when that ends; this is for a leader that vanished without a word. */
const LOOK_AFTER_LEADER_MS = 15_000;

/** What the leader leaves to those who asked the same. */
type Legacy = { summary: SearchSummary } | { failure: { code: FailureCode; message: string } };

export function askerOf({ searchId, timestamp }: SearchRef): Asker {
  return `${searchId}@${timestamp}`;
}

export function refOf(asker: Asker, tenant: string): SearchRef {
  const at = asker.lastIndexOf('@');
  return { tenant, searchId: asker.slice(0, at), timestamp: Number(asker.slice(at + 1)) };
}

/**
 * Finds out whether somebody collects, or has just collected, the same. Answers with the other search's summary, or with
 * undefined for the one that has to collect itself; one that has to wait is put aside, which it learns by an error.
 * @throws the leader's failure, where asking again would be refused again; BullMQ's DelayedError while waiting.
 */
export async function joinIdentical(
  context: QueueContext,
  job: Job,
  token: string,
  asking: { search: SearchRef; request: NormalRequest; run: Run },
): Promise<SearchSummary | undefined> {
  const { identical, runs, tenant, log } = context;
  const { search, request, run } = asking;
  const hash = requestHash(request);
  const me = askerOf(search);
  if (run.cancelled) {
    await identical.leave(hash, me);
    return undefined;
  }
  for (;;) {
    const claim = await identical.claim(hash, me, request.maxAge * 1000);
    if (claim.role === 'leader') return undefined;
    if (claim.role === 'answered') {
      const source = refOf(claim.end.by, tenant);
      const summary = summaryFrom(claim.end, request, search, run);
      if (summary.pages > 0 && (await context.results.stored(source)).length === 0) continue;
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
      await callBack(context, await identical.resign(hash, claim.leader));
      continue;
    }
    await raiseClass(context, leader, request.priority);
    await waitForLeader(context, job, token, { hash, leader, request });
  }
}

/** The leader's end, for all who asked the same. */
export async function leaveToOthers(
  context: QueueContext,
  search: SearchRef,
  request: NormalRequest,
  end: SearchSummary | Failure,
): Promise<void> {
  const { identical } = context;
  const hash = requestHash(request);
  const me = askerOf(search);
  // A withdrawn search is nobody's answer, and what may pass is for the next asker to try.
  const isFinal =
    end instanceof Failure
      ? !end.retryable
      : end.outcome !== 'cancelled' && !(end.pages === 0 && end.error?.retryable);
  if (!isFinal) return callBack(context, await identical.resign(hash, me));
  const legacy: Legacy =
    end instanceof Failure ? { failure: { code: end.code, message: end.message } } : { summary: end };
  const good = !(end instanceof Failure) && ['complete', 'none-found', 'filtered-out'].includes(end.outcome);
  await callBack(context, await identical.finish(hash, me, JSON.stringify(legacy), good));
}

/** Those who waited look again at once. One that is not put aside yet does so by itself. */
async function callBack({ searches, tenant }: QueueContext, askers: Asker[]): Promise<void> {
  await Promise.all(
    askers.map(async (asker) => {
      const job = await searches.getJob(refOf(asker, tenant).searchId);
      await job?.promote().catch(() => undefined);
    }),
  );
}

async function waitForLeader(
  { identical, searches }: QueueContext,
  job: Job,
  token: string,
  { hash, leader, request }: { hash: string; leader: SearchRef; request: NormalRequest },
): Promise<never> {
  await job.updateProgress({
    state: 'waiting',
    pages: 0,
    of: plannedPages(request),
    products: 0,
    because: 'identical-search',
    leader: leader.searchId,
  });
  await job.moveToDelayed(Date.now() + LOOK_AFTER_LEADER_MS, token);
  // The leader may have ended before this search was put aside, when it could not be called yet.
  if ((await identical.read(hash)).leader !== askerOf(leader)) {
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
  const legacy = JSON.parse(end.payload) as Legacy;
  if ('failure' in legacy) throw new Failure(legacy.failure.code, legacy.failure.message);
  const outcome = legacy.summary.outcome;
  if (outcome === 'degraded' && request.onFailure === 'fail') {
    const { code, message } = legacy.summary.error ?? { code: 'internal', message: 'nothing was collected' };
    throw new Failure(code as FailureCode, message);
  }
  return {
    ...legacy.summary,
    searchId: search.searchId,
    calls: 0,
    startedAt: new Date(run.startedAt).toISOString(),
    finishedAt: new Date().toISOString(),
  };
}
