import { Command } from 'commander';
import { apiOrigin } from '../config/checks.ts';
import { callsQueueName, searchQueueName } from '../queue/bullmq/queues.ts';
import { listenError, UsageError } from './exit.ts';
import { FIRST_KEY, openServe } from './serve.ts';
import { runUntilInterrupted } from './signals.ts';
import type { Terminal } from './terminal.ts';

export function command(terminal: Terminal): Command {
  return new Command('worker')
    .description('Take searches from the queue and collect them from eBay, until SIGTERM or Ctrl-C.')
    .option('--serve', 'also answer other programs over HTTP, as dpf serve does')
    .option(FIRST_KEY[0], `with --serve: ${FIRST_KEY[1]}`)
    .action(({ serve, firstKey }: { serve?: boolean; firstKey?: boolean }) => {
      if (firstKey && !serve) throw new UsageError('--first-key is for a worker with --serve');
      return runUntilInterrupted(
        'worker',
        { work: true, serve: serve ?? false },
        async ({ config, logs, started, signal }) => {
          const { startWorkerApp } = await import('../app/worker.ts');
          const { host, maxStreams } = config.http;
          const streams = serve ? maxStreams : 0;
          const port = Number(config.worker.metricsPort);
          const starting = startWorkerApp(config, logs, { signal, streams }).catch((error: unknown) => {
            throw listenError(error, { host, port }, { host: 'HTTP_HOST', port: 'METRICS_PORT' });
          });
          const worker = started(await starting);
          const { tenants } = worker;
          logs.component('worker').info('worker started', {
            tenants,
            queues: tenants.flatMap((tenant) => [searchQueueName(tenant), callsQueueName(tenant)]),
            prefix: config.queue.prefix,
            interval: config.pace.minApiCallInterval,
            concurrency: config.worker.concurrency,
            marketplace: config.ebay.marketplace,
            ebay: new URL(apiOrigin(config.ebay)).host,
          });
          if (!serve) return;
          started(
            await openServe(config, logs, {
              signal,
              worker,
              firstKey: firstKey ? terminal.print : undefined,
            }),
          );
        },
      );
    });
}
