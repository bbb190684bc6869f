import { Redis } from 'ioredis';
import { openProducer } from '../../src/app/producer.ts';
import { loadConfig } from '../../src/config/load.ts';
import { ApiKeys } from '../../src/http/auth/apiKeys.ts';
import { startEmbeddedRedis } from '../../src/redis/embedded.ts';
import { STEADY } from '../../src/simulator/search/search.ts';
import { type RunningProcess, startDpf, startNode } from '../../test/support/processes.ts';
import { serviceEnv } from '../../test/support/service.ts';
import { SimulatorControl } from '../../test/support/simulatorControl.ts';
import { median, percentile } from '../figures.ts';
import { numberFlags } from '../flags.ts';
import { postSearches } from './load.ts';
import { readSlowly } from './streams.ts';

export const HELP = `npm run bench -- http [--runs 5] [--requests 3000] [--connections 10] [--products 10000] [--streams 20] [--json]
  POST of one search to dpf serve beside a bare Fastify route that does one queue.add, run by run; then one long list as
  NDJSON to many slow readers at once, and what the server's memory does meanwhile.`;

/** Ours may take this much longer at the 99th percentile. */
const MOST_RATIO = 1.5;
/** Of a stream, MB: what it must know of the list, and a page. */
const MOST_PER_STREAM = 4;
/** Old garbage stays where there is room: in a heap smaller than the lists together, MB, what is held is what shows. */
const STREAM_HEAP = 100;

export async function run(args: string[]): Promise<boolean> {
  const flags = numberFlags(args, { runs: 5, requests: 3000, connections: 10, products: 10000, streams: 20 });
  const redis = await startEmbeddedRedis();
  const processes: RunningProcess[] = [];
  const started = (each: RunningProcess) => {
    processes.push(each);
    return each;
  };
  try {
    const door = await openDoor(redis.url, started);
    const bare = started(startNode(['--import', 'tsx', 'bench/http/bare.ts', redis.url]));
    const [, bareUrl = ''] = await bare.waitForLine(/"url":"([^"]+)"/);
    const load = { requests: flags.requests, connections: flags.connections };
    const posts = await compare(flags.runs, {
      ours: () => postSearches({ ...load, url: `${door.url}/v1/searches`, headers: door.headers }),
      bare: () => postSearches({ ...load, url: bareUrl, headers: {} }),
    });
    const path = await longSearch(redis.url, flags.products, started);
    const small = await openDoor(redis.url, started, { NODE_OPTIONS: `--max-old-space-size=${STREAM_HEAP}` });
    const stream = await readSlowly(small.pid, {
      url: `${small.url}${path}`,
      headers: { ...small.headers, accept: 'application/x-ndjson' },
      streams: flags.streams,
    });
    const figures = { bench: 'http', ...load, posts, stream };
    console.log(flags.json ? JSON.stringify(figures, null, 2) : figures);
    return posts.p99Ratio <= MOST_RATIO && stream.perStream <= MOST_PER_STREAM;
  } finally {
    await Promise.all(processes.map((each) => each.stop()));
    await redis.stop();
  }
}

type Started = (each: RunningProcess) => RunningProcess;

async function openDoor(redisUrl: string, started: Started, more: Record<string, string> = {}) {
  const redis = new Redis(redisUrl);
  const keys = new ApiKeys(redis, '{ebay}');
  const { key } = await keys.add({
    name: 'bench',
    tenant: 'default',
    roles: ['enqueue', 'read'],
    expiresAt: null,
  });
  redis.disconnect();
  const limits = { HTTP_RATE_LIMIT: '1000000', BACKLOG_LIMIT: '1000000' };
  const env = { REDIS_URL: redisUrl, HTTP_PORT: '0', ...limits, ...more };
  const server = started(startDpf(['serve'], env));
  const [, url = ''] = await server.waitForLine(/"url":"([^"]+)"/);
  return { url, pid: server.pid, headers: { authorization: `Bearer ${key}` } };
}

/** Run by run in turns, after one that warms up: what slows the machine down slows both. */
async function compare(runs: number, { ours, bare }: Record<'ours' | 'bare', () => Promise<number[]>>) {
  await ours();
  await bare();
  const pairs: Array<{ ours: number[]; bare: number[] }> = [];
  for (let run = 0; run < runs; run++) pairs.push({ ours: await ours(), bare: await bare() });
  const at = (share: number, which: 'ours' | 'bare') =>
    median(pairs.map((pair) => percentile(pair[which], share)));
  const ratio = (share: number) =>
    median(pairs.map((pair) => percentile(pair.ours, share) / percentile(pair.bare, share)));
  return {
    runs,
    ours: { p50: at(0.5, 'ours'), p99: at(0.99, 'ours') },
    bare: { p50: at(0.5, 'bare'), p99: at(0.99, 'bare') },
    p50Ratio: ratio(0.5),
    p99Ratio: ratio(0.99),
  };
}

/** Collects a long list from a simulator with a worker, both gone afterwards; gives the path of its products. */
async function longSearch(redisUrl: string, products: number, started: Started): Promise<string> {
  const redis = new Redis(redisUrl);
  await redis.del('{ebay}:ebay-search:prioritized', '{ebay}:ebay-search:wait', '{ebay}:ebay-search:marker');
  redis.disconnect();
  const simulator = started(startDpf(['simulate', '--port', '0', '--json']));
  const [, url = ''] = await simulator.waitForLine(/"url":"([^"]+)"/);
  await new SimulatorControl(url).configure({ unsteady: STEADY });
  const env = serviceEnv(redisUrl, url, { MIN_API_CALL_INTERVAL: '0' });
  const worker = started(startDpf(['worker'], env));
  const producer = openProducer(loadConfig({ env, files: [] }));
  await producer.ready();
  const { searchId } = await producer.enqueue({ query: 'phone case', maxItems: products });
  await producer.waitFor(searchId);
  await producer.close();
  await Promise.all([worker.stop(), simulator.stop()]);
  return `/v1/searches/${searchId}/products`;
}
