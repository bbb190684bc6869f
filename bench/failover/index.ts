import { setTimeout as sleep } from 'node:timers/promises';
import { openProducer } from '../../src/app/producer.ts';
import { quietLog } from '../../src/cli/commandSetup.ts';
import type { SearchProducer } from '../../src/queue/producer.ts';
import { type Simulator, startSimulator } from '../../src/simulator/simulator.ts';
import { testConfig } from '../../test/support/config.ts';
import { type RunningProcess, startDpf } from '../../test/support/processes.ts';
import { TestSentinels } from '../../test/support/redisSentinels.ts';
import { serviceEnv } from '../../test/support/service.ts';
import { waitFor } from '../../test/support/waitFor.ts';
import { median } from '../figures.ts';
import { numberFlags } from '../flags.ts';
import { startLoad } from '../outage/load.ts';

export const HELP = `npm run bench -- failover [--kills 10] [--workers 2] [--json]
  A master with two replicas and three Sentinels (down-after 2 s): the master is SIGKILLed under load, again and again.`;

const DOWN_AFTER_MS = 2000;
/** From the kill to the next call at eBay, and to the next search that is taken. */
const WORKING_AGAIN_MS = DOWN_AFTER_MS + 3000;

export async function run(args: string[]): Promise<boolean> {
  const flags = numberFlags(args, { kills: 10, workers: 2 });
  const figures = await measure(flags.kills, flags.workers);
  if (flags.json) console.log(JSON.stringify({ bench: 'failover', ...figures }, null, 2));
  else console.table(figures);
  const { lost, doubled, workersMaxMs, producerMaxMs } = figures;
  return lost + doubled === 0 && Math.max(workersMaxMs, producerMaxMs) <= WORKING_AGAIN_MS;
}

async function measure(kills: number, count: number) {
  const sentinels = await TestSentinels.start(DOWN_AFTER_MS);
  const simulator = await startSimulator({ catalogueScale: 0.1, latencyMs: 20 });
  simulator.controls.quota({ limit: 1_000_000 });
  const env = serviceEnv(sentinels.url, simulator.url, { MIN_API_CALL_INTERVAL: '0.05', LOG_FORMAT: 'json' });
  const producer = openProducer(testConfig(env), { log: quietLog() });
  const workers: RunningProcess[] = [];
  try {
    for (let index = 0; index < count; index++) workers.push(startDpf(['worker'], env));
    await Promise.all(workers.map((worker) => worker.waitForLine(/worker started/)));
    await producer.ready();
    return await failOvers(kills, { sentinels, simulator, producer });
  } finally {
    await Promise.all(workers.map((worker) => worker.stop()));
    await producer.close();
    await simulator.close();
    await sentinels.stop();
  }
}

interface Scene {
  sentinels: TestSentinels;
  simulator: Simulator;
  producer: SearchProducer;
}

async function failOvers(kills: number, { sentinels, simulator, producer }: Scene) {
  const load = startLoad(producer);
  const calls = () => simulator.controls.log({ kind: 'search' }).length;
  const workersMs: number[] = [];
  const producerMs: number[] = [];
  for (let kill = 0; kill < kills; kill++) {
    await sleep(1500);
    await sentinels.killMaster();
    const killedAt = performance.now();
    // What was on its way at the kill still arrives.
    await sleep(200);
    const [callsBefore, takenBefore] = [calls(), load.taken()];
    await Promise.all([
      waitFor('the next call', () => calls() > callsBefore, 60_000).then(() =>
        workersMs.push(performance.now() - killedAt),
      ),
      waitFor('the next search', () => load.taken() > takenBefore, 60_000).then(() =>
        producerMs.push(performance.now() - killedAt),
      ),
    ]);
    await sentinels.heal();
    process.stderr.write(`\r${kill + 1} of ${kills} fail-overs `);
  }
  process.stderr.write('\n');
  const { ids, refused } = await load.stop();
  let [lost, doubled] = [0, 0];
  for (const id of ids) {
    const report = await producer.waitFor(id, { timeoutMs: 120_000 }).catch(() => null);
    if (report?.summary?.outcome !== 'complete') lost++;
    const products = report === null ? [] : await producer.products(id);
    if (new Set(products.map(({ itemId }) => itemId)).size < products.length) doubled++;
  }
  return {
    kills,
    acknowledged: ids.length,
    refused,
    lost,
    doubled,
    ...told('workers', workersMs),
    ...told('producer', producerMs),
  };
}

function told<Name extends string>(name: Name, ms: number[]) {
  return {
    [`${name}MedianMs`]: Math.round(median(ms)),
    [`${name}MaxMs`]: Math.round(Math.max(0, ...ms)),
  } as Record<`${Name}MedianMs` | `${Name}MaxMs`, number>;
}
