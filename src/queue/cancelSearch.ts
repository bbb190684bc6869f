import type { Job } from 'bullmq';
import type { RunStates } from '../results/runState.ts';
import type { SearchRef } from '../results/searchRef.ts';

/**
 * Withdraws a search: no further call beyond the page in flight. The mark comes first, so that a page that starts now
 * does not call; then the pages that wait are taken away, and with the last of them the search sums up what it has.
 * Returns false for a search that has already ended.
 */
export async function cancelSearch(job: Job, search: SearchRef, runs: RunStates): Promise<boolean> {
  const state = await job.getState();
  if (state === 'completed' || state === 'failed' || state === 'unknown') return false;
  await runs.cancel(search);
  if (state === 'delayed')
    await job.promote().catch(() => undefined); // Somebody else, or time, was faster.
  else await job.removeUnprocessedChildren();
  return true;
}
