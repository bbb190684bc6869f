import { DelayedError, type Job } from 'bullmq';
import type { Failure } from '../failures.ts';
import { holdQueue } from './callsQueue.ts';
import type { QueueContext } from './context.ts';
import { collectItem, itemFailed } from './itemJob.ts';
import { type CallJobData, callOptions, type ItemJobResult, type PageJobResult } from './jobData.ts';
import { idsOfCall } from './logIds.ts';
import { isLockLost } from './lostLock.ts';
import { leaveToNewer } from './newerVersion.ts';
import { collectPage, pageFailed } from './pageJob.ts';
import { readCall } from './readJob.ts';
import { apartFromSuspects } from './suspects.ts';
import { toBullMQ, type Verdict, verdictOn } from './verdict.ts';

/** One job of the calls queue: one call. The answer is stored first; everything after it may be done twice. */
export async function processCall(
  context: QueueContext,
  job: Job,
  token: string,
  signal: AbortSignal,
): Promise<PageJobResult | ItemJobResult> {
  let call: CallJobData | undefined;
  try {
    await leaveToNewer(context, job, token);
    const read = readCall(job, context);
    call = read;
    Object.assign(job.opts, callOptions(read.request, context.rules));
    return await apartFromSuspects<PageJobResult | ItemJobResult>(context, job, token, () =>
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
  await runs.spentInVain(search, failure.detail.calls ?? 0);
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
