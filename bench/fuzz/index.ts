import { parseArgs } from 'node:util';
import { startEmbeddedRedis } from '../../src/redis/embedded.ts';
import { fuzzCalls, fuzzSockets, openFuzzServer, type Tally } from '../../test/support/httpFuzzing.ts';

const HELP = `npm run bench -- fuzz [--count 1000000] [--sockets 5000] [--seed N] [--json]
  Calls made from the request and schedule schemas, many of them wrong, through the whole HTTP server; then mutations of a
  corpus of raw requests over sockets. Every answer must be a documented one, and none of 500 and above but 503.`;

/** After so many calls the queue is emptied, so that none of them only meets a full one. */
const ROUND = 50_000;

export async function run(args: string[]): Promise<boolean> {
  const { values } = parseArgs({
    args,
    options: {
      count: { type: 'string', default: '1000000' },
      sockets: { type: 'string', default: '5000' },
      seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 30)) },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    return true;
  }
  const rejections: string[] = [];
  process.on('unhandledRejection', (reason) => rejections.push(String(reason)));
  const tally = await fuzz(Number(values.count), Number(values.sockets), Number(values.seed));
  const serverErrors = Object.entries(tally.statuses)
    .filter(([status]) => Number(status) >= 500 && status !== '503')
    .reduce((sum, [, count]) => sum + count, 0);
  const figures = { bench: 'fuzz', seed: Number(values.seed), ...tally, serverErrors, rejections };
  console.log(values.json ? JSON.stringify(figures, null, 2) : figures);
  return tally.wrong.length === 0 && serverErrors === 0 && rejections.length === 0;
}

async function fuzz(count: number, sockets: number, seed: number): Promise<Tally> {
  const redis = await startEmbeddedRedis({ path: process.env.PATH ?? '' });
  const server = await openFuzzServer(redis.url);
  const sum: Tally = { inputs: 0, statuses: {}, wrong: [] };
  try {
    for (let done = 0; done < count; done += ROUND) {
      add(sum, await fuzzCalls(server, Math.min(ROUND, count - done), seed + done));
      await server.empty();
      process.stderr.write(`\r${sum.inputs} of ${count} calls   `);
    }
    add(sum, await fuzzSockets(server, sockets, seed));
  } finally {
    process.stderr.write('\n');
    await server.close();
    await redis.stop();
  }
  return sum;
}

function add(sum: Tally, { inputs, statuses, wrong }: Tally): void {
  sum.inputs += inputs;
  for (const [status, count] of Object.entries(statuses))
    sum.statuses[status] = (sum.statuses[status] ?? 0) + count;
  sum.wrong.push(...wrong);
}
