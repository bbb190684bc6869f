/**
 * `dpf worker` as the bench needs it: the real one, with some other work before each call (`BENCH_WORK_MS`, up to so many
 * ms), and word of when its calls left by its own clock. On SIGUSR2 it prints the CPU time that it has used; on SIGTERM,
 * last of all, the times of its calls.
 */
import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { startWorkerApp } from '../../src/app/worker.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { Collector } from '../../src/queue/search/context.ts';
import { LogRoot } from '../../src/telemetry/logRoot.ts';
import { now } from './clock.ts';

const WORK_MS = Number(process.env.BENCH_WORK_MS ?? 300);

const stamps: number[] = [];
const request = http.request;
http.request = ((...args: Parameters<typeof request>) => {
  const [options] = args as unknown as [http.RequestOptions];
  if (options.path?.includes('/item_summary/search')) stamps.push(now());
  return request(...args);
}) as typeof request;

function busy(collector: Collector): Collector {
  return {
    async collectPage(call) {
      await sleep(Math.random() * WORK_MS);
      return collector.collectPage(call);
    },
    collectItem: (call) => collector.collectItem(call),
    collectBulk: (call) => collector.collectBulk(call),
  };
}

const config = loadConfig();
const app = await startWorkerApp(config, new LogRoot(config.log), {
  adapt: (context) => ({ ...context, collector: busy(context.collector) }),
});
console.log('worker started');
process.on('SIGUSR2', () => {
  const { user, system } = process.cpuUsage();
  console.log(`CPU ${(user + system) / 1000}`);
});
process.once('SIGTERM', async () => {
  await app.stop();
  process.stdout.write(`STAMPS ${JSON.stringify(stamps)}\n`, () => process.exit(0));
});
