import type { Queue } from 'bullmq';
import { SEARCH_JOB } from '../bullmq/queues.ts';
import { dueRun } from '../bullmq/repeat.ts';
import { searchOptions } from '../search/jobData.ts';
import type { JobDefaults } from '../search/retryPolicy.ts';
import { nextRun } from './cron.ts';
import { timingOf } from './definition.ts';
import type { ScheduleRecord } from './store.ts';

/** Whether no run follows any more. */
export function isOver({ definition, anchor }: ScheduleRecord, runs: number, now: number): boolean {
  const { limit = Number.POSITIVE_INFINITY } = definition;
  return runs >= limit || nextRun(timingOf(definition, anchor), now) === undefined;
}

/**
 * Makes BullMQ's scheduler what the record wants; removes it where no run is to follow. A change of the request alone
 * leaves the next run where it is. A run that is overdue is still made, whatever changes.
 * @param state.runs so far @param state.before the record that it replaces
 * @param state.isNew a new schedule may run at this very moment
 */
export async function upsertScheduler(
  queue: Queue,
  rules: JobDefaults,
  record: ScheduleRecord,
  { runs, now, before, isNew }: { runs: number; now: number; before?: ScheduleRecord; isNew: boolean },
): Promise<void> {
  const { definition, paused, anchor } = record;
  const { name, request, cron, tz, every = 0, start, end, limit } = definition;
  const after = isNew ? now - 1 : now;
  const next = nextRun(timingOf(definition, anchor), after);
  if (paused || next === undefined || isOver(record, runs, after)) return removeScheduler(queue, name);
  const sameTiming = before !== undefined && timingKey(before) === timingKey(record);
  const due = await dueRun(queue, name, now);
  if (!sameTiming) {
    // A run that waits as delayed would be removed with its scheduler.
    if (await due?.isDelayed()) await due?.promote();
    // BullMQ would go on counting from the previous run.
    await queue.removeJobScheduler(name);
  }
  const startsLater = start !== undefined && Date.parse(start) > now;
  const byClock = {
    pattern: cron as string,
    tz: tz as string,
    ...(startsLater ? { startDate: Date.parse(start) } : {}),
    // For this once only; BullMQ does not keep it.
    ...(sameTiming && due !== undefined ? { immediately: true } : {}),
  };
  await queue.upsertJobScheduler(
    name,
    {
      ...(cron === undefined ? { every: every * 1000, startDate: next } : byClock),
      ...(end === undefined ? {} : { endDate: Date.parse(end) }),
      ...(limit === undefined ? {} : { limit: limit - runs }),
    },
    { name: SEARCH_JOB, data: request, opts: searchOptions(request, rules) },
  );
}

function timingKey({ definition: { cron, tz, every, start }, anchor }: ScheduleRecord): string {
  return JSON.stringify([cron, tz, every, start, anchor]);
}

/** Removes BullMQ's scheduler and the run that no worker has taken yet. One that is under way goes on. */
export async function removeScheduler(queue: Queue, name: string): Promise<void> {
  const due = await dueRun(queue, name, Number.POSITIVE_INFINITY);
  // BullMQ keeps the planned run of a scheduler that exists.
  await queue.removeJobScheduler(name);
  // A worker may take it at this very moment; then it is under way.
  await due?.remove().catch(() => undefined);
}
