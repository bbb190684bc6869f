import type { Redis } from 'ioredis';

/** Half of them done, half waiting by priority: as BullMQ stores them, written within Redis. */
const FILL = `
local base, from, to, half = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
for i = from, to do
  local id = 's_' .. i
  redis.call('HSET', base .. id, 'name', 'search', 'data', '{"v":1,"query":"phone case ' .. i .. '","maxItems":200}',
    'opts', '{"attempts":1}', 'timestamp', 1700000000000 + i, 'delay', 0, 'priority', 2)
  if i <= half then
    redis.call('HSET', base .. id, 'finishedOn', 1700000001000 + i, 'processedOn', 1700000000500 + i,
      'returnvalue', '{"searchId":"' .. id .. '","outcome":"complete","calls":1}')
    redis.call('ZADD', base .. 'completed', 1700000001000 + i, id)
  else
    redis.call('ZADD', base .. 'prioritized', 2 * 4294967296 + i, id)
  end
end`;
const AT_ONCE = 20_000;

/** So many searches in the public queue, and one that failed with 10 MB of data. */
export async function fillQueue(redis: Redis, jobs: number, huge: string): Promise<void> {
  const base = '{ebay}:ebay-search:';
  for (let from = 1; from <= jobs; from += AT_ONCE)
    await redis.eval(FILL, 1, base, from, Math.min(jobs, from + AT_ONCE - 1), Math.floor(jobs / 2));
  const data = JSON.stringify({ query: 'x'.repeat(10 * 1024 * 1024) });
  const fields = {
    name: 'search',
    data,
    opts: '{}',
    timestamp: 1,
    finishedOn: 2,
    failedReason: 'internal: x',
  };
  await redis.hset(base + huge, fields);
  await redis.zadd(`${base}failed`, 2, huge);
}
