import { credentialProblems } from '../config/checks.ts';
import { type Config, ConfigError } from '../config/config.ts';
import type { Tenant } from '../tenants/snapshot.ts';
import { requireRedis } from './requireRedis.ts';

/**
 * The tenant that a command is about, with the settings that the fleet runs.
 * @throws Failure `redis-unavailable`, `tenant_not_found`
 */
export async function forTenant(config: Config, name?: string): Promise<Tenant> {
  await requireRedis(config);
  const { findTenant } = await import('../app.ts');
  return findTenant(config, name);
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
