import { hash } from 'node:crypto';
import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { Failure } from '../../failures.ts';
import type { Priority } from '../../product/requestSchema.ts';
import { redisFailure } from '../../redis/failure.ts';

const suffix = (tenant: string) => (tenant === 'default' ? '' : `-${tenant}`);
/** The public queue: searches. */
export const searchQueueName = (tenant: string) => `ebay-search${suffix(tenant)}`;
/** The limited queue: one job, one call. */
export const callsQueueName = (tenant: string) => `ebay-calls${suffix(tenant)}`;

/** Deliveries of alerts: one job for each channel that has messages. */
export const alertsQueueName = (tenant: string) => `ebay-alerts${suffix(tenant)}`;

/** The only job name of the public queue. */
export const SEARCH_JOB = 'search';

/** `SEARCH-rRUN-pN`. The run is part of it: a parent that adds the id of a kept failed child again waits for ever. */
export function pageJobId(searchId: string, run: number, page: number): string {
  return `${jobIdPart(searchId)}-r${run}-p${page}`;
}

/** `SEARCH-rRUN-iITEM`, ITEM without eBay's `v1|` and with a point for its other pipe. */
export function itemJobId(searchId: string, run: number, itemId: string): string {
  const [, legacyId, variation] = /^v1\|(\d+)\|(\d+)$/.exec(itemId) ?? [];
  const item = legacyId === undefined ? hashed(itemId) : `${legacyId}.${variation}`;
  return `${jobIdPart(searchId)}-r${run}-i${item}`;
}

/** A search's part of the ids of its calls. Ids of scheduled searches hold colons, which a custom job id may not. */
function jobIdPart(searchId: string): string {
  // What looks like a hash is hashed too: no two searches share their part.
  return searchId.includes(':') || HASH.test(searchId) ? hashed(searchId) : searchId;
}

const HASH = /^[0-9a-f]{32}$/;

/** What the ids of all calls of a search begin with. */
export function callIdStart(searchId: string): string {
  return `${jobIdPart(searchId)}-r`;
}

function hashed(id: string): string {
  return hash('sha256', id).slice(0, 32);
}

/**
 * BullMQ's priorities of the classes; lower goes first. Every job has one ≥ 1: BullMQ serves jobs without a priority
 * before all others, so a single one without would starve the rest.
 */
export const PRIORITY: Record<Priority, number> = { interactive: 2, scheduled: 3, backfill: 4 };

/** No job of this service comes after one with this. */
export const LOWEST_PRIORITY = Math.max(...Object.values(PRIORITY));

/** The longest delay with which this service adds a call, ms. */
export const LONGEST_DELAY_MS = 60_000;
/** A call is another program’s whose delay, as it was added, lasts for longer than this from now, ms. Clocks differ a little. */
export const FOREIGN_DELAY_MS = 2 * LONGEST_DELAY_MS;

/** Before all classes: for a search that only has to sum up, and for a call whose worker died. */
export const FIRST = 1;

/** The class that a search's data asks for; of unchecked data, the default. */
export function classOf(data: unknown): Priority {
  const asked = (data as { priority?: unknown } | null)?.priority;
  return typeof asked === 'string' && Object.hasOwn(PRIORITY, asked) ? (asked as Priority) : 'interactive';
}

/** Sets BullMQ 6.7.0's key of a limited queue, `limiter`. Of two holds the later end stays; `queue.rateLimit` has the last. */
const HOLD = `
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[1]) then
  redis.call('SET', KEYS[1], '9007199254740991', 'PX', ARGV[1])
end`;

/** No worker takes a job from this queue for `ms`. */
export async function holdQueue(redis: Redis, queue: Queue, ms: number): Promise<void> {
  await redis.eval(HOLD, 1, queue.toKey('limiter'), Math.max(1, Math.ceil(ms)));
}

/** A window of BullMQ's limit costs every worker a poll, and loses at least a millisecond (6.7.0): not one for each call. */
const WINDOW_MS = 1000;
/** The calls of a window may all wait in one worker, so they are no more than the default of WORKER_CONCURRENCY. */
const WINDOW_JOBS = 10;
/** Where even ten calls pass faster than this. */
const SHORTEST_WINDOW_MS = 100;

/**
 * Sets the queue's global limit to the pace of the call gate, so that work waits in the queue and not in workers. Workers
 * have no `limiter` of their own: BullMQ 6.7.0 would take `max` from the global one and `duration` from theirs.
 */
export async function setPace(queue: Queue, intervalSeconds: number): Promise<void> {
  const intervalMs = intervalSeconds * 1000;
  const least = Math.min(Math.ceil(WINDOW_MS / intervalMs), WINDOW_JOBS);
  const jobs = Math.max(least, Math.ceil(SHORTEST_WINDOW_MS / intervalMs));
  if (intervalSeconds > 0) await queue.setGlobalRateLimit(jobs, Math.ceil(jobs * intervalMs));
  // BullMQ ignores a hold on a queue without a limit; this limit never binds.
  else await queue.setGlobalRateLimit(1_000_000, 1);
}

/** Whether a job in this state is over. One that Redis does not know is. */
export function hasEnded(state: string): boolean {
  return state === 'completed' || state === 'failed' || state === 'unknown';
}

/** Starts an ended search again, which then fetches what is missing; false for one that has not ended. */
export async function resumeSearch(searches: Queue, searchId: string): Promise<boolean> {
  const job = await searches.getJob(searchId);
  const state = await job?.getState();
  if (job === undefined || (state !== 'completed' && state !== 'failed')) return false;
  try {
    await job.retry(state);
    return true;
  } catch (error) {
    // Another process started it in between.
    if ((await job.getState()) !== state) return false;
    throw error;
  }
}

/**
 * The result of `work`, unless it takes longer than `ms`: BullMQ waits without end for a Redis that is away (6.7.0).
 * @throws Failure `redis-unavailable` for the deadline and for every error of Redis
 */
export async function withinDeadline<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_resolve, reject) => {
    const refuse = () => reject(new Failure('redis-unavailable', `Redis did not answer within ${ms} ms`));
    timer = setTimeout(refuse, ms);
  });
  try {
    return await Promise.race([work, deadline]);
  } catch (error) {
    throw redisFailure(error) ?? error;
  } finally {
    clearTimeout(timer);
    // Past the deadline its failure is unhandled otherwise.
    work.catch(() => undefined);
  }
}
