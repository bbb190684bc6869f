import type { Redis } from 'ioredis';
import { crossChecks } from '../config/checks.ts';
import {
  type Config,
  ConfigError,
  type Content,
  defaultConfig,
  environment,
  withValues,
} from '../config/config.ts';
import { readValues } from '../config/load.ts';
import { settings } from '../config/schema.ts';
import { DEFAULT_TENANT } from '../fleet/declaration.ts';
import type { SearchProducer } from '../queue/producer.ts';
import type { Logs } from '../telemetry/logger.ts';

/**
 * Options of a producer. Durations are in seconds. Of the process's environment only `REDIS_URL` and `QUEUE_PREFIX` are
 * read, and no file of settings. The defaults are those of a worker.
 */
export interface ConnectOptions {
  /** Default: `REDIS_URL`, else `redis://localhost:6379/0`. */
  redisUrl?: string;
  /** First part of every key, as the workers have it. Default: `QUEUE_PREFIX`, else `{ebay}`. */
  prefix?: string;
  /** Whose searches. Default: `default`, the tenant of the workers' environment. */
  tenant?: string;
  /** Marketplace of a search that names none. Default: the tenant's, else the fleet's, else `EBAY_US`. */
  marketplace?: string;
  /** Longest wait for a connection to Redis. Default: 3. */
  connectTimeout?: number;
  /** Longest wait for an answer of Redis. Default: 1.5. */
  commandTimeout?: number;
  /** PEM file of the authority that signed Redis's certificate, with `rediss://`. Default: the ones that Node trusts. */
  tlsCa?: string;
  /** Name that Redis's certificate must hold. Default: the host in `redisUrl`. */
  tlsServerName?: string;
  /** PEM file of this client's certificate, with `tlsKey`. Default: none. */
  tlsCert?: string;
  /** PEM file of the key of `tlsCert`. */
  tlsKey?: string;
  /** Check Redis's certificate. Default: true. */
  tlsVerify?: boolean;
  /** User and password of the Sentinels themselves. Default: none. */
  sentinelUsername?: string;
  sentinelPassword?: string;
  /** How long results are kept, as the workers have it (`RESULTS_TTL`). Default: 21,600. */
  resultsTtl?: number;
  /** When a waiting search ends with what it has, as the workers have it (`SEARCH_DEADLINE`). Default: 172,800. */
  searchDeadline?: number;
  /** Most searches that may wait; more are refused. Default: the fleet's, else 100,000. */
  backlogLimit?: number;
  /** Least time between two runs of a schedule. Default: 60. */
  minScheduleInterval?: number;
  /** All settings, from `loadConfig`; the options above win over it. Default: none. */
  config?: Config;
  /** Receives errors of the connection. Default: none; every call reports its own errors. */
  log?: Logs;
}

/** Option → the setting that it stands for. */
const SETTING_OF = {
  redisUrl: 'redis.url',
  prefix: 'queue.prefix',
  marketplace: 'ebay.marketplace',
  connectTimeout: 'redis.connectTimeout',
  commandTimeout: 'redis.commandTimeout',
  tlsCa: 'redis.tlsCa',
  tlsServerName: 'redis.tlsServerName',
  tlsCert: 'redis.tlsCert',
  tlsKey: 'redis.tlsKey',
  tlsVerify: 'redis.tlsVerify',
  sentinelUsername: 'redis.sentinelUsername',
  sentinelPassword: 'redis.sentinelPassword',
  resultsTtl: 'search.resultsTtl',
  searchDeadline: 'search.deadline',
  backlogLimit: 'search.backlogLimit',
  minScheduleInterval: 'schedule.minInterval',
} as const satisfies Partial<Record<keyof ConnectOptions, string>>;

const OPTIONS = Object.keys(SETTING_OF) as Array<keyof typeof SETTING_OF>;

/**
 * A producer that is ready: how other services use this one.
 * @throws ConfigError naming each wrong option; Failure `redis-unavailable` when Redis does not answer within 2 s,
 * `tenant_not_found`.
 */
export async function connect(options: ConnectOptions = {}): Promise<SearchProducer> {
  const { tenant = DEFAULT_TENANT, log } = options;
  const values = chosenValues(options);
  const config = withValues(options.config ?? defaultConfig(), values);
  const problems = crossChecks(config);
  if (problems.length > 0) throw new ConfigError(problems);
  // BullMQ and ioredis are loaded now, not when the library is imported.
  const { callerRedis, openProducer, reachRedis } = await import('./producer.ts');
  const redis = callerRedis(config, log);
  try {
    await reachRedis(redis, config);
    const known = await (options.config === undefined ? fleetSettings : ownSettings)(redis, config, tenant);
    return openProducer(withValues(known, values), { tenant, log, redis, closeRedis: true });
  } catch (error) {
    redis.disconnect();
    throw error;
  }
}

/** With the settings, and so the files, of this process. */
async function ownSettings(redis: Redis, config: Config, tenant: string): Promise<Config> {
  const { readTenant } = await import('../fleet/fleetConfig.ts');
  return (await readTenant(redis, config, tenant)).config;
}

async function fleetSettings(redis: Redis, config: Config, tenant: string): Promise<Config> {
  const { FleetStore } = await import('../fleet/fleetStore.ts');
  const { producerConfig } = await import('../fleet/snapshot.ts');
  const { document } = await new FleetStore(redis, config.queue.prefix).read();
  return producerConfig(document, tenant, config);
}

/** The settings that the caller chose; without `config` also by two variables. @throws ConfigError */
function chosenValues(options: ConnectOptions): Content {
  const { REDIS_URL, QUEUE_PREFIX } = options.config === undefined ? environment() : {};
  const variables: NodeJS.ProcessEnv = { REDIS_URL, QUEUE_PREFIX };
  const { values, problems } = readValues(settings(), ({ path, env }) => {
    const option = OPTIONS.find((each) => SETTING_OF[each] === path && options[each] !== undefined);
    if (option !== undefined) return { written: options[option], at: option };
    return variables[env]?.trim() ? { written: variables[env], at: env } : undefined;
  });
  if (problems.length > 0) throw new ConfigError(problems);
  return values;
}
