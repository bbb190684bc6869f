import { credentialProblems } from '../config/checks.ts';
import { type Config, ConfigError } from '../config/config.ts';
import { Failure } from '../failures.ts';
import { openRedis, waitForRedis } from '../redis/connection.ts';
import type { Tenant } from '../tenants/snapshot.ts';
import { quietLog } from './quietLog.ts';
import { REDIS_WAIT_MS } from './requireRedis.ts';

/**
 * The tenant that a command is about, with the settings that the fleet runs. Redis is asked before the rest of the
 * service is loaded, which takes longer than a connection.
 * @throws Failure `redis-unavailable`, `tenant_not_found`
 */
export async function forTenant(config: Config, name = 'default'): Promise<Tenant> {
  const redis = openRedis(config.redis, 'caller', quietLog().component('redis'));
  try {
    await waitForRedis(redis, config.redis.url, REDIS_WAIT_MS);
    const { readSnapshot } = await import('../app/fleetConfig.ts');
    const tenant = (await readSnapshot(redis, config)).tenants.get(name);
    if (tenant !== undefined) return tenant;
    throw new Failure('tenant_not_found', `no tenant ${JSON.stringify(name.slice(0, 64))}`);
  } finally {
    redis.disconnect();
  }
}

/** The same for what calls eBay. @throws ConfigError where its keyset cannot be used here */
export async function forCallingTenant(config: Config, name?: string): Promise<Tenant> {
  const tenant = await forTenant(config, name);
  if (tenant.obstacle === undefined) return tenant;
  throw new ConfigError([{ name: `tenant ${tenant.name}:`, message: tenant.obstacle }]);
}

/** Asked before Redis is. @throws ConfigError when the keyset of the environment cannot be used */
export function requireKeyset(config: Config): void {
  const problems = credentialProblems(config);
  if (problems.length > 0) throw new ConfigError(problems);
}
