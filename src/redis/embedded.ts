import { execFile } from 'node:child_process';
import { access, constants, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { optionalPackage } from '../config/config.ts';

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

/**
 * A private real Redis on a free loopback port, for the demo and the tests; `stop` removes it with its files.
 * Uses `redis-server` or `valkey-server` from the PATH; if there is neither, installs Debian's package as root.
 * @throws Error that says what to install.
 */
export async function startEmbeddedRedis(options: EmbeddedRedisOptions): Promise<EmbeddedRedis> {
  const { RedisMemoryServer } = await optionalPackage(import('redis-memory-server'), 'the embedded Redis');
  const binary = (await findServer(options.path)) ?? (await installServer(options));
  // Redis would leave its files in the working directory.
  const folder = await mkdtemp(join(tmpdir(), 'dpf-redis-'));
  const defaults = ['--dir', folder, '--save', '', '--maxmemory-policy', 'noeviction'];
  // redis-memory-server picks another port when it has used this one lately; of two arguments `--port` the last one wins.
  const ownPort = options.port === undefined ? [] : ['--port', String(options.port)];
  const server = new RedisMemoryServer({
    instance: { ip: '127.0.0.1', args: [...defaults, ...ownPort, ...(options.args ?? [])] },
    binary: { systemBinary: binary },
    autoStart: false,
  });
  await server.start();
  const port = options.port ?? (await server.getPort());
  return {
    url: `redis://127.0.0.1:${port}/0`,
    port,
    stop: async () => {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function findServer(path: string): Promise<string | undefined> {
  // An empty entry means the working directory; programs must not be run from there.
  for (const folder of path.split(delimiter).filter((folder) => folder !== ''))
    for (const name of ['redis-server', 'valkey-server']) {
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
const INSTALL = 'apt-get install -y redis-server';

async function installServer({ path, say }: EmbeddedRedisOptions): Promise<string> {
  const canInstall = process.getuid?.() === 0 && (await isThere('/usr/bin/apt-get'));
  const none = 'no redis-server or valkey-server on the PATH';
  if (!canInstall) throw new Error(`${none}: run \`${INSTALL}\` (or your system's way) first`);
  say?.(`${none}: installing it with \`${INSTALL}\``);
  const env = { PATH: path, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  try {
    await run('apt-get', ['update'], { env });
    await run('apt-get', ['install', '-y', '--no-install-recommends', 'redis-server'], { env });
  } catch (error) {
    const { stderr = String(error) } = error as { stderr?: string };
    const last = stderr.trim().split('\n').at(-1);
    throw new Error(`could not install redis-server (${last}): run \`${INSTALL}\` by hand`);
  }
  const binary = await findServer(path);
  if (binary === undefined) throw new Error(`redis-server is still not on the PATH after \`${INSTALL}\``);
  return binary;
}
