import type { Redis } from 'ioredis';
import type { Logger } from '../telemetry/logger.ts';
import type { QueueMetrics } from '../telemetry/metrics.ts';
import {
  brokenBecause,
  type JobFields,
  JobReader,
  Quarantine,
  type RawJob,
  RELEASE_PARENT,
  STATES,
  type State,
} from './quarantine.ts';

export interface SweepOptions {
  redis: Redis;
  prefix: string;
  /** Names of the two queues. */
  searches: string;
  calls: string;
  /** Takes a waiting page away; false if it is being worked on. */
  removePage: (id: string) => Promise<boolean>;
  /** Told of a search that had not ended and never will: nobody can read it. */
  searchLost: (searchId: string, timestamp: number, why: string) => Promise<void>;
  /** A job that stalled more often is one that workers cannot even begin: their own limit never sees it. */
  mostStalls: number;
  metrics: Pick<QueueMetrics, 'quarantined' | 'settled'>;
  log: Logger;
}

/** Jobs of a state looked at in one round; active ones are all looked at, there are at most as many as workers' slots. */
const PER_ROUND = 1000;
/** One pipeline's worth: keeps a single look short for Redis and for this process's event loop. */
const AT_ONCE = 100;

/** States in which a page only exists for its search. */
const PENDING: readonly State[] = ['wait', 'prioritized', 'delayed'];

/**
 * Finds what BullMQ would never end: jobs that nobody can read, which it delivers again for ever and on which its lists
 * fail; searches that wait for pages that are gone; pages whose search is gone.
 */
export class Sweep {
  readonly #options: SweepOptions;
  readonly #jobs: JobReader;
  readonly #quarantine: Quarantine;
  /** Where the next round goes on, per queue and state. */
  readonly #cursors = new Map<string, number>();

  constructor(options: SweepOptions) {
    this.#options = options;
    this.#jobs = new JobReader(options.redis, options.prefix);
    this.#quarantine = new Quarantine(options.redis, options.prefix, options.searches);
  }

  /** All active jobs and the next 1,000 of each other state, in both queues. */
  async round(signal: AbortSignal): Promise<void> {
    const { searches, calls } = this.#options;
    for (const queue of [calls, searches])
      for (const state of STATES) {
        if (signal.aborted) return;
        if (state === 'active') await this.active(queue);
        else await this.#next(queue, state);
      }
  }

  /** What is being worked on; also asked for when a worker received something unreadable. */
  async active(queue: string): Promise<void> {
    const ids = await this.#jobs.ids(queue, 'active', 0, Number.MAX_SAFE_INTEGER);
    await this.#look(queue, 'active', ids);
  }

  async #next(queue: string, state: State): Promise<void> {
    const place = `${queue}:${state}`;
    const from = this.#cursors.get(place) ?? 0;
    const ids = await this.#jobs.ids(queue, state, from, PER_ROUND);
    this.#cursors.set(place, ids.length < PER_ROUND ? 0 : from + ids.length);
    await this.#look(queue, state, ids);
  }

  async #look(queue: string, state: State, ids: string[]): Promise<void> {
    for (let from = 0; from < ids.length; from += AT_ONCE) {
      const jobs = await this.#jobs.read(queue, ids.slice(from, from + AT_ONCE));
      const sound: Array<{ id: string; fields: JobFields }> = [];
      for (const { id, fields } of jobs) {
        const why = this.#whyBroken(fields);
        if (why !== undefined) await this.#putAside(queue, state, { id, fields }, why);
        else if (fields !== 'not a hash') sound.push({ id, fields });
      }
      if (queue === this.#options.searches && state === 'waiting-children')
        await this.#settleSearches(sound.map(({ id }) => id));
      if (queue === this.#options.calls && PENDING.includes(state)) await this.#removeOrphans(sound);
    }
  }

  #whyBroken(fields: RawJob['fields']): string | undefined {
    if (fields === 'not a hash') return 'the job is not a hash';
    if (Number(fields.stc ?? 0) > this.#options.mostStalls) return 'no worker could even begin it';
    return brokenBecause(fields);
  }

  async #putAside(queue: string, state: State, { id, fields }: RawJob, why: string): Promise<void> {
    const { log, metrics, removePage, searchLost, prefix, searches, calls } = this.#options;
    const put = await this.#quarantine.put(queue, id, why, fields);
    if (put === undefined) return;
    metrics.quarantined(queue);
    log.error('job quarantined', { queue, jobId: id, why, key: `${prefix}:quarantine` });
    if (queue === searches && state !== 'completed' && state !== 'failed')
      await searchLost(id, fields === 'not a hash' ? 0 : Number(fields.timestamp) || 0, why);
    const base = `${prefix}:${calls}:`;
    for (const child of put.children) if (child.startsWith(base)) await removePage(child.slice(base.length));
  }

  async #settleSearches(ids: string[]): Promise<void> {
    if (ids.length === 0) return;
    const { redis, prefix, searches, calls, metrics, log } = this.#options;
    const bases = [`${prefix}:${searches}:`, `${prefix}:${calls}:`] as const;
    const keys = settleKeys(...bases, ids);
    const reply = await redis.eval(SETTLE_SEARCHES, keys.length, ...keys, ...bases, ...ids);
    const released = reply as string[];
    for (const searchId of released) {
      metrics.settled('search');
      log.warn('search waited for pages that are gone: released', { searchId });
    }
  }

  async #removeOrphans(pages: Array<{ id: string; fields: JobFields }>): Promise<void> {
    const { redis, removePage, metrics, log } = this.#options;
    const children = pages.filter(({ fields }) => fields.parentKey !== undefined);
    if (children.length === 0) return;
    const pipeline = redis.pipeline();
    for (const { fields } of children) pipeline.exists(fields.parentKey as string);
    const replies = (await pipeline.exec()) ?? [];
    for (const [index, { id }] of children.entries()) {
      if (replies[index]?.[1] !== 0 || !(await removePage(id))) continue;
      metrics.settled('page');
      log.warn('page of a search that is gone: removed', { page: id });
    }
  }
}

/**
 * Removes, from searches that wait for pages, the pages that never report: ended ones (a failed one with its reason), and
 * those that are gone or in no state. The search then asks for the latter again.
 *
 * KEYS: those of `settleKeys`. ARGV: the search queue's keys up to the id, the calls queue's, then ids of searches.
 * Returns the ids that were released.
 */
export const SETTLE_SEARCHES = `${RELEASE_PARENT}
local searches, calls = ARGV[1], ARGV[2]

local function isQueued(id)
  return redis.call('ZSCORE', calls .. 'prioritized', id) or redis.call('ZSCORE', calls .. 'delayed', id)
    or redis.call('LPOS', calls .. 'active', id) or redis.call('LPOS', calls .. 'wait', id)
end

local function strikeOff(parentKey, child)
  if string.sub(child, 1, #calls) ~= calls then return end
  local id = string.sub(child, #calls + 1)
  if redis.call('TYPE', child).ok ~= 'hash' then
    if isQueued(id) then return end
    redis.call('DEL', child)
  elseif redis.call('ZSCORE', calls .. 'failed', id) then
    redis.call('HSET', parentKey .. ':failed', child, redis.call('HGET', child, 'failedReason') or '')
  elseif not redis.call('ZSCORE', calls .. 'completed', id) then
    if isQueued(id) then return end
    redis.call('DEL', child, child .. ':lock', child .. ':logs')
  end
  redis.call('SREM', parentKey .. ':dependencies', child)
end

local released = {}
for i = 3, #ARGV do
  local parentKey = searches .. ARGV[i]
  for _, child in ipairs(redis.call('SMEMBERS', parentKey .. ':dependencies')) do
    strikeOff(parentKey, child)
  end
  if release(searches, parentKey) == 1 then table.insert(released, ARGV[i]) end
end
return released
`;

const STATES_OF_SEARCHES = ['waiting-children', 'prioritized', 'wait', 'pc', 'marker', 'events'];
const STATES_OF_CALLS = ['prioritized', 'delayed', 'active', 'wait', 'failed', 'completed'];

/**
 * The keys that the script uses. A Cluster picks the node by them: without a key the client picks a random node, and a
 * node without the slot refuses the script. The pages' own keys are known only to the script, from the searches'
 * `dependencies`; they share the slot.
 * @param searches the search queue's keys up to the id
 * @param calls the calls queue's
 */
export function settleKeys(searches: string, calls: string, ids: readonly string[]): string[] {
  return [
    ...STATES_OF_SEARCHES.map((state) => searches + state),
    ...STATES_OF_CALLS.map((state) => calls + state),
    ...ids.flatMap((id) => ['', ':dependencies', ':failed'].map((part) => searches + id + part)),
  ];
}
