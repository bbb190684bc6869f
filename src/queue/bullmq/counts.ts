import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Priority } from '../../product/requestSchema.ts';
import { clockOf } from '../../redis/redisClock.ts';
import type { QueueCount } from '../../telemetry/metrics.ts';
import { PRIORITY } from './queues.ts';
import { dueAt } from './repeat.ts';

/** BullMQ 6.7.0's score of a prioritized job: its priority times this, and a counter (`getPriorityScore.lua`). */
const PRIORITY_STEP = 2 ** 32;

const DEFAULT_CLASS = 'interactive';

/** Jobs without a priority, which only others add, are in `wait` instead of `prioritized` and count as `interactive`. */
export async function countQueue(
  redis: Redis,
  queue: Queue,
  now = clockOf(redis).now(),
): Promise<QueueCount> {
  const counts = await queue.getJobCounts('wait', 'prioritized', 'active', 'delayed', 'waiting-children');
  const { wait = 0, prioritized = 0, ...states } = counts;
  // Most queues are empty most of the time.
  const waiting =
    wait + prioritized > 0 ? await queue.getCountsPerPriority([0, ...Object.values(PRIORITY)]) : {};
  const secondsDue = async (id: string) => {
    const timestamp = await redis.hget(queue.toKey(id), 'timestamp');
    return timestamp === null ? 0 : (now - dueAt(id, Number(timestamp))) / 1000;
  };
  const classes = Object.entries(PRIORITY).map(async ([name, priority]) => {
    const withUnprioritized = name === DEFAULT_CLASS && wait > 0;
    const from = priority * PRIORITY_STEP;
    const to = `(${from + PRIORITY_STEP}`;
    const isThere = (waiting[priority] ?? 0) > 0;
    const ids = isThere ? await redis.zrangebyscore(queue.toKey('prioritized'), from, to, 'LIMIT', 0, 1) : [];
    if (withUnprioritized) ids.push(...(await redis.lrange(queue.toKey('wait'), -1, -1)));
    const oldest = Math.max(0, ...(await Promise.all(ids.map(secondsDue))));
    const counted = [priority, ...(withUnprioritized ? [0] : [])].map((each) => waiting[each] ?? 0);
    return [name, { waiting: counted.reduce((sum, count) => sum + count), oldest }];
  });
  return {
    queue: queue.name,
    states: { waiting: wait + prioritized, ...states },
    classes: Object.fromEntries(await Promise.all(classes)),
  };
}

/** Jobs that wait for a worker, a delay or a limit. */
export async function waitingCount(queue: Queue): Promise<number> {
  const counts = await queue.getJobCounts('wait', 'prioritized', 'delayed');
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

/** Whether a worker with a free slot would find a job. One command says that none waits. */
export async function hasWaitingJobs(redis: Redis, queue: Queue): Promise<boolean> {
  if ((await redis.exists(queue.toKey('wait'), queue.toKey('prioritized'))) === 0) return false;
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
