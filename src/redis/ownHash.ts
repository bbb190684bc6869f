import type { Redis } from 'ioredis';
import { LuaScript } from './luaScript.ts';

/** KEYS: a hash of ours. Returns 0 where it is one, for then another key of the same commands is of a wrong type. */
const CLEAR = new LuaScript(`
if redis.call('TYPE', KEYS[1]).ok == 'hash' then return 0 end
redis.call('UNLINK', KEYS[1])
return 1`);

/**
 * Does what needs a hash of ours. Where another program has put something else in its place, that counts as absent and is
 * deleted: otherwise every command on it fails until a person does so.
 */
export async function asHash<Answer>(redis: Redis, key: string, use: () => Promise<Answer>): Promise<Answer> {
  try {
    return await use();
  } catch (error) {
    const isCleared = String(error).includes('WRONGTYPE') && (await CLEAR.run(redis, key, [])) === 1;
    if (!isCleared) throw error;
    return use();
  }
}
