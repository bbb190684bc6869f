import { Cluster, type Redis } from 'ioredis';
import type { Config } from '../config/config.ts';
import { Failure } from '../failures.ts';
import type { Logger } from '../telemetry/logger.ts';
import { BatchingRedis } from './batchingRedis.ts';
import { clusterOptions, type Profile, redisOptions, redisPlace } from './connectionOptions.ts';
import { keepErrorListeners } from './socketErrors.ts';
import { noAnswer, troubleOf } from './trouble.ts';

keepErrorListeners();

/**
 * A connection that comes up by itself, to whichever kind of Redis `REDIS_URL` names. Its errors go to the log, at most
 * one line a second.
 */
export function openRedis(config: Config['redis'], profile: Profile, log: Logger): Redis {
  const redis =
    redisPlace(config.url).kind === 'cluster'
      ? openCluster(config, profile)
      : new BatchingRedis(redisOptions(config, profile));
  redis.on('error', errorLine(log, config.url));
  return redis;
}

/** A Cluster has a Redis's commands, states and events; whatever differs between them is asked by `nodesOf`. */
function openCluster(config: Config['redis'], profile: Profile): Redis {
  const cluster = new Cluster(...clusterOptions(config, profile));
  // Why no node can be reached stands in an event of its own.
  cluster.on('node error', (error: Error) => cluster.emit('error', error));
  return cluster as unknown as Redis;
}

/** The servers behind a connection: of a Cluster every master, else the one. */
export function nodesOf(redis: Redis): Redis[] {
  const either: unknown = redis;
  return either instanceof Cluster ? either.nodes('master') : [redis];
}

/** A handler for `error` events that come by the thousand while Redis is away. */
export function errorLine(log: Logger, url: string): (error: Error) => void {
  const { tls } = redisPlace(url);
  let quietUntil = 0;
  let suppressed = 0;
  return (error) => {
    if (Date.now() < quietUntil) {
      suppressed += 1;
      return;
    }
    log.error('Redis connection failed', {
      redis: redisAddress(url),
      ...troubleOf(error, tls),
      suppressed,
    });
    quietUntil = Date.now() + 1000;
    suppressed = 0;
  };
}

/** Resolves once Redis answers; for commands that end.
 * @throws Failure `redis-unavailable` after `deadlineMs`, naming host, cause and remedy, never the password. */
export async function waitForRedis(
  redis: Redis,
  url: string,
  deadlineMs: number,
  signal?: AbortSignal,
): Promise<void> {
  const { tls } = redisPlace(url);
  let trouble = noAnswer(tls);
  const remember = (error: Error) => {
    trouble = troubleOf(error, tls);
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
  const { cause, remedy } = trouble;
  const message = `cannot reach Redis at ${redisAddress(url)} (${cause})`;
  throw remedy === undefined
    ? new Failure('redis-unavailable', message)
    : new Failure('redis-unavailable', `${message}: ${remedy}`, { remedy });
}

/** `host:port` of a Redis URL, all of them where it names several: what may be shown of it. */
export function redisAddress(url: string): string {
  const { nodes, master } = redisPlace(url);
  const hosts = nodes.map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`).join(',');
  return master === undefined ? hosts : `${hosts} (Sentinels of ${master})`;
}
