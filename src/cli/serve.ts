import { Command } from 'commander';
import type { ServeApp, ServeAppOptions } from '../app/serve.ts';
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { LogRoot } from '../telemetry/logRoot.ts';
import { listenError } from './exit.ts';
import { runUntilInterrupted } from './signals.ts';

export function command(): Command {
  return new Command('serve')
    .description('Answer other programs over HTTP (HTTP_HOST, HTTP_PORT), until SIGTERM or Ctrl-C.')
    .addHelpText('after', '\nCallers need a key: dpf keys add NAME. What it answers: /docs at its address.')
    .action(serve);
}

async function serve(): Promise<void> {
  const config = loadConfig();
  const root = new LogRoot(config.log);
  const log = root.component('http');
  try {
    await runUntilInterrupted(log, async (started, signal) => {
      const { url } = started(await openServe(config, root, { signal }));
      log.info('serving', { url, docs: `${url}/docs`, keys: !config.http.withoutKeys });
    });
  } finally {
    root.flush();
  }
}

/** @throws CommandError where it cannot listen; all that `startServeApp` throws */
export async function openServe(config: Config, root: LogRoot, options: ServeAppOptions): Promise<ServeApp> {
  const { startServeApp } = await import('../app/serve.ts');
  try {
    return await startServeApp(config, root, options);
  } catch (error) {
    const { host, port } = config.http;
    throw listenError(error, { host, port, hostName: 'HTTP_HOST', portName: 'HTTP_PORT' });
  }
}
