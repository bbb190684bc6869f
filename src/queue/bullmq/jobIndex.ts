import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { LuaScript } from '../../redis/luaScript.ts';
import { LISTS, STATES, type State } from './storedJobs.ts';

/** How long the index is kept after it was last used, ms. */
const KEPT_MS = 24 * 3600 * 1000;
/**
 * Events that one script looks at, and jobs that one script notes: a few milliseconds of Redis's time. The event of a job that
 * has completed has its summary, which may have many kilobytes.
 */
const EVENTS_BATCH = 200;
const JOBS_BATCH = 1000;
/** More events than these cost more than to read the ids of all jobs. */
const MOST_EVENTS = 5000;
/** Of a job's id, bytes: no longer one can be asked for over HTTP. */
const LONGEST_ID = 200;
/** A new index that was not finished, s. */
const UNFINISHED_S = 60;

/**
 * Lua: the entry of a job, `TIME:ID` with the time in 15 digits, so that entries are in the order of their text. The time is
 * the one at which the job was added, or became due. `~EVENT` comes after all of them: up to which event the index is complete.
 */
const ENTRY = `
local function entryOf(id, timestamp)
  local at = tonumber(string.match(id, '^repeat:.*:(%d%d%d%d%d%d%d%d%d%d%d%d%d)$') or timestamp) or 0
  if at ~= at or at < 0 then at = 0 end
  return string.format('%015.0f', math.floor(math.min(at, 999999999999999))) .. ':' .. id
end
local function note(index, base, id, mustHaveBegun)
  if #id > ${LONGEST_ID} then return end
  local job = redis.pcall('HMGET', base .. id, 'timestamp', 'processedOn')
  if job.err or not job[1] or (mustHaveBegun and not job[2]) then return end
  redis.call('ZADD', index, 0, entryOf(id, job[1]))
end
-- The planned run of a scheduler is no search yet.
local function isRun(id) return string.sub(id, 1, 7) == 'repeat:' end
`;

/**
 * Notes the jobs of BullMQ's events since the last time. Every job that is added or moved leaves an event. Returns how many
 * events were looked at, -1 where the index has to be made again: it is not there, events are missing, or most entries are of
 * jobs that are gone. KEYS: index, the queue's events. ARGV: the queue's keys up to the name, most events, life (ms), states.
 */
const FOLLOW = new LuaScript(`${ENTRY}
local index, base = KEYS[1], ARGV[1]
local function parts(id)
  local ms, n = string.match(id, '^(%d+)-(%d+)$')
  return tonumber(ms), tonumber(n)
end
local marker = redis.pcall('ZRANGE', index, '+', '[~', 'BYLEX', 'REV', 'LIMIT', 0, 1)
if marker.err then redis.call('UNLINK', index) end
local first = redis.pcall('XRANGE', KEYS[2], '-', '+', 'COUNT', 1)
if marker.err or first.err or not marker[1] or not first[1] then return -1 end
local upTo = string.sub(marker[1], 2)
local ms, n = parts(upTo)
local firstMs, firstN = parts(first[1][1])
if not ms or firstMs > ms or (firstMs == ms and firstN > n) then return -1 end
local jobs = 0
for i = 4, #ARGV do
  local list = redis.pcall(i - 3 <= ${LISTS.length} and 'LLEN' or 'ZCARD', base .. ARGV[i])
  if type(list) == 'number' then jobs = jobs + list end
end
if redis.call('ZCARD', index) > 2 * jobs + 1000 then return -1 end
local events = redis.call('XRANGE', KEYS[2], '(' .. upTo, '+', 'COUNT', ARGV[2])
local seen = {}
for _, entry in ipairs(events) do
  local fields, event, id = entry[2], '', nil
  for i = 1, #fields, 2 do
    if fields[i] == 'event' then event = fields[i + 1] elseif fields[i] == 'jobId' then id = fields[i + 1] end
  end
  local isPlan = id and isRun(id) and (event == 'added' or event == 'delayed')
  if id and not isPlan and not seen[id] then
    seen[id] = true
    note(index, base, id)
  end
end
if #events > 0 then
  redis.call('ZREM', index, marker[1])
  redis.call('ZADD', index, 0, '~' .. events[#events][1])
end
redis.call('PEXPIRE', index, ARGV[3])
return #events`);

/** Notes these jobs. KEYS: index. ARGV: the queue's keys up to the id, whether runs must have begun, ids. */
const NOTE = new LuaScript(`${ENTRY}
for i = 3, #ARGV do note(KEYS[1], ARGV[1], ARGV[i], ARGV[2] == '1' and isRun(ARGV[i])) end
redis.call('EXPIRE', KEYS[1], ${UNFINISHED_S})`);

/** The entries of these jobs, without noting them. ARGV: as of `NOTE`. */
const ENTRIES = new LuaScript(`${ENTRY}
local entries = {}
for i = 3, #ARGV do
  local job = redis.pcall('HMGET', ARGV[1] .. ARGV[i], 'timestamp', 'processedOn')
  local isPlan = ARGV[2] == '1' and isRun(ARGV[i])
  if not job.err and job[1] and (job[2] or not isPlan) and #ARGV[i] <= ${LONGEST_ID} then
    entries[#entries + 1] = entryOf(ARGV[i], job[1])
  end
end
return entries`);

/** Does work that must end within a deadline. */
export type Step = <T>(work: () => Promise<T>) => Promise<T>;

/** Where a job is in the order of an index. Its text is a place in a list, and stays the same as long as there is the job. */
export type Entry = string;

const ENTRY_FORM = /^(\d{15}):(.{1,200})$/s;

export function isEntry(text: string): boolean {
  return ENTRY_FORM.test(text);
}

export function idOfEntry(entry: Entry): string {
  return entry.slice(16);
}

/** When the job was added, or became due, ms since the epoch. */
export function timeOfEntry(entry: Entry): number {
  return Number(entry.slice(0, 15));
}

/**
 * The jobs of a queue by the time at which they were added, which never changes, whatever state they are in. BullMQ 6.7.0 has
 * them by state and, of those that have ended, by their end: a page in the order of the times would take a look at every job.
 *
 * The index follows BullMQ's events when it is used, and costs nothing else: no program writes into it when it adds a job,
 * so it has the jobs of every program and release. An entry may be of a job that is gone.
 */
export class JobIndex {
  readonly #redis: Redis;
  readonly #queue: Queue;
  readonly #key: string;
  readonly #step: Step;
  #running: Promise<void> | undefined;
  #following: Promise<void> | undefined;

  /** @param step does one step of what takes long, within a deadline of its own */
  constructor(redis: Redis, queue: Queue, { key, step }: { key: string; step: Step }) {
    this.#redis = redis;
    this.#queue = queue;
    this.#key = key;
    this.#step = step;
  }

  /** Afterwards the index has every job that was added before this call, but not the planned runs of schedulers. */
  update(): Promise<void> {
    if (this.#running === undefined) {
      this.#running = this.#follow().finally(() => {
        this.#running = undefined;
      });
      return this.#running;
    }
    // The one under way may have looked before the caller's job was added.
    this.#following ??= this.#running
      .catch(() => undefined)
      .then(() => {
        this.#following = undefined;
        return this.update();
      });
    return this.#following;
  }

  /** Entries in order, newest first. @param after the last one of the part before @param since ms since the epoch */
  async read(after: Entry | undefined, since: number, count: number): Promise<Entry[]> {
    const from = after === undefined ? '(~' : `(${after}`;
    return this.#redis.zrange(this.#key, from, `[${timeText(since)}`, 'BYLEX', 'REV', 'LIMIT', 0, count);
  }

  /** The entries of all jobs in these states, newest first; undefined where they are more than `most`. */
  async inStates(states: readonly State[], most: number): Promise<Entry[] | undefined> {
    const sizes = this.#redis.pipeline();
    for (const state of states) sizes[isList(state) ? 'llen' : 'zcard'](this.#queue.toKey(state));
    const total = repliesOf<number>(await sizes.exec(), 0).reduce((sum, size) => sum + size, 0);
    if (total > most) return undefined;
    const found = await this.#ids(states);
    const entries = await Promise.all(
      states.map((state, at) => this.#inBatches(ENTRIES, this.#key, state, found[at] ?? [])),
    );
    // Another program may have put an id into two of them.
    return [...new Set(entries.flat(2) as Entry[])].sort().reverse();
  }

  /** Of jobs that are gone. */
  async remove(entries: readonly Entry[]): Promise<void> {
    if (entries.length > 0) await this.#redis.zrem(this.#key, ...entries);
  }

  async #follow(): Promise<void> {
    const queue = this.#queue;
    const keys = [this.#key, queue.toKey('events')];
    let looked = 0;
    for (let wasMade = false; ; ) {
      const args = [queue.toKey(''), EVENTS_BATCH, KEPT_MS, ...STATES];
      const events = await this.#step(async () => (await FOLLOW.run(this.#redis, keys, args)) as number);
      if (events >= 0) looked += events;
      if (events === EVENTS_BATCH && (looked < MOST_EVENTS || wasMade)) continue;
      if (events >= 0 && events < EVENTS_BATCH) return;
      // Without events at all there is nothing to follow: what was just made is complete.
      if (wasMade) return;
      await this.#make();
      wasMade = true;
    }
  }

  async #make(): Promise<void> {
    const temporary = `${this.#key}:${process.pid}-${Math.random().toString(36).slice(2)}`;
    // What moves between these two steps leaves an event, which is followed afterwards.
    const upTo = await this.#step(() => this.#lastEvent());
    const found = await this.#step(() => this.#ids(STATES));
    for (const [at, state] of STATES.entries())
      await this.#inBatches(NOTE, temporary, state, found[at] ?? []);
    const end = this.#redis.multi().zadd(temporary, 0, `~${upTo}`).rename(temporary, this.#key);
    await this.#step(() => end.pexpire(this.#key, KEPT_MS).exec());
  }

  async #lastEvent(): Promise<string> {
    try {
      const [last] = await this.#redis.xrevrange(this.#queue.toKey('events'), '+', '-', 'COUNT', 1);
      return last?.[0] ?? '0-0';
    } catch (error) {
      if (!isWrongType(error)) throw error;
      return '0-0';
    }
  }

  /** The ids in each of these states, at one moment. */
  async #ids(states: readonly State[]): Promise<string[][]> {
    const ranges = this.#redis.multi();
    for (const state of states) {
      const key = this.#queue.toKey(state);
      if (isList(state)) ranges.lrange(key, 0, -1);
      else ranges.zrange(key, '0', '-1');
    }
    return repliesOf<string[]>(await ranges.exec(), []);
  }

  async #inBatches(script: LuaScript, key: string, state: State, ids: readonly string[]): Promise<unknown[]> {
    const args = [this.#queue.toKey(''), state === 'delayed' ? '1' : '0'];
    const replies: unknown[] = [];
    for (let from = 0; from < ids.length; from += JOBS_BATCH) {
      const batch = [...args, ...ids.slice(from, from + JOBS_BATCH)];
      replies.push(await this.#step(() => script.run(this.#redis, key, batch)));
    }
    return replies;
  }
}

function timeText(ms: number): string {
  return String(Math.floor(Math.max(0, ms))).padStart(15, '0');
}

function isList(state: State): boolean {
  return (LISTS as readonly string[]).includes(state);
}

/** Where another program has put something else in the place of a key, there are no jobs. */
function repliesOf<Reply>(replies: Array<[Error | null, unknown]> | null, none: Reply): Reply[] {
  return (replies ?? []).map(([error, reply]) => {
    if (error === null) return reply as Reply;
    if (isWrongType(error)) return none;
    throw error;
  });
}

function isWrongType(error: unknown): boolean {
  return error instanceof Error && error.message.includes('WRONGTYPE');
}
