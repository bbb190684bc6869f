import type { Redis } from 'ioredis';
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { secretsOf } from '../config/secrets.ts';
import { EbayClient } from '../ebay/client.ts';
import type { CallGate } from '../ebay/gate/gate.ts';
import { type GateSettings, gateSettings } from '../ebay/gate/gateSettings.ts';
import { redisGate } from '../ebay/gate/redisGate.ts';
import { EbayAuthService } from '../ebay/oauth/service.ts';
import { DEFAULT_TENANT, unknownTenant } from '../fleet/declaration.ts';
import { readSnapshot } from '../fleet/fleetConfig.ts';
import type { Tenant } from '../fleet/snapshot.ts';
import type { IntakeLimits } from '../queue/intake.ts';
import { type ProducerOptions, SearchProducer } from '../queue/producer.ts';
import { admissionBy, outlookBy } from '../queue/search/estimate.ts';
import { jobDefaults, runsTtlMs } from '../queue/search/retryPolicy.ts';
import { openRedis, waitForRedis } from '../redis/connection.ts';
import { type Logger, NOOP_LOGGER } from '../telemetry/logger.ts';
import { LogRoot } from '../telemetry/logRoot.ts';
import type { CallMetrics } from '../telemetry/metrics.ts';

const SECOND = 1000;

export interface ProducerSettings {
  /** Whose searches; `config` is then that tenant's. Default: `default`. */
  tenant?: string | undefined;
  log?: LogRoot;
  /** A connection of the `caller` profile to share, which `close` leaves open. Default: one of its own. */
  redis?: Redis;
  /** Told of searches that were not let in. */
  refused?: ProducerOptions['refused'];
}

/**
 * A tenant's producer, on a connection that its `close` ends. Connects by itself; calls refuse until it has.
 * @param settings the tenant's; a function where they may change while the producer is in use
 */
export function openProducer(
  settings: Config | (() => Config),
  { tenant = DEFAULT_TENANT, log, redis: shared, refused }: ProducerSettings = {},
): SearchProducer {
  const current = typeof settings === 'function' ? settings : () => settings;
  const config = current();
  const root = log ?? new LogRoot(config.log);
  root.scrubber.learn(secretsOf(config));
  const logger = root.component('producer');
  const redis = shared ?? openRedis(config.redis, 'caller', logger);
  const gate = callGate(redis, config, tenant, { log: logger, settings: () => gateSettings(current()) });
  return new SearchProducer({
    redis,
    prefix: config.queue.prefix,
    tenant,
    rules: jobDefaults(config),
    get marketplace() {
      return current().ebay.marketplace;
    },
    resultsTtlMs: config.search.resultsTtl * SECOND,
    runsTtlMs: runsTtlMs(config),
    minScheduleInterval: config.schedule.minInterval,
    limits: () => intakeLimits(current()),
    deadlineMs: CALLER_DEADLINE_MS,
    admission: admissionBy(gate),
    outlook: (callClass) => outlookBy(gate, gateSettings(current()).shares)(callClass),
    refused,
    reachRedis: () => waitForRedis(redis, config.redis.url, CALLER_DEADLINE_MS),
    onClose: () => (shared === undefined ? redis.disconnect() : undefined),
  });
}

function intakeLimits({ search, memory }: Config): IntakeLimits {
  return { backlog: search.backlogLimit, backfillMemory: memory.backfillShare, memory: memory.share };
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
 * @throws ConfigError; Failure `redis-unavailable` when Redis does not answer within 2 s, `tenant_not_found`.
 */
export async function connect(options: ConnectOptions = {}): Promise<SearchProducer> {
  const { redisUrl, prefix, tenant } = options;
  const loaded = options.config ?? loadConfig();
  const config: Config = {
    ...loaded,
    redis: { ...loaded.redis, ...(redisUrl === undefined ? {} : { url: redisUrl }) },
    queue: { ...loaded.queue, ...(prefix === undefined ? {} : { prefix }) },
  };
  const owner = await findTenant(config, tenant);
  const producer = openProducer(owner.config, { tenant: owner.name });
  try {
    await producer.ready();
    return producer;
  } catch (error) {
    await producer.close();
    throw error;
  }
}

/**
 * A tenant with the settings that the fleet runs.
 * @throws ConfigError; Failure `redis-unavailable`, `tenant_not_found`
 */
export async function findTenant(config: Config, name = DEFAULT_TENANT): Promise<Tenant> {
  const redis = openRedis(config.redis, 'caller', NOOP_LOGGER);
  try {
    await waitForRedis(redis, config.redis.url, CALLER_DEADLINE_MS);
    const { tenants } = await readSnapshot(redis, config);
    const tenant = tenants.get(name);
    if (tenant === undefined) throw unknownTenant(name, [...tenants.keys()]);
    return tenant;
  } finally {
    redis.disconnect();
  }
}

/** A tenant's token service on a connection of its own. @param config the tenant's */
export function openAuth(
  config: Config,
  log: LogRoot,
  tenant = DEFAULT_TENANT,
): { auth: EbayAuthService; redis: Redis; close(): void } {
  const { scrubber } = log;
  scrubber.learn(secretsOf(config));
  const redis = openRedis(config.redis, 'caller', log.component('auth'));
  const auth = new EbayAuthService({ tenant, config, redis, scrubber, log: log.component('auth') });
  return {
    auth,
    redis,
    close() {
      auth.close();
      redis.disconnect();
    },
  };
}

/** A tenant's call gate on a connection of its own, and the way to bring it in line with eBay's count. */
export function openGate(config: Config, root: LogRoot, tenant = DEFAULT_TENANT) {
  const { auth, redis, close } = openAuth(config, root, tenant);
  const log = root.component('gate');
  const gate = callGate(redis, config, tenant, { log });
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

/** Longest that a caller waits for Redis, in any call of the producer. */
export const CALLER_DEADLINE_MS = 2000;

/** The fleet's gate of one credential, as this process sees it. */
export function callGate(
  redis: Redis,
  config: Config,
  tenant: string,
  { settings = gateSettings(config), ...telemetry }: CallGateOptions,
): CallGate {
  return redisGate({ redis, prefix: config.queue.prefix, tenant, settings, ...telemetry });
}

export interface CallGateOptions {
  log: Logger;
  metrics?: CallMetrics;
  settings?: GateSettings | (() => GateSettings);
}
