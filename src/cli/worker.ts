import { Command } from 'commander';
import { apiOrigin } from '../config/checks.ts';
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { Lifecycle } from '../lifecycle.ts';
import { callsQueueName, searchQueueName } from '../queue/bullmq/queues.ts';
import { LogRoot } from '../telemetry/logger.ts';
import { openServe } from './serve.ts';
import { onHangup, onInterrupt } from './signals.ts';
import type { Terminal } from './terminal.ts';

export function workerCommand(_terminal: Terminal): Command {
  return new Command('worker')
    .description('Take searches from the queue and collect them from eBay, until SIGTERM or Ctrl-C.')
    .option('--serve', 'also answer other programs over HTTP, as dpf serve does')
    .action(async ({ serve }: { serve?: boolean }) => work(loadConfig(), serve === true));
}

async function work(config: Config, serve: boolean): Promise<void> {
  const root = new LogRoot(config.log);
  const log = root.component('worker');
  const { startWorkerApp } = await import('../app/worker.ts');
  const interrupt = onInterrupt();
  const hangup = onHangup();
  const lifecycle = new Lifecycle();
  // Each app bounds its own stop.
  const stop = () => lifecycle.stop(2 * config.worker.shutdownGrace * 1000);
  try {
    const app = lifecycle.nested(await startWorkerApp(config, root, { signal: interrupt.signal }));
    log.info('worker started', startLine(config, app.tenants));
    hangup.reloads(app);
    if (serve) {
      const door = lifecycle.nested(await openServe(config, root, { signal: interrupt.signal, worker: app }));
      hangup.reloads(door);
      root.component('http').info('serving', { url: door.url, keys: !config.http.withoutKeys });
    }
    await interrupt.happened.catch(() => undefined);
    log.info('stopping: finishing or handing back what is under way', { grace: config.worker.shutdownGrace });
    const { unclosed } = await stop();
    if (unclosed.length > 0) log.warn('stopped, but something did not close in time', { unclosed });
    else log.info('stopped');
  } catch (error) {
    // Told to stop while it still waited for Redis: nothing had begun.
    if (!interrupt.signal.aborted) throw error;
    log.info('stopped before Redis answered');
  } finally {
    await stop();
    root.flush();
    interrupt.dispose();
    hangup.dispose();
  }
}

function startLine(config: Config, tenants: readonly string[]) {
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
