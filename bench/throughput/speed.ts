import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { openProducer } from '../../src/app/producer.ts';
import { loadConfig } from '../../src/config/load.ts';
import { startEmbeddedRedis } from '../../src/redis/embedded.ts';
import { STEADY } from '../../src/simulator/search/search.ts';
import { startNode } from '../../test/support/processes.ts';
import { serviceEnv } from '../../test/support/service.ts';
import { mintToken } from '../../test/support/simulator.ts';
import { SimulatorControl } from '../../test/support/simulatorControl.ts';
import { waitFor } from '../../test/support/waitFor.ts';
import { cpuOf } from './cpu.ts';

export interface Speed {
  pagesPerSecond: number;
  cpuMsPerPage: number;
}

export const PAGES_A_SEARCH = 5;
const QUERY = 'yoga mat';
const LIMIT = 200;

export interface Bench {
  redisUrl: string;
  env: Record<string, string>;
  /** One more run of each kind. */
  measure(searches: number): Promise<{ ours: Speed; handwritten: Speed }>;
}

/** Redis, a simulator without latency, and a worker of each kind, for as long as `use` takes. */
export async function withBothWorkers<T>(
  use: (bench: Bench) => Promise<T>,
  /** A folder for a CPU profile of each worker. */
  profile?: string,
): Promise<T> {
  const redis = await startEmbeddedRedis();
  const simulator = startNode(['dist/main.js', 'simulate', '--port', '0', '--json']);
  const children: ChildProcess[] = [];
  let runs = 0;
  try {
    const [, url = ''] = await simulator.waitForLine(/"url":"([^"]+)"/);
    const control = new SimulatorControl(url);
    await control.configure({ unsteady: STEADY });
    await control.quota({ limit: 10_000_000 });
    const env = serviceEnv(redis.url, url, FAST);
    const ours = start('ours.js', [], env, profile);
    const handwritten = start('handwritten.js', [redis.url, url, await mintToken(url)], {}, profile);
    children.push(ours, handwritten);
    await Promise.all(children.map((child) => once(child, 'message')));
    return await use({
      redisUrl: redis.url,
      env,
      async measure(searches) {
        runs += 1;
        return {
          ours: await timed(ours, searches, () => collectOurs(env, searches, runs)),
          handwritten: await timed(handwritten, searches, () => collectByHand(redis.url, searches, runs)),
        };
      },
    });
  } finally {
    if (profile !== undefined) await Promise.all(children.map(ended));
    for (const child of children) child.kill('SIGKILL');
    await simulator.stop();
    await redis.stop();
  }
}

/** No pace, and no limit or guard that a backlog of this size would meet. */
export const FAST = {
  MIN_API_CALL_INTERVAL: '0',
  DAILY_CALL_LIMIT: '1000000',
  BACKFILL_SHARE: '0.001',
  BACKLOG_LIMIT: '1000000',
  RETAINED_SEARCHES: '1000000',
  LOG_LEVEL: 'error',
};

function start(
  file: string,
  args: string[],
  env: Record<string, string>,
  profile: string | undefined,
): ChildProcess {
  const name = `--cpu-prof-name=${file.replace('.js', '.cpuprofile')}`;
  return fork(join(import.meta.dirname, file), args, {
    env: { PATH: process.env.PATH, ...env },
    execArgv: profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`, name],
  });
}

/** Lets a worker end by itself: a killed one writes no profile. */
async function ended(child: ChildProcess): Promise<void> {
  if (!child.connected) return;
  const exit = once(child, 'exit');
  child.disconnect();
  await exit;
}

export async function timed(
  child: ChildProcess,
  searches: number,
  collect: () => Promise<void>,
): Promise<Speed> {
  const pages = searches * PAGES_A_SEARCH;
  const cpuBefore = await cpuOf(child);
  const startedAt = performance.now();
  await collect();
  const seconds = (performance.now() - startedAt) / 1000;
  return { pagesPerSecond: pages / seconds, cpuMsPerPage: ((await cpuOf(child)) - cpuBefore) / pages };
}

export async function collectOurs(env: Record<string, string>, searches: number, run: number): Promise<void> {
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
  const pages = Array.from({ length: searches * PAGES_A_SEARCH }, (_, index) => ({
    search: Math.floor(index / PAGES_A_SEARCH),
    offset: (index % PAGES_A_SEARCH) * LIMIT,
  }));
  const jobs = pages.map(({ search, offset }) => ({
    name: 'page',
    data: {
      search: `${run}-${search}`,
      // What ours asks for, so that the answers are as large.
      params: {
        q: QUERY,
        filter: `price:[..${5_000_000 + run * searches + search}],priceCurrency:USD`,
        fieldgroups: 'EXTENDED',
        offset,
        limit: LIMIT,
      },
    },
  }));
  await queue.addBulk(jobs);
  await waitFor('all pages', async () => (await queue.getCompletedCount()) >= before + jobs.length, 120_000);
  await queue.close();
  connection.disconnect();
}
