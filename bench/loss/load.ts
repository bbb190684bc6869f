import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { Failure } from '../../src/failures.ts';
import type { SearchProducer } from '../../src/queue/producer.ts';
import type { SearchReport } from '../../src/queue/searchReader.ts';
import type { Simulator } from '../../src/simulator/simulator.ts';
import { get, mintToken, SEARCH } from '../../test/support/simulator.ts';
import { randomOf } from './random.ts';

const PAGE = 200;
const MOST_PAGES = 3;
const QUERY = 'phone case';
/** A query that no listing of the catalogue has. */
const NOTHING = 'zyzzyva quokka';

/** Searches of a tenant that wait at most: less than a day's calls. */
const MOST_WAITING = 40;
const EVERY_MS = 250;

interface Acknowledged {
  tenant: string;
  id: string;
  /** Pages wanted; 0: nothing can be found. */
  pages: number;
}

/** An acknowledged search, as it ended. */
export interface Ended {
  id: string;
  end: 'right' | 'wrong' | 'not found' | 'no end';
  /** Of a wrong one. */
  what?: string | undefined;
}

export type Load = Awaited<ReturnType<typeof startLoad>>;

/** Searches for every tenant, four a second, and what the catalogue says that each must find. */
export async function startLoad(
  producers: ReadonlyMap<string, SearchProducer>,
  simulator: Simulator,
  seed: number,
) {
  const listed = await listing(simulator);
  const random = randomOf(seed + 1000);
  const all: Acknowledged[] = [];
  const ends = new Map<string, Ended['end']>();
  const waiting = new Map([...producers.keys()].map((tenant) => [tenant, 0]));
  const watches: Array<Promise<void>> = [];
  const wrong = new Map<string, string>();
  const gone = new Set<string>();
  let refused = 0;
  let stopped = false;
  let abandoned = false;

  const judge = async (search: Acknowledged, report: SearchReport): Promise<boolean> => {
    const { summary } = report;
    wrong.set(search.id, JSON.stringify({ wanted: search.pages, ...report }));
    if (search.pages === 0) return summary?.outcome === 'none-found';
    if (summary?.outcome !== 'complete') return false;
    const products = (await (producers.get(search.tenant) as SearchProducer).products(search.id)).map(
      ({ itemId }) => itemId,
    );
    wrong.set(search.id, `${wrong.get(search.id)}: ${products.length} products`);
    return products.join() === listed.slice(0, search.pages * PAGE).join();
  };
  const watch = async (search: Acknowledged) => {
    const producer = producers.get(search.tenant) as SearchProducer;
    for (;;)
      try {
        const report = await producer.waitFor(search.id, { timeoutMs: 240_000 });
        ends.set(search.id, (await judge(search, report)) ? 'right' : 'wrong');
        break;
      } catch (error) {
        const code = error instanceof Failure ? error.code : '';
        if (code === 'redis-unavailable' && !abandoned) {
          await sleep(EVERY_MS);
          continue;
        }
        ends.set(search.id, code === 'search_not_found' ? 'not found' : 'no end');
        break;
      }
    waiting.set(search.tenant, (waiting.get(search.tenant) ?? 0) - 1);
  };
  const add = async (tenant: string) => {
    const pages = Math.floor(random() * (MOST_PAGES + 1));
    // A price limit of its own that excludes nothing: the same search is not collected twice.
    const filters = { price: { max: String(1_000_000 + all.length), currency: 'USD' as const } };
    const request = { query: pages === 0 ? NOTHING : QUERY, maxItems: Math.max(pages, 1) * PAGE, filters };
    try {
      const { searchId: id } = await (producers.get(tenant) as SearchProducer).enqueue(request);
      const search = { tenant, id, pages };
      all.push(search);
      waiting.set(tenant, (waiting.get(tenant) ?? 0) + 1);
      watches.push(watch(search));
    } catch {
      refused += 1;
    }
  };
  const running = (async () => {
    while (!stopped) {
      for (const [tenant, count] of waiting) if (count < MOST_WAITING) void add(tenant);
      await sleep(EVERY_MS);
    }
  })();
  return {
    get refused() {
      return refused;
    },
    stop() {
      stopped = true;
    },
    /** The searches are no longer waited for. */
    abandon() {
      stopped = abandoned = true;
    },
    /** Acknowledged searches that Redis does not hold; without those of earlier losses. */
    async missingIn(redis: Redis): Promise<string[]> {
      const missing = (await absent(redis, all)).filter((id) => !gone.has(id));
      for (const id of missing) gone.add(id);
      return missing;
    },
    /** Lines of a worker's log in which a search ends otherwise than the catalogue says. */
    wrongEndsIn(log: string): string[] {
      const wanted = new Map(all.map(({ id, pages }) => [id, pages === 0 ? 'none-found' : 'complete']));
      return log.split('\n').filter((line) => {
        if (!line.includes('"search ended"')) return false;
        const { searchId, outcome } = JSON.parse(line) as { searchId: string; outcome: string };
        return wanted.has(searchId) && wanted.get(searchId) !== outcome;
      });
    },
    /** Resolves when all searches have ended or are gone. One that ended may be lost later. */
    async ends(redis: () => Redis): Promise<Ended[]> {
      await running;
      await Promise.all(watches);
      const lost = new Set(await absent(redis(), all));
      return all.map(({ id }) => {
        const end = ends.get(id) ?? 'no end';
        if (end === 'wrong') return { id, end, what: wrong.get(id) };
        return { id, end: lost.has(id) ? ('not found' as const) : end };
      });
    },
  };
}

/** Ids of the searches that have no job. */
async function absent(redis: Redis, searches: readonly Acknowledged[]): Promise<string[]> {
  const pipeline = redis.pipeline();
  for (const { tenant, id } of searches)
    pipeline.exists(`{ebay}:ebay-search${tenant === 'default' ? '' : `-${tenant}`}:${id}`);
  const replies = (await pipeline.exec()) ?? [];
  return searches.flatMap(({ id }, index) => (replies[index]?.[1] === 0 ? [id] : []));
}

/** Item ids as the simulator lists them, by a keyset of its own. */
async function listing(simulator: Simulator): Promise<string[]> {
  const credential = { clientId: 'checker-App-SBX-1', clientSecret: 'SBX-secret-of-checker' };
  simulator.controls.setCredential(credential);
  const token = await mintToken(simulator.url, credential);
  const pages: string[][] = [];
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const path = `${SEARCH}?q=${encodeURIComponent(QUERY)}&limit=${PAGE}&offset=${page * PAGE}`;
    const answer = await get(simulator.url, path, token, { 'x-ebay-c-marketplace-id': 'EBAY_US' });
    const { itemSummaries } = (await answer.json()) as { itemSummaries: Array<{ itemId: string }> };
    pages.push(itemSummaries.map(({ itemId }) => itemId));
  }
  return pages.flat();
}
