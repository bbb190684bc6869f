import { parseArgs } from 'node:util';
import { Redis } from 'ioredis';
import { median } from '../figures.ts';
import { numberOf } from '../flags.ts';
import { addWaiting, usedMemory } from './memory.ts';
import { type Bench, PAGES_A_SEARCH, type Speed, withBothWorkers } from './speed.ts';

export const HELP = `npm run bench -- throughput [--runs 5] [--searches 60] [--waiting 10000,100000,500000] [--profile FOLDER] [--json]
  No interval, a simulator without latency, 5 pages of 200 items a search: pages a second and CPU a page, beside a
  hand-written BullMQ worker that makes the same products of the same answers. Then the same behind searches that wait,
  and what a waiting search and a finished page take in Redis. --profile writes a CPU profile of each worker.`;

const WARM_UP_RUNS = 2;
/** Both figures of ours must reach this part of the hand-written ones. */
const LEAST_RATIO = 1;
/** The pace behind any backlog must stay within this of the pace behind the smallest. */
const FLAT = 0.2;

export async function run(args: string[]): Promise<boolean> {
  const { values } = parseArgs({
    args,
    options: {
      runs: { type: 'string', default: '5' },
      searches: { type: 'string', default: '60' },
      waiting: { type: 'string', default: '10000,100000,500000' },
      profile: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
  const [runs, searches] = [numberOf('runs', values.runs), numberOf('searches', values.searches)];
  const backlogs = values.waiting
    .split(',')
    .filter(Boolean)
    .map((size) => numberOf('waiting', size));
  const figures = await withBothWorkers(
    (bench) => measureAll(bench, runs, searches, backlogs),
    values.profile,
  );
  if (values.json) console.log(JSON.stringify({ bench: 'throughput', ...figures }, null, 2));
  else {
    console.table(figures.speed);
    console.table(figures.backlogs);
    console.log(`${figures.bytesPerPage} bytes a finished page of 200 products`);
  }
  return figures.isFast && figures.isFlat;
}

async function measureAll(bench: Bench, runs: number, searches: number, sizes: number[]) {
  const say = (line: string) => process.stderr.write(`\r${line}   `);
  const redis = new Redis(bench.redisUrl);
  // The first runs warm up catalogue, connections and compilers.
  for (let run = 0; run < WARM_UP_RUNS; run++) await bench.measure(searches);
  const before = await memoryOfOurs(redis);
  const pairs: Array<{ ours: Speed; handwritten: Speed }> = [];
  for (let run = 1; run <= runs; run++) {
    pairs.push(await bench.measure(searches));
    say(`run ${run} of ${runs}`);
  }
  const finished = (await memoryOfOurs(redis)) - before;
  const speed = {
    ours: medians(pairs.map(({ ours }) => ours)),
    handwritten: medians(pairs.map(({ handwritten }) => handwritten)),
    // Pair by pair: what slows the machine down slows both.
    pagesRatio: median(
      pairs.map(({ ours, handwritten }) => ours.pagesPerSecond / handwritten.pagesPerSecond),
    ),
    cpuRatio: median(pairs.map(({ ours, handwritten }) => handwritten.cpuMsPerPage / ours.cpuMsPerPage)),
  };
  const backlogs = await behindBacklogs(bench, searches, sizes, say);
  redis.disconnect();
  process.stderr.write('\n');
  const paces = backlogs.map(({ pagesPerSecond }) => pagesPerSecond);
  return {
    speed,
    backlogs,
    bytesPerPage: Math.round(finished / (runs * searches * PAGES_A_SEARCH)),
    isFast: speed.pagesRatio >= LEAST_RATIO && speed.cpuRatio >= LEAST_RATIO,
    isFlat: paces.every((pace) => Math.abs(pace / (paces[0] ?? pace) - 1) <= FLAT),
  };
}

async function behindBacklogs(bench: Bench, searches: number, sizes: number[], say: (line: string) => void) {
  const backlogs: Array<Speed & { waiting: number; bytesPerSearch: number }> = [];
  let waiting = 0;
  for (const size of sizes) {
    say(`adding waiting searches up to ${size}`);
    const bytesPerSearch = Math.round(await addWaiting(bench.env, size - waiting, 2_000_000 + waiting));
    waiting = size;
    const speeds: Speed[] = [];
    for (let run = 0; run < 3; run++) speeds.push((await bench.measure(searches)).ours);
    backlogs.push({ waiting, bytesPerSearch, ...medians(speeds) });
  }
  return backlogs;
}

async function memoryOfOurs(redis: Redis): Promise<number> {
  return (await usedMemory(redis)) - (await bytesOf(redis, 'handwritten:*'));
}

async function bytesOf(redis: Redis, pattern: string): Promise<number> {
  let bytes = 0;
  for await (const keys of redis.scanStream({ match: pattern, count: 1000 }))
    for (const key of keys as string[]) bytes += Number(await redis.memory('USAGE', key, 'SAMPLES', 0));
  return bytes;
}

function medians(speeds: Speed[]): Speed {
  return {
    pagesPerSecond: median(speeds.map(({ pagesPerSecond }) => pagesPerSecond)),
    cpuMsPerPage: median(speeds.map(({ cpuMsPerPage }) => cpuMsPerPage)),
  };
}
