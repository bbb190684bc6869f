import { Command } from 'commander';
import type { ServeApp, ServeAppOptions } from '../app/serve.ts';
import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { LogRoot } from '../telemetry/logger.ts';
import { DependencyError } from './exit.ts';
import { onHangup, onInterrupt } from './signals.ts';
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

/** Where a command wanted to listen, and the names by which people choose another place. */
export interface Place {
  host: string;
  port: number;
  hostName: string;
  portName: string;
}

/** What kept a server from listening, in words; any other error as it is. */
export function cannotListen(error: unknown, { host, port, hostName, portName }: Place): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE')
    return new DependencyError(
      'port-in-use',
      `port ${port} on ${host} is in use: stop what uses it, or choose another with ${portName} (0 for any)`,
    );
  if (code === 'EACCES')
    return new DependencyError('port-not-allowed', `port ${port} needs more rights: choose one above 1023`);
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
    return new DependencyError(
      'no-such-address',
      `${host} is no address of this machine: choose another ${hostName}`,
    );
  return error;
}
