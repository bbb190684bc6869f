import { Command } from 'commander';
import type { ServeApp, ServeAppOptions } from '../app/serve.ts';
import type { Config } from '../config/config.ts';
import type { LogRoot } from '../telemetry/logRoot.ts';
import { listenError } from './exit.ts';
import { runUntilInterrupted } from './signals.ts';
import type { Terminal } from './terminal.ts';

export const FIRST_KEY = [
  '--first-key',
  'make an API key if there is none, and print it, only this once',
] as const;

export function command(terminal: Terminal): Command {
  return new Command('serve')
    .description('Answer other programs over HTTP (HTTP_HOST, HTTP_PORT), until SIGTERM or Ctrl-C.')
    .option(...FIRST_KEY)
    .addHelpText('after', '\nCallers need a key: dpf keys add NAME. What it answers: /docs at its address.')
    .action(({ firstKey }: { firstKey?: boolean }) =>
      runUntilInterrupted('http', { serve: true }, async ({ config, logs, started, signal }) => {
        started(await openServe(config, logs, { signal, firstKey: firstKey ? terminal.print : undefined }));
      }),
    );
}

/** @throws CommandError where it cannot listen; all that `startServeApp` throws */
export async function openServe(config: Config, logs: LogRoot, options: ServeAppOptions): Promise<ServeApp> {
  const { startServeApp } = await import('../app/serve.ts');
  const { host, port, withoutKeys, basePath } = config.http;
  try {
    const app = await startServeApp(config, logs, options);
    const url = app.url + basePath;
    logs.component('http').info('serving', { url, docs: `${url}/docs`, keys: !withoutKeys });
    return app;
  } catch (error) {
    throw listenError(error, { host, port }, { host: 'HTTP_HOST', port: 'HTTP_PORT' });
  }
}
