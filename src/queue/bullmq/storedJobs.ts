import type { Job, Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { isObject } from '../../product/parseRequest.ts';

/**
 * Jobs as BullMQ 6.7.0 stores them: a hash `PREFIX:QUEUE:ID`, its id in one of these lists or sorted sets. BullMQ's getters
 * throw on those that it cannot read.
 */
export const LISTS = ['active', 'wait', 'paused'] as const;
const SETS = ['prioritized', 'delayed', 'waiting-children', 'completed', 'failed'] as const;

export const STATES = [...LISTS, ...SETS];
export type State = (typeof STATES)[number];

/**
 * Lua: puts a job that is in no state where a worker takes it, as BullMQ 6.7.0 does: by its priority, score priority × 2³² +
 * counter; without one into `wait`, where RPUSH makes it the next and LPUSH the last. Fields of the event may follow.
 */
export const MAKE_WAIT = `
local function makeWait(base, id, priority, push, ...)
  if priority > 0 then
    local score = priority * 0x100000000 + redis.call('INCR', base .. 'pc') % 0x100000000
    redis.call('ZADD', base .. 'prioritized', score, id)
  else
    redis.call(push, base .. 'wait', id)
  end
  redis.call('ZADD', base .. 'marker', 0, '0')
  redis.call('XADD', base .. 'events', '*', 'event', 'waiting', 'jobId', id, ...)
end
`;

/** The first five decide whether BullMQ can read the job. `stc` is its count of stalls, `rjk` the scheduler of a run. */
const FIELDS = [
  'name',
  'data',
  'opts',
  'progress',
  'parent',
  'timestamp',
  'stc',
  'parentKey',
  'rjk',
] as const;

export type JobFields = Record<(typeof FIELDS)[number], string | undefined>;

export interface StoredJob {
  id: string;
  fields: JobFields | 'not a hash';
}

export async function idsInState(
  redis: Redis,
  queue: Queue,
  state: State,
  [from, to]: readonly [from: number, to: number] = [0, -1],
): Promise<string[]> {
  const isList = (LISTS as readonly string[]).includes(state);
  const key = queue.toKey(state);
  return isList ? redis.lrange(key, from, to) : redis.zrange(key, `${from}`, `${to}`);
}

export async function readJobs(redis: Redis, queue: Queue, ids: readonly string[]): Promise<StoredJob[]> {
  const pipeline = redis.pipeline();
  for (const id of ids) pipeline.hmgetBuffer(queue.toKey(id), ...FIELDS);
  const replies = (await pipeline.exec()) ?? [];
  return replies.map(([error, values], index) => {
    const id = ids[index] as string;
    if (error === null) {
      // Latin-1 keeps every byte, so that garbage is recognised and valid JSON stays valid.
      const texts = (values as Array<Buffer | null>).map((value) => value?.toString('latin1'));
      return { id, fields: Object.fromEntries(FIELDS.map((field, at) => [field, texts[at]])) as JobFields };
    }
    if (error.message.startsWith('WRONGTYPE')) return { id, fields: 'not a hash' };
    throw error;
  });
}

/** Why BullMQ 6.7.0 throws on a job with these fields, in its workers and its lists; undefined if it can read it. */
export function unreadableReason(fields: JobFields): string | undefined {
  for (const field of ['name', 'data', 'timestamp'] as const)
    if (fields[field] === undefined) return `${field} is missing`;
  if (!Number.isFinite(Number(fields.timestamp))) return 'timestamp is not a number';
  if (parsed(fields.data) === undefined) return 'data is not JSON';
  if (fields.opts !== undefined && !isObject(parsed(fields.opts))) return 'opts are not a JSON object';
  if (fields.progress !== undefined && parsed(fields.progress) === undefined) return 'progress is not JSON';
  if (fields.parent !== undefined && !isObject(parsed(fields.parent))) return 'parent is not a JSON object';
  return undefined;
}

function parsed(json: string | undefined): unknown {
  try {
    return JSON.parse(json ?? '');
  } catch {
    return undefined;
  }
}

/**
 * The job of an id that a caller gave. BullMQ 6.7.0 keeps keys of its own beside the jobs (`meta`, `wait`, `repeat:NAME`,
 * `ID:lock`), which an id may hit: they are of another type, or have no time at which they were added.
 */
export async function findJob(queue: Queue, id: string): Promise<Job | undefined> {
  try {
    const job: Job | undefined = await queue.getJob(id);
    return job !== undefined && Number.isFinite(job.timestamp) ? job : undefined;
  } catch (error) {
    if (error instanceof Error && error.message.startsWith('WRONGTYPE')) return undefined;
    throw error;
  }
}

/** BullMQ 6.7.0 names a child by its Redis key, `PREFIX:QUEUE:ID`; an id that is a child's holds no colon. */
const idOf = (key: string) => key.slice(key.lastIndexOf(':') + 1);

/** Why children in this queue failed, by the id of their job. Another program may have added children in other queues. */
export async function failuresOfChildren(job: Job, queue: Queue): Promise<Map<string, string>> {
  const failures = Object.entries(await job.getIgnoredChildrenFailures());
  return new Map(
    failures.flatMap(([key, reason]) => (key === queue.toKey(idOf(key)) ? [[idOf(key), reason]] : [])),
  );
}

/** The children in this queue that have not ended. */
export async function openChildren(job: Job, queue: Queue): Promise<Job[]> {
  const { unprocessed = [] } = await job.getDependencies();
  const own = unprocessed.filter((key) => key === queue.toKey(idOf(key)));
  const children = await Promise.all(own.map((key) => queue.getJob(idOf(key))));
  return children.filter((child): child is Job => child !== undefined);
}
