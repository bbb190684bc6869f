import { DelayedError, type Job } from 'bullmq';
import type { HouseRules } from './houseRules.ts';
import { type SearchProgress, trustedOptions } from './jobData.ts';
import { isNewer } from './readJob.ts';

/** A newer worker may be there already: an older one, which knows when the job's wait ends, is only too often first. */
const FIRST_LOOK_MS = 1000;

/**
 * Puts a job aside that a newer release has written: during a deploy a worker that can read it is on its way. Since when
 * it waits stands in its progress, where people see it too. Does nothing with other jobs and with one that has waited
 * long enough, but that from now on our own options hold for it, whatever it carries.
 * @throws BullMQ's signal of a job that was delayed
 */
export async function leaveToNewer({ rules }: { rules: HouseRules }, job: Job, token: string): Promise<void> {
  Object.assign(job.opts, trustedOptions(rules));
  if (!isNewer(job.data)) return;
  const { longestDelayMs, patienceMs } = rules.newerVersion;
  const now = Date.now();
  const since = waitsSince(job.progress) ?? now;
  if (now - since >= patienceMs) {
    // Should somebody retry it, its wait begins anew.
    await job.updateProgress({});
    return;
  }
  // As long again as it has waited: soon while the deploy is young, seldom when no newer worker comes.
  const delayMs = Math.min(Math.max(now - since, FIRST_LOOK_MS), longestDelayMs);
  const until = Math.min(now + delayMs, since + patienceMs);
  const progress: SearchProgress = {
    state: 'waiting',
    pages: 0,
    of: 0,
    products: 0,
    because: 'newer-version',
    until,
    since,
  };
  await job.updateProgress(progress);
  await job.moveToDelayed(until, token);
  throw new DelayedError();
}

function waitsSince(progress: Job['progress']): number | undefined {
  if (typeof progress !== 'object' || progress === null || !('since' in progress)) return undefined;
  return typeof progress.since === 'number' ? progress.since : undefined;
}
