import { setTimeout as sleep } from 'node:timers/promises';
import { openProducer } from '../../src/app/producer.ts';
import { startWorkerApp } from '../../src/app/worker.ts';
import { quietLog } from '../../src/cli/commandSetup.ts';
import { loadConfig } from '../../src/config/load.ts';
import { openQueues } from '../../src/queue/bullmq/openQueues.ts';
import { jobDefaults } from '../../src/queue/search/retryPolicy.ts';
import { WatchLooks } from '../../src/queue/watch/watchlists/watchLooks.ts';
import type { WatchedEntry } from '../../src/queue/watch/watchlists/watchlists.ts';
import { hash } from '../../src/simulator/random.ts';
import { STEADY } from '../../src/simulator/search/search.ts';
import { type Simulator, startSimulator } from '../../src/simulator/simulator.ts';
import { isQuiet } from '../../test/support/isQuiet.ts';
import { connectTo, startTestRedis } from '../../test/support/redis.ts';
import { serviceEnv } from '../../test/support/service.ts';
import type { Options, Row } from './index.ts';

export const NAME = 'watchlists';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Time between two looks in the market. */
const BETWEEN_MS = 6 * HOUR_MS;
const LOOKS_A_DAY = DAY_MS / BETWEEN_MS;
/** eBay's calls a day of one keyset. */
const DAILY_CALLS = 5000;

interface Scenario {
  name: string;
  sellers: number;
  /** Listings of each seller in the category when the market begins, on average. */
  fitting: number;
  /** By which part of it a seller has more or fewer at most. */
  spread: number;
  watched: number;
  /** Looks that are measured. */
  count: number;
}

/**
 * Calls for a look at every listing of a watchlist. Worker, Redis and simulator are real, all calls are from the simulator's log.
 * The market's time is set: a tenth of all listings change a day, in price, stock, by selling out, ending and coming back. After
 * each look what the service says of each listing is compared with the market.
 */
export async function run({ seed, quick }: Options): Promise<Row[]> {
  const small = {
    name: '1,000 listings of 50 sellers',
    sellers: 50,
    fitting: 400,
    spread: 0,
    watched: 1000,
    count: 3,
  };
  const large = {
    name: '20,000 listings of 400 sellers',
    sellers: 400,
    fitting: 400,
    spread: 0.5,
    watched: 20_000,
    count: 1,
  };
  const rows = await measure(small, seed, (calls) => ({
    value: calls,
    required: '≤ 120',
    met: calls <= 120,
  }));
  if (quick) return rows;
  const uneven = { ...small, name: '1,000 listings of 50 sellers of 200 to 600', spread: 0.5, count: 1 };
  rows.push(...(await measure(uneven, seed, (calls) => ({ value: calls, required: '', met: null }))));
  const perDay = (calls: number) => {
    const looks = DAILY_CALLS / calls;
    return { value: Number(looks.toFixed(2)), required: '≥ 4', met: looks >= 4 };
  };
  return [...rows, ...(await measure(large, seed, perDay))];
}

async function measure(
  { name, sellers, fitting, spread, watched, count }: Scenario,
  seed: number,
  judge: (calls: number) => Pick<Row, 'value' | 'required' | 'met'>,
): Promise<Row[]> {
  let now = Date.now() - 3 * DAY_MS;
  const shops = Array.from({ length: sellers }, (_, index) => ({
    listings: Math.round(fitting * (1 + spread * ((hash(seed, 'size', index) % 2001) / 1000 - 1))),
  }));
  const simulator = await startSimulator({
    catalogueScale: 0,
    unsteady: STEADY,
    market: { seed, clock: () => now, start: now, shops },
  });
  simulator.controls.quota({ limit: 1_000_000 });
  const server = await startTestRedis();
  const env = serviceEnv(server.url, simulator.url, {
    MIN_API_CALL_INTERVAL: '0',
    DAILY_CALL_LIMIT: '1000000',
    // Looks begin here.
    PLAN_INTERVAL: '86400',
    RESULTS_TTL: '120',
    LOG_LEVEL: 'error',
  });
  const config = loadConfig({ env, files: [] });
  const log = quietLog();
  const worker = await startWorkerApp(config, log as never);
  const producer = openProducer(config, { log });
  const redis = connectTo(server.url);
  const { searches, close } = openQueues(redis, '{ebay}', 'default');
  const place = { searches, redis, prefix: '{ebay}', tenant: 'default', rules: jobDefaults(config) };
  const looks = new WatchLooks({ ...place, watch: { ttlMs: 30 * DAY_MS, dayMs: DAY_MS } });
  const calls = () => simulator.controls.log().filter(({ kind }) => kind !== 'token');
  let number = Math.floor(Date.now() / 1000);
  const look = async (units: string[]) => {
    const at = Date.now();
    simulator.controls.clearLog();
    number += 1;
    for (const unit of units) await looks.begin({ unit, number, at });
    while (!(await isQuiet(searches))) await sleep(50);
    return calls();
  };
  try {
    await producer.ready();
    const before = await memoryOf(redis);
    await producer.watchlists.import('bench', { entries: chosen(simulator, sellers, watched, seed) });
    // As the planner does: what was never looked at, and listings of unknown sellers once all searches are measured.
    const known = new Set<string>();
    let first = 0;
    for (;;) {
      const units = (await looks.units()).map(({ id }) => id);
      const due = units.filter((id) => !known.has(id) || id.endsWith('znew'));
      if (due.length === 0) break;
      first += (await look(due)).length;
      for (const id of units) known.add(id);
    }
    const units = async () => (await looks.units()).map(({ id }) => id);
    const perLook: number[] = [];
    let [items, wrong] = [0, 0];
    for (let n = 0; n < count; n += 1) {
      now += BETWEEN_MS;
      const made = await look(await units());
      perLook.push(made.length);
      items += made.filter(({ kind }) => kind !== 'search').length;
      wrong += await differences(simulator, producer.watchlists);
    }
    const report = await producer.watchlists.get('bench');
    // What has ended or is sold out is asked for again once a day: later than the looks here.
    const away = report.counts.ended + report.counts['out-of-stock'];
    const usual = perLook.reduce((sum, each) => sum + each, 0) / count;
    const again = away / LOOKS_A_DAY;
    const mean = usual + again;
    const note = (text: string, value: number | string): Row => ({
      name: `${name}: ${text}`,
      value,
      required: '',
      met: null,
    });
    const total = shops.reduce((sum, { listings }) => sum + listings, 0);
    const bytes = (await memoryOf(redis)) - before;
    return [
      note('listings that fit, all sellers', total),
      note('looks at the market, hours apart', `${count}, ${BETWEEN_MS / HOUR_MS}`),
      note('calls until every listing was seen first', first),
      note('searches', report.groups.searches),
      note('calls of each look', perLook.join(', ')),
      note('of these for single items, mean', Math.round(items / count)),
      note('calls a look for what is away, once a day: computed', Number(again.toFixed(1))),
      note('calls one by one', watched),
      note('memory of the list in Redis, MB', Number((bytes / 1e6).toFixed(1))),
      {
        name: `${name}: states that differ from the market after a look`,
        value: wrong,
        required: '0',
        met: wrong === 0,
      },
      {
        name: `${name}: ${watched > 1000 ? 'looks a day with 5,000 calls' : 'calls of a full look'}`,
        ...judge(mean),
      },
    ];
  } finally {
    await close();
    redis.disconnect();
    await producer.close();
    await worker.stop();
    await simulator.close();
    await server.stop();
  }
}

/** As many of each seller. */
function chosen(simulator: Simulator, sellers: number, watched: number, seed: number): string[] {
  const each = watched / sellers;
  return Array.from({ length: sellers }, (_, index) => {
    const all = simulator.controls.market.listings(`seller_${4000 + index}`);
    return all
      .map(({ legacyId }) => ({ legacyId, order: hash(seed, 'watched', legacyId) }))
      .sort((one, other) => one.order - other.order)
      .slice(0, each)
      .map(({ legacyId }) => legacyId);
  }).flat();
}

/** Listings of which the service says anything else than the market. */
async function differences(
  simulator: Simulator,
  watchlists: ReturnType<typeof openProducer>['watchlists'],
): Promise<number> {
  const { market } = simulator.controls;
  const live = new Set(market.listings().map(({ legacyId }) => legacyId));
  const last = new Map(market.trace().map(({ legacyId, kind }) => [legacyId, kind]));
  const truth = (item: string) => {
    if (live.has(item)) return 'in-stock';
    return last.get(item) === 'ended' ? 'ended' : 'out-of-stock';
  };
  let wrong = 0;
  for (let after: string | undefined = ''; after !== undefined; ) {
    const page: { entries: WatchedEntry[]; next: string | null } = await watchlists.entries('bench', {
      after,
      limit: 1000,
    });
    wrong += page.entries.filter(({ item, state }) => state !== truth(item)).length;
    after = page.next ?? undefined;
  }
  return wrong;
}

/** Bytes of the keys of watchlists. */
async function memoryOf(redis: ReturnType<typeof connectTo>): Promise<number> {
  let bytes = 0;
  for (const key of await redis.keys('{ebay}:watch*'))
    bytes += ((await redis.call('MEMORY', 'USAGE', key, 'SAMPLES', '0')) as number | null) ?? 0;
  return bytes;
}
