import type { Redis } from 'ioredis';
import type { Config } from '../config/config.ts';
import { KEPT_AGAIN } from '../ebay/taxonomy.ts';
import { LONGEST_SHOWN_MS } from '../queue/alerts/evaluate.ts';
import { forgetAlertState } from '../queue/alerts/store.ts';
import { openQueues } from '../queue/bullmq/openQueues.ts';
import { runsTtlMs } from '../queue/search/retryPolicy.ts';
import { forgetUnseen } from '../queue/watch/watchlists/store.ts';
import { LuaScript } from '../redis/luaScript.ts';
import { keysBeginning } from '../redis/nodes.ts';
import { clockOf } from '../redis/redisClock.ts';
import { forgetOutlived, keptFor } from '../results/tracks.ts';

/** What the keys of this service are, by their names behind the prefix. Other keys hold nothing that eBay answered. */
const KINDS = {
  results: /^pages:/,
  runs: /^run:/,
  items: /^item:/,
  shared: /^(same|listed):/,
  published: /^announced:/,
  idempotency: /^idempotency:/,
  cooldowns: /^cooldown:/,
  categories: /^categories:[a-z]+:EBAY_/,
  tracks: /^(track|restoring):/,
  watched: /^watch-(seen|sellers|totals|groups|looks):/,
  alertStates: /^alert-state:/,
  alertHits: /^alert-hits:/,
  alertTexts: /^alert-texts:/,
  events: /^events(:|$)/,
  jobs: /^ebay-(search|calls)(-[a-z0-9-]+)?:(completed|failed)$/,
  jobEvents: /^ebay-(search|calls)(-[a-z0-9-]+)?:events$/,
  quarantine: /^quarantine$/,
} as const;

export type Kind = keyof typeof KINDS;

/** @param name without the prefix and its colon */
export function kindOf(name: string): Kind | undefined {
  return (Object.keys(KINDS) as Kind[]).find((kind) => KINDS[kind].test(name));
}

/** @param keys whole names @returns them by their kind, each looked at once */
export function keysByKind(keys: readonly string[], prefix: string): Map<Kind | undefined, string[]> {
  const byKind = new Map<Kind | undefined, string[]>();
  for (const key of keys) {
    const kind = kindOf(key.slice(prefix.length + 1));
    const own = byKind.get(kind);
    if (own === undefined) byKind.set(kind, [key]);
    else own.push(key);
  }
  return byKind;
}

/** Another program has put something else in the place of a key. It holds nothing of ours. */
export function isWrongType(error: unknown): boolean {
  // Of an error in a script, Redis 6 says that first.
  return error instanceof Error && error.message.includes('WRONGTYPE');
}

/** How long each kind is kept at most, ms. */
export type AgeLimits = Readonly<Record<Kind, number>>;

export function ageLimits(config: Config): AgeLimits {
  const { search, events, queue } = config;
  const results = search.resultsTtl * 1000;
  const runs = runsTtlMs(config);
  return {
    results,
    items: results,
    jobs: results,
    jobEvents: results,
    // That one search collects for others is known for as long as it may run; its end for as long as a result.
    shared: runs,
    runs,
    published: runs,
    idempotency: runs,
    cooldowns: events.cooldown * 1000,
    categories: search.categoryNamesTtl * KEPT_AGAIN * 1000,
    tracks: search.trackTtl * 1000,
    watched: search.trackTtl * 1000,
    alertStates: search.trackTtl * 1000,
    alertHits: search.trackTtl * 1000,
    alertTexts: Math.min(results, LONGEST_SHOWN_MS),
    events: events.maxAge * 1000,
    quarantine: queue.quarantineTtl * 1000,
  };
}

/** A round looks at every key, so a limit of less than 20 s is exceeded by up to this rather than rounds follow each other, ms. */
const SHORTEST_INTERVAL_MS = 1000;

/** How often `Retention` has to look, ms: nothing outlives its limit between two rounds. */
export function retentionInterval(config: Config): number {
  const { tracks, events, quarantine, jobEvents } = ageLimits(config);
  const margins = [tracks, events, quarantine, jobEvents].map((limit) => limit - keptFor(limit));
  const needed = Math.min(...margins.map((margin) => margin / 2));
  return Math.min(config.worker.sweepInterval * 1000, Math.max(needed, SHORTEST_INTERVAL_MS));
}

/** Lua: Redis's time, ms since the epoch. */
const NOW = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
`;

/**
 * Removes entries that are too old, and has Redis delete the stream once its newest one is: also where no worker runs then.
 * An empty stream stays, with its consumer groups. KEYS: stream. ARGV: life of an entry (ms), and what it is kept for.
 */
const TRIM_STREAM = new LuaScript(`${NOW}
redis.call('XTRIM', KEYS[1], 'MINID', string.format('%.0f', now - ARGV[2]))
local newest = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
if not newest then return redis.call('PERSIST', KEYS[1]) end
return redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', string.match(newest[1], '^%d+') + ARGV[1]))`);

/**
 * Removes the oldest entries of the quarantine, which are its last, and those that are none of ours.
 * KEYS: quarantine. ARGV: life of the list (ms), and the earliest time of an entry that stays (ISO 8601).
 */
const TRIM_QUARANTINE = new LuaScript(`
local last = redis.call('LINDEX', KEYS[1], -1)
while last do
  local ok, entry = pcall(cjson.decode, last)
  if ok and type(entry) == 'table' and type(entry.at) == 'string' and entry.at >= ARGV[2] then break end
  redis.call('RPOP', KEYS[1])
  last = redis.call('LINDEX', KEYS[1], -1)
end
local left = redis.call('PTTL', KEYS[1])
if left == -1 or left > tonumber(ARGV[1]) then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end`);

/**
 * Makes keys end by a limit that was lowered since they were written. KEYS: all of a kind. ARGV: the longest life that is
 * left to a key (ms); a field with the time when what it holds began (ms since the epoch), and how long that is kept.
 */
const CAP = new LuaScript(`${NOW}
local capped = 0
for _, key in ipairs(KEYS) do
  local most = tonumber(ARGV[1])
  local began = ARGV[2] ~= '' and redis.pcall('HGET', key, ARGV[2])
  if type(began) == 'string' and tonumber(began) then
    most = math.min(most, math.max(1, tonumber(began) + ARGV[3] - now))
  end
  local left = redis.call('PTTL', key)
  if left == -1 or left > most then capped = capped + redis.call('PEXPIRE', key, math.floor(most)) end
end
return capped`);

/** Jobs removed in one script. */
const JOBS_BATCH = 1000;

/**
 * Removes what has outlived its limit and has no end of its own in Redis: entries of streams and of the quarantine, listings of
 * tracks, watchlists and alerts, jobs that have ended. All of it for the whole fleet, tenants included that nobody serves any more.
 */
export class Retention {
  readonly #redis: Redis;
  readonly #prefix: string;
  readonly #limits: () => AgeLimits;
  /** The limits that every key was compared with. */
  #known = '';

  constructor(options: { redis: Redis; prefix: string; limits: () => AgeLimits }) {
    this.#redis = options.redis;
    this.#prefix = options.prefix;
    this.#limits = options.limits;
  }

  /** A part that fails, on what another program has put in the place of a key say, keeps no other from being done. */
  async round(signal: AbortSignal): Promise<void> {
    const limits = this.#limits();
    const known = JSON.stringify(limits);
    // The first round, and the first one after a change, looks at all there is, also at keys that Redis deletes by itself.
    const isFirst = known !== this.#known;
    const errors: unknown[] = [];
    const attempt = (part: Promise<unknown>) => part.catch((error) => errors.push(error));
    await clockOf(this.#redis, this.#prefix).current();
    for await (const keys of keysBeginning(this.#redis, `${this.#prefix}:`, { signal })) {
      for (const [kind, own] of keysByKind(keys, this.#prefix)) {
        if (kind === undefined) continue;
        if (isFirst) await attempt(this.#cap(kind, own, limits));
        await Promise.all(
          own.map((key) => attempt(this.#trim(kind, key, limits[kind], { whole: isFirst, signal }))),
        );
      }
    }
    // Whatever is in the place of a key stays there: the next round need not look at all again.
    if (errors.every(isWrongType)) this.#known = known;
    if (errors.length > 0) throw errors[0];
  }

  async #cap(kind: Kind, keys: string[], limits: AgeLimits): Promise<void> {
    const began = { results: 'timed', items: 'at', shared: 'at' }[kind as string] ?? '';
    const hasOwnEnd = !['events', 'jobs', 'jobEvents', 'quarantine'].includes(kind);
    if (hasOwnEnd)
      await CAP.run(this.#redis, keys, [Math.ceil(limits[kind]), began, Math.ceil(limits.results)]);
  }

  async #trim(
    kind: Kind,
    key: string,
    limit: number,
    options: { whole: boolean; signal: AbortSignal },
  ): Promise<void> {
    const life = Math.ceil(limit);
    const kept = Math.floor(keptFor(limit));
    const now = clockOf(this.#redis, this.#prefix).now();
    if (kind === 'events' || kind === 'jobEvents') await TRIM_STREAM.run(this.#redis, key, [life, kept]);
    if (kind === 'quarantine')
      await TRIM_QUARANTINE.run(this.#redis, key, [life, new Date(now - kept).toISOString()]);
    if (kind === 'tracks' && key.endsWith(':v2')) await forgetOutlived(this.#redis, key, now - kept, options);
    if (kind === 'watched' && key.startsWith(`${this.#prefix}:watch-seen:`))
      await forgetUnseen(this.#redis, key, now - kept, options.signal);
    if (kind === 'alertStates') await forgetAlertState(this.#redis, key, now - kept, options.signal);
    if (kind === 'jobs') await this.#removeJobs(key, now - life, options.signal);
  }

  /** By themselves BullMQ 6.7.0 removes old jobs only when another one of the queue ends. */
  async #removeJobs(key: string, before: number, signal: AbortSignal): Promise<void> {
    if ((await this.#redis.zcount(key, '-inf', before)) === 0) return;
    const [queue = '', state] = key.slice(this.#prefix.length + 1).split(':');
    const [, kind, tenant] = /^ebay-(search|calls)(?:-(.+))?$/.exec(queue) ?? [];
    const queues = openQueues(this.#redis, this.#prefix, tenant ?? 'default');
    try {
      const own = kind === 'search' ? queues.searches : queues.calls;
      let removed: string[];
      do {
        // It takes an age by this process's clock.
        removed = await own.clean(Date.now() - before, JOBS_BATCH, state as 'completed' | 'failed');
      } while (removed.length === JOBS_BATCH && !signal.aborted);
    } finally {
      await queues.close();
    }
  }
}
