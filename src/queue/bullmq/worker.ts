import { type Job, type JobJson, type Processor, type Queue, Worker, type WorkerOptions } from 'bullmq';
import type { Redis } from 'ioredis';
import { parseReason } from '../../failures.ts';
import type { Logger } from '../../telemetry/logger.ts';
import { throttled } from '../../telemetry/logger.ts';
import type { QueueMetrics } from '../../telemetry/metrics.ts';
import type { Scrubber } from '../../telemetry/scrubber.ts';
import { TOO_LARGE } from '../search/jobData.ts';
import { IsolationDelay } from './crashLimit.ts';

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
    if (job.stalledCounter > 0 && !(error instanceof IsolationDelay))
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

export interface RunnerOptions {
  queue: Queue;
  process: (job: Job, token: string) => Promise<unknown>;
  worker: WorkerOptions;
  /** A connection of the `caller` profile. */
  redis: Redis;
  /** Told, at most once a second, that something could not be handled: perhaps a job that nobody can read. */
  inspect: (queue: string) => void;
  /** Told of a job that has ended, or of an attempt that has. */
  ended: (end: JobEnd) => void;
  metrics: Pick<QueueMetrics, 'stalled' | 'crashed'>;
  /** Masks secrets in what BullMQ stores of a job's end: return value, reason and stack. */
  scrubber: Scrubber;
  log: Logger;
}

export type JobEnd = { job: Job; result: unknown } | { job: Job; error: Error };

/** Errors in a second that mean that the worker goes round in circles, and how long it then rests, ms. */
const ERRORS_TO_REST = 5;
const REST_MS = 1000;

/** A BullMQ worker on one queue that can be asked whether it is at work. */
export class Runner {
  readonly #options: RunnerOptions;
  readonly #worker: PromptWorker;
  readonly #restless: number[] = [];
  #rest: NodeJS.Timeout | undefined;
  #busy = 0;
  #lastSign = Date.now();

  constructor(options: RunnerOptions) {
    const { queue, process, worker, redis, scrubber } = options;
    this.#options = options;
    const counted = async (job: Job, token?: string) => {
      this.#busy += 1;
      try {
        return scrubber.value(await process(job, token as string));
      } catch (error) {
        throw scrubber.error(error);
      } finally {
        this.#busy -= 1;
      }
    };
    this.#worker = new PromptWorker(queue.name, counted, worker, redis);
    this.#listen();
  }

  get running(): boolean {
    return this.#worker.isRunning();
  }

  /** When it last took a job or found none that may start, ms since the epoch. */
  get lastSign(): number {
    return this.#lastSign;
  }

  /** Whether work waits that this worker has a slot for. @throws Error when Redis cannot tell. */
  async hasWork(): Promise<boolean> {
    const { queue, redis, worker } = this.#options;
    if (this.#busy >= (worker.concurrency ?? 1)) return false;
    const replies = await redis
      .pipeline()
      .llen(queue.toKey('wait'))
      .zcard(queue.toKey('prioritized'))
      .hexists(queue.toKey('meta'), 'paused')
      .exec();
    const [waiting, prioritized, paused] = (replies ?? []).map(([error, value]) => {
      if (error) throw error;
      return value as number;
    });
    return !paused && Number(waiting) + Number(prioritized) > 0;
  }

  /** @param force leaves the jobs under way to themselves instead of waiting for them */
  async close(force = false): Promise<void> {
    clearTimeout(this.#rest);
    await this.#worker.close(force);
  }

  #listen(): void {
    const { queue, metrics, log, inspect, ended } = this.#options;
    const sign = () => {
      this.#lastSign = Date.now();
    };
    const worker = this.#worker;
    worker.on('active', sign);
    worker.on('drained', sign);
    worker.on('completed', (job, result) => ended({ job, result }));
    worker.on('failed', (job, error) => {
      if (job === undefined) return;
      if (parseReason(error.message).code === 'crashed-worker') metrics.crashed(queue.name);
      ended({ job, error });
    });
    worker.on('stalled', (jobId) => {
      metrics.stalled(queue.name);
      log.warn('job ran on a worker that died', { queue: queue.name, jobId });
    });
    const tell = throttled<Error>(1000, ({ message }, suppressed) => {
      log.warn('worker error', { queue: queue.name, reason: message.slice(0, 200), suppressed });
      inspect(queue.name);
    });
    worker.on('error', (error) => {
      tell(error);
      this.#calmDown();
    });
  }

  /** BullMQ tries again at once, by the ten thousand, when Redis refuses writes: a full disk or memory, a demoted master. */
  #calmDown(): void {
    const now = Date.now();
    this.#restless.push(now);
    if (this.#restless.length <= ERRORS_TO_REST) return;
    const first = this.#restless.shift() as number;
    if (now - first > 1000 || this.#worker.isPaused() || this.#worker.closing) return;
    // Jobs under way go on; only the fetching rests.
    void this.#worker.pause(true);
    this.#rest = setTimeout(() => {
      if (!this.#worker.closing) void this.#worker.resume();
    }, REST_MS);
  }
}

export interface WatchdogSettings {
  runners: () => readonly Runner[];
  /** How long work may wait while nothing starts, ms. */
  stuckAfterMs: number;
  /** Makes the workers anew. */
  replace: () => void;
}

/** A look is cheap, and a stuck worker is found within a quarter more than the time it is given. */
const LOOKS = 4;

/**
 * Notices that work waits and nothing starts, over several looks: what just arrived has not waited yet, and a worker that
 * finds a limit in its way shows a sign of life every second. Returns the function that ends the watch.
 */
export function watch({ runners, stuckAfterMs, replace }: WatchdogSettings): () => void {
  const waitingSince = new Map<Runner, number>();
  const lookEveryMs = stuckAfterMs / LOOKS;
  let timer: NodeJS.Timeout | undefined;
  let ended = false;

  const isStuck = async (runner: Runner): Promise<boolean> => {
    const now = Date.now();
    const since = waitingSince.get(runner);
    // Where Redis cannot tell there is nothing to start either.
    if (!(await runner.hasWork().catch(() => false))) waitingSince.delete(runner);
    else if (since === undefined || runner.lastSign > since) waitingSince.set(runner, now);
    else return now - since >= stuckAfterMs;
    return false;
  };
  const look = async () => {
    const stuck = await Promise.all(runners().map(isStuck));
    if (!ended && stuck.includes(true)) {
      waitingSince.clear();
      replace();
    }
    if (!ended) timer = setTimeout(look, lookEveryMs);
  };
  timer = setTimeout(look, lookEveryMs);
  return () => {
    ended = true;
    clearTimeout(timer);
  };
}

const LOST = /^(Missing lock|Lock mismatch|Missing key) for job /;

/**
 * BullMQ's word that this worker was held up past the job's lock, or that the job is gone: it is another's by now, so
 * nothing that went wrong here says anything about it.
 */
export function isLockLost(thrown: unknown): boolean {
  return thrown instanceof Error && LOST.test(thrown.message);
}
