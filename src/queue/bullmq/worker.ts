import { type Job, type JobJson, type Processor, Worker, type WorkerOptions } from 'bullmq';
import type { Redis } from 'ioredis';
import { clockOf } from '../../redis/redisClock.ts';
import { TOO_LARGE } from '../search/jobData.ts';
import { IsolationDelay } from './crashLimit.ts';
import { LONGEST_ID, putBackTaken } from './ownKeys.ts';
import { RunPlanner, redisTimeBackend, SteadyLocks } from './redisTime.ts';
import { isHeldByChildren } from './repair.ts';
import { plannedRun } from './repeat.ts';

/**
 * More than the largest valid request has: a picture, with names and words. JSON beyond it would block the process just by
 * being parsed.
 */
export const MAX_DATA_LENGTH = 1_500_000;

/** The least of these counts: a single slow answer must not make the worker ask early. */
const KEPT_ROUND_TRIPS = 16;
/** How long after the end of the limit an ask aims to arrive, ms: one that comes before it costs another. */
const SURE_MS = 2;

/** Asks for a job in an empty queue that are spared in a row. The next one finds out whether Redis takes writes. */
const SPARED_ASKS = 5;

/** BullMQ's worker with ten changes to what 6.7.0 does: those of `redisTime.ts`, and these. */
export class PatchedWorker extends Worker {
  readonly #redis: Redis;
  readonly #runs: RunPlanner;
  /** How long the last asks for a job took, ms. */
  #roundTrips: number[] = [];
  /** The last wait for a job ended without one, and no job was asked for since. */
  #waitedInVain = false;
  #sparedAsks = 0;

  /** @param redis a connection of the `caller` profile */
  constructor(name: string, processor: Processor, options: WorkerOptions, redis: Redis) {
    super(name, processor, options, redisTimeBackend(clockOf(redis)));
    this.#redis = redis;
    this.#checkOnlyWhatIsActive();
    this.#askOnlyForWhatWaits();
    this.#runs = new RunPlanner(this, clockOf(redis));
  }

  override get jobScheduler(): Promise<RunPlanner> {
    return Promise.resolve(this.#runs);
  }

  /** The worker's own connection: one that has died silently is noticed, also while there is nothing to do. */
  get #connection(): Redis {
    return this.opts.connection as Redis;
  }

  /**
   * The check of 6.7.0 for stalled jobs costs eight commands, also in a queue without an active job, as that of the searches
   * mostly is, and where this worker has all of them under way and none of their locks has run out.
   */
  #checkOnlyWhatIsActive(): void {
    const { backend } = this;
    const check = backend.moveStalledJobsToWait.bind(backend);
    const isSpared = async () => {
      const own = new Set(this.lockManager.getTrackedJobIds());
      if (own.size === 0)
        return (await this.#connection.exists(this.toKey('active'), this.toKey('stalled'))) === 0;
      const active = await this.#connection.lrange(this.toKey('active'), 0, -1);
      if (active.length === 0 || !active.every((id) => own.has(id))) return false;
      const locks = active.map((id) => this.toKey(`${id}:lock`));
      return (await this.#connection.exists(...locks)) === locks.length;
    };
    backend.moveStalledJobsToWait = async () => ((await isSpared()) ? [] : check());
  }

  /** An idle worker of 6.7.0 asks for a job whenever its wait for one has ended, which costs seven commands in an empty queue. */
  #askOnlyForWhatWaits(): void {
    const { backend } = this;
    const wait = backend.waitForJob.bind(backend);
    backend.waitForJob = async (timeout) => {
      const marker = await wait(timeout);
      this.#waitedInVain = marker === null;
      return marker;
    };
  }

  /** Without a marker a job is there all the same where Redis lost the marker. */
  async #isEmpty(): Promise<boolean> {
    const states = ['wait', 'prioritized', 'delayed'].map((state) => this.toKey(state));
    return (await this.#connection.exists(...states)) === 0;
  }

  protected override createLockManager(): void {
    const { lockRenewTime = 0, lockDuration = 0 } = this.opts;
    this.lockManager = new SteadyLocks(this as never, { lockRenewTime, lockDuration, workerId: this.id });
  }

  /**
   * 6.7.0 fails a job that is done while it has children, which any program can add to it. None of ours is under way then.
   * It asks for the next job when one completes, also when it knows that the limit holds. Where it does not ask, it
   * forgets the limit.
   */
  protected override async handleCompleted(
    ...[result, job, token, fetchNext = () => true, span]: Ended<unknown>
  ): Promise<Job> {
    const limits = this as unknown as { limitUntil: number };
    const { limitUntil } = limits;
    const isFree = () => fetchNext() && limitUntil <= Date.now();
    const complete = () => super.handleCompleted(result, job, token, isFree, span);
    const next = await complete().catch(async (error: Error) => {
      if (!isHeldByChildren(error)) throw error;
      await this.#redis.del(...[':dependencies', ':unsuccessful'].map((part) => this.toKey(job.id + part)));
      return complete().catch(async (again: Error) => {
        await this.#putBack(error, token);
        throw again;
      });
    });
    if (limitUntil > Date.now()) limits.limitUntil = Math.max(limitUntil, limits.limitUntil);
    return next;
  }

  /** `delay(0)` of 6.7.0 sleeps 100 ms. `waitForRateLimit` calls it for up to a third of the calls at short intervals. */
  override delay(...[milliseconds, abort]: Parameters<Worker['delay']>): Promise<void> {
    return super.delay(milliseconds === 0 ? 1 : milliseconds, abort);
  }

  protected override async moveToActive(...asked: [token: string, name?: string]): Promise<Job> {
    const waitedInVain = this.#waitedInVain;
    this.#waitedInVain = false;
    if (waitedInVain && this.#sparedAsks < SPARED_ASKS && (await this.#isEmpty())) {
      this.#sparedAsks += 1;
      return undefined as never;
    }
    this.#sparedAsks = 0;
    await clockOf(this.#redis).current();
    const askedAt = performance.now();
    const job = await super.moveToActive(...asked).catch(async (error: Error) => {
      await this.#putBack(error, asked[0]);
      throw error;
    });
    this.#roundTrips = [performance.now() - askedAt, ...this.#roundTrips].slice(0, KEPT_ROUND_TRIPS);
    return job;
  }

  /** A script that failed because of what is in the place of a key may have made a job active before. */
  async #putBack({ message }: Error, token: string): Promise<void> {
    if (message.startsWith('WRONGTYPE'))
      await putBackTaken(this.#redis, this.toKey(''), token).catch(() => undefined);
  }

  /**
   * 6.7.0 asks again when the limit has ended by what Redis said, half a round trip too late, and the ask takes as long:
   * a Redis that is 100 ms away would lose 100 ms of every window. A near one is asked before the limit ends, and again.
   */
  protected override getRateLimitDelay(ms: number): number {
    const roundTripMs = Math.min(...this.#roundTrips);
    return super.getRateLimitDelay(Math.max(0, ms - roundTripMs + SURE_MS));
  }

  /**
   * 6.7.0 makes an empty job of one whose hash is gone, and so hides that the data is lost. It fails a job without running it
   * when a child that any program may have added says so (`failParentOnFailure`).
   */
  protected override createJob({ deferredFailure: _, ...stored }: JobJson, jobId: string): Job {
    if (stored.name === undefined) throw new Error(`job ${jobId.slice(0, LONGEST_ID)} has lost its data`);
    // Any program can name a scheduler; 6.7.0 cannot plan its next run then, and lets the job lie.
    if (
      plannedRun(jobId)?.scheduler !== stored.repeatJobKey ||
      (stored.opts as { repeat?: unknown }).repeat === undefined
    )
      delete stored.repeatJobKey;
    if (jobId.length > LONGEST_ID) throw new Error(`a job’s id is longer than ${LONGEST_ID} characters`);
    if (stored.data.length <= MAX_DATA_LENGTH) return super.createJob(stored, jobId);
    const data = JSON.stringify(TOO_LARGE);
    // In Redis too: what loads the job later, the dashboard say, would parse it again. The job fails all the same.
    this.#redis.hset(this.toKey(jobId), 'data', data).catch(() => undefined);
    return super.createJob({ ...stored, data }, jobId);
  }

  /** Every end but completion. The worker survived, so the count of stalls (`stc`) is cleared, which 6.7.0 never does. */
  protected override async handleFailed(...[error, job, token, fetchNext, span]: Ended<Error>): Promise<Job> {
    const next = await super.handleFailed(error, job, token, fetchNext, span);
    if (job.stalledCounter > 0 && !(error instanceof IsolationDelay))
      await this.#redis.hdel(this.toKey(job.id as string), 'stc');
    return next;
  }
}

type Ended<End> = [end: End, job: Job, token: string, fetchNext?: () => boolean, span?: never];

/** What 6.7.0's `scripts.js` says when a job's lock is lost, or its key is gone (`finishedErrors`), also as it adds a child. */
const LOCK_LOST = /^(Missing lock|Lock mismatch|Missing key) for (parent )?job /;

/** Whether this worker was held up past the job's lock, or the job is gone: what went wrong here says nothing about it. */
export function isLockLost(thrown: unknown): boolean {
  return thrown instanceof Error && LOCK_LOST.test(thrown.message);
}
