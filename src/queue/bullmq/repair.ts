import { createHash } from 'node:crypto';
import type { Job, Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { Failure, reasonOf } from '../../failures.ts';
import { clockOf } from '../../redis/redisClock.ts';
import { ENTRIES_KEPT, isKeyName, KEPT_MS, quarantineKey } from './ownKeys.ts';
import { callIdStart, FOREIGN_DELAY_MS, LOWEST_PRIORITY } from './queues.ts';
import { type JobFields, MAKE_WAIT, type StoredJob } from './storedJobs.ts';

/** Deletes what another program has put in the place of a job's set or hash: each command on it would fail. */
const DROP_WRONG = `
local function dropWrong(key, kind)
  local present = redis.call('TYPE', key).ok
  if present ~= 'none' and present ~= kind then redis.call('DEL', key) end
end
`;

/** Moves a search back to its queue once no page of it is pending, as `moveParentToWait` of BullMQ 6.7.0 does when the last child ends. */
const RELEASE_PARENT = `${MAKE_WAIT}
local function release(base, parentKey)
  if redis.call('SCARD', parentKey .. ':dependencies') > 0 then return 0 end
  local id = string.sub(parentKey, #base + 1)
  if redis.call('ZREM', base .. 'waiting-children', id) == 0 then return 0 end
  local priority = tonumber(redis.call('HGET', parentKey, 'priority')) or 0
  makeWait(base, id, priority, 'RPUSH', 'prev', 'waiting-children')
  return 1
end
`;

/**
 * Removes a broken job from every state and stores what it was, in one step, unless it changed since it was read or is in
 * no state any more. Its search gets the failure, as from a failed child, and is released if this was its last page.
 * KEYS: quarantine list. ARGV: the queue's keys up to the id (`PREFIX:QUEUE:`), id, fingerprint, the entry, entries kept,
 * their life in ms, reason for its search, the search queue's keys up to the id, `shared` where its key is not its own.
 * Returns the keys of its children, or false.
 */
const QUARANTINE = `${DROP_WRONG}${RELEASE_PARENT}
local base, id, seen = ARGV[1], ARGV[2], ARGV[3]
local key = base .. id
local kind = redis.call('TYPE', key).ok
local now = kind
local parentKey = false
if kind == 'hash' or kind == 'none' then
  local fields = redis.call('HMGET', key, 'name', 'data', 'opts', 'progress', 'parent', 'parentKey')
  parentKey = fields[6]
  for i = 1, 5 do fields[i] = fields[i] or '' end
  now = redis.sha1hex(table.concat(fields, '\\n', 1, 5))
end
if now ~= seen then return false end

local removed = 0
for _, state in ipairs({ 'wait', 'active', 'paused' }) do
  removed = removed + redis.call('LREM', base .. state, 0, id)
end
for _, state in ipairs({ 'prioritized', 'delayed', 'waiting-children', 'completed', 'failed' }) do
  removed = removed + redis.call('ZREM', base .. state, id)
end
if removed == 0 then return false end
redis.call('SREM', base .. 'stalled', id)

redis.call('LPUSH', KEYS[1], ARGV[4])
redis.call('LTRIM', KEYS[1], 0, ARGV[5] - 1)
redis.call('PEXPIRE', KEYS[1], ARGV[6])

local searches = ARGV[8]
if parentKey and string.sub(parentKey, 1, #searches) == searches then
  dropWrong(parentKey .. ':dependencies', 'set')
  dropWrong(parentKey .. ':failed', 'hash')
  if redis.call('SREM', parentKey .. ':dependencies', key) == 1 then
    redis.call('HSET', parentKey .. ':failed', key, ARGV[7])
    release(searches, parentKey)
  end
end

local children = {}
if redis.call('TYPE', key .. ':dependencies').ok == 'set' then
  children = redis.call('SMEMBERS', key .. ':dependencies')
end
-- A key that another job or BullMQ itself uses, which this job's fields were written into.
if ARGV[9] == 'shared' then
  if kind == 'hash' then
    redis.call('HDEL', key, 'name', 'data', 'opts', 'timestamp', 'delay', 'priority', 'parent', 'parentKey', 'rjk', 'deid',
      'processedOn', 'pb', 'ats', 'atm', 'stc', 'progress')
  end
  return {}
end
redis.call('DEL', key, key .. ':lock', key .. ':logs', key .. ':dependencies', key .. ':processed',
  key .. ':failed', key .. ':unsuccessful')
return children
`;

/** What is kept of a job that was removed; newest first in `PREFIX:quarantine`. */
export interface QuarantineEntry {
  queue: string;
  id: string;
  why: string;
  /** ISO 8601. */
  at: string;
  /** The stored fields as text, cut off. */
  fields: Partial<JobFields>;
}

const MAX_FIELD_LENGTH = 500;

/** Keys of the jobs that it waited for; undefined if it has changed since it was read, and was left alone. */
export async function quarantineJob(
  redis: Redis,
  { queue, searches }: { queue: Queue; searches: Queue },
  { id, fields }: StoredJob,
  why: string,
): Promise<string[] | undefined> {
  const isHash = fields !== 'not a hash';
  const entry: QuarantineEntry = {
    queue: queue.name,
    id: id.slice(0, MAX_FIELD_LENGTH),
    why,
    at: clockOf(redis).date().toISOString(),
    fields: isHash ? shortened(fields) : {},
  };
  const reply = await redis.eval(
    QUARANTINE,
    1,
    quarantineKey(queue),
    queue.toKey(''),
    id,
    isHash ? fingerprint(fields) : await redis.type(queue.toKey(id)),
    JSON.stringify(entry),
    ENTRIES_KEPT,
    KEPT_MS,
    reasonOf(new Failure('invalid_payload', `the page's job could not be read: ${why}`)),
    searches.toKey(''),
    isKeyName(id) ? 'shared' : '',
  );
  return reply === null ? undefined : (reply as string[]);
}

/** What 6.7.0, and Redis, say of a job that cannot go on because of its children, or of what is in the place of their keys. */
const HELD = /has pending dependencies|has at least one failed child|^WRONGTYPE/;

/** Whether children keep a job from going on that any program may have added. */
export function isHeldByChildren(error: Error): boolean {
  return HELD.test(error.message);
}

/** Moves a search to those that wait for their calls; false where none is pending. */
export async function waitForCalls(redis: Redis, searches: Queue, job: Job): Promise<boolean> {
  const move = () => job.moveToWaitingChildren(job.token as string);
  return move().catch(async (error: Error) => {
    if (!isHeldByChildren(error)) throw error;
    // A child whose failure is to fail the search is none of its calls: those are added without that.
    await redis.del(searches.toKey(`${job.id}:unsuccessful`));
    return move();
  });
}

/** Removes a scheduler and the run that it has planned, and keeps what it was. */
export async function quarantineScheduler(
  redis: Redis,
  queue: Queue,
  name: string,
  why: string,
): Promise<void> {
  const stored = await redis
    .hmgetBuffer(queue.toKey(`repeat:${name}`), 'name', 'data', 'opts')
    .catch((error: Error) => {
      // Another program has put something else in its place; the scheduler is removed all the same.
      if (!error.message.startsWith('WRONGTYPE')) throw error;
      return [];
    });
  const [job, data, opts] = stored.map((value) => value?.toString('latin1'));
  const id = `repeat:${name}`.slice(0, MAX_FIELD_LENGTH);
  const at = clockOf(redis).date().toISOString();
  const entry: QuarantineEntry = {
    queue: queue.name,
    id,
    why,
    at,
    fields: shortened({ name: job, data, opts }),
  };
  const key = quarantineKey(queue);
  await redis
    .multi()
    .lpush(key, JSON.stringify(entry))
    .ltrim(key, 0, ENTRIES_KEPT - 1)
    .pexpire(key, KEPT_MS)
    .exec();
  await queue.removeJobScheduler(name);
}

/** @param fields in Latin-1, as `readJobs` reads them */
function shortened(fields: Partial<JobFields>): Partial<JobFields> {
  const text = (value = '') => Buffer.from(value.slice(0, MAX_FIELD_LENGTH), 'latin1').toString('utf8');
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries.map(([name, value]) => [name, text(value)]));
}

/** Names this very content, as the script computes it, so that a job which changed since it was read is left alone. */
function fingerprint({ name, data, opts, progress, parent }: JobFields): string {
  const content = [name, data, opts, progress, parent].map((value) => value ?? '').join('\n');
  return createHash('sha1').update(content, 'latin1').digest('hex');
}

/** Whether a call's job waits or is under way. */
const IS_QUEUED = `
local function isQueued(base, id)
  return redis.call('ZSCORE', base .. 'prioritized', id) or redis.call('ZSCORE', base .. 'delayed', id)
    or redis.call('LPOS', base .. 'active', id) or redis.call('LPOS', base .. 'wait', id)
end
`;

/**
 * Makes calls children of their search again: those that failed with their reason, those that are queued as pending ones.
 * Redis may have refused the last step of adding one, and another program may have changed what its failure does.
 * KEYS: the search. ARGV: the calls queue's keys up to the id, then ids of calls. Returns how many are queued, and failed.
 */
const REATTACH = `${DROP_WRONG}${IS_QUEUED}
dropWrong(KEYS[1] .. ':dependencies', 'set')
dropWrong(KEYS[1] .. ':failed', 'hash')
local queued, failed = 0, 0
for i = 2, #ARGV do
  local key = ARGV[1] .. ARGV[i]
  if redis.call('ZSCORE', ARGV[1] .. 'failed', ARGV[i]) then
    redis.call('HSET', KEYS[1] .. ':failed', key, redis.call('HGET', key, 'failedReason') or '')
    failed = failed + 1
  elseif isQueued(ARGV[1], ARGV[i]) then
    redis.call('SADD', KEYS[1] .. ':dependencies', key)
    queued = queued + 1
  end
end
return { queued, failed }
`;

/** @returns how many of these calls are queued, and how many have failed */
export async function reattachCalls(
  redis: Redis,
  { searches, calls }: { searches: Queue; calls: Queue },
  searchId: string,
  ids: readonly string[],
): Promise<{ queued: number; failed: number }> {
  const reply = await redis.eval(REATTACH, 1, searches.toKey(searchId), calls.toKey(''), ...ids);
  const [queued, failed] = reply as [number, number];
  return { queued, failed };
}

/**
 * Removes, from searches that wait for their calls, what they wait for in vain: calls that have ended (a failed one with its
 * reason), calls that are gone or in no state, and children that other programs have added once the search has begun. A
 * search that never began waits for them because the program that added it wants that. One that is overdue waits only for
 * calls that are under way.
 * KEYS: one of the search queue's. ARGV: the search queue's keys up to the id, the calls queue's, then of each search its id,
 * what the ids of its calls begin with, and `overdue` or nothing. Returns of each whether it is released, how many children it
 * no longer waits for because they are another program's or it is overdue, and the ids of its calls that another
 * program has delayed or put behind all classes.
 */
const SETTLE = `${DROP_WRONG}${RELEASE_PARENT}${IS_QUEUED}
local searches, calls = ARGV[1], ARGV[2]

local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000

-- Whether a queued call has a delay longer than ours, or a priority behind all classes: another program has given it that.
local function isForeign(child, id)
  local score = redis.call('ZSCORE', calls .. 'prioritized', id)
  if score then return tonumber(score) / 0x100000000 >= ${LOWEST_PRIORITY + 1} end
  if not redis.call('ZSCORE', calls .. 'delayed', id) then return false end
  local ok, opts = pcall(cjson.decode, redis.call('HGET', child, 'opts') or '')
  local delay = ok and type(opts) == 'table' and tonumber(opts.delay) or 0
  local timestamp = tonumber(redis.call('HGET', child, 'timestamp')) or now
  return delay > 0 and timestamp + delay > now + ${FOREIGN_DELAY_MS}
end

-- Whether the search no longer waits for a call of its own, and whether that call could still have ended. Most are queued.
local function isDone(parentKey, child, id, overdue)
  if isQueued(calls, id) then
    if not overdue or redis.call('LPOS', calls .. 'active', id) then return false end
    redis.call('ZREM', calls .. 'prioritized', id)
    redis.call('ZREM', calls .. 'delayed', id)
    redis.call('LREM', calls .. 'wait', 0, id)
    redis.call('DEL', child, child .. ':lock', child .. ':logs')
    return true, true
  elseif redis.call('TYPE', child).ok ~= 'hash' then
    redis.call('DEL', child)
  elseif redis.call('ZSCORE', calls .. 'failed', id) then
    redis.call('HSET', parentKey .. ':failed', child, redis.call('HGET', child, 'failedReason') or '')
  elseif not redis.call('ZSCORE', calls .. 'completed', id) then
    -- Another program may have added it with children.
    redis.call('ZREM', calls .. 'waiting-children', id)
    redis.call('DEL', child, child .. ':lock', child .. ':logs', child .. ':dependencies')
  end
  return true
end

local settled = {}
for i = 3, #ARGV, 3 do
  local parentKey, start, overdue = searches .. ARGV[i], calls .. ARGV[i + 1], ARGV[i + 2] == 'overdue'
  dropWrong(parentKey .. ':dependencies', 'set')
  dropWrong(parentKey .. ':failed', 'hash')
  local children = redis.call('SMEMBERS', parentKey .. ':dependencies')
  local left, struck, foreign = #children, 0, {}
  for _, child in ipairs(children) do
    local done, gaveUp
    if string.sub(child, 1, #start) == start then
      done, gaveUp = isDone(parentKey, child, string.sub(child, #calls + 1), overdue)
    else
      done, gaveUp = overdue or redis.call('HEXISTS', parentKey, 'ats') == 1, true
    end
    if done then
      left = left - redis.call('SREM', parentKey .. ':dependencies', child)
      if gaveUp then struck = struck + 1 end
    elseif string.sub(child, 1, #start) == start then
      local id = string.sub(child, #calls + 1)
      if isForeign(child, id) then table.insert(foreign, id) end
    end
  end
  local released = left == 0 and release(searches, parentKey) or 0
  table.insert(settled, { released, struck, foreign })
end
return settled
`;

/** A search that waits for its calls. */
export interface WaitingSearch {
  id: string;
  /** It has waited until its deadline. */
  isOverdue: boolean;
}

/**
 * Releases those of the searches that wait for nothing that can still happen.
 * @returns of each whether it is released; how many children of other programs, or calls not yet under way of an overdue one,
 * it no longer waits for; and its calls that others have delayed, or put behind all classes
 */
export async function settleSearches(
  redis: Redis,
  searches: Queue,
  calls: Queue,
  waiting: readonly WaitingSearch[],
): Promise<Array<{ id: string; released: boolean; struck: number; foreign: string[] }>> {
  if (waiting.length === 0) return [];
  const bases = [searches.toKey(''), calls.toKey('')];
  // All keys share a slot. By one of them a Cluster picks the node; without, it would be a random one.
  const keys = [searches.toKey('waiting-children')];
  const args = waiting.flatMap(({ id, isOverdue }) => [id, callIdStart(id), isOverdue ? 'overdue' : '']);
  const settled = (await redis.eval(SETTLE, keys.length, ...keys, ...bases, ...args)) as Array<
    [number, number, string[]]
  >;
  return settled.map(([released, struck, foreign], index) => ({
    id: (waiting[index] as WaitingSearch).id,
    released: released === 1,
    struck,
    foreign,
  }));
}
