import { type Job, Worker, type WorkerOptions } from 'bullmq';
import { processCall } from './callJob.ts';
import type { QueueContext } from './context.ts';
import { repeatStrategy } from './schedules/repeatStrategy.ts';
import { processSearch } from './searchJob.ts';

export interface WorkerSettings {
  concurrency: number;
  lockDurationMs: number;
  stalledIntervalMs: number;
  /** Longest blocking read of an idle worker, seconds. */
  blockingRead: number;
  /** From the stop signal on: how long calls under way may go on before they are broken off, ms. */
  finishWithinMs: number;
  prefix: string;
  /** A connection of the `worker` profile. */
  connection: WorkerOptions['connection'];
}

export interface RunningWorker {
  /** Takes no further job, finishes or hands back the ones under way, and resolves when none is left. */
  close(): Promise<void>;
  readonly running: boolean;
}

/**
 * BullMQ sleeps 100 ms where its remaining wait rounds to 0 ms, which costs up to a third of the calls at short
 * intervals (6.7.0: `delay(0)` falls back to the default).
 */
class PromptWorker extends Worker {
  override delay(...[milliseconds, abort]: Parameters<Worker['delay']>): Promise<void> {
    return super.delay(milliseconds === 0 ? 1 : milliseconds, abort);
  }
}

/** Both queues of one tenant: searches, and their calls. */
export function startWorker(context: QueueContext, settings: WorkerSettings): RunningWorker {
  const options: WorkerOptions = {
    prefix: settings.prefix,
    connection: settings.connection,
    concurrency: settings.concurrency,
    lockDuration: settings.lockDurationMs,
    stalledInterval: settings.stalledIntervalMs,
    // Two unlucky kills must not fail a job for good; what really kills its workers is counted apart.
    maxStalledCount: 1000,
    drainDelay: settings.blockingRead,
    // A job fetched while the main loop sleeps off a limit starts only when that sleep ends (6.7.0): keep it short.
    maximumRateLimitDelay: 1000,
  };
  const breakOff = new AbortController();
  const searches = new PromptWorker(
    context.searches.name,
    (job: Job, token?: string) => processSearch(context, job, token as string),
    { ...options, settings: { repeatStrategy } },
  );
  const calls = new PromptWorker(
    context.calls.name,
    (job: Job, token?: string) => processCall(context, job, token as string, breakOff.signal),
    options,
  );
  for (const worker of [searches, calls]) {
    worker.on('error', (error) =>
      context.log.debug('worker error', { queue: worker.name, reason: error.message }),
    );
    worker.on('stalled', (jobId) =>
      context.log.warn('job ran on a worker that died', { queue: worker.name, jobId }),
    );
  }
  return {
    get running() {
      return searches.isRunning() && calls.isRunning();
    },
    async close() {
      const timer = setTimeout(() => breakOff.abort(), settings.finishWithinMs);
      try {
        await Promise.all([calls.close(), searches.close()]);
      } finally {
        clearTimeout(timer);
      }
    },
  };
}
