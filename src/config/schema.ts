import { ebay } from './ebaySettings.ts';
import { http } from './httpSettings.ts';
import { count, type Key, key, seconds, secondsOrZero, share, text } from './key.ts';
import { pace } from './paceSettings.ts';
import { redis } from './redisSettings.ts';
import { token } from './tokenSettings.ts';
import { worker } from './workerSettings.ts';

/**
 * Every setting: meaning, format, default, environment variable. All durations are in seconds, decimals allowed, so that
 * a scenario can scale them all by one factor. The README's table is generated from here.
 */
export const schema = {
  redis,
  memory: {
    backfillShare: share(
      'MEMORY_BACKFILL_SHARE',
      0.7,
      'Share of Redis’s maxmemory beyond which producers refuse `backfill` searches',
    ),
    share: share(
      'MEMORY_SHARE',
      0.85,
      'Share of Redis’s maxmemory beyond which producers refuse all searches',
    ),
  },
  queue: {
    prefix: key(
      'key prefix',
      'QUEUE_PREFIX',
      '{ebay}',
      'First part of every key; the braces keep all of them in one Redis Cluster slot',
    ),
  },
  ebay,
  pace,
  token,
  worker,
  search: {
    resultsTtl: seconds(
      'RESULTS_TTL',
      21_600,
      'How long a page of results is kept after its answer; eBay allows 6 hours for listing data',
    ),
    trackTtl: key(
      'seconds, long',
      'TRACK_TTL',
      2_592_000,
      'How long a track remembers an item after its last sight; 30 days',
    ),
    deadline: seconds(
      'SEARCH_DEADLINE',
      172_800,
      'A search that still waits after this long ends with what it has',
    ),
    backlogLimit: count(
      'BACKLOG_LIMIT',
      100_000,
      'Most searches that may wait in a queue; a producer refuses those beyond',
    ),
    retained: count(
      'RETAINED_SEARCHES',
      10_000,
      'Most finished searches kept per queue; older ones go first',
    ),
  },
  events: {
    kept: count('EVENTS_KEPT', 50_000, 'About how many events are kept; older ones go first'),
    cooldown: secondsOrZero(
      'EVENT_COOLDOWN',
      3600,
      'After a price event of a product no further one of it for this long; 0: each is told',
    ),
  },
  schedule: {
    file: text(
      'SCHEDULES_FILE',
      '',
      'JSON file of schedules that a starting worker applies, as config/schedules.example.json; empty: none',
    ),
    minInterval: seconds(
      'SCHEDULE_MIN_INTERVAL',
      60,
      'Least time between two runs of a schedule; at 60 s even one-page searches take 1,440 of the day’s calls',
    ),
  },
  tenant: {
    file: text(
      'TENANTS_FILE',
      '',
      'JSON file of tenants, as config/tenants.example.json; empty: the keyset of the environment alone',
    ),
  },
  log: {
    level: key('log level', 'LOG_LEVEL', 'info', 'Least severe level that is logged'),
    levels: key(
      'log levels',
      'LOG_LEVELS',
      '',
      'Levels of single components, e.g. `auth=debug,collector=debug`',
    ),
    format: key('log format', 'LOG_FORMAT', 'auto', '`json`, `pretty`, or `auto`: pretty on a terminal'),
  },
  http,
};

/** Every setting with its dotted path, in the schema's order. */
export function settings(): Array<{ path: string } & Key<unknown>> {
  return Object.entries(schema).flatMap(([group, keys]) =>
    Object.entries(keys).map(([name, key]) => ({ path: `${group}.${name}`, ...(key as Key<unknown>) })),
  );
}
