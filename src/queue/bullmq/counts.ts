import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Priority } from '../../product/requestSchema.ts';
import type { QueueCount } from '../../telemetry/metrics.ts';
import { PRIORITY } from './queues.ts';
import { dueAt } from './repeat.ts';

/** BullMQ 6.7.0's score of a prioritized job: its priority times this, and a counter (`getPriorityScore.lua`). */
const PRIORITY_STEP = 2 ** 32;

/**
 * What a queue holds, read without loading a job: one round trip for the states, one for the ages. BullMQ 6.7.0 keeps
 * `wait` and `active` as lists, the other states as sorted sets. Jobs without a priority, which only others add, wait as
 * `interactive`.
 */
export async function countQueue(redis: Redis, queue: Queue, now = Date.now()): Promise<QueueCount> {
  const key = (name: string) => queue.toKey(name);
  const prioritized = key('prioritized');
  const states = redis
    .pipeline()
    .llen(key('wait'))
    .lindex(key('wait'), -1)
    .zcard(prioritized)
    .llen(key('active'))
    .zcard(key('delayed'))
    .zcard(key('waiting-children'));
  for (const priority of Object.values(PRIORITY)) {
    const [from, to] = [priority * PRIORITY_STEP, `(${(priority + 1) * PRIORITY_STEP}`];
    states.zcount(prioritized, from, to).zrangebyscore(prioritized, from, to, 'LIMIT', 0, 1);
  }
  const [wait, first, waiting, active, delayed, parents, ...perClass] = await answersOf(states);
  const classes = Object.keys(PRIORITY).map((name, index) => {
    const isDefault = name === 'interactive';
    const [count, head] = [perClass[2 * index], perClass[2 * index + 1]] as [number, string[]];
    return {
      name,
      waiting: count + (isDefault ? Number(wait) : 0),
      oldest: [...head, ...(isDefault && first !== null ? [first as string] : [])],
    };
  });
  const ages = redis.pipeline();
  for (const id of classes.flatMap(({ oldest }) => oldest)) ages.hget(queue.toKey(id), 'timestamp');
  const timestamps = await answersOf(ages);
  const ageOfNext = (id: string) => {
    const timestamp = timestamps.shift();
    return timestamp ? Math.max(0, now - dueAt(id, Number(timestamp))) / 1000 : 0;
  };
  return {
    queue: queue.name,
    states: {
      waiting: Number(wait) + Number(waiting),
      active: Number(active),
      delayed: Number(delayed),
      'waiting-children': Number(parents),
    },
    classes: Object.fromEntries(
      classes.map(({ name, waiting, oldest }) => [
        name,
        { waiting, oldest: Math.max(0, ...oldest.map(ageOfNext)) },
      ]),
    ),
  };
}

async function answersOf(pipeline: ReturnType<Redis['pipeline']>): Promise<unknown[]> {
  return ((await pipeline.exec()) ?? []).map(([error, value]) => {
    if (error) throw error;
    return value;
  });
}

/** Jobs that wait for a worker, a delay or a limit. */
export async function waitingCount(queue: Queue): Promise<number> {
  const counts = await queue.getJobCounts('wait', 'prioritized', 'delayed');
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

/** Whether a worker with a free slot would find a job. */
export async function hasWaitingJobs(queue: Queue): Promise<boolean> {
  const [counts, paused] = await Promise.all([queue.getJobCounts('wait', 'prioritized'), queue.isPaused()]);
  return !paused && Object.values(counts).some((count) => count > 0);
}

/** Calls that go before a new one of this class: those waiting in its own or a higher class, and those under way. */
export async function callsAhead(calls: Queue, callClass: Priority): Promise<number> {
  const priorities = Object.values(PRIORITY).filter((priority) => priority <= PRIORITY[callClass]);
  const [waiting, active] = await Promise.all([
    calls.getCountsPerPriority(priorities),
    calls.getActiveCount(),
  ]);
  return Object.values(waiting).reduce((sum, count) => sum + count, active);
}

/** The failed jobs that are kept: their number and the first of them. Reads a job that BullMQ's getters throw on. */
export async function failedJobs(
  redis: Redis,
  queue: Queue,
): Promise<{ count: number; oldest?: { id: string; at: number; reason: string } }> {
  const key = queue.toKey('failed');
  const count = await redis.zcard(key);
  const [id, at] = await redis.zrange(key, '0', '0', 'WITHSCORES');
  if (id === undefined) return { count };
  const reason = (await redis.hget(queue.toKey(id), 'failedReason')) ?? 'unknown';
  return { count, oldest: { id, at: Number(at), reason } };
}
