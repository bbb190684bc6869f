import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { Failure, reasonOf } from '../failures.ts';

/**
 * Lua that brings a search back to its queue once none of its pages is pending, as BullMQ does when the last one ends:
 * the same keys, the same score. They are internal to BullMQ, so a test keeps them in step with it.
 */
export const RELEASE_PARENT = `
local function release(base, parentKey)
  if redis.call('SCARD', parentKey .. ':dependencies') > 0 then return 0 end
  local id = string.sub(parentKey, #base + 1)
  if redis.call('ZREM', base .. 'waiting-children', id) == 0 then return 0 end
  local priority = tonumber(redis.call('HGET', parentKey, 'priority')) or 0
  if priority > 0 then
    local score = priority * 0x100000000 + redis.call('INCR', base .. 'pc') % 0x100000000
    redis.call('ZADD', base .. 'prioritized', score, id)
  else
    redis.call('RPUSH', base .. 'wait', id)
  end
  redis.call('ZADD', base .. 'marker', 0, '0')
  redis.call('XADD', base .. 'events', '*', 'event', 'waiting', 'jobId', id, 'prev', 'waiting-children')
  return 1
end
`;

/**
 * Takes a broken job out of every state and puts word of it aside, in one step, unless it changed since it was looked at
 * or is in no state any more. Its search is told and released if this was its last page.
 *
 * KEYS: quarantine list · ARGV: the queue's keys up to the id (`PREFIX:QUEUE:`), id, fingerprint, what to keep of it,
 * entries kept, their life in ms, reason for its search, the search queue's keys up to the id.
 * Returns the keys of its children, or false if it was left alone.
 */
export const QUARANTINE = `${RELEASE_PARENT}
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
if parentKey and string.sub(parentKey, 1, #searches) == searches
  and redis.call('SREM', parentKey .. ':dependencies', key) == 1 then
  redis.call('HSET', parentKey .. ':failed', key, ARGV[7])
  release(searches, parentKey)
end

local children = {}
if redis.call('TYPE', key .. ':dependencies').ok == 'set' then
  children = redis.call('SMEMBERS', key .. ':dependencies')
end
redis.call('DEL', key, key .. ':lock', key .. ':logs', key .. ':dependencies', key .. ':processed',
  key .. ':failed', key .. ':unsuccessful')
return children
`;

/** What is kept of a job that was taken out; newest first in `PREFIX:quarantine`. */
export interface QuarantineEntry {
  queue: string;
  id: string;
  why: string;
  /** ISO 8601. */
  at: string;
  /** The stored fields as text, cut off. */
  fields: Partial<JobFields>;
}

/** Enough to find out what happened without keeping what an attacker may pour in. */
const ENTRIES_KEPT = 1000;
const KEPT_MS = 7 * 24 * 3600 * 1000;
const LONGEST_FIELD = 500;

export interface Quarantined {
  /** Keys of the jobs that the broken one was waiting for. */
  children: string[];
}

/** The place for jobs that nobody can read. */
export class Quarantine {
  readonly #redis: Redis;
  readonly #prefix: string;
  readonly #searchesBase: string;

  /** @param searchQueue the queue that parents stand in */
  constructor(redis: Redis, prefix: string, searchQueue: string) {
    this.#redis = redis;
    this.#prefix = prefix;
    this.#searchesBase = `${prefix}:${searchQueue}:`;
  }

  /** Takes the job out of its queue, unless it has changed since; undefined if it was left alone. */
  async put(
    queue: string,
    id: string,
    why: string,
    seen: JobFields | 'not a hash',
  ): Promise<Quarantined | undefined> {
    const fields = seen === 'not a hash' ? {} : seen;
    const base = `${this.#prefix}:${queue}:`;
    const entry: QuarantineEntry = { queue, id, why, at: new Date().toISOString(), fields: shown(fields) };
    const reply = await this.#redis.eval(
      QUARANTINE,
      1,
      this.#key,
      base,
      id,
      seen === 'not a hash' ? await this.#redis.type(base + id) : fingerprint(seen),
      JSON.stringify(entry),
      ENTRIES_KEPT,
      KEPT_MS,
      reasonOf(new Failure('invalid_payload', `the page's job could not be read: ${why}`)),
      this.#searchesBase,
    );
    return reply === null ? undefined : { children: reply as string[] };
  }

  /** Newest first. */
  async list(most = ENTRIES_KEPT): Promise<QuarantineEntry[]> {
    const entries = await this.#redis.lrange(this.#key, 0, most - 1);
    return entries.map((entry) => JSON.parse(entry));
  }

  get #key(): string {
    return `${this.#prefix}:quarantine`;
  }
}

function shown(fields: Partial<JobFields>): Partial<JobFields> {
  const entries = Object.entries(fields).flatMap(([name, value]) =>
    value === undefined
      ? []
      : [[name, Buffer.from(value.slice(0, LONGEST_FIELD), 'latin1').toString('utf8')]],
  );
  return Object.fromEntries(entries);
}

/** What the sweep reads of a stored job, in this order. The first five decide whether BullMQ can read it. */
export const JOB_FIELDS = [
  'name',
  'data',
  'opts',
  'progress',
  'parent',
  'timestamp',
  'stc',
  'parentKey',
] as const;

export type JobFields = Record<(typeof JOB_FIELDS)[number], string | undefined>;

/**
 * Why nobody can work on a job with these fields, or undefined if it is fine. BullMQ throws on what is named here, from
 * its workers and from its lists alike.
 */
export function brokenBecause(fields: JobFields): string | undefined {
  for (const field of ['name', 'data', 'timestamp'] as const)
    if (fields[field] === undefined) return `${field} is missing`;
  if (!Number.isFinite(Number(fields.timestamp))) return 'timestamp is not a number';
  if (parsed(fields.data) === undefined) return 'data is not JSON';
  if (fields.opts !== undefined && !isRecord(parsed(fields.opts))) return 'opts are not a JSON object';
  if (fields.progress !== undefined && parsed(fields.progress) === undefined) return 'progress is not JSON';
  if (fields.parent !== undefined && !isRecord(parsed(fields.parent))) return 'parent is not a JSON object';
  return undefined;
}

/** Names this very content, so that a job which changed since it was read is left alone. As in `quarantineScript.ts`. */
export function fingerprint({ name, data, opts, progress, parent }: JobFields): string {
  const content = [name, data, opts, progress, parent].map((value) => value ?? '').join('\n');
  return createHash('sha1').update(content, 'latin1').digest('hex');
}

function parsed(json: string | undefined): unknown {
  try {
    return JSON.parse(json ?? '');
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The states that a job may be in, by the kind of key that BullMQ keeps them in. */
const LISTS = ['active', 'wait', 'paused'] as const;
const SETS = ['prioritized', 'delayed', 'waiting-children', 'completed', 'failed'] as const;

export const STATES = [...LISTS, ...SETS];
export type State = (typeof STATES)[number];

export interface RawJob {
  id: string;
  fields: JobFields | 'not a hash';
}

/** Jobs as they are stored: BullMQ's own getters throw on the very jobs that this is for. */
export class JobReader {
  readonly #redis: Redis;
  readonly #prefix: string;

  constructor(redis: Redis, prefix: string) {
    this.#redis = redis;
    this.#prefix = prefix;
  }

  async ids(queue: string, state: State, from: number, count: number): Promise<string[]> {
    const key = `${this.#prefix}:${queue}:${state}`;
    const to = from + count - 1;
    return isList(state) ? this.#redis.lrange(key, from, to) : this.#redis.zrange(key, `${from}`, `${to}`);
  }

  async read(queue: string, ids: string[]): Promise<RawJob[]> {
    const pipeline = this.#redis.pipeline();
    for (const id of ids) pipeline.hmgetBuffer(`${this.#prefix}:${queue}:${id}`, ...JOB_FIELDS);
    const replies = (await pipeline.exec()) ?? [];
    return replies.map(([error, values], index) => {
      const id = ids[index] as string;
      if (error === null) return { id, fields: named(values as Array<Buffer | null>) };
      if (error.message.startsWith('WRONGTYPE')) return { id, fields: 'not a hash' };
      throw error;
    });
  }
}

function isList(state: State): boolean {
  return (LISTS as readonly string[]).includes(state);
}

/** Latin-1 keeps every byte, so that garbage is recognised as what it is and valid JSON stays valid. */
function named(values: Array<Buffer | null>): JobFields {
  const entries = JOB_FIELDS.map((field, index) => [field, values[index]?.toString('latin1')]);
  return Object.fromEntries(entries);
}
