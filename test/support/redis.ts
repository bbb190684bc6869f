import { Redis } from 'ioredis';
import { type EmbeddedRedis, startEmbeddedRedis } from '../../src/redis/embedded.ts';

/** A private real Redis for one test file: nothing to clean, nothing to collide with, and it may be killed. */
export function startTestRedis(args: string[] = [], port?: number): Promise<EmbeddedRedis> {
  return startEmbeddedRedis({ args, port, path: process.env.PATH ?? '', say: console.error });
}

/** Starts a Redis before a suite's tests and stops it, with every connection made through it, after them. */
export function useRedis(): { readonly url: string; connect(): Redis } {
  let server: EmbeddedRedis;
  const connections: Redis[] = [];
  before(async () => {
    server = await startTestRedis();
  });
  beforeEach(async () => {
    const redis = new Redis(server.url);
    await redis.flushall();
    await redis.quit();
  });
  after(async () => {
    for (const redis of connections) redis.disconnect();
    await server.stop();
  });
  return {
    get url() {
      return server.url;
    },
    connect() {
      const redis = new Redis(server.url, { maxRetriesPerRequest: 1 });
      connections.push(redis);
      return redis;
    },
  };
}
