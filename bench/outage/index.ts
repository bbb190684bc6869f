import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openProducer } from '../../src/app/producer.ts';
import { loadConfig } from '../../src/config/load.ts';
import { startSimulator } from '../../src/simulator/simulator.ts';
import { LogRoot } from '../../src/telemetry/logRoot.ts';
import { type RunningProcess, startDpf } from '../../test/support/processes.ts';
import { serviceEnv } from '../../test/support/service.ts';
import { startTcpProxy } from '../../test/support/tcpProxy.ts';
import { numberFlags } from '../flags.ts';
import { RedisProcess } from './redisProcess.ts';
import { restarts } from './restarts.ts';
import { silence } from './silence.ts';

export const HELP = `npm run bench -- outage [--kills 10] [--workers 2] [--json]
  Redis with an append-only file is SIGKILLed under load and comes back after 0.5 to 12 s; then the connections to it die
  without a word. Timeouts are the defaults.`;

const LIMITS = { lost: 0, resumeMedianMs: 2000, workingAgainMs: 16_000, refusedMs: 2000 };

export async function run(args: string[]): Promise<boolean> {
  const flags = numberFlags(args, { kills: 10, workers: 2 });
  const figures = await measure(flags.kills, flags.workers);
  if (flags.json) console.log(JSON.stringify({ bench: 'outage', ...figures }, null, 2));
  else console.table(figures);
  const { restarts: killed, silence: silent } = figures;
  return (
    killed.lost <= LIMITS.lost &&
    killed.resumeMedianMs <= LIMITS.resumeMedianMs &&
    killed.slowestEnqueueMs <= LIMITS.refusedMs &&
    silent.workingAgainMs <= LIMITS.workingAgainMs &&
    silent.enqueueRefusedMs <= LIMITS.refusedMs
  );
}

async function measure(kills: number, count: number) {
  const folder = await mkdtemp(join(tmpdir(), 'dpf-outage-'));
  const port = 20_000 + (process.pid % 20_000);
  const redis = new RedisProcess(port, folder);
  await redis.start();
  const simulator = await startSimulator({ catalogueScale: 0.1, latencyMs: 50 });
  simulator.controls.quota({ limit: 1_000_000 });
  const proxy = await startTcpProxy(port);
  const workers: RunningProcess[] = [];
  const log = new LogRoot({ level: 'error', levels: '', format: 'json' });
  const envOf = (redisPort: number) =>
    serviceEnv(`redis://127.0.0.1:${redisPort}/0`, simulator.url, { MIN_API_CALL_INTERVAL: '0.1' });
  // The workers go through the proxy in both scenarios; it is transparent until it is told otherwise.
  const env = envOf(proxy.port);
  const producer = openProducer(loadConfig({ env, files: [] }), { log });
  try {
    for (let index = 0; index < count; index++) workers.push(startDpf(['worker'], env));
    await Promise.all(workers.map((worker) => worker.waitForLine(/worker started/)));
    await producer.ready();
    const say = (line: string) => process.stderr.write(`\r${line} `);
    const killed = await restarts(kills, redis, simulator, producer, say);
    const silent = await silence(proxy, simulator, producer);
    process.stderr.write('\n');
    return { restarts: killed, silence: silent };
  } finally {
    await Promise.all(workers.map((worker) => worker.stop()));
    await producer.close();
    await proxy.close();
    await simulator.close();
    await redis.kill();
    await rm(folder, { recursive: true, force: true });
  }
}
