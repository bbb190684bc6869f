// Types alone: the library is loaded without ioredis, until it connects.
import type { Cluster, Redis } from 'ioredis';

/** The servers behind a connection: of a Cluster every master, else the one. */
export function nodesOf(redis: Redis): Redis[] {
  return redis.isCluster ? (redis as unknown as Cluster).nodes('master') : [redis];
}

/** Keys that Redis looks at in one command: some tenths of a millisecond, so that it serves others meanwhile. */
const PER_SCAN = 1000;

/** The names of the hashes that begin so, each once; of a Cluster those of every master. */
export async function hashesBeginning(redis: Redis, start: string, signal?: AbortSignal): Promise<string[]> {
  const found = new Set<string>();
  for await (const keys of keysBeginning(redis, start, { signal, type: 'hash' }))
    for (const key of keys) found.add(key);
  return [...found].sort();
}

/** The names of the keys that begin so, some hundred at a time; one may come twice. */
export async function* keysBeginning(
  redis: Redis,
  start: string,
  { signal, type }: { signal?: AbortSignal | undefined; type?: string } = {},
): AsyncGenerator<string[]> {
  const pattern = `${start.replace(/[\\*?[\]]/g, '\\$&')}*`;
  const options = ['MATCH', pattern, 'COUNT', PER_SCAN, ...(type === undefined ? [] : ['TYPE', type])];
  for (const node of nodesOf(redis)) {
    let cursor = '0';
    do {
      signal?.throwIfAborted();
      const [next, keys] = (await node.call('SCAN', cursor, ...options)) as [string, string[]];
      if (keys.length > 0) yield keys;
      cursor = next;
    } while (cursor !== '0');
  }
}
