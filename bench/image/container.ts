import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { waitFor } from '../../test/support/waitFor.ts';
import type { Service } from './compose.ts';

const run = promisify(execFile);

/** What `scripts/image.sh` leaves of the image's configuration. */
export interface Image {
  rootfs: string;
  user: string;
  env: string[];
  workingDir: string;
  entrypoint: string[];
  cmd: string[];
  healthcheck: string[];
  stopSignal: string;
  /** Bytes of each layer, the base's first. */
  layers: number[];
}

export function readImage(folder: string): Image {
  const { Docker, Manifest } = JSON.parse(readFileSync(join(folder, 'image.json'), 'utf8'));
  const { config } = Docker;
  const layers: { size: number }[] = JSON.parse(Manifest).layers;
  return {
    rootfs: join(folder, 'rootfs'),
    user: config.User,
    env: config.Env,
    workingDir: config.WorkingDir,
    entrypoint: config.Entrypoint,
    cmd: config.Cmd,
    healthcheck: config.Healthcheck.Test.slice(1),
    stopSignal: config.StopSignal,
    layers: layers.map(({ size }) => size),
  };
}

interface Mount {
  destination: string;
  type: string;
  source: string;
  options: string[];
}

export interface Surroundings {
  image: Image;
  /** Holds the bundles, the state of runc and named volumes. */
  folder: string;
  /** `.env`. */
  envFile: Record<string, string>;
}

/**
 * The configuration of an OCI runtime for a service, with no right that docker-compose.yml does not give.
 * @throws Error where the service lacks a restriction that every service must have
 */
function ociConfig(
  name: string,
  service: Service,
  { image, folder, envFile }: Surroundings,
  network?: number,
) {
  const { cap_drop: dropped = [], security_opt: options = [] } = service;
  if (!service.read_only || !dropped.includes('ALL') || !options.includes('no-new-privileges:true'))
    throw new Error(`${name} of docker-compose.yml is not restricted`);
  const [uid, gid] = (service.user ?? image.user).split(':').map(Number);
  const env = {
    ...Object.fromEntries(image.env.map((pair) => pair.split(/=(.*)/s))),
    ...(service.env_file === undefined ? {} : envFile),
    ...service.environment,
  };
  return {
    ociVersion: '1.0.2',
    process: {
      user: { uid, gid },
      args: [
        ...(service.entrypoint ?? image.entrypoint),
        ...(service.command ?? (service.entrypoint ? [] : image.cmd)),
      ],
      env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
      cwd: image.workingDir,
      capabilities: {},
      noNewPrivileges: true,
      rlimits: [{ type: 'RLIMIT_NOFILE', hard: 4096, soft: 4096 }],
    },
    root: { path: image.rootfs, readonly: true },
    hostname: name,
    mounts: [
      { destination: '/proc', type: 'proc', source: 'proc', options: ['nosuid', 'noexec', 'nodev'] },
      { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'mode=755', 'size=65536k'] },
      ...(service.tmpfs ?? []).map((destination) => ({
        destination,
        type: 'tmpfs',
        source: 'tmpfs',
        options: ['nosuid', 'nodev', 'mode=1777'],
      })),
      ...(service.volumes ?? []).map((volume) => volumeMount(volume, folder, Number(uid), Number(gid))),
    ],
    linux: {
      namespaces: [
        ...['pid', 'mount', 'ipc', 'uts'].map((type) => ({ type })),
        { type: 'network', ...(network === undefined ? {} : { path: `/proc/${network}/ns/net` }) },
      ],
      maskedPaths: ['/proc/kcore', '/proc/keys', '/proc/timer_list', '/sys/firmware'],
      readonlyPaths: ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'],
    },
  };
}

/** A source with a slash is a folder that is there; a name is a volume, which belongs to the user. */
function volumeMount(volume: string, folder: string, uid: number, gid: number): Mount {
  const [source = '', destination = '', mode = 'rw'] = volume.split(':');
  let path = resolve(source);
  if (!source.includes('/')) {
    path = join(folder, 'volumes', source);
    mkdirSync(path, { recursive: true });
    chownSync(path, uid, gid);
  }
  return { destination, type: 'bind', source: path, options: ['rbind', mode] };
}

/** A container and what it printed. */
export class Container {
  readonly name: string;
  /** What it printed so far, to stdout and stderr. */
  output = '';
  stdout = '';
  readonly exit: Promise<number | null>;
  readonly #runtime: string[];
  readonly #child: ChildProcess;
  /** When how much had been printed, ms since the start and characters. */
  readonly #times: [ms: number, length: number][] = [];

  private constructor(name: string, runtime: string[], bundle: string) {
    this.name = name;
    this.#runtime = runtime;
    const startedAt = performance.now();
    this.#child = spawn('runc', [...runtime, 'run', '--bundle', bundle, name], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const { stdout, stderr } = this.#child;
    stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
    });
    for (const stream of [stdout, stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.output += text;
        this.#times.push([performance.now() - startedAt, this.output.length]);
      });
    this.exit = once(this.#child, 'close').then(([code]) => code as number | null);
  }

  /** `network`: the process id of another container, whose network it shares. */
  static start(name: string, service: Service, surroundings: Surroundings, network?: number): Container {
    const bundle = join(surroundings.folder, name);
    mkdirSync(bundle, { recursive: true });
    writeFileSync(
      join(bundle, 'config.json'),
      JSON.stringify(ociConfig(name, service, surroundings, network)),
    );
    return new Container(name, ['--root', join(surroundings.folder, 'runc')], bundle);
  }

  get running() {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Resolves with the ms since the start at which it had printed it. */
  async printed(pattern: RegExp, timeoutMs = 60_000): Promise<number> {
    const end = await waitFor(
      () => `${pattern} of ${this.name}: ${this.output.slice(-2000)}`,
      () => {
        const match = pattern.exec(this.output);
        if (match === null && !this.running)
          throw new Error(`${this.name} ended without ${pattern}: ${this.output}`);
        return match && match.index + match[0].length;
      },
      timeoutMs,
    );
    return Math.round(this.#times.find(([, length]) => length >= end)?.[0] ?? Number.NaN);
  }

  /** The id of its first process, as this machine sees it. */
  async pid(): Promise<number> {
    const { stdout } = await run('runc', [...this.#runtime, 'state', this.name]);
    return JSON.parse(stdout).pid;
  }

  /** Runs a command in it, with its user and environment; resolves with the exit code and what was printed. */
  async exec(command: string[]): Promise<{ code: number; said: string }> {
    return outcome(run('runc', [...this.#runtime, 'exec', this.name, ...command]));
  }

  /** Main memory in use, and the most so far, MB. */
  async memory(): Promise<{ now: number; most: number }> {
    const status = readFileSync(`/proc/${await this.pid()}/status`, 'utf8');
    const megabytes = (field: string) =>
      Math.round(Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) / 1024);
    return { now: megabytes('VmRSS'), most: megabytes('VmHWM') };
  }

  /** runc hands the signal on. Resolves with the exit code; what does not end within `graceMs` is killed. */
  async stop(signal: NodeJS.Signals, graceMs = 30_000): Promise<number | null> {
    this.#child.kill(signal);
    const timer = setTimeout(
      () => void run('runc', [...this.#runtime, 'kill', this.name, 'KILL']).catch(() => {}),
      graceMs,
    );
    try {
      return await this.exit;
    } finally {
      clearTimeout(timer);
    }
  }
}

async function outcome(process: Promise<{ stdout: string; stderr: string }>) {
  try {
    const { stdout, stderr } = await process;
    return { code: 0, said: stdout + stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, said: stdout + stderr };
  }
}
