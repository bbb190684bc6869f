import { setTimeout as sleep } from 'node:timers/promises';
import { startSimulator } from '../../src/simulator/simulator.ts';
import { type Absence, type CommandProxy, startCommandProxy } from '../../test/support/commandProxy.ts';
import { type RunningProcess, startDpf } from '../../test/support/processes.ts';
import { startTestRedis } from '../../test/support/redis.ts';
import { serviceEnv } from '../../test/support/service.ts';
import { waitFor } from '../../test/support/waitFor.ts';
import { percentile } from '../figures.ts';
import { numberFlags } from '../flags.ts';

export const HELP = `npm run bench -- start [--every 1] [--parallel 8] [--json]
  Redis goes away at the n-th command of a process, for every n (or each --every-th): it closes its connections, or gives no
  answer. Processes that live on must wait, say so, and be ready once Redis is back; commands that end must exit with 4.`;

/**
 * A command reports within 2 s that Redis went away; the end of its process takes the rest. Other processes notice a silent
 * connection after 3 s; the rest of the start takes the other time.
 */
const LIMITS = { endsWithinMs: 3000, readyWithinMs: 10_000 };

interface Service {
  args: string[];
  /** What it logs where the commands to cut begin; undefined: from the first one on. */
  from?: RegExp;
  ready: RegExp;
}

const SERVICES: Service[] = [
  { args: ['worker'], ready: /worker started/ },
  { args: ['serve'], ready: /"serving"/ },
  { args: ['worker', '--serve'], from: /worker started/, ready: /"serving"/ },
];

const COMMANDS = [
  ['search', 'lamp', '--max-items', '5'],
  ['search', 'lamp', '--no-wait'],
  ['quota'],
  ['token'],
  ['keys', 'list'],
  ['schedule', 'list'],
  ['tenants', 'list'],
];

const WAITS = /waiting for Redis|Redis connection failed|tenant waits for Redis/;

const ABSENCES: Absence[] = ['closed', 'silent'];

export async function run(args: string[]): Promise<boolean> {
  const flags = numberFlags(args, { every: 1, parallel: 8 });
  const figures = await measure(flags.every, flags.parallel);
  if (flags.json) console.log(JSON.stringify({ bench: 'start', ...figures }, null, 2));
  else {
    console.table(figures.services);
    console.table(figures.commands);
    for (const fault of figures.faults) console.log(fault);
  }
  return (
    figures.faults.length === 0 &&
    figures.services.every(({ slowestReadyMs }) => slowestReadyMs <= LIMITS.readyWithinMs) &&
    figures.commands.every(({ slowestEndMs }) => slowestEndMs <= LIMITS.endsWithinMs)
  );
}

async function measure(every: number, parallel: number) {
  const redis = await startTestRedis();
  const simulator = await startSimulator({ catalogueScale: 0.1, latencyMs: 20 });
  const bed: Bed = { port: redis.port, simulatorUrl: simulator.url, every, parallel, faults: [] };
  const helper = startDpf(['worker'], envOf(bed, redis.port, 'commands'));
  try {
    await helper.waitForLine(/worker started/);
    const commands = [];
    for (const command of COMMANDS)
      for (const how of ABSENCES) commands.push(await cutCommand(bed, command, how));
    const services = [];
    for (const service of SERVICES)
      for (const how of ABSENCES) services.push(await cutService(bed, service, how));
    process.stderr.write('\n');
    return { services, commands, faults: bed.faults };
  } finally {
    await helper.stop();
    await simulator.close();
    await redis.stop();
  }
}

interface Bed {
  port: number;
  simulatorUrl: string;
  every: number;
  parallel: number;
  faults: string[];
}

function envOf(bed: Bed, port: number, prefix: string) {
  return serviceEnv(`redis://127.0.0.1:${port}/0`, bed.simulatorUrl, {
    QUEUE_PREFIX: `{${prefix}}`,
    MIN_API_CALL_INTERVAL: '0.05',
    HTTP_PORT: '0',
    HTTP_WITHOUT_KEYS: 'true',
  });
}

async function cutService(bed: Bed, { args, from, ready }: Service, how: Absence) {
  const title = `dpf ${args.join(' ')}, ${how}`;
  const prefix = (n: number) => `${args.join('')}-${how}-${n}`;
  const begin = async (dpf: RunningProcess) => {
    if (from !== undefined) await dpf.waitForLine(from);
  };
  const commands = await through(bed, args, prefix(0), async (dpf, proxy) => {
    await begin(dpf);
    const before = proxy.commands;
    await dpf.waitForLine(ready);
    return proxy.commands - before;
  });
  const readyMs: number[] = [];
  const numbers = await atEach(bed, title, commands, (n) =>
    through(bed, args, prefix(n), async (dpf, proxy) => {
      if (from === undefined) proxy.cutAt(n, how);
      await begin(dpf);
      if (from !== undefined) proxy.cutAt(n, how);
      const isReady = () => ready.test(dpf.output);
      await waitFor('the cut', () => proxy.away || !dpf.running || isReady(), 60_000);
      await waitFor('a line', () => WAITS.test(dpf.output) || isReady() || !dpf.running, 30_000);
      // Longer than a round of tries, so that what would end the process can.
      await sleep(1500);
      const backAt = performance.now();
      proxy.restore();
      if (!dpf.running) throw new Error(`it ended with ${await dpf.exit()}`);
      const wasReady = isReady();
      await dpf.waitForLine(ready, 30_000);
      if (!wasReady) readyMs.push(performance.now() - backAt);
      const exit = await dpf.stop(25_000);
      if (exit !== 0) throw new Error(`SIGTERM ended it with ${exit}`);
    }),
  );
  return { title, commands, cuts: numbers, slowestReadyMs: Math.round(percentile(readyMs, 1)) };
}

async function cutCommand(bed: Bed, args: string[], how: Absence) {
  const title = `dpf ${args.join(' ')}, ${how}`;
  const commands = await through(bed, args, 'commands', async (dpf, proxy) => {
    await waitFor('the end', () => !dpf.running, 60_000);
    const exit = await dpf.exit();
    if (exit !== 0) throw new Error(`${title} ended with ${exit} without a cut: ${dpf.output}`);
    return proxy.commands;
  });
  const endMs: number[] = [];
  const numbers = await atEach(bed, title, commands, (n) =>
    through(bed, args, 'commands', async (dpf, proxy) => {
      proxy.cutAt(n, how);
      await waitFor('the cut', () => proxy.away || !dpf.running, 60_000);
      const cutAt = performance.now();
      // It may have needed fewer commands than the first time.
      if (!proxy.away) return;
      await waitFor('the end', () => !dpf.running, 15_000);
      const exit = await dpf.exit();
      endMs.push(performance.now() - cutAt);
      const lines = dpf.stderr.trim().split('\n');
      const [last = ''] = lines.slice(-1);
      if (exit !== 4 || !/^dpf: .*Redis/.test(last)) throw new Error(`it ended with ${exit}`);
    }),
  );
  return { title, commands, cuts: numbers, slowestEndMs: Math.round(percentile(endMs, 1)) };
}

/** Runs `dpf` with a proxy of its own in front of Redis. */
async function through<T>(
  bed: Bed,
  args: string[],
  prefix: string,
  use: (dpf: RunningProcess, proxy: CommandProxy) => Promise<T>,
): Promise<T> {
  const proxy = await startCommandProxy(bed.port);
  const dpf = startDpf(args, envOf(bed, proxy.port, prefix));
  try {
    return await use(dpf, proxy);
  } catch (error) {
    throw new Error(`${error}\n${dpf.output.slice(-2000)}`, { cause: error });
  } finally {
    proxy.restore();
    await dpf.stop();
    await proxy.close();
  }
}

/** Tries each n, several at once; what fails is a fault. Returns how many were tried. */
async function atEach(bed: Bed, title: string, commands: number, work: (n: number) => Promise<void>) {
  const all = Array.from({ length: Math.ceil(commands / bed.every) }, (_, index) => 1 + index * bed.every);
  const numbers = all.values();
  const one = async () => {
    for (const n of numbers) {
      process.stderr.write(`\r${title} ${n}/${commands}    `);
      await work(n).catch((error: Error) => bed.faults.push(`${title} at command ${n}: ${error.message}`));
    }
  };
  await Promise.all(Array.from({ length: bed.parallel }, one));
  return all.length;
}
