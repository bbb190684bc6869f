import type { Job, Queue, WorkerOptions } from 'bullmq';
import type { Redis } from 'ioredis';
import { parseReason } from '../failures.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { QueueMetrics } from '../telemetry/queueMetrics.ts';
import type { Scrubber } from '../telemetry/scrubber.ts';
import { seldom } from '../telemetry/seldom.ts';
import { PromptWorker } from './promptWorker.ts';

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
    const tell = seldom<Error>(1000, ({ message }, suppressed) => {
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
