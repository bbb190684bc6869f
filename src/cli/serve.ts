import { Command } from 'commander';
import type { ServeApp, ServeAppOptions } from '../app/serve.ts';
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { LogRoot } from '../telemetry/logger.ts';
import { onHangup } from './hangup.ts';
import { onInterrupt } from './interrupt.ts';
import { cannotListen } from './listening.ts';
import type { Terminal } from './terminal.ts';

export function serveCommand(_terminal: Terminal): Command {
  return new Command('serve')
    .description('Answer other programs over HTTP (HTTP_HOST, HTTP_PORT), until SIGTERM or Ctrl-C.')
    .addHelpText('after', '\nCallers need a key: dpf keys add NAME. What it answers: /docs at its address.')
    .action(async () => serve(loadConfig()));
}

async function serve(config: Config): Promise<void> {
  const root = new LogRoot(config.log);
  const log = root.component('http');
  const interrupt = onInterrupt();
  const hangup = onHangup();
  try {
    const app = await openServe(config, root, { signal: interrupt.signal });
    log.info('serving', { url: app.url, docs: `${app.url}/docs`, keys: !config.http.withoutKeys });
    hangup.reloads(app);
    await interrupt.happened.catch(() => undefined);
    const { unclosed } = await app.stop();
    if (unclosed.length > 0) log.warn('stopped, but something did not close in time', { unclosed });
    else log.info('stopped');
  } catch (error) {
    // Told to stop while it still waited for Redis: nothing had begun.
    if (!interrupt.signal.aborted) throw error;
    log.info('stopped before Redis answered');
  } finally {
    root.flush();
    interrupt.dispose();
    hangup.dispose();
  }
}

/** @throws DependencyError where it cannot listen, besides what `startServeApp` throws */
export async function openServe(config: Config, root: LogRoot, options: ServeAppOptions): Promise<ServeApp> {
  const { startServeApp } = await import('../app/serve.ts');
  try {
    return await startServeApp(config, root, options);
  } catch (error) {
    const { host, port } = config.http;
    throw cannotListen(error, { host, port, hostName: 'HTTP_HOST', portName: 'HTTP_PORT' });
  }
}
