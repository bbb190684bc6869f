import type { Redis } from 'ioredis';
import type { Config } from '../config/config.ts';
import { secretsOf } from '../config/secrets.ts';
import { EbayClient } from '../ebay/client.ts';
import { EbayAuthService } from '../ebay/oauth/service.ts';
import { DEFAULT_TENANT, unknownTenant } from '../fleet/declaration.ts';
import { readSnapshot } from '../fleet/fleetConfig.ts';
import type { Tenant } from '../fleet/snapshot.ts';
import { openRedis, waitForRedis } from '../redis/connection.ts';
import { type Logs, NOOP_LOGGER } from '../telemetry/logger.ts';
import { CALLER_DEADLINE_MS, callGate } from './producer.ts';

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
  log: Logs,
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
export function openGate(config: Config, logs: Logs, tenant = DEFAULT_TENANT) {
  const { auth, redis, close } = openAuth(config, logs, tenant);
  const log = logs.component('gate');
  const gate = callGate(redis, config, tenant, { log });
  const client = new EbayClient({ config, gate, tokens: auth, log });
  return {
    gate,
    redis,
    /** Whether eBay reported its count. @throws Failure `redis-unavailable`, and what getting a token throws. */
    reconcileNow: () => client.reconcile(),
    close() {
      client.close();
      close();
    },
  };
}
