import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { QuarantineEntry } from '../../src/queue/bullmq/repair.ts';
import { connectTo } from './redis.ts';

/** Ways in which a stored job may be broken, each done to the job's key. */
export const BREAKAGES: Record<string, (redis: Redis, key: string) => Promise<unknown>> = {
  'data that is not JSON': (redis, key) => redis.hset(key, 'data', '{"query":'),
  'data of random bytes': (redis, key) => redis.hset(key, 'data', Buffer.from([0xff, 0x00, 0xc3, 0x28])),
  'options that are not JSON': (redis, key) => redis.hset(key, 'opts', 'attempts=5'),
  'options that are no object': (redis, key) => redis.hset(key, 'opts', 'null'),
  'progress that is not JSON': (redis, key) => redis.hset(key, 'progress', '{'),
  'no name and no data': (redis, key) => redis.hdel(key, 'name', 'data'),
  'a text in place of its hash': async (redis, key) => {
    await redis.del(key);
    await redis.set(key, 'overwritten');
  },
};

/** Looks into a service's Redis past BullMQ. */
export class StoredJobs {
  readonly redis: Redis;

  constructor(url: string) {
    this.redis = connectTo(url);
  }

  async quarantined(): Promise<QuarantineEntry[]> {
    const entries = await this.redis.lrange('{ebay}:quarantine', 0, -1);
    return entries.map((entry) => JSON.parse(entry));
  }

  close(): void {
    this.redis.disconnect();
  }
}

/** The key of what a search has collected so far. */
export async function resultsKey(searches: Queue, searchId: string): Promise<string> {
  const job = await searches.getJob(searchId);
  if (job === undefined) throw new Error(`no search ${searchId}`);
  return `{ebay}:pages:default:${searchId}:${job.timestamp}`;
}
