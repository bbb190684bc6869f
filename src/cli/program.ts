import { Command, CommanderError } from 'commander';
import { configCommand } from './config.ts';
import { demoCommand } from './demo.ts';
import { asJson, EXIT, type ExitCode, lines, tell } from './exit.ts';
import { searchCommand } from './search.ts';
import { refuseSecrets } from './secrets.ts';
import { simulateCommand } from './simulate.ts';
import type { Terminal } from './terminal.ts';
import { tokenCommand } from './token.ts';
import { workerCommand } from './worker.ts';

/** Runs one command line to its end and gives the exit code. Never throws. */
export async function run(args: string[], terminal: Terminal): Promise<ExitCode> {
  let exit: ExitCode = EXIT.done;
  const program = createProgram(terminal, (code) => {
    exit = code;
  });
  try {
    refuseSecrets(args);
    await program.parseAsync(args, { from: 'user' });
    return exit;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT.done;
    const told = tell(error);
    terminal.note(wantsJson(args) ? asJson(told) : lines(told));
    return told.exit;
  }
}

/** What an action calls when it ends otherwise than `done` without having failed. */
export type SetExit = (code: ExitCode) => void;

function createProgram(terminal: Terminal, setExit: SetExit): Command {
  const program = new Command('dpf')
    .description('Answers eBay product searches within eBay’s call limits.')
    .showSuggestionAfterError()
    .helpCommand(false)
    .addHelpText('after', EXIT_CODES);
  program.addCommand(demoCommand(terminal));
  program.addCommand(workerCommand(terminal));
  program.addCommand(searchCommand(terminal, setExit));
  program.addCommand(tokenCommand(terminal));
  program.addCommand(simulateCommand(terminal));
  program.addCommand(configCommand(terminal));
  program.action(() => program.help({ error: true }));
  for (const command of [program, ...program.commands])
    command.exitOverride().configureOutput(silent(terminal));
  return program;
}

/** Help is commander's to print; mistakes are told by `run`, in one line. */
function silent(terminal: Terminal) {
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

const EXIT_CODES = `
Exit codes: 0 done · 1 failed · 2 usage · 3 configuration · 4 Redis, eBay or a port in use
            5 partial, degraded or cancelled · 130 interrupted

Start with \`dpf demo\`; it needs nothing.`;
