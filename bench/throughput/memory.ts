import { Redis } from 'ioredis';
import { openProducer } from '../../src/app/producer.ts';
import { loadConfig } from '../../src/config/load.ts';

/** Redis's memory, bytes; what a search costs is the difference. */
export async function usedMemory(redis: Redis): Promise<number> {
  const info = await redis.info('memory');
  return Number(/^used_memory:(\d+)/m.exec(info)?.[1]);
}

/** Adds searches that wait: of the lowest class, each another one. Bytes a search. */
export async function addWaiting(env: Record<string, string>, count: number, from: number): Promise<number> {
  const producer = openProducer(loadConfig({ env, files: [] }));
  const redis = new Redis(env.REDIS_URL as string);
  await producer.ready();
  const before = await usedMemory(redis);
  const batch = 1000;
  for (let added = 0; added < count; added += batch) {
    const requests = Array.from({ length: Math.min(batch, count - added) }, (_, index) => ({
      query: 'yoga mat',
      maxItems: 1000,
      priority: 'backfill' as const,
      filters: { price: { max: String(from + added + index), currency: 'USD' } },
    }));
    await producer.enqueueMany(requests);
  }
  const bytes = ((await usedMemory(redis)) - before) / count;
  redis.disconnect();
  await producer.close();
  return bytes;
}
