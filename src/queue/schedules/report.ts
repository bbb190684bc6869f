import type { Queue } from 'bullmq';
import type { NormalRequest } from '../../product/requestSchema.ts';
import type { Outcome, SearchSummary } from '../../product/summary.ts';
import { describeTiming } from './describe.ts';
import type { ScheduleRecord } from './records.ts';
import { isOver } from './records.ts';
import type { PastRun, RunLog } from './runLog.ts';

/** How a schedule stands. Instants are ISO 8601 in UTC. */
export interface ScheduleReport {
  name: string;
  /** In words: `at 02:30 every day (Europe/Berlin)`. */
  when: string;
  cron?: string;
  tz?: string;
  /** Seconds. */
  every?: number;
  start?: string;
  end?: string;
  limit?: number;
  /** `done`: its limit or end is reached, no run follows. */
  state: 'active' | 'paused' | 'done';
  /** `file`: managed by SCHEDULES_FILE. */
  source: 'file' | 'code';
  /** The next run; one in the past is due and waits for a worker. */
  next: string | null;
  /** How many runs there have been, skipped ones included, those by hand not. */
  runs: number;
  /** Latest first, at most ten; `outcome` is null until the run has ended. */
  lastRuns: Array<{ searchId: string; at: string; outcome: Outcome | null }>;
  request: NormalRequest;
}

export async function reportOnSchedule(
  queue: Queue,
  log: RunLog,
  record: ScheduleRecord,
  now: number,
): Promise<ScheduleReport> {
  const { definition, source, paused } = record;
  const { request, name, ...timing } = definition;
  const [scheduler, { runs, last }] = await Promise.all([queue.getJobScheduler(name), log.read(name)]);
  const next = scheduler?.next ?? null;
  const over = next === null && isOver(record, runs, now);
  return {
    name,
    when: describeTiming(definition),
    ...timing,
    state: over ? 'done' : paused ? 'paused' : 'active',
    source,
    next: next === null ? null : new Date(next).toISOString(),
    runs,
    lastRuns: await Promise.all(last.map((run) => reportOnRun(queue, run))),
    request,
  };
}

/** A run whose end nobody noted, because Redis was away say, is looked up while its job is kept. */
async function reportOnRun(queue: Queue, { searchId, at, outcome }: PastRun) {
  const told = outcome ?? (await outcomeOfJob(queue, searchId));
  return { searchId, at: new Date(at).toISOString(), outcome: told };
}

async function outcomeOfJob(queue: Queue, searchId: string): Promise<Outcome | null> {
  const job = await queue.getJob(searchId);
  if (job === undefined || job.finishedOn === undefined) return null;
  return job.failedReason ? 'failed' : ((job.returnvalue as SearchSummary | null)?.outcome ?? null);
}
