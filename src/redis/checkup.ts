import type { Redis } from 'ioredis';
import { Failure } from '../failures.ts';
import { type Finding, fail, ok, warn } from '../telemetry/finding.ts';
import { fitness, parseInfo, type RedisInfo } from './bootChecks.ts';
import { redisAddress, waitForRedis } from './connection.ts';

export interface RedisCheckup {
  url: string;
  /** How long to wait for the connection, ms. */
  patienceMs: number;
  /** Shares of `maxmemory` beyond which producers refuse some searches, and all. */
  memory: { backfillShare: number; share: number };
}

/** Whether this Redis can be reached and is fit for the queues. Where the first finding failed, it stands alone. */
export async function checkRedis(redis: Redis, settings: RedisCheckup): Promise<Finding[]> {
  const { url, patienceMs } = settings;
  try {
    await waitForRedis(redis, url, patienceMs);
  } catch (error) {
    return [unreachable(error instanceof Failure ? error.message : String(error))];
  }
  const startedAt = performance.now();
  try {
    await redis.ping();
    const ms = Math.ceil(performance.now() - startedAt);
    const reached = ok('redis', `${redisAddress(url)} answers in ${ms} ms`);
    const info = parseInfo(await redis.info());
    return [reached, ...fitness(info), memory(info, settings.memory)];
  } catch (error) {
    return [unreachable(error instanceof Error ? error.message : String(error))];
  }
}

/** @param message of the failure that says so */
export function unreachable(message: string): Finding {
  if (/WRONGPASS|NOAUTH|invalid password/.test(message))
    return fail(
      'redis',
      'configuration',
      message,
      'correct user and password in REDIS_URL (percent-encoded): redis://USER:PASSWORD@HOST:PORT/0',
    );
  if (message.includes('NOPERM'))
    return fail('redis', 'configuration', message, 'give the user of REDIS_URL this right (ACL SETUSER)');
  return fail('redis', 'dependency', message, 'start Redis, or correct REDIS_URL');
}

function memory(info: RedisInfo, { backfillShare, share }: RedisCheckup['memory']): Finding {
  const [used, most] = [Number(info.get('used_memory') ?? 0), Number(info.get('maxmemory') ?? 0)];
  const megabytes = (bytes: number) => `${Math.ceil(bytes / 1024 / 1024).toLocaleString('en-US')} MB`;
  if (most === 0) return ok('memory', `Redis uses ${megabytes(used)} and has no limit of its own`);
  const message = `Redis uses ${megabytes(used)} of ${megabytes(most)} (${Math.round((100 * used) / most)} %)`;
  const remedy = 'raise maxmemory, or shorten RESULTS_TTL';
  if (used > most * share)
    return fail('memory', 'degraded', `${message}: all new searches are refused`, remedy);
  if (used > most * backfillShare) return warn('memory', `${message}: backfill searches are refused`, remedy);
  return ok('memory', message);
}

/** How far Redis's clock is ahead of this machine's, ms. @param clock this machine's, ms since the epoch */
export async function redisAhead(redis: Redis, clock: () => number): Promise<number> {
  const asked = clock();
  const [seconds, micros] = await redis.time();
  return Number(seconds) * 1000 + Number(micros) / 1000 - (asked + clock()) / 2;
}
