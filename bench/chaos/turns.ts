import type { Redis } from 'ioredis';
import { pairs } from '../../src/redis/luaScript.ts';
import type { Turn } from './reruns.ts';

const STREAM = '{ebay}:ebay-calls:events';

/**
 * What BullMQ's event stream of the calls queue says of the pages.
 * @throws Error when it was trimmed: what it no longer says cannot be judged
 */
export async function readTurns(redis: Redis): Promise<Turn[]> {
  const entries = await redis.xrange(STREAM, '-', '+');
  const added = await addedEver(redis);
  if (added !== entries.length)
    throw new Error(`of ${added} events of the calls queue only ${entries.length} are left`);
  return entries.flatMap(([id, fields]) => {
    const { event, jobId = '' } = pairs(fields);
    if (event !== 'active' && event !== 'stalled') return [];
    return [{ at: Number(id.split('-')[0]), event, page: jobId.replace(/-r\d+-p(\d+)$/, ' $1') }];
  });
}

async function addedEver(redis: Redis): Promise<number> {
  const info = (await redis.xinfo('STREAM', STREAM)) as string[];
  return Number(pairs(info)['entries-added']);
}
