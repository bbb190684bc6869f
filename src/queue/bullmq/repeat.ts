import type { Job, Queue, RepeatOptions } from 'bullmq';
import type { Redis } from 'ioredis';
import { nextRun, parseCron } from '../schedules/cron.ts';

/**
 * How BullMQ finds a cron schedule's next run, in place of its own (6.7.0: cron-parser, which runs a skipped 02:30 at
 * 03:30). It must be set on the queue that adds schedules and on the worker that plans the run after each.
 * A scheduler that was added with plain BullMQ, without a time zone or in an expression unknown here, keeps BullMQ's rule.
 */
export async function repeatStrategy(after: number, options: RepeatOptions): Promise<number | undefined> {
  const { pattern = '', tz, startDate, endDate, immediately } = options;
  if (tz === undefined || !isReadable(pattern)) {
    const { defaultRepeatStrategy } = await import('bullmq');
    return defaultRepeatStrategy(after, options);
  }
  if (immediately === true) return after;
  const bounds = {
    ...(startDate === undefined ? {} : { start: +new Date(startDate) }),
    ...(endDate === undefined ? {} : { end: +new Date(endDate) }),
  };
  return nextRun({ cron: pattern, tz, ...bounds }, after);
}

function isReadable(pattern: string): boolean {
  try {
    return parseCron(pattern) !== '';
  } catch {
    return false;
  }
}

/** A planned run's id in BullMQ 6.7.0, `repeat:SCHEDULER:DUE`, DUE in ms since the epoch. */
const RUN_ID = /^repeat:.*:(\d{13})$/;

/** When a job became due, ms since the epoch: a planned run is added long before. */
export function dueAt(id: string, timestamp: number): number {
  const planned = RUN_ID.exec(id)?.[1];
  return planned === undefined ? timestamp : Number(planned);
}

/** How long ago a job became due, ms. @param now by Redis's clock, as the jobs' times are */
export function ageOf({ id, timestamp }: Pick<Job, 'id' | 'timestamp'>, now: number): number {
  return Math.max(0, now - dueAt(id ?? '', timestamp));
}

/** The planned run of a scheduler, if it is due and no worker has taken it. */
export async function dueRun(queue: Queue, name: string, now: number): Promise<Job | undefined> {
  const next = (await queue.getJobScheduler(name))?.next;
  if (next === undefined || next > now) return undefined;
  const job: Job | undefined = await queue.getJob(`repeat:${name}:${next}`);
  return job !== undefined && job.attemptsStarted === 0 ? job : undefined;
}

/** Names of all schedulers, from BullMQ 6.7.0's sorted set `repeat`; its own listing makes a round trip for each. */
export async function schedulerNames(queue: Queue, redis: Redis): Promise<ReadonlySet<string>> {
  return new Set(await redis.zrange(queue.toKey('repeat'), '0', '-1'));
}

/** What says whether a scheduler is the one that a schedule wants. */
export interface StoredScheduler {
  name: string;
  /** The next run, ms since the epoch. */
  next: number;
  /** Ms. */
  every: number | undefined;
  pattern: string | undefined;
  tz: string | undefined;
  /** Its next run is there, or is under way. */
  hasRun: boolean;
}

/** All schedulers, from the keys of BullMQ 6.7.0: `repeat` and `repeat:NAME`, and of a run `repeat:NAME:DUE`. */
export async function storedSchedulers(queue: Queue, redis: Redis): Promise<StoredScheduler[]> {
  const flat = await redis.zrange(queue.toKey('repeat'), '0', '-1', 'WITHSCORES');
  if (flat.length === 0) return [];
  const pipeline = redis.pipeline();
  const names = flat.filter((_, index) => index % 2 === 0);
  for (const [index, name] of names.entries())
    pipeline
      .hmget(queue.toKey(`repeat:${name}`), 'every', 'pattern', 'tz')
      .hmget(queue.toKey(`repeat:${name}:${flat[2 * index + 1]}`), 'name', 'finishedOn');
  const replies = (await pipeline.exec()) ?? [];
  const valuesAt = (index: number) => (replies[index]?.[1] ?? []) as Array<string | null>;
  return names.map((name, index) => {
    const [every, pattern, tz] = valuesAt(2 * index);
    const [job, finishedOn] = valuesAt(2 * index + 1);
    return {
      name,
      next: Number(flat[2 * index + 1]),
      every: every ? Number(every) : undefined,
      pattern: pattern ?? undefined,
      tz: tz ?? undefined,
      hasRun: typeof job === 'string' && !finishedOn,
    };
  });
}

/** The scheduler and the time of the run that this is the id of. */
export function plannedRun(id: string): { scheduler: string; at: number } | undefined {
  const [, at] = RUN_ID.exec(id) ?? [];
  return at === undefined
    ? undefined
    : { scheduler: id.slice('repeat:'.length, -at.length - 1), at: Number(at) };
}
