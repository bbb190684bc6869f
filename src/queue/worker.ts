import { setMaxListeners } from 'node:events';
import type { Queue, WorkerOptions } from 'bullmq';
import type { Redis } from 'ioredis';
import { ageOf, classOf } from './bullmq/queues.ts';
import { type JobEnd, Runner, watch } from './bullmq/worker.ts';
import { repeatStrategy } from './schedules/cron.ts';
import { processCall } from './search/callJob.ts';
import type { QueueContext } from './search/context.ts';
import type { CallJobData, PageJobResult } from './search/jobData.ts';
import { processSearch } from './search/searchJob.ts';

export interface WorkerSettings {
  concurrency: number;
  lockDurationMs: number;
  stalledIntervalMs: number;
  /** Longest blocking read of an idle worker, seconds. */
  blockingRead: number;
  /** From the stop signal on: how long calls under way may go on before they are broken off, ms. */
  finishWithinMs: number;
  /** A worker that starts nothing for this long while work waits gets new connections, ms. */
  stuckAfterMs: number;
  prefix: string;
  /** Opens a connection of the `worker` profile; the worker ends it. */
  connect: () => Redis;
  /** Told that something in this queue could not be handled: perhaps a job that nobody can read. */
  inspect: (queue: string) => void;
  /** Lets a search begin when it may. Default: at once. */
  inTurn?: <T>(work: () => Promise<T>) => Promise<T>;
}

export interface RunningWorker {
  /** Takes no further job, finishes or hands back the ones under way, and resolves when none is left. */
  close(): Promise<void>;
  readonly running: boolean;
}

/** Both queues of one tenant: searches, and their calls. */
export function startWorker(context: QueueContext, settings: WorkerSettings): RunningWorker {
  const { inTurn = (work) => work() } = settings;
  const breakOff = new AbortController();
  // Every call under way listens, and there may be many.
  setMaxListeners(0, breakOff.signal);
  const open = (): Live => {
    const connection = settings.connect();
    const runner = (
      queue: Queue,
      process: ConstructorParameters<typeof Runner>[0]['process'],
      ended: (end: JobEnd) => void,
    ) =>
      new Runner({
        ...context,
        ...settings,
        queue,
        process,
        ended,
        worker: workerOptions(settings, connection),
      });
    return {
      connection,
      runners: [
        runner(
          context.searches,
          (job, token) => inTurn(() => processSearch(context, job, token)),
          searchEnded(context),
        ),
        runner(
          context.calls,
          (job, token) => processCall(context, job, token, breakOff.signal),
          callEnded(context),
        ),
      ],
    };
  };
  let live = open();
  const endWatch = watch({
    runners: () => live.runners,
    stuckAfterMs: settings.stuckAfterMs,
    replace: () => {
      context.log.error('work waits and nothing starts: making the worker anew');
      context.metrics.workerReplaced();
      const stuck = live;
      live = open();
      void endAll(stuck, true);
    },
  });
  return {
    get running() {
      return live.runners.every((runner) => runner.running);
    },
    async close() {
      endWatch();
      const timer = setTimeout(() => breakOff.abort(), settings.finishWithinMs);
      try {
        await endAll(live);
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

/** The workers of both queues, on one connection. */
interface Live {
  connection: Redis;
  runners: Runner[];
}

async function endAll({ runners, connection }: Live, force = false): Promise<void> {
  try {
    await Promise.all(runners.map((runner) => runner.close(force)));
  } finally {
    connection.disconnect();
  }
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
    // Two unlucky kills must not fail a job for good; what really kills its workers is counted apart (`suspects.ts`).
    maxStalledCount: 1000,
    drainDelay: settings.blockingRead,
    // A job fetched while the main loop sleeps off a limit starts only when that sleep ends (6.7.0): keep it short.
    maximumRateLimitDelay: 1000,
    // BullMQ's own 15 s would be most of the time that an outage costs.
    runRetryDelay: 500,
    settings: { repeatStrategy },
  };
}

function searchEnded({ metrics }: QueueContext) {
  return (end: JobEnd): void => {
    const outcome = 'error' in end ? 'failed' : (end.result as { outcome: string }).outcome;
    metrics.searchEnded(outcome, classOf(end.job.data), ageOf(end.job));
  };
}

function callEnded({ metrics }: QueueContext) {
  return (end: JobEnd): void => {
    const { job } = end;
    const result =
      'result' in end
        ? ((end.result as PageJobResult).skipped ?? 'stored')
        : job.finishedOn === undefined
          ? 'retried'
          : 'failed';
    metrics.callEnded(
      result,
      classOf((job.data as CallJobData | null)?.request),
      ageOf(job, job.processedOn),
    );
  };
}
