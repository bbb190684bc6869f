import { setTimeout as sleep } from 'node:timers/promises';
import { deepSearch } from '../../test/support/deepSearch.ts';
import { Fleet, startSimulatorProcess } from '../../test/support/fleet.ts';
import { startDpf } from '../../test/support/processes.ts';
import { startTestRedis } from '../../test/support/redis.ts';
import { startTcpProxy } from '../../test/support/tcpProxy.ts';
import { numberFlags } from '../flags.ts';
import { paceOf, timesOf } from '../pace/measure.ts';
import { type Sent, watchCommands } from '../redis-cost/monitor.ts';

export const HELP = `npm run bench -- slow-redis [--round-trip 100] [--interval 0.5] [--workers 1] [--searches 20]
                         [--seconds 40] [--warm-up 10] [--json]
  Calls made of those that the interval permits where Redis is far away: a proxy between workers and Redis delays each
  direction by half of the round trip (ms). JSON has what the workers sent to Redis, a call.`;

/** The share of the permitted calls that must be made. */
const LEAST_SHARE = 0.95;
const QUERY = 'watch';
const PAGES = 30;

const DEFAULTS = {
  'round-trip': 100,
  interval: 0.5,
  workers: 1,
  searches: 20,
  seconds: 40,
  'warm-up': 10,
};

export async function run(args: string[]): Promise<boolean> {
  const { json, ...flags } = numberFlags(args, DEFAULTS);
  const figures = await measure(flags);
  const ok = figures.share >= LEAST_SHARE && figures.shortGaps === 0;
  if (json) console.log(JSON.stringify({ bench: 'slow-redis', ok, ...flags, ...figures }, null, 2));
  else {
    const { sent, ...rest } = figures;
    console.table({ ...rest, promised: `share ≥ ${LEAST_SHARE}, no short gap` });
    console.table(sent.slice(0, 15));
  }
  return ok;
}

async function measure(flags: typeof DEFAULTS) {
  const intervalMs = flags.interval * 1000;
  const server = await startTestRedis();
  const proxy = await startTcpProxy(server.port);
  Object.assign(proxy, { mode: 'latency', latencyMs: flags['round-trip'] });
  const { url, simulator } = await startSimulatorProcess();
  const env = {
    // Lines at `info` say that a worker has started.
    LOG_LEVEL: 'info',
    DAILY_CALL_LIMIT: '1000000',
    MIN_API_CALL_INTERVAL: String(flags.interval),
  };
  // The producer of the bench is near; only the workers are far away.
  const farUrl = `redis://127.0.0.1:${proxy.port}/0`;
  const fleet = new Fleet(server.url, url, env, (own) => startDpf(['worker'], { ...own, REDIS_URL: farUrl }));
  try {
    await fleet.warmUp(QUERY, PAGES);
    await fleet.ebay.configure({ latencyMs: 50 });
    await fleet.freshDay();
    await fleet.addWorkers(flags.workers);
    await fleet.producer.ready();
    await fleet.producer.enqueueMany(Array.from({ length: flags.searches }, () => deepSearch(QUERY, PAGES)));
    await sleep(flags['warm-up'] * 1000);
    const { lastSeq } = await fleet.ebay.state();
    const stop = await watchCommands(server.url);
    const startedAt = performance.now();
    await sleep(flags.seconds * 1000);
    const calls = await fleet.calls(lastSeq);
    const permitted = (performance.now() - startedAt) / intervalMs;
    const sent = await stop();
    const { minGapMs, maxGapMs, short } = paceOf(timesOf(calls), intervalMs);
    return {
      calls: calls.length,
      share: round(calls.length / permitted),
      shortGaps: short,
      leastGapMs: round(minGapMs),
      greatestGapMs: round(maxGapMs),
      sent: sent.map((each) => perCall(each, calls.length)),
    };
  } finally {
    await fleet.stop();
    await simulator.stop();
    await proxy.close();
    await server.stop();
  }
}

function perCall({ command, sent, within }: Sent, calls: number): Sent {
  return { command, sent: round(sent / calls), within: round(within / calls) };
}

function round(value: number): number {
  return Number(value.toFixed(3));
}
