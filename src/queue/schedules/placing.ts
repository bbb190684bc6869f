import type { Job, Queue, RepeatOptions } from 'bullmq';
import type { Redis } from 'ioredis';
import type { HouseRules } from '../houseRules.ts';
import { searchOptions } from '../jobData.ts';
import { SEARCH_JOB } from '../names.ts';
import { nextRun } from './calendar.ts';
import { timingOf } from './definition.ts';
import { isOver, type ScheduleRecord } from './records.ts';

export interface Placement {
  /** Runs so far. */
  runs: number;
  now: number;
  /** What stood there before, if anything. */
  before?: ScheduleRecord;
  /** A schedule that is new may run at this very moment. */
  isNew: boolean;
}

/**
 * Makes BullMQ's scheduler what the record wants; none where no run is to follow. A change of the request alone leaves
 * the next run where it is. A run that is overdue is still made, whatever changes.
 */
export async function place(
  queue: Queue,
  rules: HouseRules,
  record: ScheduleRecord,
  { runs, now, before, isNew }: Placement,
): Promise<void> {
  const { definition, paused, anchor } = record;
  const { name, request, cron, tz, every = 0, start, end, limit } = definition;
  const after = isNew ? now - 1 : now;
  const next = nextRun(timingOf(definition, anchor), after);
  if (paused || next === undefined || isOver(record, runs, after)) {
    await displace(queue, name);
    return;
  }
  const sameTiming = before !== undefined && timing(before) === timing(record);
  const due = await dueRun(queue, name, now);
  if (!sameTiming) {
    // A run that waits as delayed would go with its scheduler.
    if (await due?.isDelayed()) await due?.promote();
    // BullMQ would go on counting from the previous run.
    await queue.removeJobScheduler(name);
  }
  const startsLater = start !== undefined && Date.parse(start) > now;
  const when: RepeatOptions =
    cron === undefined
      ? { every: every * 1000, startDate: next }
      : {
          pattern: cron,
          tz: tz as string,
          ...(startsLater ? { startDate: Date.parse(start) } : {}),
          // For this once only; BullMQ does not keep it.
          ...(sameTiming && due !== undefined ? { immediately: true } : {}),
        };
  await queue.upsertJobScheduler(
    name,
    {
      ...when,
      ...(end === undefined ? {} : { endDate: Date.parse(end) }),
      ...(limit === undefined ? {} : { limit: limit - runs }),
    },
    { name: SEARCH_JOB, data: request, opts: searchOptions(request, rules) },
  );
}

function timing({ definition: { cron, tz, every, start }, anchor }: ScheduleRecord): string {
  return JSON.stringify([cron, tz, every, start, anchor]);
}

/** Removes BullMQ's scheduler and the run that no worker has taken yet. One that is under way goes on. */
export async function displace(queue: Queue, name: string): Promise<void> {
  const due = await dueRun(queue, name, Number.POSITIVE_INFINITY);
  // BullMQ lets no run go whose scheduler is there.
  await queue.removeJobScheduler(name);
  // A worker may take it at this very moment; then it is under way.
  await due?.remove().catch(() => undefined);
}

/** Names of all schedulers, in one look where BullMQ's own listing takes one a scheduler. */
export async function placedNames(queue: Queue, redis: Redis): Promise<ReadonlySet<string>> {
  return new Set(await redis.zrange(queue.toKey('repeat'), '0', '-1'));
}

/** The planned run, if it is due and no worker has taken it. */
async function dueRun(queue: Queue, name: string, now: number): Promise<Job | undefined> {
  const next = (await queue.getJobScheduler(name))?.next;
  if (next === undefined || next > now) return undefined;
  const job: Job | undefined = await queue.getJob(`repeat:${name}:${next}`);
  return job !== undefined && job.attemptsStarted === 0 ? job : undefined;
}
