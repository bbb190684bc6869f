import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Priority } from '../product/requestSchema.ts';
import { PRIORITY } from './priorities.ts';

/**
 * BullMQ's own marker of a limited queue, set by `queue.rateLimit` too, but only ever made longer: of two pauses the
 * later end holds. It is an internal key, so a test keeps it in step with BullMQ.
 */
const HOLD = `
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[1]) then
  redis.call('SET', KEYS[1], '9007199254740991', 'PX', ARGV[1])
end`;

/** Nobody takes a call job from this queue for `ms`. */
export async function holdQueue(redis: Redis, queue: Queue, ms: number): Promise<void> {
  await redis.eval(HOLD, 1, queue.toKey('limiter'), Math.max(1, Math.ceil(ms)));
}

/** Each window of BullMQ's limit loses 1–2 ms: one a call is a tenth of the calls at 20 ms, and of no account here. */
const SHORTEST_WINDOW_MS = 100;

/**
 * The queue's own limit keeps admission in step with the call gate, so that work waits in the queue and not in workers.
 * It lives in Redis and so holds for every worker at once. Workers have no `limiter` of their own: BullMQ would take
 * `max` from the one and `duration` from the other.
 */
export async function setPace(queue: Queue, intervalSeconds: number): Promise<void> {
  const intervalMs = intervalSeconds * 1000;
  const jobs = Math.ceil(SHORTEST_WINDOW_MS / intervalMs);
  if (intervalSeconds > 0) await queue.setGlobalRateLimit(jobs, Math.ceil(jobs * intervalMs));
  // Holding the queue needs a limit to be there at all; this one never binds.
  else await queue.setGlobalRateLimit(1_000_000, 1);
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
