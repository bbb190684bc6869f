import { createHash } from 'node:crypto';
import { type ConnectionOptions, type Job, Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { Failure } from '../../failures.ts';
import type { Priority } from '../../product/requestSchema.ts';
import type { QueueCount } from '../../telemetry/metrics.ts';
import { repeatStrategy } from '../schedules/cron.ts';

/** The public queue: searches. Tenants other than `default` have their own. */
export function searchQueueName(tenant: string): string {
  return tenant === 'default' ? 'ebay-search' : `ebay-search-${tenant}`;
}

/** The limited queue: one job, one call. */
export function callsQueueName(tenant: string): string {
  return tenant === 'default' ? 'ebay-calls' : `ebay-calls-${tenant}`;
}

/** The only job name of the public queue. */
export const SEARCH_JOB = 'search';

/**
 * `SEARCH-rRUN-pN`. The run is part of it because BullMQ keeps a failed child, and a parent that adds the id of a kept
 * failed child again waits for ever. Ids of scheduled searches hold colons, which a custom job id may not: those are hashed.
 */
export function pageJobId(searchId: string, run: number, page: number): string {
  return `${jobIdPart(searchId)}-r${run}-p${page}`;
}

/** `SEARCH-rRUN-iITEM`, ITEM without eBay's `v1|` and with a point for its other pipe. */
export function itemJobId(searchId: string, run: number, itemId: string): string {
  const [, legacyId, variation] = /^v1\|(\d+)\|(\d+)$/.exec(itemId) ?? [];
  const item = legacyId === undefined ? hashed(itemId) : `${legacyId}.${variation}`;
  return `${jobIdPart(searchId)}-r${run}-i${item}`;
}

function jobIdPart(searchId: string): string {
  return searchId.includes(':') ? hashed(searchId) : searchId;
}

function hashed(id: string): string {
  return createHash('sha256').update(id).digest('hex').slice(0, 32);
}

/**
 * BullMQ's priorities of the classes; lower goes first. Every job has one ≥ 1: BullMQ serves jobs without a priority
 * before all others, so a single one without would starve the rest.
 */
export const PRIORITY: Record<Priority, number> = { interactive: 2, scheduled: 3, backfill: 4 };

/**
 * Before all classes: a search that only has to sum up must not queue for that behind all that have yet to start, nor a
 * call that its worker died over behind all that came later.
 */
export const FIRST = 1;

/** The class that a search's data asks for; of data that nobody has checked yet, the default. */
export function classOf(data: unknown): Priority {
  const asked = (data as { priority?: unknown } | null)?.priority;
  return typeof asked === 'string' && Object.hasOwn(PRIORITY, asked) ? (asked as Priority) : 'interactive';
}

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

/** A tenant's search queue, ready for schedules: whoever adds one must reckon its runs as the workers do. */
export function openSearchQueue(connection: ConnectionOptions, prefix: string, tenant: string): Queue {
  return new Queue(searchQueueName(tenant), { connection, prefix, settings: { repeatStrategy } });
}

/** BullMQ's score of a prioritized job: its priority times this, and a counter. */
const PRIORITY_STEP = 2 ** 32;

/**
 * When a job became due, ms since the epoch: a scheduled run is added long before, and its id ends with the moment that it
 * is for.
 */
export function dueAt(id: string, timestamp: number): number {
  const planned = /^repeat:.*:(\d{13})$/.exec(id)?.[1];
  return planned === undefined ? timestamp : Number(planned);
}

/** How long ago a job became due, ms. */
export function ageOf({ id, timestamp }: Pick<Job, 'id' | 'timestamp'>, now = Date.now()): number {
  return Math.max(0, now - dueAt(id ?? '', timestamp));
}

/** What a queue holds. Jobs without a priority, which only others add, wait as `interactive`. */
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

/** Starts a search that has ended once more; it then fetches only what is missing. One that has not ended is left alone. */
export async function resumeSearch(searches: Queue, searchId: string): Promise<boolean> {
  const job = await searches.getJob(searchId);
  const state = await job?.getState();
  if (job === undefined || (state !== 'completed' && state !== 'failed')) return false;
  try {
    await job.retry(state);
    return true;
  } catch (error) {
    // Somebody else woke it in between.
    if ((await job.getState()) !== state) return false;
    throw error;
  }
}

/**
 * What `work` gives, unless it takes longer than `ms`: BullMQ waits for a Redis that is away without end.
 * @throws Failure `redis-unavailable`
 */
export async function withinDeadline<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_resolve, reject) => {
    const refuse = () => reject(new Failure('redis-unavailable', `Redis did not answer within ${ms} ms`));
    timer = setTimeout(refuse, ms);
  });
  try {
    return await Promise.race([work, deadline]);
  } finally {
    clearTimeout(timer);
    // Its own end, if it ever comes, interests nobody any more.
    work.catch(() => undefined);
  }
}
