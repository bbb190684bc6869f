import type { Job } from 'bullmq';
import { Failure } from '../../failures.ts';
import type { SearchSummary } from '../../product/summary.ts';
import type { QueueContext } from '../search/context.ts';
import { isOver, type Run, RunLog, ScheduleRecords } from './store.ts';

/** Ids of runs that were asked for by hand; the ids of the others are BullMQ's, `repeat:NAME:DUE`. */
export function manualRunId(schedule: string, unique: string): string {
  return `run_${schedule}_${unique}`;
}

const MANUAL_RUN = /^run_([a-z0-9-]{1,60})_[0-9a-f]{12}$/;

type RunContext = Pick<QueueContext, 'redis' | 'tenant' | 'searches' | 'log'>;

/**
 * A search job that may be a run of a schedule: `search` itself, except that a run whose predecessor is busy ends as
 * `skipped`. The schedule remembers the run and how it ended. Like a search job itself it may be run any number of times.
 */
export async function asScheduledRun(
  context: RunContext,
  job: Job,
  search: () => Promise<SearchSummary>,
): Promise<SearchSummary> {
  const run = runOf(job);
  if (run === undefined) return search();
  const prefix = context.searches.opts.prefix as string;
  const runs = new RunLog(context.redis, prefix, context.tenant);
  const busy = run.byHand ? undefined : await busyPredecessor(context, runs, run);
  const count = await runs.note(run, busy === undefined ? null : 'skipped');
  if (!run.byHand) await retireIfOver(context, prefix, run, count);
  if (busy !== undefined) {
    context.log.info('run skipped', { searchId: run.searchId, schedule: run.schedule, busy });
    return skipped(run.searchId);
  }
  try {
    const summary = await search();
    await runs.note(run, summary.outcome);
    return summary;
  } catch (thrown) {
    // Anything else that is thrown means that the job goes on later.
    if (thrown instanceof Failure && thrown.code !== 'redis-unavailable') await runs.note(run, 'failed');
    throw thrown;
  }
}

/** The schedule that a search job is a run of. */
export function scheduleOf(job: Job): string | null {
  return runOf(job)?.schedule ?? null;
}

function runOf(job: Job): Run | undefined {
  const searchId = job.id as string;
  if (job.repeatJobKey !== undefined) {
    const at = Number(searchId.slice(searchId.lastIndexOf(':') + 1));
    return { schedule: job.repeatJobKey, searchId, at, byHand: false };
  }
  const schedule = MANUAL_RUN.exec(searchId)?.[1];
  return schedule === undefined ? undefined : { schedule, searchId, at: job.timestamp, byHand: true };
}

async function busyPredecessor(
  { searches }: RunContext,
  runs: RunLog,
  run: Run,
): Promise<string | undefined> {
  let ended = '';
  for (;;) {
    const earlier = await runs.claim(run, ended);
    if (earlier === undefined) return undefined;
    const state = await searches.getJobState(earlier);
    if (state !== 'completed' && state !== 'failed' && state !== 'unknown') return earlier;
    ended = earlier;
  }
}

/** BullMQ has planned the next run by now, even one beyond the end, and would keep a scheduler that has no run left. */
async function retireIfOver(context: RunContext, prefix: string, run: Run, count: number): Promise<void> {
  const record = await new ScheduleRecords(context.redis, prefix, context.tenant).get(run.schedule);
  if (record !== undefined && isOver(record, count, Math.max(run.at, Date.now())))
    await context.searches.removeJobScheduler(run.schedule);
}

function skipped(searchId: string): SearchSummary {
  const now = new Date().toISOString();
  return {
    searchId,
    outcome: 'skipped',
    counts: { found: 0, collected: 0, products: 0, duplicates: 0, filteredOut: 0, rejected: {} },
    calls: 0,
    pages: 0,
    missing: [],
    gone: [],
    warnings: [],
    error: null,
    startedAt: now,
    finishedAt: now,
    expiresAt: null,
  };
}
