import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { openProducer } from '../../src/app/producer.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { SearchProducer } from '../../src/queue/producer.ts';
import { startEmbeddedRedis } from '../../src/redis/embedded.ts';
import { STEADY } from '../../src/simulator/search/search.ts';
import { startSimulator } from '../../src/simulator/simulator.ts';
import { LogRoot } from '../../src/telemetry/logRoot.ts';
import { allEvents } from '../../test/support/events.ts';
import { serviceEnv } from '../../test/support/service.ts';
import { BARRIERS, type Evidence } from './evidence.ts';
import { Fleet } from './fleet.ts';
import { startHostile } from './hostile.ts';
import { readTurns } from './turns.ts';

export interface ChaosOptions {
  workers: number;
  searches: number;
  kills: number;
  /** Between two kills, ms. */
  everyMs: number;
  /** Attacks a second of a hostile program beside it; 0: none. */
  hostile?: number;
  /** Settings of the workers; all durations scaled alike. */
  env: Record<string, string>;
  progress?: (line: string) => void;
}

const PAGE = 200;

/** Kills workers under load until all kills are done and every search has ended, and returns what there is to judge. */
export async function runChaos(options: ChaosOptions): Promise<Evidence> {
  const { workers, searches, kills, everyMs, progress = () => undefined } = options;
  const folder = await mkdtemp(join(tmpdir(), 'dpf-chaos-'));
  const redis = await startEmbeddedRedis();
  const simulator = await startSimulator({ catalogueScale: 0.1, unsteady: STEADY, latencyMs: [20, 80] });
  const env = serviceEnv(redis.url, simulator.url, { LOG_LEVEL: 'error', ...options.env });
  const fleet = new Fleet({ size: workers, env, folder });
  const producer = openProducer(loadConfig({ env, files: [] }), {
    log: new LogRoot({ level: 'error', levels: '', format: 'json' }),
  });
  try {
    await producer.ready();
    await fleet.start();
    const wanted = plan(searches);
    const added = await producer.enqueueMany(wanted.map(({ request }) => request));
    const everyAttackMs = 1000 / (options.hostile ?? 0);
    const ids = added.map(({ searchId }) => searchId);
    const hostile = options.hostile ? startHostile(redis.url, ids, everyAttackMs) : undefined;
    let due = Date.now();
    for (let kill = 1; kill <= kills; kill++) {
      const barrier = BARRIERS[Math.floor(kill / 2) % BARRIERS.length] ?? 'before call';
      await (kill % 2 === 0 ? fleet.killAny() : fleet.killAt(barrier, everyMs * 4));
      progress(`${kill} of ${kills} kills`);
      // A barrier may have been waited for.
      due = Math.max(due + everyMs, Date.now());
      await sleep(due - Date.now());
    }
    const attacks = (await hostile?.stop())?.byShape ?? {};
    const ended: Evidence['searches'] = [];
    const idOf = new Map<string, string>();
    // One after the other: unpacking every result at once would keep this process from Redis for seconds.
    for (const [index, { searchId }] of added.entries()) {
      const { mark, pages } = wanted[index] as Wanted;
      idOf.set(mark, searchId);
      ended.push({ searchId, pages, items: pages * PAGE, ...(await endOf(producer, searchId)) });
    }
    const lives = await fleet.stop();
    const calls = simulator.controls.log({ kind: 'search' }).flatMap(({ time, query }) => {
      const searchId = idOf.get(/price:\[\.\.(\d+)/.exec(query.filter ?? '')?.[1] ?? '');
      // The hostile program's own searches have no such limit.
      if (searchId === undefined && hostile !== undefined) return [];
      return [{ at: time, page: `${searchId} ${Number(query.offset ?? 0) / PAGE + 1}` }];
    });
    return { searches: ended, calls, lives, attacks, ...(await recorded(redis.url, hostile === undefined)) };
  } finally {
    fleet.abandon();
    await producer.close();
    await simulator.close();
    await redis.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

interface Wanted {
  /** The search's own price limit, by which its calls are known. */
  mark: string;
  pages: number;
  request: Parameters<SearchProducer['enqueue']>[0];
}

/** Searches of 1 to 5 pages, each with a price limit of its own that excludes nothing. */
function plan(count: number): Wanted[] {
  return Array.from({ length: count }, (_, index) => {
    const pages = (index % 5) + 1;
    const max = String(1_000_000 + index);
    const request = {
      query: 'phone case',
      maxItems: pages * PAGE,
      filters: { price: { max, currency: 'USD' } },
    };
    return { mark: max, pages, request };
  });
}

/** What Redis has noted down by itself. */
async function recorded(redisUrl: string, withTurns: boolean): Promise<Pick<Evidence, 'turns' | 'events'>> {
  const redis = new Redis(redisUrl);
  try {
    const events = await allEvents(redis);
    return {
      // Beside a hostile program other jobs have the ids of pages, and more happens than BullMQ keeps.
      turns: withTurns ? await readTurns(redis) : [],
      events: events.map(({ id, type, searchId }) => ({ id, type, searchId })),
    };
  } finally {
    redis.disconnect();
  }
}

async function endOf(producer: SearchProducer, searchId: string) {
  const report = await producer.waitFor(searchId, { timeoutMs: 600_000 }).catch(() => null);
  const products = report === null ? [] : await producer.products(searchId);
  return { report, products: products.map(({ itemId }) => itemId) };
}
