import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { HostileProducer, SHAPES } from '../../test/support/hostile.ts';

/** What a hostile program has done. */
export interface Attacks {
  /** Attacks by their name. */
  byShape: Record<string, number>;
}

const LONGEST_LISTING = 5;

/** A program that attacks searches under way with plain BullMQ, each time with another shape, in a random order. */
export function startHostile(redisUrl: string, searchIds: readonly string[], everyMs: number) {
  const redis = new Redis(redisUrl);
  const by = new HostileProducer(redis, new Redis(redisUrl, { maxRetriesPerRequest: null }));
  const byShape: Attacks['byShape'] = {};
  const stopping = new AbortController();
  const attack = async (name: string) => {
    const searchId = searchIds[Math.floor(Math.random() * searchIds.length)] as string;
    const job = await by.searches.getJob(searchId);
    if (job === undefined || job.finishedOn !== undefined) return;
    const nextPage = 2 + Math.floor(Math.random() * (LONGEST_LISTING - 1));
    byShape[name] = (byShape[name] ?? 0) + 1;
    await SHAPES[name]?.attack(by, { searchId, timestamp: job.timestamp, nextPage });
  };
  const run = async () => {
    while (!stopping.signal.aborted)
      for (const name of Object.keys(SHAPES).toSorted(() => Math.random() - 0.5)) {
        // BullMQ refuses some, and Redis some while a key is not what it should be.
        await attack(name).catch(() => undefined);
        await sleep(everyMs * 2 * Math.random(), undefined, { signal: stopping.signal }).catch(
          () => undefined,
        );
        if (stopping.signal.aborted) return;
      }
  };
  const running = run();
  return {
    async stop(): Promise<Attacks> {
      stopping.abort();
      await running;
      await by.close();
      redis.disconnect();
      return { byShape };
    },
  };
}
