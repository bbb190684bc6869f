import type { Queue, RepeatOptions } from 'bullmq';
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
 * the next run where it is, and one that is overdue is still made.
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
    await queue.removeJobScheduler(name);
    return;
  }
  const sameTiming = before !== undefined && timing(before) === timing(record);
  const overdue = sameTiming && cron !== undefined && (await isOverdue(queue, name, now));
  // BullMQ would go on counting from the previous run.
  if (!sameTiming) await queue.removeJobScheduler(name);
  const startsLater = start !== undefined && Date.parse(start) > now;
  const when: RepeatOptions =
    cron === undefined
      ? { every: every * 1000, startDate: next }
      : {
          pattern: cron,
          tz: tz as string,
          ...(startsLater ? { startDate: Date.parse(start) } : {}),
          // For this once only; BullMQ does not keep it.
          ...(overdue ? { immediately: true } : {}),
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

/** Whether a run is due that no worker has taken. */
async function isOverdue(queue: Queue, name: string, now: number): Promise<boolean> {
  const next = (await queue.getJobScheduler(name))?.next;
  if (next === undefined || next > now) return false;
  const state = await queue.getJobState(`repeat:${name}:${next}`);
  return state === 'delayed' || state === 'prioritized' || state === 'waiting';
}
