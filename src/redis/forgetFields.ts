import type { Redis } from 'ioredis';
import { LuaScript } from './luaScript.ts';

/** Fields that are read, and deleted, in one command. */
const BATCH = 500;

/** KEYS: a hash. ARGV: fields and their values in turn. One that has changed since stays. */
const FORGET = new LuaScript(`
for i = 1, #ARGV, 2 do
  if redis.call('HGET', KEYS[1], ARGV[i]) == ARGV[i + 1] then redis.call('HDEL', KEYS[1], ARGV[i]) end
end`);

/** Reads all of a hash and deletes the fields that have outlived their limit, unless their value changes meanwhile. */
export async function forgetFields(
  redis: Redis,
  key: string,
  isOutlived: (field: string, value: string) => boolean,
  signal: AbortSignal,
): Promise<void> {
  let cursor = '0';
  do {
    signal.throwIfAborted();
    const [next, flat] = await redis.hscan(key, cursor, 'COUNT', BATCH);
    const outlived: string[] = [];
    for (let i = 0; i < flat.length; i += 2) {
      const [field, value] = [flat[i] as string, flat[i + 1] as string];
      if (isOutlived(field, value)) outlived.push(field, value);
    }
    if (outlived.length > 0) await FORGET.run(redis, key, outlived);
    cursor = next;
  } while (cursor !== '0');
}
