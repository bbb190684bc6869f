import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { access, constants, mkdir, mkdtemp, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { availableParallelism, homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { environment } from '../config/config.ts';
import { Failure } from '../failures.ts';

/**
 * What is built where there is no server: the newest Redis that needs no more than a C compiler. The checksum is the one of
 * the Redis project's list (repository redis/redis-hashes). REDIS_SOURCE_URL and REDIS_SOURCE_SHA256 name another file.
 */
export const REDIS_SOURCE = {
  version: '7.2.16',
  url: 'https://download.redis.io/releases/redis-7.2.16.tar.gz',
  sha256: '960a8ec15e34ff40e57ff16837b26b33bd81f2da6d24497bb63de532a323a18e',
};

/** What a container engine runs: the image of docker-compose.yml. REDIS_IMAGE in the environment names another one. */
export const REDIS_IMAGE =
  'redis:8.2.10-bookworm@sha256:164c759a0c342ee69d08fc99219382b0fd682181465c0df2e0e6911f4c85d73c';

export interface ServerOptions {
  /** `PATH`, `HOME`, `XDG_CACHE_HOME`, `REDIS_IMAGE`, `REDIS_SOURCE_URL` and `REDIS_SOURCE_SHA256` count; default: the process's. */
  env?: NodeJS.ProcessEnv;
  /** Whether a container will do. It sees no file of this machine, and other servers do not reach it. */
  container?: boolean;
  /** Receives lines about what is installed, downloaded or built. */
  say?: Say;
}

type Say = (line: string) => void;

/** The command that runs a server on a loopback port, to which Redis's further arguments are added. */
export type ServerCommand = (port: number, folder: string) => string[];

/**
 * Finds a Redis or Valkey server: on the PATH, or built by an earlier call. Where there is none, gets one: Debian's package
 * as root, a container, or a build from source into the user's cache.
 * @throws Failure `redis-unavailable` that says what to install; `interrupted` after SIGINT, SIGTERM or SIGHUP
 */
export async function redisServer({
  env = environment(),
  container,
  say,
}: ServerOptions): Promise<ServerCommand> {
  const { PATH: path = '' } = env;
  const built = join(cacheFolder(env), sourceOf(env).name, 'redis-server');
  const found = (await findServer(path)) ?? (await builtServer(built, env));
  if (found !== undefined) return program(found);
  const none = 'no redis-server or valkey-server on the PATH';
  const [manager, install] = await installCommand(path);
  const remedy = install === undefined ? 'install Redis 7 or Valkey first' : `run \`${install}\` first`;
  return untilInterrupted(async (signal) => {
    if (process.getuid?.() === 0 && manager === 'apt-get') {
      say?.(`${none}: installing it with \`${install}\``);
      const installed = await installPackage(env, say, signal);
      if (installed !== undefined) return program(installed);
    }
    const command = container ? await containerServer(env, say, signal) : undefined;
    if (command !== undefined) return command;
    const tools = await buildTools(path);
    if (tools === undefined) throw missing(`${none}: ${remedy}`);
    try {
      return program(await buildServer(built, tools, { env, say, signal }));
    } catch (error) {
      signal.throwIfAborted();
      throw missing(`${none}, and none could be built (${reasonOf(error)}): ${remedy}`);
    }
  });
}

const program =
  (binary: string): ServerCommand =>
  (port, folder) => [binary, '--bind', '127.0.0.1', '--port', String(port), '--dir', folder];

/** With a remedy in the message, no other one is added to it. */
export const missing = (message: string) => new Failure('redis-unavailable', message, { remedy: message });

/** A failed `fetch` says why in its cause. */
function reasonOf(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error && cause.message !== '' ? cause.message : message;
}

/** @throws Failure where it does not run: another system with the same home folder may have built it */
async function builtServer(binary: string, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  if (!(await isThere(binary))) return undefined;
  try {
    await run(binary, ['--version'], { env });
    return binary;
  } catch (error) {
    throw missing(`${binary} does not run on this system (${reasonOf(error)}): remove ${dirname(binary)}`);
  }
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

/** Package manager → what it installs a server with. */
const INSTALLS = {
  'apt-get': 'apt-get install -y redis-server',
  dnf: 'dnf install -y valkey',
  apk: 'apk add redis',
  pacman: 'pacman -S valkey',
  brew: 'brew install redis',
};

/** The package manager of this system, and what this user types. */
async function installCommand(path: string): Promise<[manager?: string, command?: string]> {
  for (const [manager, command] of Object.entries(INSTALLS)) {
    if ((await findProgram(path, [manager])) === undefined) continue;
    return [manager, process.getuid?.() === 0 || manager === 'brew' ? command : `sudo ${command}`];
  }
  return [];
}

async function installPackage(
  env: NodeJS.ProcessEnv,
  say: Say | undefined,
  signal: AbortSignal,
): Promise<string | undefined> {
  // RUNLEVEL keeps Debian from starting a service of its own.
  const quiet = { PATH: env.PATH, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  const sayWaits = () => say?.('interrupted: waiting for apt-get, so that no package stays half installed');
  try {
    await run('apt-get', ['update'], { env: quiet, signal });
    signal.addEventListener('abort', sayWaits);
    await run('apt-get', ['install', '-y', '--no-install-recommends', 'redis-server'], { env: quiet });
  } catch (error) {
    if (!signal.aborted) say?.(`could not install redis-server: ${reasonOf(error)}`);
  } finally {
    signal.removeEventListener('abort', sayWaits);
  }
  signal.throwIfAborted();
  return findServer(env.PATH ?? '');
}

const ENGINES = ['docker', 'podman'];

/** A Docker client without an engine may wait for it without end, ms. */
const ENGINE_ANSWERS_MS = 3000;

/** The image's own user; nothing is written. The port inside is Redis's default. */
const CONTAINER = ['run', '--rm', '--read-only', '--cap-drop', 'ALL', '--user', '999:999'];

async function containerServer(
  env: NodeJS.ProcessEnv,
  say: Say | undefined,
  signal: AbortSignal,
): Promise<ServerCommand | undefined> {
  const image = env.REDIS_IMAGE || REDIS_IMAGE;
  for (const name of ENGINES) {
    const engine = await findProgram(env.PATH ?? '', [name]);
    if (engine === undefined) continue;
    const ask = (args: string[], limitMs?: number) => run(engine, args, { env, signal, limitMs });
    try {
      await ask(['info'], ENGINE_ANSWERS_MS);
      await ask(['image', 'inspect', image]).catch(() => {
        signal.throwIfAborted();
        say?.(`${name} downloads the image ${image}`);
        return ask(['pull', image]);
      });
    } catch (error) {
      signal.throwIfAborted();
      say?.(`no Redis from ${name}: ${reasonOf(error)}`);
      continue;
    }
    const server = ['--entrypoint', 'redis-server', image, '--protected-mode', 'no'];
    return (port) => [engine, ...CONTAINER, '--publish', `127.0.0.1:${port}:6379`, ...server];
  }
  return undefined;
}

function cacheFolder({ XDG_CACHE_HOME, HOME }: NodeJS.ProcessEnv): string {
  return join(XDG_CACHE_HOME || join(HOME || homedir(), '.cache'), 'dropship-product-finder');
}

function sourceOf({ REDIS_SOURCE_URL, REDIS_SOURCE_SHA256 }: NodeJS.ProcessEnv) {
  const sha256 = (REDIS_SOURCE_SHA256 || REDIS_SOURCE.sha256).toLowerCase();
  const version = sha256 === REDIS_SOURCE.sha256 ? REDIS_SOURCE.version : sha256.slice(0, 12);
  // Systems of several kinds may share a home folder.
  const name = `redis-${version}-${process.platform}-${process.arch}`;
  return { url: REDIS_SOURCE_URL || REDIS_SOURCE.url, sha256, name };
}

interface Tools {
  tar: string;
  make: string;
}

async function buildTools(path: string): Promise<Tools | undefined> {
  const [tar, make, compiler] = await Promise.all(
    [['tar'], ['make'], ['cc', 'gcc', 'clang']].map((names) => findProgram(path, names)),
  );
  return tar && make && compiler ? { tar, make } : undefined;
}

/** A line of progress after so many lines of `make`, of about 150. */
const MAKE_LINES = 25;

const BUILDING = 'building-';

/** No build takes as long: its process was killed, ms. */
const LEFT_AFTER_MS = 3_600_000;

async function removeLeftBuilds(cache: string): Promise<void> {
  for (const name of await readdir(cache)) {
    if (!name.startsWith(BUILDING)) continue;
    const folder = join(cache, name);
    // Another process may remove it at the same time.
    const { mtimeMs } = await stat(folder).catch(() => ({ mtimeMs: Infinity }));
    if (Date.now() - mtimeMs > LEFT_AFTER_MS) await rm(folder, { recursive: true, force: true });
  }
}

/** Builds in a folder of its own: an interrupted build leaves nothing, and two at once do not meet. */
async function buildServer(
  target: string,
  { tar, make }: Tools,
  { env, say, signal }: { env: NodeJS.ProcessEnv; say: Say | undefined; signal: AbortSignal },
): Promise<string> {
  const { url, sha256, name } = sourceOf(env);
  const cache = cacheFolder(env);
  await mkdir(cache, { recursive: true });
  await removeLeftBuilds(cache);
  const folder = await mkdtemp(join(cache, BUILDING));
  try {
    say?.(`no redis-server or valkey-server on the PATH: downloading ${url}`);
    const archive = join(folder, 'source.tar.gz');
    await writeFile(archive, await download(url, sha256, say, signal));
    await run(tar, ['-xzf', archive, '-C', folder, '--strip-components=1'], { env, signal });
    say?.(`building ${name} with make; this takes a minute or two`);
    let lines = 0;
    const onLine = () => {
      lines += 1;
      if (lines % MAKE_LINES === 0) say?.(`building ${name}: ${lines} steps done`);
    };
    // Without link-time optimization it builds in half of the time.
    const jobs = `-j${availableParallelism()}`;
    const built = ['-C', folder, jobs, 'redis-server', 'MALLOC=libc', 'OPTIMIZATION=-O2'];
    await run(make, built, { env, signal, onLine });
    await mkdir(join(target, '..'), { recursive: true });
    await rename(join(folder, 'src', 'redis-server'), target);
    say?.(`built ${target}, which later starts use`);
    return target;
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** @throws Error where it cannot be had, or is another file than the checksum says */
async function download(
  url: string,
  sha256: string,
  say: Say | undefined,
  signal: AbortSignal,
): Promise<Buffer> {
  const response = await fetch(url, { signal });
  if (!response.ok || response.body === null) throw new Error(`${url} answers ${response.status}`);
  const total = Number(response.headers.get('content-length') ?? 0);
  const chunks: Uint8Array[] = [];
  let received = 0;
  let said = 0;
  for await (const chunk of response.body) {
    chunks.push(chunk);
    received += chunk.length;
    const quarters = total > 0 ? Math.floor((4 * received) / total) : 0;
    if (quarters > said) say?.(`downloaded ${25 * quarters} % of ${(total / 1e6).toFixed(1)} MB`);
    said = quarters;
  }
  const content = Buffer.concat(chunks);
  const actual = createHash('sha256').update(content).digest('hex');
  if (actual !== sha256) throw new Error(`the SHA-256 of ${url} is ${actual}, not ${sha256}`);
  return content;
}

/** The last one is sent when the terminal is closed. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** They end the work, which then tidies up. */
async function untilInterrupted<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const abort = () => controller.abort(new Failure('interrupted', 'interrupted'));
  for (const name of SIGNALS) process.on(name, abort);
  try {
    return await work(controller.signal);
  } finally {
    for (const name of SIGNALS) process.off(name, abort);
  }
}

/** The output of a program that has ended is read within ms. A program that it leaves behind may hold its pipes open. */
const OUTPUT_ENDS_MS = 200;

interface RunOptions {
  env: NodeJS.ProcessEnv;
  signal?: AbortSignal;
  /** How long it may take. No AbortSignal.timeout: in a signal of AbortSignal.any, Node 20 may collect it as garbage. */
  limitMs?: number | undefined;
  /** Receives each line of its output. */
  onLine?: () => void;
}

/**
 * Runs a program to its end, or until `signal` aborts or the time is over.
 * @throws Error with the last line of its error output
 */
async function run(
  command: string,
  args: string[],
  { env, signal, limitMs, onLine }: RunOptions,
): Promise<void> {
  signal?.throwIfAborted();
  // In a process group of its own, which ends as a whole: a script would leave its programs.
  const child = spawn(command, args, { env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  let isKilled = false;
  const kill = () => {
    isKilled = true;
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGTERM');
    } catch {
      // All of the group has ended.
    }
  };
  signal?.addEventListener('abort', kill);
  const timer = limitMs === undefined ? undefined : setTimeout(kill, limitMs);
  let last = '';
  createInterface(child.stdout).on('line', onLine ?? (() => undefined));
  createInterface(child.stderr).on('line', (line) => {
    last = line.trim() || last;
  });
  const closed = new Promise((resolve) => child.once('close', resolve));
  try {
    const [code, killedBy] = await once(child, 'exit');
    await Promise.race([closed, delay(OUTPUT_ENDS_MS, undefined, { ref: false })]);
    if (isKilled) throw new Error('no answer');
    if (code !== 0) throw new Error(last || `${command} ended with ${code ?? killedBy}`);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', kill);
    child.stdout.destroy();
    child.stderr.destroy();
  }
}
