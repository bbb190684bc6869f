import { Writable } from 'node:stream';
import { credentialProblems } from '../config/checks.ts';
import { type Config, ConfigError } from '../config/config.ts';
import { settings } from '../config/schema.ts';
import type { Tenant } from '../fleet/snapshot.ts';
import { claimedId } from '../http/auth/apiKeys.ts';
import { openRedis, waitForRedis } from '../redis/connection.ts';
import { LogRoot } from '../telemetry/logger.ts';
import { UsageError } from './exit.ts';

/**
 * The tenant that a command is about, with the settings that the fleet runs.
 * @throws Failure `redis-unavailable`, `tenant_not_found`
 */
export async function forTenant(config: Config, name?: string): Promise<Tenant> {
  await requireRedis(config);
  const { findTenant } = await import('../app/client.ts');
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

/** A command that ends says within 2 s that Redis is not there; its own start takes the rest of them. In ms. */
export const REDIS_WAIT_MS = 1000;

/**
 * Asked before the rest of the service is loaded, which takes longer than a connection.
 * @throws Failure `redis-unavailable`
 */
export async function requireRedis({ redis: settings }: Config): Promise<void> {
  const redis = openRedis(settings, 'caller', quietLog().component('redis'));
  try {
    await waitForRedis(redis, settings.url, REDIS_WAIT_MS);
  } finally {
    redis.disconnect();
  }
}

/** For commands whose own last line says what went wrong. */
export function quietLog(): LogRoot {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  return new LogRoot({ level: 'error', levels: '', format: 'json' }, nowhere);
}

/** Options, in any spelling, by which people would hand over what `ps` must not show. */
const SECRET_OPTION =
  /^--?(ebay-?)?((client|app|cert|dev)-?id|(client-?|app-?)?secret|(access-?)?token|password|passwd|api-?key|authorization|encryption-?keys?|redis(-?url|-?password)?)(=|$)/i;

/** @throws UsageError that does not repeat the value. */
export function refuseSecrets(args: readonly string[]): void {
  const secretSettings = new Set(settings().flatMap(({ env, sensitive }) => (sensitive ? [env] : [])));
  for (const arg of args) {
    if (arg === '--') return;
    const keyId = claimedId(arg);
    if (keyId !== undefined)
      throw new UsageError(
        `an API key is not taken as an argument, for arguments are visible in ps: call it by its id, ${keyId}`,
      );
    const name = arg.replace(/=.*$/s, '');
    if (SECRET_OPTION.test(arg) || (arg.includes('=') && secretSettings.has(name)))
      throw new UsageError(
        `${name} is not taken as an argument: pass secrets by environment or file (…_FILE); arguments are visible in ps`,
      );
  }
}
