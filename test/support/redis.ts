import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { parseRedisUrl } from '../../src/config/redisUrl.ts';
import { type EmbeddedRedis, startEmbeddedRedis } from '../../src/redis/embedded.ts';
import { nodesOf } from '../../src/redis/nodes.ts';
import { freePort } from './freePort.ts';
import { startTestCluster } from './redisCluster.ts';
import { startGuardedRedis } from './redisUsers.ts';

/** A private real Redis for one test file: nothing to clean, nothing to collide with, and it may be killed. */
export function startTestRedis(args: string[] = [], port?: number): Promise<EmbeddedRedis> {
  return startEmbeddedRedis({ args, port, say: console.error });
}

/** Skips a suite where Redis has no TLS: one that was built from source on this machine has none. */
export async function skipWithoutTls(suite: Mocha.Context): Promise<void> {
  const port = String(await freePort());
  // With TLS it misses its certificate.
  const refused = await startTestRedis(['--tls-port', port]).then(String, String);
  if (/Failed finding TLS support/.test(refused)) suite.skip();
}

/**
 * What `useRedis` starts: one Redis; a Cluster of three; or one with the users that we publish, where the service has
 * the rights of a worker and nothing may be refused to it.
 */
export type RedisKind = 'single' | 'cluster' | 'guarded';

interface Started {
  url: string;
  adminUrl: string;
  stop(): Promise<void>;
}

async function start(kind: RedisKind): Promise<Started> {
  if (kind === 'guarded') {
    const { urlOf, stop } = await startGuardedRedis();
    return { url: urlOf('worker'), adminUrl: urlOf('admin'), stop };
  }
  const { url, stop } = kind === 'cluster' ? await startTestCluster() : await startTestRedis();
  return { url, adminUrl: url, stop };
}

/**
 * Starts a Redis before a suite's tests and stops it, with every connection made through it, after them.
 * @param kind default: what `TEST_REDIS` says, else `single`
 * @param isKept a test finds what the ones before it have left; else it is empty before each
 */
export function useRedis(
  kind = (process.env.TEST_REDIS ?? 'single') as RedisKind,
  { isKept = false } = {},
): {
  readonly url: string;
  /** May do everything. */
  connect(): Redis;
} {
  let server: Started;
  let admin: Redis;
  const connections: Redis[] = [];
  const connect = () => {
    const redis = connectTo(server.adminUrl);
    connections.push(redis);
    return redis;
  };
  before(async function () {
    this.timeout(60_000);
    server = await start(kind);
    admin = connect();
    await admin.ping();
  });
  if (!isKept) beforeEach(() => Promise.all(nodesOf(admin).map((node) => node.flushall())));
  after(async () => {
    const refused = kind === 'guarded' ? ((await admin.acl('LOG')) as unknown[]) : [];
    for (const redis of connections) redis.disconnect();
    await server.stop();
    if (refused.length > 0)
      throw new Error(`Redis refused the service something: ${JSON.stringify(refused)}`);
  });
  return {
    get url() {
      return server.url;
    },
    connect,
  };
}

/** A plain connection to a Redis or a Cluster, without the service's own settings. */
export function connectTo(url: string, options: RedisOptions = { maxRetriesPerRequest: 1 }): Redis {
  const place = parseRedisUrl(url);
  return place?.kind === 'cluster'
    ? (new Cluster(place.nodes, { redisOptions: options }) as unknown as Redis)
    : new Redis(url, options);
}
