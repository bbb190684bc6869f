import type { Config } from '../config/config.ts';
import { openRedis, waitForRedis } from '../redis/connection.ts';
import { quietLog } from './quietLog.ts';

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
