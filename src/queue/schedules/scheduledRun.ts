import { setTimeout as sleep } from 'node:timers/promises';
import type { Job, Queue } from 'bullmq';
import type { TrackComparison } from '../../events/searchEvents.ts';
import { Failure } from '../../failures.ts';
import type { SearchSummary } from '../../product/summary.ts';
import { clockOf } from '../../redis/redisClock.ts';
import { hasEnded } from '../bullmq/queues.ts';
import type { QueueContext } from '../search/context.ts';
import { PlanStore } from '../watch/planStore.ts';
import { FIRST_SHARED_LOOK, SharedStore } from '../watch/sharedStore.ts';
import type { FlowReport } from '../watch/unit.ts';
import { isOver, isSchedulerOf, type ScheduledRun, ScheduleStore, scheduleLease } from './store.ts';

/** Ids of runs that were started by hand; the ids of the others are BullMQ's, `repeat:NAME:DUE`. */
export function manualRunId(schedule: string, unique: string): string {
  return `run_${schedule}_${unique}`;
}

/** Id of the run of an `auto` schedule that is the planner's look with this number. */
export function lookRunId(schedule: string, look: number): string {
  return `look_${schedule}_${look}`;
}

/** The planner's name for an `auto` schedule. What it learns of its changes has the name of the schedule alone. */
export function unitOf(schedule: string): string {
  return `schedule:${schedule}`;
}

const LOOK_RUN = /^look_([a-z0-9-]{1,60})_(\d{1,15})$/;
const MANUAL_RUN = /^run_([a-z0-9-]{1,60})_[0-9a-f]{12}$/;

/** How a run ended. */
interface RunEnd {
  summary: SearchSummary;
  /** Of a search with a track. */
  comparison?: TrackComparison | undefined;
}

/** `search`, unless it is a run of a schedule whose predecessor is busy. Like a search job it may run any number of times. */
export async function asScheduledRun<End extends RunEnd>(
  context: Pick<QueueContext, 'redis' | 'tenant' | 'searches' | 'log'>,
  job: Job,
  search: () => Promise<End>,
): Promise<End | { summary: SearchSummary }> {
  const run = runOf(job);
  if (run === undefined) return search();
  const { redis, tenant, searches, log } = context;
  const store = new ScheduleStore(redis, searches.opts.prefix as string, tenant);
  if (await isForeign(context, store, run, job)) {
    // A scheduler of another program may plan a run each millisecond: it is removed, and leaves nothing behind.
    job.opts.removeOnComplete = true;
    await report(context, run, undefined, { wasSkipped: true });
    return { summary: skipped(run.searchId, clockOf(redis).date()) };
  }
  const busy = run.byHand ? undefined : await busyPredecessor(searches, store, run);
  const count = await store.noteRun(run, busy === undefined ? null : 'skipped');
  if (!run.byHand) {
    // BullMQ has planned the next run by now, even one beyond the end, and would keep a scheduler without further runs.
    const record = await store.get(run.schedule);
    if (record !== undefined && isOver(record, count, Math.max(run.at, await clockOf(redis).current())))
      await searches.removeJobScheduler(run.schedule);
  }
  if (busy !== undefined) {
    log.info('run skipped', { searchId: run.searchId, schedule: run.schedule, busy });
    await report(context, run, undefined, { wasSkipped: true });
    return { summary: skipped(run.searchId, clockOf(redis).date()) };
  }
  try {
    const end = await search();
    await store.noteRun(run, end.summary.outcome);
    await report(context, run, end);
    return end;
  } catch (thrown) {
    // Anything else that is thrown means that the job goes on later.
    if (thrown instanceof Failure && thrown.code !== 'redis-unavailable') {
      await store.noteRun(run, 'failed');
      await report(context, run, undefined, { calls: thrown.detail.calls });
    }
    throw thrown;
  }
}

/** Times of changes in a report, at most. */
const MOST_TIMES = 200;

/**
 * Says to the planner how a run ended, before its job ends: a look whose job has ended has its report. Other runs are
 * reported as look 0: what they cost and, with a track, what they found is learned.
 */
async function report(
  { redis, tenant, searches }: Pick<QueueContext, 'redis' | 'tenant' | 'searches'>,
  { schedule, at, look }: ScheduledRun,
  end: RunEnd | undefined,
  { calls = end?.summary.calls ?? 0, wasSkipped = false } = {},
): Promise<void> {
  if (look === undefined && end === undefined) return;
  const complete = end !== undefined && saysSomething(end);
  // Without a comparison, as where another search answers, nothing is known of the time since the last one.
  const flows: FlowReport[] =
    complete && end.comparison !== undefined ? [{ flow: schedule, ...changesIn(end.comparison) }] : [];
  const prefix = searches.opts.prefix as string;
  const plan = new PlanStore(redis, prefix, tenant);
  if (look !== undefined && look >= FIRST_SHARED_LOOK) {
    const shared = new SharedStore(redis, prefix, tenant);
    const whole = await shared.end(schedule, look, { calls, flow: flows[0] ?? null });
    if (whole !== undefined) await plan.report(whole);
    return;
  }
  const began = Math.min(...[...(end?.comparison?.seenAt.values() ?? [])].map(Date.parse));
  await plan.report({
    unit: unitOf(schedule),
    number: look ?? 0,
    at,
    calls,
    // A page without products says nothing of when eBay was asked.
    seenUntil: Number.isFinite(began) ? began : Date.parse(end?.summary.startedAt ?? '') || at,
    complete: complete || wasSkipped,
    flows,
  });
}

/** Also where a site or some details are missing: what is there was compared, and the rest is for the next run. */
function saysSomething({ summary: { outcome, missing }, comparison }: RunEnd): boolean {
  return (
    (missing.length === 0 || comparison !== undefined) && outcome !== 'cancelled' && outcome !== 'skipped'
  );
}

/** What a comparison says about changes. */
function changesIn({ verdict, products }: TrackComparison): Pick<FlowReport, 'changes' | 'times'> {
  const marks = [...verdict.marks.values()];
  const isFirst = verdict.firstRun ?? (marks.length > 0 && marks.every((mark) => mark === null));
  if (isFirst || verdict.note !== undefined) return { changes: null, times: [] };
  const changed = marks.filter((mark) => mark !== null && mark !== 'same');
  const times = products.flatMap(({ mark, listedAt }) =>
    mark === 'new' && listedAt !== null ? [Date.parse(listedAt)] : [],
  );
  return {
    changes: changed.length + verdict.gone.length,
    times: times.sort((one, other) => one - other).slice(-MOST_TIMES),
  };
}

const CHANGE_POLL_MS = 100;

/**
 * Whether a run that starts for the first time is none of this service's schedules: any program can add a scheduler, which
 * the sweep removes. The run of a schedule that was removed meanwhile goes on where it has started.
 */
async function isForeign(
  { redis, tenant, searches }: Pick<QueueContext, 'redis' | 'tenant' | 'searches'>,
  store: ScheduleStore,
  { schedule, byHand, look }: ScheduledRun,
  { attemptsStarted }: Job,
): Promise<boolean> {
  if (byHand || attemptsStarted > 1) return false;
  const looksForeign = async () => {
    const record = await store.get(schedule);
    // A look may have been added while its schedule was paused or given other times.
    if (look !== undefined) return record?.definition.auto === undefined || record.paused;
    if (record === undefined) return true;
    const scheduler = await searches.getJobScheduler(schedule);
    return scheduler !== undefined && scheduler !== null && !isSchedulerOf(record, scheduler);
  };
  if (!(await looksForeign())) return false;
  // A change of a schedule stores scheduler and record one after the other, under this lease.
  const { key, ttlMs } = scheduleLease(searches.opts.prefix as string, tenant);
  const giveUpAt = performance.now() + ttlMs;
  while ((await redis.exists(key)) === 1 && performance.now() < giveUpAt) await sleep(CHANGE_POLL_MS);
  return looksForeign();
}

/** The schedule that a search job is a run of. */
export function scheduleOf(job: Pick<Job, 'id' | 'repeatJobKey' | 'timestamp'>): string | null {
  return runOf(job)?.schedule ?? null;
}

function runOf(job: Pick<Job, 'id' | 'repeatJobKey' | 'timestamp'>): ScheduledRun | undefined {
  const searchId = job.id as string;
  if (job.repeatJobKey !== undefined) {
    const at = Number(searchId.slice(searchId.lastIndexOf(':') + 1));
    return { schedule: job.repeatJobKey, searchId, at, byHand: false };
  }
  const [, looked, number] = LOOK_RUN.exec(searchId) ?? [];
  if (looked !== undefined)
    return { schedule: looked, searchId, at: job.timestamp, byHand: false, look: Number(number) };
  const schedule = MANUAL_RUN.exec(searchId)?.[1];
  return schedule === undefined ? undefined : { schedule, searchId, at: job.timestamp, byHand: true };
}

async function busyPredecessor(
  searches: Queue,
  store: ScheduleStore,
  run: ScheduledRun,
): Promise<string | undefined> {
  let ended = '';
  for (;;) {
    const earlier = await store.claimRun(run, ended);
    if (earlier === undefined) return undefined;
    if (!hasEnded(await searches.getJobState(earlier))) return earlier;
    ended = earlier;
  }
}

function skipped(searchId: string, at: Date): SearchSummary {
  const now = at.toISOString();
  return {
    searchId,
    outcome: 'skipped',
    counts: { found: 0, collected: 0, products: 0, duplicates: 0, filteredOut: 0, rejected: {} },
    stoppedBy: null,
    lookedAt: 0,
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
