import { Redis, type RedisOptions } from 'ioredis';
import type { Config } from '../config/config.ts';
import { Failure } from '../failures.ts';
import type { Logger } from '../telemetry/logger.ts';

/**
 * What a connection is for:
 * - `caller`: somebody waits for the answer. Fails at once while Redis is away and never waits longer than
 *   `REDIS_COMMAND_TIMEOUT`; nothing is queued in memory to be sent later behind the caller's back. A connection that
 *   owes an answer for twice as long is made anew.
 * - `worker`: BullMQ's workers. Waits for Redis as long as it takes; a connection that went silent (no FIN, no RST)
 *   is noticed by `REDIS_SOCKET_TIMEOUT`, which keep-alive does not do behind a proxy.
 */
export type Profile = 'caller' | 'worker';

/** A role or a full disk on the other side heals by itself; until then BullMQ would spin on the error. */
const HEALS_BY_RECONNECTING = /READONLY|MISCONF/;

export function redisOptions(config: Config['redis'], profile: Profile): RedisOptions {
  const common: RedisOptions = {
    connectTimeout: config.connectTimeout * 1000,
    retryStrategy: (times) => Math.min(50 * times, 1000),
    reconnectOnError: (error) => HEALS_BY_RECONNECTING.test(error.message),
  };
  if (profile === 'worker')
    return { ...common, maxRetriesPerRequest: null, socketTimeout: config.socketTimeout * 1000 };
  return {
    ...common,
    maxRetriesPerRequest: 1,
    enableOfflineQueue: false,
    commandTimeout: config.commandTimeout * 1000,
    // A command that timed out says nothing to the socket: without this a silent one would be asked again and again.
    socketTimeout: config.commandTimeout * 2 * 1000,
  };
}

/** A connection that comes up by itself. Its errors go to the log, at most one line a second. */
export function openRedis(config: Config['redis'], profile: Profile, log: Logger): Redis {
  const redis = new Redis(config.url, redisOptions(config, profile));
  redis.on('error', errorLine(log, config.url));
  return redis;
}

/** A handler for `error` events that come by the thousand while Redis is away. */
export function errorLine(log: Logger, url: string): (error: Error) => void {
  let quietUntil = 0;
  let suppressed = 0;
  return (error) => {
    if (Date.now() < quietUntil) {
      suppressed += 1;
      return;
    }
    log.error('Redis connection failed', { redis: redisAddress(url), cause: causeOf(error), suppressed });
    quietUntil = Date.now() + 1000;
    suppressed = 0;
  };
}

/** Resolves once Redis answers; for commands that end.
 * @throws Failure `redis-unavailable` after `deadlineMs`, naming host and cause, never the password. */
export async function waitForRedis(
  redis: Redis,
  url: string,
  deadlineMs: number,
  signal?: AbortSignal,
): Promise<void> {
  let cause = 'no answer';
  const remember = (error: Error) => {
    cause = causeOf(error);
  };
  redis.on('error', remember);
  const giveUpAt = Date.now() + deadlineMs;
  try {
    while (Date.now() < giveUpAt && !signal?.aborted) {
      try {
        await redis.ping();
        return;
      } catch (error) {
        if (redis.status === 'ready') remember(error as Error);
        await new Promise((resolve) => setTimeout(resolve, 25));
      }
    }
  } finally {
    redis.off('error', remember);
  }
  throw new Failure('redis-unavailable', `cannot reach Redis at ${redisAddress(url)} (${cause})`);
}

/** `host:port` of a Redis URL: what may be shown of it. */
export function redisAddress(url: string): string {
  const { hostname, port } = new URL(url);
  return `${hostname}:${port || '6379'}`;
}

function causeOf(error: Error): string {
  const code = (error as NodeJS.ErrnoException).code;
  return code ?? error.message.slice(0, 120);
}
