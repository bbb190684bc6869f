import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { waitFor } from './waitFor.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const LINE_TIMEOUT_MS = 60_000;

/** A process of its own, with everything that it has printed. */
export interface RunningProcess {
  readonly pid: number;
  /** stdout and stderr so far, as they came. */
  readonly output: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly running: boolean;
  /** The first match in the output, waited for. @throws Error with the output when the process ends without it. */
  waitForLine(pattern: RegExp, timeoutMs?: number): Promise<RegExpExecArray>;
  /** Nobody reads its output any more, as when a pipe's other end has gone. */
  hangUp(): void;
  /** To this process alone, by its id. */
  signal(name: NodeJS.Signals): void;
  /** Resolves with the exit code when it has ended; null after a signal. */
  exit(): Promise<number | null>;
  /** SIGTERM, and SIGKILL after `graceMs`; resolves when it is gone. May be called again. */
  stop(graceMs?: number): Promise<number | null>;
}

/** What a program prints, as it came. */
export class Printed {
  readonly #name: string;
  readonly #isRunning: () => boolean;
  #streams = { stdout: '', stderr: '' };
  #output = '';

  constructor(name: string, isRunning: () => boolean) {
    this.#name = name;
    this.#isRunning = isRunning;
  }

  get output(): string {
    return this.#output;
  }

  get stdout(): string {
    return this.#streams.stdout;
  }

  get stderr(): string {
    return this.#streams.stderr;
  }

  get running(): boolean {
    return this.#isRunning();
  }

  add(stream: 'stdout' | 'stderr', text: string): void {
    this.#streams[stream] += text;
    this.#output += text;
  }

  clear(): void {
    this.#streams = { stdout: '', stderr: '' };
    this.#output = '';
  }

  async waitForLine(pattern: RegExp, timeoutMs = LINE_TIMEOUT_MS): Promise<RegExpExecArray> {
    const match = await waitFor(
      `${pattern} of ${this.#name}`,
      () => pattern.exec(this.#output) ?? (this.#isRunning() ? undefined : 'ended'),
      timeoutMs,
    );
    if (match === 'ended') throw new Error(`${this.#name} ended without ${pattern}:\n${this.#output}`);
    return match;
  }
}

/** Starts Node with nothing of this process's environment but the PATH. */
export function startNode(args: string[], env: Record<string, string> = {}): RunningProcess {
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    env: { PATH: process.env.PATH, NO_COLOR: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const isRunning = () => child.exitCode === null && child.signalCode === null;
  const printed = new Printed(args.join(' '), isRunning);
  for (const stream of ['stdout', 'stderr'] as const)
    child[stream].setEncoding('utf8').on('data', (text: string) => printed.add(stream, text));
  const ended = once(child, 'close').then(([code]) => code as number | null);
  return Object.assign(printed, {
    pid: child.pid as number,
    hangUp() {
      child.stdout.destroy();
      child.stderr.destroy();
    },
    signal: (name: NodeJS.Signals) => void child.kill(name),
    exit: () => ended,
    stop: (graceMs = 10_000) => stop(child, ended, graceMs),
  });
}

async function stop(child: ChildProcess, ended: Promise<number | null>, graceMs: number) {
  child.kill('SIGTERM');
  // A stopped process takes no SIGTERM before it goes on.
  child.kill('SIGCONT');
  const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
  const code = await ended;
  clearTimeout(timer);
  return code;
}

/** `dpf` in a process of its own. What depends on the files that are shipped starts `builtProgram`. */
export function startDpf(args: string[], env: Record<string, string> = {}): RunningProcess {
  return startNode([quickProgram(), ...args], { LOG_FORMAT: 'json', ...env });
}

/** Each once for each process that runs tests: asking for the time of every source takes longer than starting a process. */
const checked: { built?: string; quick?: string } = {};

/** `dpf` as it is shipped. @throws Error when the build is older than the sources: it would show what is no longer so. */
export function builtProgram(): string {
  checked.built ??= checkedBuild();
  return checked.built;
}

function checkedBuild(): string {
  const program = join(ROOT, 'dist/main.js');
  const sources = readdirSync(join(ROOT, 'src'), { recursive: true, withFileTypes: true });
  const newest = Math.max(
    ...sources.map((entry) => (entry.isFile() ? changedAt(join(entry.parentPath, entry.name)) : 0)),
  );
  if (changedAt(program) < newest) throw new Error('dist/ is older than src/: run `npm run build` first');
  return program;
}

/** Where `bundleProgram.ts` puts what it makes of the built program. */
export const BUNDLED = join(ROOT, 'test/dist');

/**
 * The built program in few files, which `npm test` makes first: reading its thousand modules is more than half of a start. Where
 * these files are missing or older, the built program itself.
 */
function quickProgram(): string {
  const built = builtProgram();
  const bundled = join(BUNDLED, 'program.mjs');
  const parts = [built, join(ROOT, 'node_modules/.package-lock.json')];
  checked.quick ??= changedAt(bundled) > Math.max(...parts.map(changedAt)) ? bundled : built;
  return checked.quick;
}

/** When a file was written, ms; 0 where there is none. */
function changedAt(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/** Starts processes within a test; all are gone after it. */
export function useProcesses(): {
  dpf: typeof startDpf;
  node: typeof startNode;
} {
  const started: RunningProcess[] = [];
  const kept = (running: RunningProcess) => {
    started.push(running);
    return running;
  };
  afterEach(async () => {
    await Promise.all(started.splice(0).map((running) => running.stop()));
  });
  return {
    dpf: (args, env) => kept(startDpf(args, env)),
    node: (args, env) => kept(startNode(args, env)),
  };
}
