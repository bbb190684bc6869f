import { type Job, type JobJson, type Processor, Worker, type WorkerOptions } from 'bullmq';
import type { Redis } from 'ioredis';
import { TOO_LARGE } from './readJob.ts';
import { SuspectDelayed } from './suspects.ts';

/** Several times what the largest valid request takes. JSON beyond it would hold up the process just by being parsed. */
const MAX_DATA_LENGTH = 500_000;

/** BullMQ's worker with what 6.7.0 lacks. */
export class PromptWorker extends Worker {
  readonly #redis: Redis;

  /** @param redis a connection of the `caller` profile */
  constructor(name: string, processor: Processor, options: WorkerOptions, redis: Redis) {
    super(name, processor, options);
    this.#redis = redis;
  }

  /** BullMQ sleeps 100 ms where its remaining wait rounds to 0 ms: up to a third of the calls at short intervals. */
  override delay(...[milliseconds, abort]: Parameters<Worker['delay']>): Promise<void> {
    return super.delay(milliseconds === 0 ? 1 : milliseconds, abort);
  }

  /** BullMQ makes an empty job of one whose hash is gone, and so hides that it lost its data. */
  protected override createJob(stored: JobJson, jobId: string): Job {
    if (stored.name === undefined) throw new Error(`job ${jobId} has lost its data`);
    return super.createJob(
      stored.data.length <= MAX_DATA_LENGTH ? stored : this.shrink(stored, jobId),
      jobId,
    );
  }

  /** In Redis too: everybody who looks at the job, the dashboard say, would have to read it all again. */
  private shrink(stored: JobJson, jobId: string): JobJson {
    const data = JSON.stringify(TOO_LARGE);
    this.#redis.hset(this.toKey(jobId), 'data', data).catch(() => undefined); // Its own end decides, not its size.
    return { ...stored, data };
  }

  /**
   * Every end but completion comes here: retries, hand-backs, waits, failures. The worker survived it, so the job is
   * cleared of having taken down workers: BullMQ never resets its count, and bad luck would add up over a long wait.
   */
  protected override async handleFailed(
    ...[error, job, token, fetchNext, span]: Parameters<HandleFailed>
  ): Promise<Job> {
    const next = await super.handleFailed(error, job, token, fetchNext, span);
    if (job.stalledCounter > 0 && !(error instanceof SuspectDelayed))
      await this.#redis.hdel(this.toKey(job.id as string), 'stc');
    return next;
  }
}

type HandleFailed = (
  error: Error,
  job: Job,
  token: string,
  fetchNext?: () => boolean,
  span?: never,
) => Promise<Job>;
