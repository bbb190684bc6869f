import { Command, CommanderError } from 'commander';
import { refuseSecrets } from './commandSetup.ts';
import { asJson, EXIT, type ExitCode, lines, tell } from './exit.ts';
import type { Terminal } from './terminal.ts';

/** What an action calls when it ends otherwise than `done` without having failed. */
export type SetExit = (code: ExitCode) => void;

type Load = () => Promise<(terminal: Terminal, setExit: SetExit) => Command>;

/** Loaded when called: help and a typing error should not wait for what a worker needs. */
const COMMANDS: ReadonlyArray<[name: string, description: string, load: Load]> = [
  [
    'demo',
    'Run it all on this machine with a simulated eBay',
    async () => (await import('./demo.ts')).demoCommand,
  ],
  [
    'worker',
    'Collect searches from eBay until stopped',
    async () => (await import('./worker.ts')).workerCommand,
  ],
  ['serve', 'Answer other programs over HTTP', async () => (await import('./serve.ts')).serveCommand],
  ['keys', 'Make, list and take back API keys', async () => (await import('./keys.ts')).keysCommand],
  ['search', 'Search eBay through a running worker', async () => (await import('./search.ts')).searchCommand],
  [
    'token',
    'Show, renew or clear the fleet’s eBay token',
    async () => (await import('./token.ts')).tokenCommand,
  ],
  [
    'quota',
    'Show how many of today’s eBay calls are used',
    async () => (await import('./quota.ts')).quotaCommand,
  ],
  [
    'doctor',
    'Find out what is wrong and what to do',
    async () => (await import('./doctor.ts')).doctorCommand,
  ],
  ['schedule', 'Run searches again and again', async () => (await import('./schedule.ts')).scheduleCommand],
  ['events', 'Show what happened, or follow it', async () => (await import('./events.ts')).eventsCommand],
  ['simulate', 'Run an eBay of your own', async () => (await import('./simulate.ts')).simulateCommand],
  [
    'tenants',
    'Add, show and remove further keysets',
    async () => (await import('./tenants.ts')).tenantsCommand,
  ],
  ['config', 'Check and show the configuration', async () => (await import('./config.ts')).configCommand],
];

/** Runs one command line to its end and gives the exit code. Never throws. */
export async function run(args: string[], terminal: Terminal): Promise<ExitCode> {
  let exit: ExitCode = EXIT.done;
  try {
    refuseSecrets(args);
    const program = await createProgram(args[0], terminal, (code) => {
      exit = code;
    });
    await program.parseAsync(args, { from: 'user' });
    return exit;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT.done;
    // No command at all: the help that commander has printed says enough.
    if (error instanceof CommanderError && error.code === 'commander.help') return EXIT.usage;
    const told = tell(error);
    const { scrubberOfProcess } = await import('./knownSecrets.ts');
    terminal.note(scrubberOfProcess().text(wantsJson(args) ? asJson(told) : lines(told)));
    return told.exit;
  }
}

async function createProgram(
  wanted: string | undefined,
  terminal: Terminal,
  setExit: SetExit,
): Promise<Command> {
  const program = new Command('dpf')
    .description('Answers eBay product searches within eBay’s call limits.')
    .helpCommand(false)
    .addHelpText('after', AFTER_HELP);
  for (const [name, description, load] of COMMANDS) {
    const command = name === wanted ? (await load())(terminal, setExit) : new Command(name);
    program.addCommand(command.summary(description));
  }
  for (const command of [program, ...program.commands.flatMap((each) => [each, ...each.commands])])
    command.exitOverride().configureOutput(outputOn(terminal));
  return program;
}

/** Help is commander's to print; mistakes are told by `run`, in one line. */
function outputOn(terminal: Terminal) {
  return {
    writeOut: (text: string) => terminal.print(text.trimEnd()),
    writeErr: (text: string) => terminal.note(text.trimEnd()),
    outputError: () => undefined,
    getOutHelpWidth: () => Math.min(terminal.width, 120),
    getErrHelpWidth: () => Math.min(terminal.width, 120),
  };
}

function wantsJson(args: string[]): boolean {
  const end = args.indexOf('--');
  return args.slice(0, end === -1 ? args.length : end).includes('--json');
}

const AFTER_HELP = `
Each command has --help, and --json where it prints data. Start with: dpf demo

Exit codes: 0 done · 1 failed · 2 usage · 3 configuration · 4 Redis, eBay or a port in use
            5 partial, degraded or cancelled · 130 interrupted`;
