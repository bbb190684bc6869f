import { DelayedError, type Job } from 'bullmq';
import { Failure } from '../../failures.ts';
import type { QueueContext } from '../search/context.ts';
import { FIRST } from './queues.ts';

/** Twice is no coincidence any more. One kill in a deploy is, and its jobs should run again without delay. */
const SUSPICIOUS = 2;

/** Tells BullMQ that the job was delayed, and the worker that it has not run: what counts against it stands. */
export class IsolationDelay extends DelayedError {}

/**
 * Runs a job unless it takes down its workers. The count is BullMQ's (`stc`: its lock ran out while it was active), judged
 * here because BullMQ's own limit spares scheduled jobs, and cleared by `PromptWorker` after every run that a worker
 * survived: only crashes in a row count, never those of a long life.
 *
 * All that ran on a dead worker comes back at the same moment, and the innocent must not be counted out beside the
 * culprit, be they searches or pages. So of those that went down twice a process runs only one at a time, of both queues;
 * the others look again at a moment of their own. (One at a time in the fleet was measured: a worker that died with it kept
 * its place for a lock's life, and after many kills pages waited for a minute.)
 * @throws Failure `crashed-worker` at the limit; BullMQ's signal of a job that was delayed; what `run` throws.
 */
export async function isolateCrashing<T>(
  { rules, crashIsolation }: Pick<QueueContext, 'rules' | 'crashIsolation'>,
  job: Job,
  token: string,
  run: () => Promise<T>,
): Promise<T> {
  const crashes = job.stalledCounter;
  if (crashes >= rules.maxRestarts)
    throw new Failure('crashed-worker', `${crashes} workers in a row died or froze while this job ran`);
  if (crashes < SUSPICIOUS) return run();
  if (!crashIsolation.enter()) {
    await job.changePriority({ priority: FIRST });
    await job.moveToDelayed(Date.now() + Math.random() * rules.suspectsLookAgainMs, token);
    throw new IsolationDelay();
  }
  try {
    return await run();
  } finally {
    crashIsolation.leave();
  }
}
