import type { Config } from '../config/config.ts';
import { openRedis, waitForRedis } from '../redis/connection.ts';
import { FleetStore } from '../tenants/fleetStore.ts';
import { quietLog } from './quietLog.ts';
import { REDIS_WAIT_MS } from './requireRedis.ts';

/** What the fleet runs, for a command that ends. @throws Failure `redis-unavailable` */
export async function openFleet(config: Config): Promise<{ store: FleetStore; close(): void }> {
  const redis = openRedis(config.redis, 'caller', quietLog().component('redis'));
  try {
    await waitForRedis(redis, config.redis.url, REDIS_WAIT_MS);
  } catch (error) {
    redis.disconnect();
    throw error;
  }
  return { store: new FleetStore(redis, config.queue.prefix), close: () => redis.disconnect() };
}
