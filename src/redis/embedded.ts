import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, constants, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { Failure } from '../failures.ts';

export interface EmbeddedRedis {
  url: string;
  port: number;
  stop(): Promise<void>;
}

interface EmbeddedRedisOptions {
  /** Exactly this one; default: a free one. */
  port?: number;
  /** Further arguments of `redis-server`, e.g. `['--appendonly', 'yes', '--dir', folder]`. */
  args?: string[];
  /** The PATH to search. */
  path: string;
  /** Receives one line before something is installed. */
  say?: (line: string) => void;
}

/** Another program may take a port between the moment that it was free and Redis's start. */
const TRIES = 5;

/**
 * A private real Redis on a free loopback port, for the demo and the tests; `stop` removes it with its files. It also ends
 * when this process dies.
 * @throws Failure `redis-unavailable` that says what to install, or why Redis did not start
 */
export async function startEmbeddedRedis(options: EmbeddedRedisOptions): Promise<EmbeddedRedis> {
  const binary = await redisServer(options);
  // Redis would leave its files in the working directory.
  const folder = await mkdtemp(join(tmpdir(), 'dpf-redis-'));
  const removeFolder = () => rm(folder, { recursive: true, force: true });
  const args = ['--dir', folder, '--save', '', '--maxmemory-policy', 'noeviction', ...(options.args ?? [])];
  for (let tries = 1; ; tries += 1) {
    const port = options.port ?? (await freePort());
    try {
      const stop = await startServer(binary, ['--bind', '127.0.0.1', '--port', String(port), ...args]);
      return { url: `redis://127.0.0.1:${port}/0`, port, stop: () => stop().then(removeFolder) };
    } catch (error) {
      if (tries < TRIES && options.port === undefined && /in use/.test(String(error))) continue;
      await removeFolder();
      throw error;
    }
  }
}

/**
 * The path of `redis-server` or `valkey-server` on the PATH; where there is neither, installs Debian's package as root.
 * @throws Failure `redis-unavailable` that says what to install
 */
export async function redisServer(options: EmbeddedRedisOptions): Promise<string> {
  return (await findServer(options.path)) ?? (await installServer(options));
}

/** Ends the server when standard input ends: also when the process that started it is killed. */
const UNTIL_INPUT_ENDS = '"$@" </dev/null & server=$!; exec >/dev/null 2>&1; cat; kill $server; wait $server';

/** Resolves with its stop once it takes connections. */
async function startServer(binary: string, args: string[]): Promise<() => Promise<void>> {
  // In a process group of its own: Ctrl-C ends what uses this Redis first.
  const shell = spawn('/bin/sh', ['-c', UNTIL_INPUT_ENDS, 'sh', binary, ...args], {
    detached: true,
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const ended = once(shell, 'exit');
  const stop = async () => {
    shell.stdin.end();
    await ended;
  };
  let last = '';
  const isReady = await new Promise<boolean>((resolve) => {
    // They are read to the end: a log that nobody reads would fill its pipe and stop the server.
    const lines = createInterface(shell.stdout).on('close', () => resolve(false));
    lines.on('line', (line) => {
      last = line;
      if (/Ready to accept connections/.test(line)) resolve(true);
    });
  });
  if (isReady) return stop;
  await stop();
  throw missing(`${binary} did not start: ${last}`);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}
const findServer = (path: string) => findProgram(path, ['redis-server', 'valkey-server']);

async function findProgram(path: string, names: string[]): Promise<string | undefined> {
  // An empty entry means the working directory; programs must not be run from there.
  for (const folder of path.split(delimiter).filter((folder) => folder !== ''))
    for (const name of names) {
      const candidate = join(folder, name);
      if (await isThere(candidate)) return candidate;
    }
  return undefined;
}

const isThere = (path: string) =>
  access(path, constants.X_OK).then(
    () => true,
    () => false,
  );

const run = promisify(execFile);

/** Package manager → what it installs a server with. */
const INSTALLS = {
  'apt-get': 'apt-get install -y redis-server',
  dnf: 'dnf install -y valkey',
  apk: 'apk add redis',
  pacman: 'pacman -S valkey',
  brew: 'brew install redis',
};

async function installServer({ path, say }: EmbeddedRedisOptions): Promise<string> {
  const isRoot = process.getuid?.() === 0;
  const none = 'no redis-server or valkey-server on the PATH';
  const [manager, install] = await installCommand(path);
  if (install === undefined) throw missing(`${none}: install Redis 7 or Valkey first`);
  if (!isRoot || manager !== 'apt-get') {
    const sudo = isRoot || manager === 'brew' ? '' : 'sudo ';
    throw missing(`${none}: run \`${sudo}${install}\` first`);
  }
  say?.(`${none}: installing it with \`${install}\``);
  // RUNLEVEL keeps Debian from starting a service of its own.
  const env = { PATH: path, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  try {
    await run('apt-get', ['update'], { env });
    await run('apt-get', ['install', '-y', '--no-install-recommends', 'redis-server'], { env });
  } catch (error) {
    const { stderr = String(error) } = error as { stderr?: string };
    const last = stderr.trim().split('\n').at(-1);
    throw missing(`could not install redis-server (${last}): run \`${install}\` by hand`);
  }
  const binary = await findServer(path);
  if (binary === undefined) throw missing(`redis-server is still not on the PATH after \`${install}\``);
  return binary;
}

// With a remedy in the message, no other one is added to it.
const missing = (message: string) => new Failure('redis-unavailable', message, { remedy: message });

async function installCommand(path: string): Promise<[manager?: string, command?: string]> {
  for (const [manager, command] of Object.entries(INSTALLS))
    if ((await findProgram(path, [manager])) !== undefined) return [manager, command];
  return [];
}
