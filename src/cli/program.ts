import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { EXIT, type ExitCode, errorJson, errorText, reportOf, type SetExit } from './exit.ts';
import { processScrubber, refuseSecrets } from './secrets.ts';
import type { Terminal } from './terminal.ts';

/** What each command's file exports. */
interface CommandModule {
  command(terminal: Terminal, setExit: SetExit): Command;
}

/** A command is loaded when it is called, so that help and a typing error take no time. */
const COMMANDS: Record<string, [summary: string, load: () => Promise<CommandModule>]> = {
  demo: ['Run it all on this machine with a simulated eBay', () => import('./demo.ts')],
  worker: ['Collect searches from eBay until stopped', () => import('./worker.ts')],
  serve: ['Answer other programs over HTTP', () => import('./serve.ts')],
  keys: ['Create, list and revoke API keys', () => import('./keys.ts')],
  search: ['Search eBay through a running worker', () => import('./search.ts')],
  token: ['Show, renew or clear the fleet’s eBay token', () => import('./token.ts')],
  quota: ['Show how many of today’s eBay calls are used', () => import('./quota.ts')],
  doctor: ['Find out what is wrong and what to do', () => import('./doctor.ts')],
  schedule: ['Run searches again and again', () => import('./schedule.ts')],
  events: ['Show what happened, or follow it', () => import('./events.ts')],
  simulate: ['Run an eBay of your own', () => import('./simulate.ts')],
  tenants: ['Add, show and remove further keysets', () => import('./tenants.ts')],
  config: ['Check and show the configuration', () => import('./config.ts')],
};

/** Runs one command line to its end and returns the exit code. Never throws. */
export async function run(args: string[], terminal: Terminal): Promise<ExitCode> {
  let exit: ExitCode = EXIT.done;
  try {
    refuseSecrets(args);
    const program = await createProgram(args, terminal, (code) => {
      exit = code;
    });
    await program.parseAsync(args, { from: 'user' });
    return exit;
  } catch (error) {
    // `--help` and `--version` end commander by an error too.
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT.done;
    // Without a command, commander has printed the help.
    if (error instanceof CommanderError && error.code === 'commander.help') return EXIT.usage;
    const report = reportOf(error);
    const scrubber = await processScrubber();
    terminal.note(scrubber.text(wantsJson(args) ? errorJson(report) : errorText(report)));
    return report.exit;
  }
}

async function createProgram(args: string[], terminal: Terminal, setExit: SetExit): Promise<Command> {
  const program = new Command('dpf')
    .description('Answers eBay product searches within eBay’s call limits.')
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpCommand(false)
    .addHelpText('after', AFTER_HELP);
  const called = args.find((arg) => !arg.startsWith('-'));
  for (const [name, [summary, load]] of Object.entries(COMMANDS)) {
    const command = name === called ? (await load()).command(terminal, setExit) : new Command(name);
    program.addCommand(command.summary(summary));
  }
  for (const command of [program, ...program.commands.flatMap((each) => [each, ...each.commands])])
    command.exitOverride().configureOutput(outputOn(terminal));
  return program;
}

function packageVersion(): string {
  const file = new URL('../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

/** commander prints help and version; `run` prints errors. */
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
