import { Redis } from 'ioredis';
import { startEmbeddedRedis } from '../../src/redis/embedded.ts';
import { FUZZ_ENV, fuzzCalls, fuzzKey, fuzzSockets, type Tally } from '../../test/support/httpFuzzing.ts';
import { startDpf } from '../../test/support/processes.ts';
import { numberFlags } from '../flags.ts';

export const HELP = `npm run bench -- fuzz [--count 1000000] [--sockets 5000] [--seed N] [--json]
  Calls made from the request and schedule schemas, many of them wrong, to dpf serve over sockets; then mutations of a corpus
  of raw requests. Every answer must be a documented one, and none of 500 and above but 503.`;

/** After so many calls searches and schedules are forgotten, so that lists of them stay short. */
const ROUND = 20_000;

export async function run(args: string[]): Promise<boolean> {
  const flags = numberFlags(args, {
    count: 1000000,
    sockets: 5000,
    seed: Math.floor(Math.random() * 2 ** 30),
  });
  const tally = await fuzz(flags.count, flags.sockets, flags.seed);
  const serverErrors = Object.entries(tally.statuses)
    .filter(([status]) => Number(status) >= 500 && status !== '503')
    .reduce((sum, [, count]) => sum + count, 0);
  const figures = { bench: 'fuzz', seed: flags.seed, ...tally, serverErrors };
  console.log(flags.json ? JSON.stringify(figures, null, 2) : figures);
  return tally.wrong.length === 0 && serverErrors === 0 && !tally.crashed;
}

/** Against `dpf serve` in a process of its own, which must still run in the end. */
async function fuzz(count: number, sockets: number, seed: number): Promise<Tally & { crashed: boolean }> {
  const redis = await startEmbeddedRedis();
  const key = await fuzzKey(redis.url);
  const server = startDpf(['serve'], { REDIS_URL: redis.url, ...FUZZ_ENV });
  const sum = { inputs: 0, statuses: {}, unavailable: {}, wrong: [], crashed: false };
  try {
    const [, url = ''] = await server.waitForLine(/"url":"([^"]+)"/);
    for (let done = 0; done < count && server.running; done += ROUND) {
      add(sum, await fuzzCalls({ url, key }, Math.min(ROUND, count - done), seed + done));
      await forgetSearches(redis.url);
      process.stderr.write(`\r${sum.inputs} of ${count} calls   `);
    }
    if (server.running) add(sum, await fuzzSockets({ url, key }, sockets, seed));
    return { ...sum, crashed: !server.running };
  } finally {
    process.stderr.write('\n');
    await server.stop();
    await redis.stop();
  }
}

/** All that the calls left behind, save for the keys that let them in. */
async function forgetSearches(redisUrl: string): Promise<void> {
  const redis = new Redis(redisUrl);
  for await (const keys of redis.scanStream({ match: '{ebay}:ebay-*', count: 1000 }))
    if (keys.length > 0) await redis.unlink(...(keys as string[]));
  redis.disconnect();
}

function add(sum: Tally, { inputs, statuses, unavailable, wrong }: Tally): void {
  sum.inputs += inputs;
  addEach(sum.statuses, statuses);
  addEach(sum.unavailable, unavailable);
  sum.wrong.push(...wrong);
}

function addEach(sum: Record<string, number>, more: Record<string, number>): void {
  for (const [name, count] of Object.entries(more)) sum[name] = (sum[name] ?? 0) + count;
}
