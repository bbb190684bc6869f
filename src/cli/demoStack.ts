import { fileURLToPath } from 'node:url';
import type { Config } from '../config/config.ts';
import { environment } from '../config/environment.ts';
import { loadConfig } from '../config/load.ts';
import type { Lifecycle } from '../lifecycle.ts';
import type { SearchProducer } from '../queue/producer.ts';
import { startEmbeddedRedis } from '../redis/embedded.ts';
import { type Simulator, startSimulator } from '../simulator/simulator.ts';
import { LogRoot } from '../telemetry/logRoot.ts';
import { quietLog } from './commandSetup.ts';
import { openServe } from './serve.ts';
import { simulatorEnv } from './simulate.ts';

/** The whole service in this process: Redis, eBay, a worker, and a producer to ask it. */
export interface DemoStack {
  config: Config;
  /** What makes a command in another terminal take part. */
  env: Record<string, string>;
  simulator: Simulator;
  producer: SearchProducer;
  /** Where it answers over HTTP. */
  url: string;
}

/** Packed beside `dist` and `src` alike. */
const DEMO_CONFIG = fileURLToPath(new URL('../../config/demo.json', import.meta.url));

/** eBay's usual time to answer, in ms. */
const LATENCY_MS = [60, 180] as const;

/**
 * Opens everything on free ports; `lifecycle` closes it again. Nothing of the machine's configuration gets in: a demo
 * must never spend calls of real keys.
 */
export async function openDemo(lifecycle: Lifecycle, say: (line: string) => void): Promise<DemoStack> {
  const { openProducer } = await import('../app/client.ts');
  const { startWorkerApp } = await import('../app/worker.ts');
  const redis = lifecycle.opened(
    'Redis',
    await startEmbeddedRedis({ path: environment().PATH ?? '', say }),
    (opened) => opened.stop(),
  );
  say(`Redis       ${redis.url}`);
  const simulator = lifecycle.opened('simulator', await startSimulator({ latencyMs: LATENCY_MS }), (opened) =>
    opened.close(),
  );
  say(`eBay        ${simulator.url} (simulated; no keys needed)`);
  const env = { REDIS_URL: redis.url, ...simulatorEnv(simulator.url) };
  const sources = { env, files: [DEMO_CONFIG] };
  const config = loadConfig(sources);
  const log = new LogRoot(config.log);
  const worker = lifecycle.nested(await startWorkerApp(config, log, { sources }));
  say(`worker      one call to eBay every ${config.pace.minApiCallInterval} s`);
  const producer = lifecycle.opened('producer', openProducer(config, { log: quietLog() }), (opened) =>
    opened.close(),
  );
  await producer.ready();
  const { url } = lifecycle.nested(await openServe(config, log, { worker, sources }));
  say(`HTTP        ${url} (no keys needed: a page at /, the API at /docs)`);
  return { config, env, simulator, producer, url };
}
