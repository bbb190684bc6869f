import type { Redis } from 'ioredis';

/**
 * How far Redis's clock is ahead of this machine's, ms; the way there and back counts for neither side.
 * @param clock this machine's, ms since the epoch
 */
export async function redisAhead(redis: Redis, clock: () => number = Date.now): Promise<number> {
  const asked = clock();
  const [seconds, micros] = await redis.time();
  return Number(seconds) * 1000 + Number(micros) / 1000 - (asked + clock()) / 2;
}
