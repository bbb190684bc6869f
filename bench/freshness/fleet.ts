import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { openProducer } from '../../src/app/producer.ts';
import { quietLog } from '../../src/cli/commandSetup.ts';
import { loadConfig } from '../../src/config/load.ts';
import { STEADY } from '../../src/simulator/search/search.ts';
import { startSimulator } from '../../src/simulator/simulator.ts';
import { startDpf } from '../../test/support/processes.ts';
import { startTestRedis } from '../../test/support/redis.ts';
import { serviceEnv } from '../../test/support/service.ts';
import { credentialOf, TenantFiles } from '../../test/support/tenants.ts';
import { median } from '../figures.ts';
import type { Options, Row } from './index.ts';
import { traceOf } from './traces.ts';

export const NAME = 'fleet';

/** Length of a simulated day: 1,440 times as fast as a real one. */
const DAY_MS = 60_000;
/** Time between two looks of even polling, s: six a simulated day, which is every four hours. */
const EVERY_S = 10;
/** The planner guarantees a look in that time, s: two a simulated day. */
const AT_LEAST_EVERY_S = 30;
/** A guaranteed look may be that late: jobs wait for their turn on a machine with other work. */
const GRACE_MS = 2000;
const TENANTS = ['auto', 'even'] as const;
type Tenant = (typeof TENANTS)[number];

/**
 * The whole service in scaled time: two worker processes, Redis, a simulator over HTTP. Two tenants watch the same searches of
 * the same market, each with a keyset of its own and as many calls a day: one with `auto` schedules, one with even polling.
 * The delay is from the market's true time of a new listing to Redis's time of its event in the stream.
 */
export async function run({ seed, quick }: Options): Promise<Row[]> {
  const searches = quick ? 60 : 120;
  const [warmDays, days] = quick ? [1, 1] : [2, 2];
  const dailyCalls = (searches * DAY_MS) / (EVERY_S * 1000);
  const trace = traceOf({ seed, searches, sigma: 1.5 }, Date.now);
  const redis = await startTestRedis();
  const simulator = await startSimulator({
    catalogueScale: 0,
    unsteady: STEADY,
    credentials: TENANTS.map(credentialOf),
    market: { seed, dayMs: DAY_MS, queries: trace.queries },
  });
  for (const tenant of TENANTS)
    simulator.controls.quota({ clientId: credentialOf(tenant).clientId, limit: 1_000_000 });
  const files = new TenantFiles(TENANTS);
  files.declare({ auto: {}, even: {} });
  const env = serviceEnv(redis.url, simulator.url, {
    ...files.env,
    EBAY_CLIENT_ID: '',
    EBAY_CLIENT_SECRET: '',
    TENANTS_FILE: files.tenantsFile,
    MIN_API_CALL_INTERVAL: '0.01',
    SCHEDULE_MIN_INTERVAL: '1',
    PLAN_DAY: String(DAY_MS / 1000),
    PLAN_DAILY_CALLS: String(dailyCalls),
    PLAN_INTERVAL: '0.1',
    EVENTS_KEPT: '1000000',
    RESULTS_TTL: '600',
    LOG_LEVEL: 'error',
    LOG_LEVELS: 'worker=info',
  });
  const config = loadConfig({ env, files: [] });
  const producers = TENANTS.map((tenant) => openProducer(config, { tenant, log: quietLog() }));
  const connection = new Redis(redis.url, { maxRetriesPerRequest: null });
  const workers = [startDpf(['worker'], env), startDpf(['worker'], env)];
  try {
    await Promise.all(workers.map((worker) => worker.waitForLine(/worker started/)));
    await Promise.all(producers.map((producer) => producer.ready()));
    const began = Date.now();
    for (const [index, { words }] of trace.queries.entries()) {
      const request = { query: words, sort: 'newlyListed', maxItems: 50, track: words } as const;
      // Spread over the period, so that even polling never has a queue of its own making.
      const start = new Date(began + EVERY_S * 1000 * (1 + index / searches)).toISOString();
      await producers[0]?.schedule.add({ name: words, auto: { atLeastEvery: AT_LEAST_EVERY_S }, request });
      await producers[1]?.schedule.add({ name: words, every: EVERY_S, start, request });
    }
    // From the beginning of a planner's day.
    const from = (Math.ceil((Date.now() + 2 * EVERY_S * 1000) / DAY_MS) + warmDays) * DAY_MS;
    const to = from + days * DAY_MS;
    await sleep(to + AT_LEAST_EVERY_S * 1000 + GRACE_MS - Date.now());

    const truth = simulator.controls.market
      .trace({ since: from })
      .filter(({ at, kind }) => kind === 'listed' && at < to);
    const seen = await Promise.all(
      TENANTS.map((tenant) => eventTimes(connection, `{ebay}:events:${tenant}`)),
    );
    const [auto, even] = seen.map((times) => delaysOf(truth, times)) as [Delays, Delays];
    const calls = (tenant: Tenant) => {
      const { clientId } = credentialOf(tenant);
      return simulator.controls.log({ kind: 'search' }).filter(({ credential }) => credential === clientId);
    };
    const ratio = auto.mean / even.mean;
    const late = lateLooks(calls('auto'), from - warmDays * DAY_MS, to);
    const perDay = Array.from({ length: days + warmDays }, (_, day) => {
      const since = from + (day - warmDays) * DAY_MS;
      return calls('auto').filter(({ time }) => time >= since && time < since + DAY_MS).length;
    });
    const beyond = perDay.reduce((sum, each) => sum + Math.max(0, each - dailyCalls), 0);
    const measured = (tenant: Tenant) =>
      calls(tenant).filter(({ time }) => time >= from && time < to).length / days;
    const minutes = (ms: number) => Number(((ms / DAY_MS) * 1440).toFixed(1));
    const note = (name: string, value: number | string): Row => ({ name, value, required: '', met: null });
    return [
      note('scale', `1 : ${86_400_000 / DAY_MS}, ${warmDays} days to learn, ${days} days measured`),
      note('schedules', searches),
      note('new listings', truth.length),
      note('mean delay with auto, minutes of the simulated day', minutes(auto.mean)),
      note('mean delay with even polling, minutes', minutes(even.mean)),
      note('median delay with auto and even, minutes', `${minutes(auto.median)}, ${minutes(even.median)}`),
      note('new listings that auto and even did not report', `${auto.missed}, ${even.missed}`),
      note('calls a day of auto and even', `${measured('auto')}, ${measured('even')}`),
      {
        name: 'mean delay with auto ÷ even polling',
        value: Number(ratio.toFixed(3)),
        required: '≤ 0.65',
        met: ratio <= 0.65,
      },
      { name: 'missed minimum rates', value: late, required: '0', met: late === 0 },
      { name: 'calls beyond the share of a day', value: beyond, required: '0', met: beyond === 0 },
    ];
  } finally {
    await Promise.all(workers.map((worker) => worker.stop()));
    await Promise.all(producers.map((producer) => producer.close()));
    connection.disconnect();
    await simulator.close();
    await redis.stop();
    files.remove();
  }
}

/** By listing number, when its first event came, ms since the epoch by Redis's clock. */
async function eventTimes(
  redis: { xrange(key: string, from: string, to: string): Promise<[string, string[]][]> },
  stream: string,
): Promise<Map<string, number>> {
  const times = new Map<string, number>();
  for (const [id, fields] of await redis.xrange(stream, '-', '+')) {
    const event = JSON.parse(fields[fields.indexOf('data') + 1] ?? '{}') as {
      type: string;
      product?: { itemId: string };
    };
    const legacyId = event.product?.itemId.split('|')[1];
    if (event.type === 'product.new' && legacyId !== undefined && !times.has(legacyId))
      times.set(legacyId, Number(id.split('-')[0]));
  }
  return times;
}

type Delays = ReturnType<typeof delaysOf>;

function delaysOf(
  truth: ReadonlyArray<{ at: number; legacyId: string }>,
  times: ReadonlyMap<string, number>,
) {
  const delays = truth.flatMap(({ at, legacyId }) => {
    const seen = times.get(legacyId);
    return seen === undefined ? [] : [seen - at];
  });
  const mean = delays.reduce((sum, each) => sum + each, 0) / delays.length;
  return { mean, median: median(delays), missed: truth.length - delays.length };
}

/** Gaps between two looks at a search that are longer than guaranteed. */
function lateLooks(
  calls: ReadonlyArray<{ time: number; query: Readonly<Record<string, string>> }>,
  from: number,
  to: number,
): number {
  const times = new Map<string, number[]>();
  for (const { time, query } of calls)
    if (time >= from - AT_LEAST_EVERY_S * 1000)
      times.set(query.q ?? '', [...(times.get(query.q ?? '') ?? []), time]);
  const late = [...times.values()].map((each) => {
    const all = [...each.filter((time) => time < to), to];
    return all.filter((time, index) => time - (all[index - 1] ?? time) > AT_LEAST_EVERY_S * 1000 + GRACE_MS)
      .length;
  });
  return late.reduce((sum, each) => sum + each, 0);
}
