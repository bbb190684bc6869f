import type { Redis } from 'ioredis';
import { CALLER_DEADLINE_MS, callGate, TENANT } from './app/gate.ts';
import { EbayAuthService } from './auth/service.ts';
import type { Config } from './config/config.ts';
import { loadConfig } from './config/load.ts';
import { EbayClient } from './ebay/client.ts';
import { gateSettings } from './ebay/gateSettings.ts';
import { admissionBy, outlookBy } from './queue/gateViews.ts';
import { houseRules, runsTtlMs } from './queue/houseRules.ts';
import { SearchProducer } from './queue/producer.ts';
import { openRedis, waitForRedis } from './redis/connection.ts';
import { LogRoot } from './telemetry/logger.ts';

const SECOND = 1000;

export interface ProducerSettings {
  tenant?: string;
  log?: LogRoot;
}

/** A producer on a connection of its own, which its `close` ends. Connects by itself; calls refuse until it has. */
export function openProducer(
  config: Config,
  { tenant = 'default', log }: ProducerSettings = {},
): SearchProducer {
  const logger = (log ?? new LogRoot(config.log)).component('producer');
  const redis = openRedis(config.redis, 'caller', logger);
  const gate = callGate(redis, config, tenant, { log: logger });
  return new SearchProducer({
    redis,
    prefix: config.queue.prefix,
    tenant,
    rules: houseRules(config),
    marketplace: config.ebay.marketplace,
    resultsTtlMs: config.search.resultsTtl * SECOND,
    runsTtlMs: runsTtlMs(config),
    minScheduleInterval: config.schedule.minInterval,
    limits: {
      backlog: config.search.backlogLimit,
      backfillMemory: config.memory.backfillShare,
      memory: config.memory.share,
    },
    deadlineMs: CALLER_DEADLINE_MS,
    admission: admissionBy(gate),
    outlook: outlookBy(gate, gateSettings(config).shares),
    reachRedis: () => waitForRedis(redis, config.redis.url, CALLER_DEADLINE_MS),
    onClose: () => redis.disconnect(),
  });
}

export interface ConnectOptions {
  /** Default: `REDIS_URL`, else `redis://localhost:6379/0`. */
  redisUrl?: string;
  /** Default: `QUEUE_PREFIX`, else `{ebay}`. */
  prefix?: string;
  tenant?: string;
  /** All settings; default: files and environment as `loadConfig` reads them. */
  config?: Config;
}

/**
 * A producer that is ready: the way in for other services.
 * @throws ConfigError, or Failure `redis-unavailable` when Redis does not answer within 2 s.
 */
export async function connect(options: ConnectOptions = {}): Promise<SearchProducer> {
  const { redisUrl, prefix, tenant } = options;
  const loaded = options.config ?? loadConfig();
  const config: Config = {
    ...loaded,
    redis: { ...loaded.redis, ...(redisUrl === undefined ? {} : { url: redisUrl }) },
    queue: { ...loaded.queue, ...(prefix === undefined ? {} : { prefix }) },
  };
  const producer = openProducer(config, tenant === undefined ? {} : { tenant });
  try {
    await producer.ready();
    return producer;
  } catch (error) {
    await producer.close();
    throw error;
  }
}

/** The token service of the default tenant on a connection of its own. */
export function openAuth(
  config: Config,
  log: LogRoot,
): { auth: EbayAuthService; redis: Redis; close(): void } {
  const redis = openRedis(config.redis, 'caller', log.component('auth'));
  const auth = new EbayAuthService({ config, redis, log: log.component('auth') });
  return {
    auth,
    redis,
    close() {
      auth.close();
      redis.disconnect();
    },
  };
}

/** The call gate of the default tenant on a connection of its own, and the way to bring it in line with eBay's count. */
export function openGate(config: Config, root: LogRoot) {
  const { auth, redis, close } = openAuth(config, root);
  const log = root.component('gate');
  const gate = callGate(redis, config, TENANT, { log });
  const client = new EbayClient({ config, gate, tokens: auth, log });
  return {
    gate,
    redis,
    /** Whether eBay told its count. @throws Failure `redis-unavailable`, and what getting a token throws. */
    reconcileNow: () => client.reconcile(),
    close() {
      client.close();
      close();
    },
  };
}
