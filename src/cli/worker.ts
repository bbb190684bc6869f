import { Command } from 'commander';
import { apiOrigin } from '../config/checks.ts';
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { callsQueueName, searchQueueName } from '../queue/bullmq/queues.ts';
import { LogRoot } from '../telemetry/logRoot.ts';
import { openServe } from './serve.ts';
import { runUntilInterrupted } from './signals.ts';

export function command(): Command {
  return new Command('worker')
    .description('Take searches from the queue and collect them from eBay, until SIGTERM or Ctrl-C.')
    .option('--serve', 'also answer other programs over HTTP, as dpf serve does')
    .action(work);
}

async function work({ serve }: { serve?: boolean }): Promise<void> {
  const config = loadConfig();
  const root = new LogRoot(config.log);
  const log = root.component('worker');
  try {
    await runUntilInterrupted(log, async (started, signal) => {
      const { startWorkerApp } = await import('../app/worker.ts');
      const worker = started(await startWorkerApp(config, root, { signal }));
      log.info('worker started', startFields(config, worker.tenants));
      if (!serve) return;
      const { url } = started(await openServe(config, root, { signal, worker }));
      root.component('http').info('serving', { url, docs: `${url}/docs`, keys: !config.http.withoutKeys });
    });
  } finally {
    root.flush();
  }
}

function startFields(config: Config, tenants: readonly string[]) {
  return {
    tenants,
    queues: tenants.flatMap((tenant) => [searchQueueName(tenant), callsQueueName(tenant)]),
    prefix: config.queue.prefix,
    interval: config.pace.minApiCallInterval,
    concurrency: config.worker.concurrency,
    marketplace: config.ebay.marketplace,
    ebay: new URL(apiOrigin(config.ebay)).host,
  };
}
