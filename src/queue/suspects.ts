import { DelayedError, type Job, type Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { Failure } from '../failures.ts';
import type { HouseRules } from './houseRules.ts';
import { FIRST } from './priorities.ts';

/** Twice is no coincidence any more. One kill in a deploy is, and its jobs should run again without delay. */
const SUSPICIOUS = 2;

/** Our own field of the job's hash: for which count of stalls the job has been given a moment of its own. */
const SPREAD = 'dpf:spread';

/** Tells BullMQ that the job was delayed, and the worker that it has not run: what counts against it stands. */
export class SuspectDelayed extends DelayedError {}

/**
 * Stops a job that takes down its workers. The count is BullMQ's (`stc`: its lock ran out while it was active), judged
 * here because BullMQ's own limit spares scheduled jobs, and cleared by `PromptWorker` after every run that a worker
 * survived: only crashes in a row count, never those of a long life.
 *
 * All that ran on a dead worker comes back at the same moment. What did so twice gets a moment of its own, so that the
 * innocent end before the culprit strikes again instead of being counted out beside it.
 * @throws Failure `crashed-worker` at the limit; BullMQ's signal of a job that was delayed.
 */
export async function stopCrasher(
  { redis, rules }: { redis: Redis; rules: HouseRules },
  queue: Queue,
  job: Job,
  token: string,
): Promise<void> {
  const crashes = job.stalledCounter;
  if (crashes >= rules.maxRestarts)
    throw new Failure('crashed-worker', `${crashes} workers in a row died or froze while this job ran`);
  if (crashes < SUSPICIOUS) return;
  const key = queue.toKey(job.id as string);
  if (Number(await redis.hget(key, SPREAD)) === crashes) return;
  await redis.hset(key, SPREAD, crashes);
  await job.changePriority({ priority: FIRST });
  await job.moveToDelayed(Date.now() + Math.random() * rules.suspectSpreadMs, token);
  throw new SuspectDelayed();
}
