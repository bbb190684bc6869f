import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';

/** A script that is sent by its hash, and in full only to a Redis that does not have it yet. */
export class LuaScript {
  readonly #lua: string;
  readonly #sha: string;

  constructor(lua: string) {
    this.#lua = lua;
    this.#sha = createHash('sha1').update(lua).digest('hex');
  }

  async run(redis: Redis, keys: string | string[], args: (string | number | Buffer)[]): Promise<unknown> {
    const all = [keys].flat();
    try {
      return await redis.evalsha(this.#sha, all.length, ...all, ...args);
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
      return redis.eval(this.#lua, all.length, ...all, ...args);
    }
  }

  /** Always in full: it runs before every command that this connection sends after it, also in a Redis without it. */
  runInOrder(redis: Redis, key: string, args: (string | number | Buffer)[]): Promise<unknown> {
    return redis.eval(this.#lua, 1, key, ...args);
  }
}

/** An object from alternating fields and values, as a script or `XINFO` returns them. */
export function pairs(flat: string[]): Record<string, string> {
  const fields: Record<string, string> = {};
  for (let i = 0; i < flat.length; i += 2) fields[flat[i] as string] = flat[i + 1] as string;
  return fields;
}
