import { AsyncLocalStorage } from 'node:async_hooks';
import { Readable } from 'node:stream';
import { EXIT } from '../../src/cli/exit.ts';
import { run } from '../../src/cli/program.ts';
import { shown } from '../../src/cli/terminal.ts';
import { plainTerminal } from '../unit/cli/plainTerminal.ts';
import { Printed, type RunningProcess } from './processes.ts';

/** A command of `dpf` in this process, seen as `RunningProcess` shows a process of its own. */
export type RunningCommand = Pick<
  RunningProcess,
  'output' | 'stdout' | 'stderr' | 'running' | 'waitForLine' | 'exit'
>;

/** Each command reads an environment and a stdin of its own, also where several run at once. */
const surroundings = new AsyncLocalStorage<Partial<Pick<NodeJS.Process, 'env' | 'stdin'>>>();

for (const name of ['env', 'stdin'] as const) {
  const own = Object.getOwnPropertyDescriptor(process, name) as PropertyDescriptor;
  let replaced: { by: unknown } | undefined;
  Object.defineProperty(process, name, {
    configurable: true,
    enumerable: true,
    get: () => surroundings.getStore()?.[name] ?? (replaced ? replaced.by : (own.get?.() ?? own.value)),
    set: (by: unknown) => {
      replaced = { by };
    },
  });
}

/**
 * A command waits a second for Redis. Here the test, its services and the loading of modules take that time too: such an end
 * says nothing about Redis.
 */
const TOO_SLOW = /Redis.*\((no answer|Command timed out|Socket timeout|ETIMEDOUT)/;
const TRIES = 10;

interface CommandOptions {
  /** Text on stdin. */
  input?: string;
  /** 1 for a test in which Redis gives no answer. */
  tries?: number;
}

/** Runs `dpf` without a process of its own, which costs a small part of one. */
export function startCommand(
  args: string[],
  env: Record<string, string> = {},
  { input = '', tries = TRIES }: CommandOptions = {},
): RunningCommand {
  let running = true;
  const printed = new Printed(`dpf ${args.join(' ')}`, () => running);
  const print = (text: string) => printed.add('stdout', `${shown(text)}\n`);
  const note = (text: string) => printed.add('stderr', `${shown(text)}\n`);
  const once = () => {
    const stdin = Readable.from([Buffer.from(input)]) as unknown as NodeJS.Process['stdin'];
    const own = { env: { PATH: process.env.PATH, NO_COLOR: '1', ...env }, stdin };
    return surroundings.run(own, () => run(args, plainTerminal({ print, note })));
  };
  const runs = async () => {
    for (let left = tries; ; left -= 1) {
      const exit = await once();
      if (left === 1 || exit !== EXIT.dependency || !TOO_SLOW.test(printed.stderr)) return exit;
      printed.clear();
    }
  };
  const ended = runs().finally(() => {
    running = false;
  });
  return Object.assign(printed, { exit: () => ended });
}

/** Runs commands within a test; all have ended after it. */
export function useCommands(): typeof startCommand {
  const started: RunningCommand[] = [];
  afterEach(() => Promise.all(started.splice(0).map((command) => command.exit())));
  return (...command) => {
    const running = startCommand(...command);
    started.push(running);
    return running;
  };
}
