import { Writable } from 'node:stream';
import type { Redis } from 'ioredis';
import { credentialProblems } from '../config/checks.ts';
import { type Config, ConfigError } from '../config/config.ts';
import { FleetStore } from '../fleet/fleetStore.ts';
import type { Tenant } from '../fleet/snapshot.ts';
import type { SearchProducer } from '../queue/producer.ts';
import { openRedis, waitForRedis } from '../redis/connection.ts';
import { LogRoot } from '../telemetry/logRoot.ts';

/** Ms. A command reports within 2 s that Redis does not answer; its own start takes the rest of them. */
export const REDIS_WAIT_MS = 1000;

/** Runs `use` on a connection that has answered. @throws Failure `redis-unavailable` */
export async function withRedis<T>(
  { redis: settings }: Config,
  use: (redis: Redis) => Promise<T>,
): Promise<T> {
  const redis = openRedis(settings, 'caller', quietLog().component('redis'));
  try {
    await waitForRedis(redis, settings.url, REDIS_WAIT_MS);
    return await use(redis);
  } finally {
    redis.disconnect();
  }
}

/** What the fleet runs, and which process runs what. @throws Failure `redis-unavailable` */
export function withFleet<T>(config: Config, use: (fleet: FleetStore) => Promise<T>): Promise<T> {
  return withRedis(config, (redis) => use(new FleetStore(redis, config.queue.prefix)));
}

/** Checked before the rest of the service is loaded, which takes longer than a connection. */
export function requireRedis(config: Config): Promise<void> {
  return withRedis(config, async () => undefined);
}

/**
 * The tenant that a command is about, with the settings that the fleet runs.
 * @throws Failure `redis-unavailable`, `tenant_not_found`
 */
export async function forTenant(config: Config, name?: string): Promise<Tenant> {
  await requireRedis(config);
  const { findTenant } = await import('../app/client.ts');
  return findTenant(config, name);
}

/** The same for a command that calls eBay. @throws ConfigError where its keyset cannot be used */
export async function forCallingTenant(config: Config, name?: string): Promise<Tenant> {
  // The keyset of the environment can be checked without Redis.
  const problems = name === undefined ? credentialProblems(config) : [];
  if (problems.length > 0) throw new ConfigError(problems);
  const tenant = await forTenant(config, name);
  if (tenant.unavailableReason === undefined) return tenant;
  throw new ConfigError([{ name: `tenant ${tenant.name}:`, message: tenant.unavailableReason }]);
}

/** Runs `use` with a tenant's producer and settings. @throws Failure `redis-unavailable`, `tenant_not_found` */
export async function withProducer<T>(
  process: Config,
  tenant: string | undefined,
  use: (producer: SearchProducer, config: Config) => Promise<T>,
): Promise<T> {
  const { name, config } = await forTenant(process, tenant);
  const { openProducer } = await import('../app/producer.ts');
  const producer = openProducer(config, { tenant: name, log: quietLog() });
  try {
    await producer.ready();
    return await use(producer, config);
  } finally {
    await producer.close();
  }
}

/** For commands that report errors themselves. */
export function quietLog(): LogRoot {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  return new LogRoot({ level: 'error', levels: '', format: 'json' }, nowhere);
}
