import type { ConnectionOptions as TlsOptions } from 'node:tls';
import type { ClusterOptions, RedisOptions } from 'ioredis';
import { readTlsFiles } from '../config/checks.ts';
import type { Config } from '../config/config.ts';
import { parseRedisUrl, type RedisPlace } from '../config/redisUrl.ts';
import { PatientSentinelConnector } from './ioredisFixes.ts';

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

const again = (times: number) => Math.min(50 * times, 1000);

/** Options of a connection to a single Redis, or to the master that Sentinels tell of. */
export function redisOptions(config: Config['redis'], profile: Profile): RedisOptions {
  const place = redisPlace(config.url);
  const { nodes, db, master } = place;
  const common: RedisOptions = { ...shared(config, profile, place), db, retryStrategy: again };
  if (place.kind !== 'sentinel') return { ...common, ...nodes[0], ...queued(profile) };
  const { tls, sentinelUsername, sentinelPassword, connectTimeout } = { ...common, ...config };
  return {
    ...common,
    ...queued(profile),
    // ioredis gives it these very options; its type says `unknown`.
    Connector: PatientSentinelConnector as NonNullable<RedisOptions['Connector']>,
    sentinels: nodes,
    name: master,
    ...(sentinelUsername === '' ? {} : { sentinelUsername }),
    ...(sentinelPassword === '' ? {} : { sentinelPassword }),
    sentinelRetryStrategy: again,
    sentinelCommandTimeout: connectTimeout * 1000,
    // One of them that tells of a fail-over at once, so that a master that hangs is left before a timeout tells.
    failoverDetector: true,
    sentinelMaxConnections: 1,
    ...(place.tls ? { sentinelTLS: tls, enableTLSForSentinelMode: true } : {}),
  };
}

/** The nodes to begin with, and the options of a connection to a Cluster. */
export function clusterOptions(
  config: Config['redis'],
  profile: Profile,
): [nodes: RedisPlace['nodes'], options: ClusterOptions] {
  const place = redisPlace(config.url);
  return [
    place.nodes,
    {
      redisOptions: shared(config, profile, place),
      ...queued(profile),
      clusterRetryStrategy: again,
      // A certificate holds the name of a node, not the address that the name stands for.
      dnsLookup: (host, done) => done(null, host),
      slotsRefreshTimeout: config.connectTimeout * 1000,
    },
  ];
}

/** @throws Error on a URL that the configuration would have refused */
export function redisPlace(url: string): RedisPlace {
  const place = parseRedisUrl(url);
  if (place === undefined) throw new Error('REDIS_URL has none of the known forms');
  return place;
}

function queued(profile: Profile) {
  return profile === 'worker' ? {} : { enableOfflineQueue: false };
}

function shared(config: Config['redis'], profile: Profile, { username, password, tls }: RedisPlace) {
  return {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls ? { tls: tlsOptions(config) } : {}),
    connectTimeout: config.connectTimeout * 1000,
    reconnectOnError: (error: Error) => HEALS_BY_RECONNECTING.test(error.message),
    ...(profile === 'worker'
      ? { maxRetriesPerRequest: null, socketTimeout: config.socketTimeout * 1000 }
      : {
          maxRetriesPerRequest: 1,
          commandTimeout: config.commandTimeout * 1000,
          // A command that timed out says nothing to the socket: without this a silent one would be asked again and again.
          socketTimeout: config.commandTimeout * 2 * 1000,
        }),
  } satisfies RedisOptions;
}

function tlsOptions(config: Config['redis']): TlsOptions {
  const { tlsServerName, tlsVerify } = config;
  return {
    ...readTlsFiles(config),
    ...(tlsServerName === '' ? {} : { servername: tlsServerName }),
    rejectUnauthorized: tlsVerify,
  };
}
