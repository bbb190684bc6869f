import { setMaxListeners } from 'node:events';
import type { Job, Queue, WorkerOptions } from 'bullmq';
import type { Redis } from 'ioredis';
import { parseReason } from '../failures.ts';
import type { SearchSummary } from '../product/summary.ts';
import { redisFailure } from '../redis/failure.ts';
import { clockOf } from '../redis/redisClock.ts';
import { throttled } from '../telemetry/logger.ts';
import { jobSpan } from '../telemetry/tracing.ts';
import { ALL_SENT, type DeliveryContext, deliver, isLeft } from './alerts/deliver.ts';
import { channelOf, wakeChannel } from './alerts/wake.ts';
import { hasWaitingJobs } from './bullmq/counts.ts';
import { MAX_STALLED_COUNT } from './bullmq/crashLimit.ts';
import { classOf } from './bullmq/queues.ts';
import { ageOf, repeatStrategy } from './bullmq/repeat.ts';
import { PatchedWorker } from './bullmq/worker.ts';
import { processCall } from './search/callJob.ts';
import type { QueueContext } from './search/context.ts';
import { type CallJobResult, classOfCall } from './search/jobData.ts';
import { processSearch } from './search/searchJob.ts';

interface WorkerSettings {
  concurrency: number;
  lockDurationMs: number;
  stalledIntervalMs: number;
  /** Longest blocking read of an idle worker, seconds. */
  blockingRead: number;
  /** How long `close` lets calls under way go on before it aborts them, ms. */
  finishWithinMs: number;
  /** A worker that starts nothing for this long while work waits gets new connections, ms. */
  stuckAfterMs: number;
  prefix: string;
  /** Opens a connection of the `worker` profile; the worker ends it. */
  connect: () => Redis;
  /** Called after errors, at most once a second: the queue may hold a job that cannot be read. */
  inspect: (queue: string) => void;
  /** Lets a search begin when it may. */
  inTurn: <T>(work: () => Promise<T>) => Promise<T>;
  /** Deliveries of alerts; undefined: this process makes none. */
  delivery?: { context: DeliveryContext; concurrency: number };
}

/** Works on the queues of one tenant, searches, calls and deliveries, and replaces workers that are stuck. */
export function startWorker(context: QueueContext, settings: WorkerSettings) {
  const abortCalls = new AbortController();
  // Every call under way listens, and there may be many.
  setMaxListeners(0, abortCalls.signal);
  const trouble: RedisTrouble = { cause: '', at: Number.NEGATIVE_INFINITY };
  const open = () => {
    const connection = settings.connect();
    const searches = openQueueWorker(
      context,
      settings,
      { connection, trouble },
      {
        queue: context.searches,
        process: (job) =>
          jobSpan(context.searches.name, job, () => settings.inTurn(() => processSearch(context, job))),
        onEnd: (job, result) => {
          const { outcome = 'failed', missing } = (result ?? {}) as Partial<SearchSummary>;
          // Where no call failed nothing is to be repaired.
          const counted = outcome === 'partial' && missing?.length === 0 ? 'bounded' : outcome;
          context.metrics.searchEnded(counted, classOf(job.data), ageOf(job, clockOf(context.redis).now()));
        },
      },
    );
    const calls = openQueueWorker(
      context,
      settings,
      { connection, trouble },
      {
        queue: context.calls,
        process: (job) =>
          jobSpan(context.calls.name, job, () => processCall(context, job, abortCalls.signal), {
            isCall: true,
          }),
        onEnd: (job, result) => {
          const failed = job.finishedOn === undefined ? 'retried' : 'failed';
          const { skipped = 'new' } = (result ?? {}) as CallJobResult;
          const ended = { new: 'stored', stored: 'reused' }[skipped as string] ?? skipped;
          const end = result === undefined ? failed : ended;
          const began = job.processedOn ?? clockOf(context.redis).now();
          context.metrics.callEnded(end, classOfCall(job), ageOf(job, began));
        },
      },
    );
    const { delivery } = settings;
    if (delivery === undefined) return { connection, workers: [searches, calls] };
    const { context: own, concurrency } = delivery;
    const deliveries = openQueueWorker(
      context,
      { ...settings, concurrency },
      { connection, trouble },
      {
        queue: own.deliveries,
        process: (job) =>
          jobSpan(own.deliveries.name, job, () =>
            deliver(own, job, { signal: abortCalls.signal, isStopping: () => closing }),
          ),
        onEnd: (job, result) => {
          const channel = channelOf(job);
          // The fleet's duty wakes it after a failure: at once it would fail again.
          if (channel === undefined || result !== ALL_SENT || closing) return;
          // A message that came after the last look of the job. The duty finds what this process does not.
          isLeft(own, channel)
            .then((left) => (left ? wakeChannel(own.deliveries, channel) : undefined))
            .catch(() => undefined);
        },
      },
    );
    return { connection, workers: [searches, calls, deliveries] };
  };
  const end = async ({ connection, workers }: ReturnType<typeof open>, force = false) => {
    try {
      await Promise.all(workers.map((worker) => worker.close(force)));
    } finally {
      connection.disconnect();
    }
  };

  let closing = false;
  let current = open();
  const check = async () => {
    const stuck = await Promise.all(current.workers.map((worker) => worker.isStuck()));
    if (closing) return;
    if (stuck.includes(true)) {
      context.log.error('worker stalled, restarting it');
      context.metrics.workerReplaced();
      const replaced = current;
      current = open();
      // Its jobs stall and go to the new workers.
      void end(replaced, true);
    }
    watchdog = setTimeout(check, settings.stuckAfterMs / CHECKS);
  };
  let watchdog = setTimeout(check, settings.stuckAfterMs / CHECKS);

  return {
    get running() {
      return current.workers.every((worker) => worker.running);
    },
    /** Takes no further job, finishes or hands back the ones under way, and resolves when none is left. */
    async close() {
      closing = true;
      clearTimeout(watchdog);
      const timer = setTimeout(() => abortCalls.abort(), settings.finishWithinMs);
      try {
        await end(current);
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

/** Checks in `stuckAfterMs`: a check is cheap, and a stuck worker is found at most a quarter later. */
const CHECKS = 4;

/** Errors in a second after which fetching pauses, and for how long, ms. */
const ERRORS_TO_PAUSE = 5;
const PAUSE_MS = 1000;

/** Least time between two inspections of a queue after errors, ms. */
const INSPECT_EVERY_MS = 1000;

/** Why Redis did not serve, and when it last did not, on `performance`'s clock. Of all queues: they share a Redis. */
interface RedisTrouble {
  cause: string;
  at: number;
}

interface QueueWork {
  queue: Queue;
  process: (job: Job) => Promise<unknown>;
  /** How an attempt of a job, or the job, ended; without a result when it failed. */
  onEnd: (job: Job, result?: unknown) => void;
}

/** A BullMQ worker on one queue, with metrics, a pause after repeated errors, and a check for being stuck. */
function openQueueWorker(
  { redis, scrubber, metrics, log }: QueueContext,
  settings: WorkerSettings,
  { connection, trouble }: { connection: Redis; trouble: RedisTrouble },
  { queue, process, onEnd }: QueueWork,
) {
  let activeJobs = 0;
  /** When it last took a job or found none that may start, on `performance`'s clock. */
  let lastActivity = performance.now();
  const noteActivity = () => {
    lastActivity = performance.now();
  };
  /** Since when jobs wait and none was started; undefined while none waits. */
  let waitingSince: number | undefined;

  const processor = async (job: Job) => {
    activeJobs += 1;
    try {
      // BullMQ stores return value, reason and stack: no secret may be in them.
      return scrubber.value(await process(job));
    } catch (error) {
      throw scrubber.error(error);
    } finally {
      activeJobs -= 1;
    }
  };
  const logError = throttled<Error>(1000, (error, suppressed) => {
    const reason = (redisFailure(error) ?? error).message.slice(0, 200);
    log.warn('worker error', { queue: queue.name, reason, suppressed });
  });
  let inspectedAt = Number.NEGATIVE_INFINITY;
  let inspectTimer: NodeJS.Timeout | undefined;
  /** No error is without an inspection after it: there may be no second one, and jobs that only wait. */
  const inspectSoon = () => {
    inspectTimer ??= setTimeout(
      () => {
        inspectTimer = undefined;
        inspectedAt = performance.now();
        settings.inspect(queue.name);
      },
      Math.max(0, inspectedAt + INSPECT_EVERY_MS - performance.now()),
    );
  };
  const worker = new PatchedWorker(queue.name, processor, workerOptions(settings, connection), redis);
  // BullMQ tries again at once, by the ten thousand, when Redis refuses writes: a full disk or memory, a demoted master.
  // Jobs under way go on; only fetching pauses.
  const errorTimes: number[] = [];
  /** Within it a lock that Redis did not renew runs out and is found: several times that, because fetching may have paused. */
  const blamedMs = 3 * (settings.lockDurationMs + settings.stalledIntervalMs + PAUSE_MS);
  let resumeTimer: NodeJS.Timeout | undefined;
  const pauseAfterErrors = () => {
    const now = performance.now();
    errorTimes.push(now);
    if (errorTimes.length <= ERRORS_TO_PAUSE) return;
    const first = errorTimes.shift() as number;
    if (now - first > 1000 || worker.isPaused() || worker.closing) return;
    void worker.pause(true);
    resumeTimer = setTimeout(() => {
      if (!worker.closing) void worker.resume();
    }, PAUSE_MS);
  };
  worker
    .on('active', noteActivity)
    // BullMQ also emits it each second while a limit holds the queue.
    .on('drained', noteActivity)
    .on('completed', onEnd)
    .on('failed', (job, error) => {
      if (job === undefined) return;
      if (parseReason(error.message).code === 'crashed-worker') metrics.crashed(queue.name);
      onEnd(job);
    })
    .on('stalled', (jobId) => {
      metrics.stalled(queue.name);
      const isRedis = performance.now() - trouble.at <= blamedMs;
      const reason = isRedis ? trouble.cause : 'its worker died or froze';
      log.warn('stalled job', { queue: queue.name, jobId, reason });
    })
    .on('error', (error) => {
      const failure = redisFailure(error);
      if (failure !== undefined) Object.assign(trouble, { cause: failure.message, at: performance.now() });
      logError(error);
      inspectSoon();
      pauseAfterErrors();
    });

  return {
    get running() {
      return worker.isRunning();
    },
    /** Whether work has waited for `stuckAfterMs` while a slot was free and nothing started, as seen by repeated calls. */
    async isStuck(): Promise<boolean> {
      const now = performance.now();
      // Without an answer from Redis there is nothing to start either.
      const waits =
        activeJobs < settings.concurrency && (await hasWaitingJobs(redis, queue).catch(() => false));
      if (!waits) waitingSince = undefined;
      else if (waitingSince === undefined || lastActivity > waitingSince) waitingSince = now;
      else return now - waitingSince >= settings.stuckAfterMs;
      return false;
    },
    /** @param force does not wait for the jobs under way */
    async close(force: boolean): Promise<void> {
      clearTimeout(resumeTimer);
      await worker.close(force);
      clearTimeout(inspectTimer);
    },
  };
}

function workerOptions(settings: WorkerSettings, connection: Redis): WorkerOptions {
  return {
    prefix: settings.prefix,
    connection,
    concurrency: settings.concurrency,
    lockDuration: settings.lockDurationMs,
    // Often enough that a process may be held up for most of the lock's life before another one takes its jobs.
    lockRenewTime: settings.lockDurationMs / 4,
    stalledInterval: settings.stalledIntervalMs,
    maxStalledCount: MAX_STALLED_COUNT,
    drainDelay: settings.blockingRead,
    // A job fetched while the main loop waits for a limit starts only when that wait ends (6.7.0): keep it short.
    maximumRateLimitDelay: 1000,
    // BullMQ's own 15 s would be most of the time that an outage costs.
    runRetryDelay: 500,
    settings: { repeatStrategy },
  };
}
