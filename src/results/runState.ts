import type { Redis } from 'ioredis';
import type { Priority } from '../product/requestSchema.ts';
import { LuaScript, pairs } from '../redis/luaScript.ts';

/**
 * Which search a result belongs to. The job's timestamp is part of it, so that a job id used a second time starts
 * afresh instead of finding the first one's pages.
 */
export interface SearchRef {
  tenant: string;
  searchId: string;
  /** When the search job was added, ms since the epoch. */
  timestamp: number;
}

export function keyOf(
  prefix: string,
  kind: 'pages' | 'run' | 'announced',
  { tenant, searchId, timestamp }: SearchRef,
): string {
  return `${prefix}:${kind}:${tenant}:${searchId}:${timestamp}`;
}

/** What is known of a search's present run besides its pages. */
export interface Run {
  /** 1, 2, …: rises when a search job starts after having ended. */
  number: number;
  /** Whether this very look began it. */
  isNew: boolean;
  /** When this run started, ms since the epoch. */
  startedAt: number;
  /** Somebody withdrew the search: nothing further is called. */
  cancelled: boolean;
  /** Its own asker withdrew, but others wait for it: it goes on for them. */
  withdrawn: boolean;
  /** Set when somebody of a higher class waits for it. */
  class: Priority | undefined;
  /** Another search whose pages are this one's result. */
  source: { searchId: string; timestamp: number } | undefined;
  /** This run has been summed up; a page that comes later was retried by itself and wakes the search. */
  ended: boolean;
  /** Marketplaces whose chain a failed page has ended. */
  broken: string[];
  /** Products so far, duplicates between pages included. */
  products: number;
  /** Calls that gave no answer to keep: failed attempts and their quick retries. */
  failedCalls: number;
}

/**
 * BullMQ counts an attempt in the same step that completes or fails a job, so a search job that starts with another
 * count than the run began with has ended in between. That holds over any crash, which a mark of ours would not.
 */
const BEGIN = new LuaScript(`
local began = 0
local run = redis.call('HMGET', KEYS[1], 'number', 'attempt')
if not run[1] or run[2] ~= ARGV[1] then
  local number = (tonumber(run[1]) or 0) + 1
  if run[1] then redis.call('DEL', KEYS[1]) end
  redis.call('HSET', KEYS[1], 'number', number, 'attempt', ARGV[1], 'startedAt', ARGV[2])
  began = 1
end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return { began, redis.call('HGETALL', KEYS[1]) }`);

/** A run that is forgotten stays so: a late page must not bring half of it back. */
const PAGE_DONE = new LuaScript(`
if redis.call('EXISTS', KEYS[1]) == 0 then return {} end
redis.call('HSET', KEYS[1], 'products:' .. ARGV[1], ARGV[2])
return redis.call('HGETALL', KEYS[1])`);

export interface RunStatesOptions {
  redis: Redis;
  prefix: string;
  /** How long a run is remembered without any sign of life, ms; at least as long as a search may wait. */
  ttlMs: number;
}

export class RunStates {
  readonly #redis: Redis;
  readonly #prefix: string;
  readonly #ttlMs: number;

  constructor({ redis, prefix, ttlMs }: RunStatesOptions) {
    this.#redis = redis;
    this.#prefix = prefix;
    this.#ttlMs = ttlMs;
  }

  /** The run that a starting search job belongs to. @param attemptsMade how often the job has ended before */
  async begin(ref: SearchRef, attemptsMade: number): Promise<Run> {
    const reply = await BEGIN.run(this.#redis, this.#key(ref), [
      attemptsMade,
      Date.now(),
      Math.ceil(this.#ttlMs),
    ]);
    const [began, fields] = reply as [number, string[]];
    return { ...asRun(pairs(fields)), isNew: began === 1 };
  }

  async read(ref: SearchRef): Promise<Run | undefined> {
    const fields = await this.#redis.hgetall(this.#key(ref));
    return fields.number === undefined ? undefined : asRun(fields);
  }

  /** Notes how many products a page gave and tells how the run stands; undefined when it is forgotten. */
  async pageDone(ref: SearchRef, page: number, products: number): Promise<Run | undefined> {
    const reply = (await PAGE_DONE.run(this.#redis, this.#key(ref), [page, products])) as string[];
    return reply.length === 0 ? undefined : asRun(pairs(reply));
  }

  /** Counts calls that gave no answer to keep. */
  async countFailedCalls(ref: SearchRef, calls: number): Promise<void> {
    if (calls > 0) await this.#redis.hincrby(this.#key(ref), 'failedCalls', calls);
  }

  /** Begins the next run at once: the pages of the present one have expired. */
  async restart(ref: SearchRef, attemptsMade: number): Promise<Run> {
    await this.#redis.hset(this.#key(ref), 'attempt', 'expired');
    return this.begin(ref, attemptsMade);
  }

  /** No page of this marketplace is added to the run any more. */
  async stopPaging(ref: SearchRef, marketplace: string): Promise<void> {
    await this.#mark(ref, `broken:${marketplace}`);
  }

  async cancel(ref: SearchRef): Promise<void> {
    await this.#mark(ref, 'cancelled');
  }

  /** The search's own asker withdrew; it goes on for those who wait for it. */
  async withdraw(ref: SearchRef): Promise<void> {
    await this.#mark(ref, 'withdrawn');
  }

  async raise(ref: SearchRef, to: Priority): Promise<void> {
    await this.#redis.hset(this.#key(ref), 'class', to);
  }

  /** This search's result is what another one has collected. */
  async takeFrom(ref: SearchRef, { searchId, timestamp }: SearchRef): Promise<void> {
    await this.#redis.hset(this.#key(ref), 'source', JSON.stringify({ searchId, timestamp }));
  }

  async end(ref: SearchRef): Promise<void> {
    await this.#mark(ref, 'ended');
  }

  async #mark(ref: SearchRef, field: string): Promise<void> {
    const key = this.#key(ref);
    await this.#redis.multi().hset(key, field, '1').pexpire(key, Math.ceil(this.#ttlMs), 'NX').exec();
  }

  #key(ref: SearchRef): string {
    return keyOf(this.#prefix, 'run', ref);
  }
}

function asRun(fields: Record<string, string>): Run {
  return {
    number: Number(fields.number),
    isNew: false,
    startedAt: Number(fields.startedAt),
    cancelled: fields.cancelled === '1',
    withdrawn: fields.withdrawn === '1',
    class: fields.class as Priority | undefined,
    source: fields.source === undefined ? undefined : JSON.parse(fields.source),
    ended: fields.ended === '1',
    broken: suffixes(fields, 'broken:'),
    products: suffixes(fields, 'products:').reduce(
      (sum, page) => sum + Number(fields[`products:${page}`]),
      0,
    ),
    failedCalls: Number(fields.failedCalls ?? 0),
  };
}

function suffixes(fields: Record<string, string>, prefix: string): string[] {
  return Object.keys(fields).flatMap((field) =>
    field.startsWith(prefix) ? [field.slice(prefix.length)] : [],
  );
}
