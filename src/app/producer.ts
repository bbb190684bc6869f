import type { Redis } from 'ioredis';
import type { Config } from '../config/config.ts';
import { secretsOf } from '../config/secrets.ts';
import type { CallGate } from '../ebay/gate/gate.ts';
import { type GateSettings, gateSettings } from '../ebay/gate/gateSettings.ts';
import { redisGate } from '../ebay/gate/redisGate.ts';
import { DEFAULT_TENANT } from '../fleet/declaration.ts';
import { openQueues } from '../queue/bullmq/openQueues.ts';
import type { IntakeLimits } from '../queue/intake.ts';
import { type ProducerOptions, SearchProducer } from '../queue/producer.ts';
import { admissionBy, outlookBy } from '../queue/search/estimate.ts';
import { jobDefaults, runsTtlMs } from '../queue/search/retryPolicy.ts';
import { openRedis, waitForRedis } from '../redis/connection.ts';
import { type Logger, type Logs, NOOP_LOGGER } from '../telemetry/logger.ts';
import type { CallMetrics } from '../telemetry/metrics.ts';

/** Longest that a caller waits for Redis, in any call of the producer. */
export const CALLER_DEADLINE_MS = 2000;

interface ProducerSettings {
  /** Whose searches; `config` is then that tenant's. Default: `default`. */
  tenant?: string | undefined;
  /** Default: no log; every call reports its own errors. */
  log?: Logs | undefined;
  /** A connection of the `caller` profile to share. Default: one of its own. */
  redis?: Redis;
  /** Whether `close` ends a shared connection too. Default: false. */
  closeRedis?: boolean;
  /** Called for searches that were refused. */
  refused?: ProducerOptions['refused'];
}

/**
 * A tenant's producer, on a connection that its `close` ends. It connects by itself; until then calls fail.
 * @param settings the tenant's; a function where they may change while the producer is in use
 */
export function openProducer(
  settings: Config | (() => Config),
  { tenant = DEFAULT_TENANT, log, redis: shared, closeRedis = false, refused }: ProducerSettings = {},
): SearchProducer {
  const current = typeof settings === 'function' ? settings : () => settings;
  const config = current();
  log?.scrubber.learn(secretsOf(config));
  const logger = log?.component('producer') ?? NOOP_LOGGER;
  const redis = shared ?? openRedis(config.redis, 'caller', logger);
  const { prefix } = config.queue;
  const gate = callGate(redis, config, tenant, { log: logger, settings: () => gateSettings(current()) });
  return new SearchProducer({
    redis,
    ...openQueues(redis, prefix, tenant),
    prefix,
    tenant,
    rules: jobDefaults(config),
    get marketplace() {
      return current().ebay.marketplace;
    },
    resultsTtlMs: config.search.resultsTtl * 1000,
    runsTtlMs: runsTtlMs(config),
    minScheduleInterval: config.schedule.minInterval,
    limits: () => intakeLimits(current()),
    deadlineMs: CALLER_DEADLINE_MS,
    admission: admissionBy(gate),
    outlook: (callClass) => outlookBy(gate, gateSettings(current()).shares)(callClass),
    refused,
    reachRedis: () => waitForRedis(redis, config.redis.url, CALLER_DEADLINE_MS),
    onClose: () => (shared === undefined || closeRedis ? redis.disconnect() : undefined),
  });
}

/**
 * The same once Redis answers, with settings that are read from it.
 * @param options.settingsOf the tenant's settings
 * @throws Failure `redis-unavailable`, and what `settingsOf` throws
 */
export async function openConnectedProducer(
  config: Config,
  options: Pick<ProducerSettings, 'tenant' | 'log'> & { settingsOf: (redis: Redis) => Promise<Config> },
): Promise<SearchProducer> {
  const { settingsOf, ...settings } = options;
  settings.log?.scrubber.learn(secretsOf(config));
  const redis = openRedis(config.redis, 'caller', settings.log?.component('producer') ?? NOOP_LOGGER);
  try {
    await waitForRedis(redis, config.redis.url, CALLER_DEADLINE_MS);
    return openProducer(await settingsOf(redis), { ...settings, redis, closeRedis: true });
  } catch (error) {
    redis.disconnect();
    throw error;
  }
}

function intakeLimits({ search, memory }: Config): IntakeLimits {
  return { backlog: search.backlogLimit, backfillMemory: memory.backfillShare, memory: memory.share };
}

interface CallGateOptions {
  log: Logger;
  metrics?: CallMetrics;
  settings?: GateSettings | (() => GateSettings);
}

/** The fleet's gate of one credential, as this process sees it. */
export function callGate(
  redis: Redis,
  config: Config,
  tenant: string,
  { settings = gateSettings(config), ...telemetry }: CallGateOptions,
): CallGate {
  return redisGate({ redis, prefix: config.queue.prefix, tenant, settings, ...telemetry });
}
