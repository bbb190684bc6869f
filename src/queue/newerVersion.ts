import type { Job } from 'bullmq';
import type { HouseRules } from './houseRules.ts';
import type { SearchProgress } from './jobData.ts';

/**
 * Puts a job aside that a newer release has written: during a deploy a worker that can read it is on its way. Since when
 * it waits stands in its progress, where people see it too. False once it has waited long enough.
 */
export async function leaveToNewer(
  job: Job,
  token: string,
  { newerVersion: { delayMs, patienceMs } }: HouseRules,
): Promise<boolean> {
  const now = Date.now();
  const since = waitsSince(job.progress) ?? now;
  if (now - since >= patienceMs) return false;
  const until = now + Math.min(delayMs, since + patienceMs - now);
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
  return true;
}

function waitsSince(progress: Job['progress']): number | undefined {
  if (typeof progress !== 'object' || !('since' in progress)) return undefined;
  return typeof progress.since === 'number' ? progress.since : undefined;
}
