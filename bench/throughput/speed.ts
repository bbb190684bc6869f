import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { openProducer } from '../../src/app.ts';
import { loadConfig } from '../../src/config/load.ts';
import { startEmbeddedRedis } from '../../src/redis/embedded.ts';
import { SimulatorControl } from '../../src/simulator/controlClient.ts';
import { STEADY } from '../../src/simulator/search/unsteady.ts';
import { startNode } from '../../test/support/processes.ts';
import { serviceEnv } from '../../test/support/service.ts';
import { mintToken } from '../../test/support/simulator.ts';
import { waitFor } from '../../test/support/waitFor.ts';
import { cpuOf } from './cpu.ts';

export interface Speed {
  pagesPerSecond: number;
  cpuMsPerPage: number;
}

export const PAGES_A_SEARCH = 5;
const QUERY = 'phone case';
const LIMIT = 200;

/** The same pages, first in one way and then in the other, again and again, so that the machine's moods meet both. */
export async function compareSpeed(runs: number, searches: number, progress: (line: string) => void) {
  const redis = await startEmbeddedRedis({ path: process.env.PATH ?? '' });
  const simulator = startNode(['--import', 'tsx', 'src/main.ts', 'simulate', '--port', '0', '--json']);
  const children: ChildProcess[] = [];
  try {
    const [, url = ''] = await simulator.waitForLine(/"url":"([^"]+)"/);
    await new SimulatorControl(url).configure({ unsteady: STEADY });
    const env = serviceEnv(redis.url, url, {
      MIN_API_CALL_INTERVAL: '0',
      DAILY_CALL_LIMIT: '1000000',
      LOG_LEVEL: 'error',
    });
    await new SimulatorControl(url).quota({ limit: 1_000_000 });
    const token = await mintToken(url);
    const ours = start('ours.ts', [], env);
    const handwritten = start('handwritten.ts', [redis.url, url, token], {});
    children.push(ours, handwritten);
    await Promise.all(children.map((child) => once(child, 'message')));

    const figures: { ours: Speed[]; handwritten: Speed[] } = { ours: [], handwritten: [] };
    for (let run = 0; run <= runs; run++) {
      const one = await timed(ours, searches, () => collectOurs(env, searches, run));
      const other = await timed(handwritten, searches, () => collectByHand(redis.url, searches, run));
      progress(`run ${run} of ${runs}`);
      // The first one warms up catalogue, connections and compilers.
      if (run === 0) continue;
      figures.ours.push(one);
      figures.handwritten.push(other);
    }
    return figures;
  } finally {
    for (const child of children) child.kill('SIGKILL');
    await simulator.stop();
    await redis.stop();
  }
}

function start(file: string, args: string[], env: Record<string, string>): ChildProcess {
  return fork(join(import.meta.dirname, file), args, {
    env: { PATH: process.env.PATH, ...env },
    execArgv: ['--import', 'tsx'],
  });
}

async function timed(child: ChildProcess, searches: number, collect: () => Promise<void>): Promise<Speed> {
  const pages = searches * PAGES_A_SEARCH;
  const cpuBefore = await cpuOf(child);
  const startedAt = performance.now();
  await collect();
  const seconds = (performance.now() - startedAt) / 1000;
  return { pagesPerSecond: pages / seconds, cpuMsPerPage: ((await cpuOf(child)) - cpuBefore) / pages };
}

async function collectOurs(env: Record<string, string>, searches: number, run: number): Promise<void> {
  const producer = openProducer(loadConfig({ env, files: [] }));
  await producer.ready();
  const requests = Array.from({ length: searches }, (_, index) => ({
    query: QUERY,
    maxItems: PAGES_A_SEARCH * LIMIT,
    // Identical searches would be collected once.
    filters: { price: { max: String(1_000_000 + run * searches + index), currency: 'USD' } },
  }));
  const added = await producer.enqueueMany(requests);
  const last = added.map(({ searchId }) => searchId);
  for (const searchId of last) await producer.waitFor(searchId);
  await producer.close();
}

async function collectByHand(redisUrl: string, searches: number, run: number): Promise<void> {
  const connection = new Redis(redisUrl);
  const queue = new Queue('handwritten', { connection });
  const before = await queue.getCompletedCount();
  const jobs = Array.from({ length: searches * PAGES_A_SEARCH }, (_, index) => ({
    name: 'page',
    data: {
      search: `${run}-${Math.floor(index / PAGES_A_SEARCH)}`,
      q: QUERY,
      offset: (index % PAGES_A_SEARCH) * LIMIT,
      limit: LIMIT,
    },
  }));
  await queue.addBulk(jobs);
  await waitFor('all pages', async () => (await queue.getCompletedCount()) >= before + jobs.length, 120_000);
  await queue.close();
  connection.disconnect();
}
