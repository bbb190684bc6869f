import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { type Finding, fail, ok, warn } from '../telemetry/finding.ts';
import { FIRST, PRIORITY } from './bullmq/queues.ts';

export interface QueueCheckup {
  redis: Redis;
  searches: Queue;
  calls: Queue;
  /** Most searches that may wait. */
  backlogLimit: number;
  /** This machine's clock, ms since the epoch. */
  now: number;
}

/** A job that waited longer than this has not just come at a busy moment. */
const LONG_MS = 15 * 60_000;

/** BullMQ's score of a prioritized job: its priority times this, plus a counter. */
const PRIORITY_STEP = 2 ** 32;

/** Whether the queues move: how many wait, since when, what failed, and whether anybody works. */
export async function checkQueues(parts: QueueCheckup): Promise<Finding[]> {
  return [await depth(parts), await failures(parts), await workers(parts)];
}

async function depth({ redis, searches, calls, backlogLimit, now }: QueueCheckup): Promise<Finding> {
  const [waiting, callsWaiting, paused, ...since] = await Promise.all([
    waitingIn(searches),
    waitingIn(calls),
    Promise.all([searches, calls].map(async (queue) => ((await queue.isPaused()) ? [queue.name] : []))),
    ...[searches, calls].map((queue) => oldestSince(redis, queue)),
  ]);
  const oldestMs = now - Math.min(now, ...since);
  const message = `${waiting} searches and ${callsWaiting} calls wait${oldestMs > 0 ? `, the oldest for ${span(oldestMs)}` : ''}`;
  const stopped = paused.flat();
  if (stopped.length > 0)
    return fail('queues', 'degraded', `${stopped.join(' and ')} stand paused: ${message}`, 'resume them');
  if (waiting >= backlogLimit)
    return fail(
      'queues',
      'degraded',
      `${message}: new searches are refused at ${backlogLimit} (BACKLOG_LIMIT)`,
      'search less until they are done: more workers make no more calls',
    );
  if (oldestMs > LONG_MS)
    return warn('queues', message, 'dpf quota says whether calls may leave; then see the worker’s log');
  return ok('queues', message);
}

async function waitingIn(queue: Queue): Promise<number> {
  const counts = await queue.getJobCounts('wait', 'prioritized', 'delayed');
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

/** When the job that has waited longest was added, ms since the epoch; Infinity where none waits. Reads few keys of any queue. */
async function oldestSince(redis: Redis, queue: Queue): Promise<number> {
  const heads = await Promise.all([
    redis.lindex(queue.toKey('wait'), -1),
    ...[FIRST, ...Object.values(PRIORITY)].map(async (priority) => {
      const from = priority * PRIORITY_STEP;
      const key = queue.toKey('prioritized');
      return (await redis.zrangebyscore(key, from, from + PRIORITY_STEP - 1, 'LIMIT', 0, 1))[0];
    }),
  ]);
  const times = await Promise.all(
    heads.map(async (id) => (id ? Number(await redis.hget(queue.toKey(id), 'timestamp')) : 0)),
  );
  return Math.min(Number.POSITIVE_INFINITY, ...times.filter((time) => time > 0));
}

async function failures({ redis, searches, now }: QueueCheckup): Promise<Finding> {
  const key = searches.toKey('failed');
  const count = await redis.zcard(key);
  const [oldest, at] = await redis.zrange(key, '0', '0', 'WITHSCORES');
  if (oldest === undefined) return ok('failures', 'no search has failed of those that are kept');
  const reason = (await redis.hget(searches.toKey(oldest), 'failedReason')) ?? 'unknown';
  const ago = span(now - Number(at));
  return warn(
    'failures',
    `${count} failed ${count === 1 ? 'search is' : 'searches are'} kept, the oldest from ${ago} ago: ${oldest}, ${oneLine(reason)}`,
    `dpf search --get ${oneLine(oldest)} shows it, --retry starts it again`,
  );
}

async function workers({ searches, calls }: QueueCheckup): Promise<Finding> {
  const remedy = 'start dpf worker with the same REDIS_URL and QUEUE_PREFIX';
  const counts = await Promise.all([searches, calls].map((queue) => queue.getWorkersCount()));
  const least = Math.min(...counts);
  if (least === 0) return fail('worker', 'degraded', 'no worker is connected: searches only wait', remedy);
  return ok('worker', `${least} connected`);
}

/** Reasons hold what eBay or a caller wrote. */
function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ').slice(0, 160);
}

/** `9 s`, `4 min`, `3 h`, `2 days`. */
function span(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} days`;
}
