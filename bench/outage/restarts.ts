import { setTimeout as sleep } from 'node:timers/promises';
import type { SearchProducer } from '../../src/queue/producer.ts';
import type { Simulator } from '../../src/simulator/simulator.ts';
import { waitFor } from '../../test/support/waitFor.ts';
import { median } from '../figures.ts';
import { startLoad } from './load.ts';
import type { RedisProcess } from './redisProcess.ts';

export interface Restarts {
  kills: number;
  acknowledged: number;
  /** Enqueues that were refused, each within `slowestEnqueueMs`. */
  refused: number;
  slowestEnqueueMs: number;
  /** Acknowledged searches that cannot be found or did not end `complete`. */
  lost: number;
  resumeMedianMs: number;
  resumeMaxMs: number;
}

/** How long Redis stays away, ms, in turns. */
const AWAY = [500, 1000, 2000, 6000, 12_000];

/** Redis is killed and comes back under load; a resume is from its first answer to the next call at eBay. */
export async function restarts(
  kills: number,
  redis: RedisProcess,
  simulator: Simulator,
  producer: SearchProducer,
  progress: (line: string) => void,
): Promise<Restarts> {
  const load = startLoad(producer);
  const calls = () => simulator.controls.log({ kind: 'search' }).length;
  const resumes: number[] = [];
  for (let kill = 0; kill < kills; kill++) {
    await sleep(1500);
    await redis.kill();
    await sleep(AWAY[kill % AWAY.length]);
    await redis.start();
    const backAt = performance.now();
    const before = calls();
    await waitFor('the next call', () => calls() > before, 60_000);
    resumes.push(performance.now() - backAt);
    progress(`${kill + 1} of ${kills} restarts`);
  }
  const { ids, refused, slowestMs } = await load.stop();
  const reports = await Promise.all(
    ids.map((id) => producer.waitFor(id, { timeoutMs: 120_000 }).catch(() => null)),
  );
  return {
    kills,
    acknowledged: ids.length,
    refused,
    slowestEnqueueMs: Math.round(slowestMs),
    lost: reports.filter((report) => report?.summary?.outcome !== 'complete').length,
    resumeMedianMs: Math.round(median(resumes)),
    resumeMaxMs: Math.round(Math.max(0, ...resumes)),
  };
}
