import { DelayedError, type Job } from 'bullmq';
import type { QueueContext } from '../search/context.ts';
import { runAfterCrashes } from '../search/retryPolicy.ts';
import { FIRST } from './queues.ts';

/**
 * BullMQ's own limit of stalls, out of reach: two unlucky kills must not fail a job, and BullMQ 6.7.0 neither resets its
 * count (`stc`) nor applies the limit to scheduled jobs. `isolateCrashing` applies WORKER_MAX_RESTARTS instead.
 */
export const MAX_STALLED_COUNT = 1000;

/** So far beyond WORKER_MAX_RESTARTS that the worker's own limit, which gives a better reason, comes first. */
const STALLS_BEYOND_LIMIT = 10;

/** Whether a job stalled so often that no worker can have reached `isolateCrashing`. */
export function couldNeverStart(stalls: number, maxRestarts: number): boolean {
  return stalls > maxRestarts + STALLS_BEYOND_LIMIT;
}

/** BullMQ's signal for a job that was delayed. The worker clears no crashes: the job has not run. */
export class IsolationDelay extends DelayedError {}

/**
 * Runs a job unless it takes down its workers. The count is BullMQ's (`stc`: the job's lock ran out while it was active);
 * `PatchedWorker` clears it after every run that a worker survived, so only crashes in a row count.
 *
 * All that ran on a dead worker comes back at once, and jobs beside the culprit must not reach the limit with it. So a
 * process runs one job at a time of those that crashed twice, of both queues; the others are delayed by a random time.
 * (One at a time in the fleet was measured: after many kills pages waited for a minute.)
 * @throws Failure `crashed-worker` at the limit; BullMQ's signal of a job that was delayed; what `run` throws.
 */
export async function isolateCrashing<T>(
  { rules, crashIsolation }: Pick<QueueContext, 'rules' | 'crashIsolation'>,
  job: Job,
  run: () => Promise<T>,
): Promise<T> {
  if (runAfterCrashes(job.stalledCounter, rules) === 'freely') return run();
  if (crashIsolation.busy) {
    await job.changePriority({ priority: FIRST });
    await job.moveToDelayed(Date.now() + Math.random() * rules.isolatedLookAgainMs, job.token);
    throw new IsolationDelay();
  }
  crashIsolation.busy = true;
  try {
    return await run();
  } finally {
    crashIsolation.busy = false;
  }
}
