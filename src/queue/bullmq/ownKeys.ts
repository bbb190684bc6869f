import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { LuaScript } from '../../redis/luaScript.ts';
import { clockOf } from '../../redis/redisClock.ts';
import { MAKE_WAIT } from './storedJobs.ts';

/**
 * BullMQ 6.7.0 stores a job under `PREFIX:QUEUE:ID`, beside keys of its own. A job whose id is one of their names takes the
 * place of a key that is absent, as most of them are in an idle queue. Each script that uses the key then fails
 * (WRONGTYPE), and one that has taken a job out of a state before that loses it.
 */
const TYPES: Readonly<Record<string, string>> = {
  active: 'list',
  wait: 'list',
  paused: 'list',
  prioritized: 'zset',
  delayed: 'zset',
  'waiting-children': 'zset',
  completed: 'zset',
  failed: 'zset',
  repeat: 'zset',
  marker: 'zset',
  stalled: 'set',
  // A hash in its place fails nothing: no stalled job is found any more.
  'stalled-check': 'string',
  limiter: 'string',
  id: 'string',
  pc: 'string',
  meta: 'hash',
  events: 'stream',
};

const NAMES = Object.keys(TYPES);

/**
 * Keys that belong to one job, and keys that have a name of their own: `ID:lock`, `de:NAME`, `repeat:SCHEDULER`. What begins
 * with `0:` is no job to its scripts, which take it off a list and forget it.
 */
const PARTS = /:(lock|logs|dependencies|processed|failed|unsuccessful)$|^(0|de|dn|metrics|repeat):/;

/** No id that this service gives is longer. Ids are parts of keys, log lines and events. */
export const LONGEST_ID = 256;

/** Whether a key of BullMQ has this name in its queue, or may have. */
export function isKeyName(id: string): boolean {
  return NAMES.includes(id) || PARTS.test(id);
}

/** Why no job may have this id; undefined for one that it may have. @param isRun the job is the run of a scheduler */
export function unusableId(id: string, isRun: boolean): string | undefined {
  if (id.length > LONGEST_ID) return `its id is longer than ${LONGEST_ID} characters`;
  const isRunId = isRun && id.startsWith('repeat:') && id.split(':').length >= 3;
  return isKeyName(id) && !isRunId ? 'its id is the name of a key of BullMQ' : undefined;
}

/** Where jobs are kept that were removed from their queue, newest first. */
export function quarantineKey(queue: Queue): string {
  return `${queue.opts.prefix}:quarantine`;
}

/** Enough to find out what happened without keeping what an attacker may pour in. */
export const ENTRIES_KEPT = 1000;
export const KEPT_MS = 7 * 24 * 3600 * 1000;

/** KEYS: one of the queue's. ARGV: the queue's keys up to the id, then names and types. Returns the names of other types. */
const LOOK = new LuaScript(`
local wrong = {}
for i = 2, #ARGV, 2 do
  local kind = redis.call('TYPE', ARGV[1] .. ARGV[i]).ok
  if kind ~= 'none' and kind ~= ARGV[i + 1] then wrong[#wrong + 1] = ARGV[i] end
end
return wrong`);

/**
 * Stores what is in the place of BullMQ's keys in the quarantine and deletes it, and takes the ids out of all states: run as a
 * job, such an id would make a hash of the key once more.
 * KEYS: quarantine list, rescue. ARGV: the queue's keys up to the id, its name, the time, why, entries kept, their life in ms,
 * then names and types. Returns the names, and the rescue that is to be done, if there is one: 1 where jobs were lost while
 * they ended, and a time. It is kept until RESCUE has done all, which a process that dies has not.
 */
const PUT_ASIDE = new LuaScript(`
local base = ARGV[1]
local rescue = redis.call('TYPE', KEYS[2]).ok == 'string' and redis.call('GET', KEYS[2])
local endsLost = rescue and string.sub(rescue, 1, 1) or '0'
local wrong = {}
for i = 7, #ARGV, 2 do
  local key = base .. ARGV[i]
  local kind = redis.call('TYPE', key).ok
  if kind ~= 'none' and kind ~= ARGV[i + 1] then
    local fields = {}
    if kind == 'hash' then
      for _, field in ipairs({ 'name', 'data', 'opts' }) do
        local value = redis.call('HGET', key, field)
        if value then fields[field] = string.sub(value, 1, 500) end
      end
    end
    local entry = { queue = ARGV[2], id = ARGV[i], why = ARGV[4], at = ARGV[3], fields = fields }
    redis.call('LPUSH', KEYS[1], cjson.encode(entry))
    redis.call('DEL', key, key .. ':lock')
    wrong[#wrong + 1] = ARGV[i]
    if ARGV[i] == 'completed' or ARGV[i] == 'failed' then endsLost = '1' end
  end
end
if #wrong == 0 then return { wrong, rescue } end
rescue = endsLost .. ' ' .. ARGV[3]
redis.call('SET', KEYS[2], rescue, 'PX', ARGV[6])
redis.call('LTRIM', KEYS[1], 0, ARGV[5] - 1)
redis.call('PEXPIRE', KEYS[1], ARGV[6])
for _, id in ipairs(wrong) do
  for _, state in ipairs({ 'wait', 'active', 'paused' }) do redis.call('LREM', base .. state, 0, id) end
  for _, state in ipairs({ 'prioritized', 'delayed', 'waiting-children', 'completed', 'failed' }) do
    redis.call('ZREM', base .. state, id)
  end
  redis.call('SREM', base .. 'stalled', id)
end
-- Idle workers look again.
redis.call('ZADD', base .. 'marker', 0, '0')
return { wrong, rescue }`);

/** KEYS: rescue. ARGV: the one that is done. A later one stays. */
const RESCUED = new LuaScript(`
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end`);

/**
 * Puts jobs that are in no state and have not ended back into their queue.
 * KEYS: one of the queue's. ARGV: its keys up to the id, 1 where jobs were lost while they ended, then ids. Returns the ids.
 *
 * A job that was lost while it ended has counted an attempt (`atm`) that BullMQ knows no end of.
 */
const RESCUE = new LuaScript(`${MAKE_WAIT}
local base = ARGV[1]
local function hasState(id)
  for _, state in ipairs({ 'wait', 'active', 'paused' }) do
    if redis.call('LPOS', base .. state, id) then return true end
  end
  for _, state in ipairs({ 'prioritized', 'delayed', 'waiting-children', 'completed', 'failed' }) do
    if redis.call('ZSCORE', base .. state, id) then return true end
  end
end
local rescued = {}
for i = 3, #ARGV do
  local id = ARGV[i]
  local key = base .. id
  if redis.call('TYPE', key).ok == 'hash' and not hasState(id) then
    local job = redis.call('HMGET', key, 'data', 'timestamp', 'finishedOn', 'priority', 'atm')
    if job[1] and job[2] and not job[3] then
      if ARGV[2] == '1' and tonumber(job[5] or 0) > 0 then redis.call('HINCRBY', key, 'atm', -1) end
      makeWait(base, id, tonumber(job[4]) or 0, 'LPUSH')
      rescued[#rescued + 1] = id
    end
  end
end
return rescued`);

/**
 * Puts jobs back that a script made active before it failed: no worker runs them, and each would count as a crash once its
 * lock has run out. KEYS: one of the queue's. ARGV: its keys up to the id, the token of the worker that asked.
 */
const PUT_BACK = new LuaScript(`
local base = ARGV[1]
for _, id in ipairs(redis.call('LRANGE', base .. 'active', 0, -1)) do
  local key = base .. id
  if redis.call('GET', key .. ':lock') == ARGV[2] then
    local priority = tonumber(redis.call('HGET', key, 'priority')) or 0
    if priority > 0 then
      redis.call('ZADD', base .. 'prioritized', priority * 0x100000000, id)
    else
      redis.call('RPUSH', base .. 'wait', id)
    end
    redis.call('LREM', base .. 'active', 0, id)
    redis.call('DEL', key .. ':lock')
  end
end`);

/** Puts back what a worker has taken with this token, which it uses for one job at a time, and did not get. */
export async function putBackTaken(redis: Redis, base: string, token: string): Promise<void> {
  await PUT_BACK.run(redis, `${base}meta`, [base, token]);
}

const namesAndTypes = () => Object.entries(TYPES).flat();

/** BullMQ's keys of this queue in whose place something else is, as `QUEUE:KEY`. */
export async function wrongKeys(redis: Redis, queue: Queue): Promise<string[]> {
  const names = await LOOK.run(redis, queue.toKey('meta'), [queue.toKey(''), ...namesAndTypes()]);
  return (names as string[]).map((name) => `${queue.name}:${name}`);
}

const WHY = 'it was in the place of a key of BullMQ, which stopped the queue';

/** Ids looked at in one script. */
const BATCH = 500;

/**
 * Puts aside what is in the place of BullMQ's keys, and puts the jobs back that were lost meanwhile, also those of an earlier
 * call that did not finish. They are looked for in the queue's events, of which BullMQ keeps about 10,000.
 */
export async function repairKeys(redis: Redis, queue: Queue): Promise<{ keys: string[]; rescued: string[] }> {
  const base = queue.toKey('');
  const now = clockOf(redis).date().toISOString();
  const entry = [base, queue.name, now, WHY, ENTRIES_KEPT, KEPT_MS, ...namesAndTypes()];
  const rescueKey = `${queue.opts.prefix}:rescue:${queue.name}`;
  const reply = await PUT_ASIDE.run(redis, [quarantineKey(queue), rescueKey], entry);
  const [keys, rescue] = reply as [string[], string | null];
  if (rescue === null) return { keys, rescued: [] };
  const events = await redis.xrange(queue.toKey('events'), '-', '+');
  const ids = new Set(events.flatMap(([, fields]) => idIn(fields)));
  const endsLost = rescue.charAt(0);
  const rescued: string[] = [];
  for (let left = [...ids]; left.length > 0; left = left.slice(BATCH)) {
    const args = [base, endsLost, ...left.slice(0, BATCH)];
    rescued.push(...((await RESCUE.run(redis, queue.toKey('meta'), args)) as string[]));
  }
  await RESCUED.run(redis, rescueKey, [rescue]);
  return { keys, rescued };
}

/** @param fields names and values in turn */
function idIn(fields: readonly string[]): string[] {
  const id = fields[fields.indexOf('jobId') + 1];
  return id === undefined || !fields.includes('jobId') || NAMES.includes(id) ? [] : [id];
}
