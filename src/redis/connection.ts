import { setTimeout as sleep } from 'node:timers/promises';
import { Cluster, type Redis, type RedisOptions } from 'ioredis';
import { readTlsFiles } from '../config/checks.ts';
import type { Config } from '../config/config.ts';
import { parseRedisUrl, type RedisPlace } from '../config/redisUrl.ts';
import { Failure } from '../failures.ts';
import { type Logger, throttled } from '../telemetry/logger.ts';
import { noAnswer, troubleOf } from './failure.ts';
import { BatchingRedis, keepErrorListeners, PatientSentinelConnector } from './ioredisFixes.ts';

keepErrorListeners();

/**
 * What a connection is for:
 * - `caller`: somebody waits for the answer. A command fails at once while Redis is away and never takes longer than
 *   `REDIS_COMMAND_TIMEOUT`; nothing is queued in memory to be sent later. A connection without an answer for twice that
 *   time is replaced.
 * - `worker`: BullMQ's workers. A command waits until Redis is back. A connection that went silent (no FIN, no RST) is
 *   replaced after `REDIS_SOCKET_TIMEOUT`; keep-alive does not notice that behind a proxy.
 */
type Profile = 'caller' | 'worker';

/** A connection that comes up by itself, to the kind of Redis that `REDIS_URL` names. Its errors go to the log, throttled. */
export function openRedis(config: Config['redis'], profile: Profile, log: Logger): Redis {
  const redis =
    redisPlace(config.url).kind === 'cluster'
      ? openCluster(config, profile)
      : new BatchingRedis(redisOptions(config, profile));
  redis.on('error', connectionErrorLog(log, config.url));
  return redis;
}

/** A Cluster has a Redis's commands, states and events; `nodesOf` hides the difference. */
function openCluster(config: Config['redis'], profile: Profile): Redis {
  const place = redisPlace(config.url);
  const cluster = new Cluster(place.nodes, {
    redisOptions: sharedOptions(config, profile, place),
    enableOfflineQueue: profile === 'worker',
    clusterRetryStrategy: reconnectDelay,
    // A certificate holds the name of a node, not the address that the name stands for.
    dnsLookup: (host, done) => done(null, host),
    slotsRefreshTimeout: config.connectTimeout * 1000,
  });
  // The reason why no node can be reached has an event of its own.
  cluster.on('node error', (error: Error) => cluster.emit('error', error));
  return cluster as unknown as Redis;
}

/** A handler for `error` events, which come by the thousand while Redis is away: one line a second. */
export function connectionErrorLog(log: Logger, url: string): (error: Error) => void {
  const { tls } = redisPlace(url);
  return throttled<Error>(1000, (error, suppressed) =>
    log.error('Redis connection failed', { redis: redisAddress(url), ...troubleOf(error, tls), suppressed }),
  );
}

const PING_AGAIN_MS = 25;

/**
 * Resolves once Redis answers.
 * @throws Failure `redis-unavailable` after `deadlineMs`, naming host, cause and remedy, never the password.
 */
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
  const giveUpAt = performance.now() + deadlineMs;
  let answers = false;
  while (!answers && performance.now() < giveUpAt && !signal?.aborted)
    try {
      await redis.ping();
      answers = true;
    } catch (error) {
      if (redis.status === 'ready') remember(error as Error);
      await sleep(PING_AGAIN_MS);
    }
  redis.off('error', remember);
  if (answers) return;
  const { cause, remedy } = trouble;
  const message = `cannot reach Redis at ${redisAddress(url)} (${cause})`;
  if (remedy === undefined) throw new Failure('redis-unavailable', message);
  throw new Failure('redis-unavailable', `${message}: ${remedy}`, { remedy });
}

/** `host:port` of a Redis URL, all of them where it names several: the part of it that may be shown. */
export function redisAddress(url: string): string {
  const { nodes, master } = redisPlace(url);
  const hosts = nodes.map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`).join(',');
  return master === undefined ? hosts : `${hosts} (Sentinels of ${master})`;
}

/** @throws Error on a URL that the configuration would have refused */
function redisPlace(url: string): RedisPlace {
  const place = parseRedisUrl(url);
  if (place === undefined) throw new Error('REDIS_URL has none of the known forms');
  return place;
}

const reconnectDelay = (times: number) => Math.min(50 * times, 1000);

/** Options of a connection to a single Redis, or to the master that Sentinels name. */
export function redisOptions(config: Config['redis'], profile: Profile): RedisOptions {
  const place = redisPlace(config.url);
  const { nodes, db, master } = place;
  const common: RedisOptions = {
    ...sharedOptions(config, profile, place),
    enableOfflineQueue: profile === 'worker',
    db,
    retryStrategy: reconnectDelay,
  };
  if (place.kind !== 'sentinel') return { ...common, ...nodes[0] };
  const { sentinelUsername, sentinelPassword, connectTimeout } = config;
  return {
    ...common,
    // ioredis gives it these very options; its type says `unknown`.
    Connector: PatientSentinelConnector as NonNullable<RedisOptions['Connector']>,
    sentinels: nodes,
    name: master,
    sentinelUsername: sentinelUsername || undefined,
    sentinelPassword: sentinelPassword || undefined,
    sentinelRetryStrategy: reconnectDelay,
    sentinelCommandTimeout: connectTimeout * 1000,
    // One Sentinel reports a fail-over at once, so that a master that hangs is left before a timeout.
    failoverDetector: true,
    sentinelMaxConnections: 1,
    sentinelTLS: common.tls,
    enableTLSForSentinelMode: place.tls,
  };
}

/** A role or a full disk on the other side passes; until then BullMQ would spin on the error. */
const PASSES_BY_RECONNECTING = /READONLY|MISCONF/;

function sharedOptions(config: Config['redis'], profile: Profile, { username, password, tls }: RedisPlace) {
  const { tlsServerName, tlsVerify } = config;
  const certificate = { servername: tlsServerName || undefined, rejectUnauthorized: tlsVerify };
  return {
    username,
    password,
    tls: tls ? { ...readTlsFiles(config), ...certificate } : undefined,
    connectTimeout: config.connectTimeout * 1000,
    // CLIENT SETINFO is refused to our users, and Redis 7.0 cannot grant it: ACL LOG would hold a line of each connection.
    disableClientInfo: true,
    reconnectOnError: (error: Error) => PASSES_BY_RECONNECTING.test(error.message),
    ...(profile === 'worker'
      ? { maxRetriesPerRequest: null, socketTimeout: config.socketTimeout * 1000 }
      : {
          maxRetriesPerRequest: 1,
          commandTimeout: config.commandTimeout * 1000,
          // A command that timed out does not close the socket: without this a silent one would be used again and again.
          socketTimeout: config.commandTimeout * 2 * 1000,
        }),
  } satisfies RedisOptions;
}
