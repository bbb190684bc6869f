import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { missing, redisServer, type ServerOptions } from './ensureServer.ts';

export interface EmbeddedRedis {
  url: string;
  port: number;
  stop(): Promise<void>;
}

interface EmbeddedRedisOptions extends ServerOptions {
  /** Exactly this one; default: a free one. */
  port?: number;
  /** Further arguments of `redis-server`, e.g. `['--appendonly', 'yes', '--dir', folder]`. */
  args?: string[];
}

/** Another program may take a port between the moment that it was free and Redis's start. */
const TRIES = 5;

/** In the words of Redis and Podman, and of Docker. */
const PORT_IN_USE = /in use|already allocated/;

/** An error is within so many of the last lines. */
const LAST_LINES = 50;

/**
 * A private real Redis on a free loopback port, for the demo and the tests; `stop` removes it with its files. It also ends
 * when this process dies.
 * @throws Failure `redis-unavailable` that says what to install, or why Redis did not start
 */
export async function startEmbeddedRedis(options: EmbeddedRedisOptions = {}): Promise<EmbeddedRedis> {
  const command = await redisServer(options);
  // Redis would leave its files in the working directory.
  const folder = await mkdtemp(join(tmpdir(), 'dpf-redis-'));
  const removeFolder = () => rm(folder, { recursive: true, force: true });
  const args = ['--save', '', '--maxmemory-policy', 'noeviction', ...(options.args ?? [])];
  for (let tries = 1; ; tries += 1) {
    const port = options.port ?? (await freePort());
    try {
      const stop = await startServer([...command(port, folder), ...args]);
      return { url: `redis://127.0.0.1:${port}/0`, port, stop: () => stop().then(removeFolder) };
    } catch (error) {
      if (tries < TRIES && options.port === undefined && PORT_IN_USE.test(String(error))) continue;
      await removeFolder();
      throw error;
    }
  }
}

/** Ends the server when standard input ends: also when the process that started it is killed. */
const UNTIL_INPUT_ENDS =
  '"$@" </dev/null 2>&1 & server=$!; exec >/dev/null 2>&1; cat; kill $server; wait $server';

/** Resolves with its stop once it takes connections. */
async function startServer(command: string[]): Promise<() => Promise<void>> {
  // In a process group of its own: Ctrl-C ends what uses this Redis first.
  const shell = spawn('/bin/sh', ['-c', UNTIL_INPUT_ENDS, 'sh', ...command], {
    detached: true,
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const ended = once(shell, 'exit');
  const stop = async () => {
    shell.stdin.end();
    await ended;
  };
  const last: string[] = [];
  const isReady = await new Promise<boolean>((resolve) => {
    // They are read to the end: a log that nobody reads would fill its pipe and stop the server.
    const lines = createInterface(shell.stdout).on('close', () => resolve(false));
    lines.on('line', (line) => {
      if (last.push(line) > LAST_LINES) last.shift();
      if (/Ready to accept connections/.test(line)) resolve(true);
    });
  });
  if (isReady) return stop;
  await stop();
  // After the cause, Redis says that it ends, and Docker where its help is.
  const cause = [PORT_IN_USE, /\bError\b/].flatMap((words) => last.find((line) => words.test(line)) ?? []);
  throw missing(`${command[0]} did not start: ${cause[0] ?? last.at(-1) ?? 'it said nothing'}`);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}
