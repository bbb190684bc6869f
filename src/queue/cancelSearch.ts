import type { Job, Queue } from 'bullmq';
import { requestHash } from '../product/normalForm.ts';
import { parseSearchRequest } from '../product/request.ts';
import type { IdenticalSearches } from '../results/identicalSearches.ts';
import type { RunStates } from '../results/runState.ts';
import type { SearchRef } from '../results/searchRef.ts';
import { askerOf, refOf } from './identical.ts';
import { refuseNewer } from './readJob.ts';

export interface Cancelling {
  searches: Queue;
  runs: RunStates;
  identical: IdenticalSearches;
  marketplace: string;
}

/**
 * Withdraws one asker. The search itself goes on for those who asked the same, and stops with the last of them: no page
 * that begins after this resolves calls eBay. Those under way, up to ten (`lanesFor`), may still call. Returns false for a
 * search that has already ended.
 * @throws Failure `unknown_payload_version` for one of a newer release: who else asks for it, this one cannot tell
 */
export async function cancelSearch(context: Cancelling, job: Job, search: SearchRef): Promise<boolean> {
  const { identical, runs } = context;
  const state = await job.getState();
  if (state === 'completed' || state === 'failed' || state === 'unknown') return false;
  refuseNewer(job.data);
  const parsed = parseSearchRequest(job.data, context);
  if (!parsed.ok) return false;
  const hash = requestHash({ ...parsed.request, tenant: search.tenant });
  const me = askerOf(search);
  const { leader, followers } = await identical.read(hash);
  if (leader === me && followers.length > 0) {
    await runs.withdraw(search);
    return true;
  }
  await identical.leave(hash, me);
  await stop(job, search, runs);
  if (leader !== undefined && leader !== me && followers.every((asker) => asker === me))
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
