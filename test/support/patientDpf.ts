import { EXIT } from '../../src/cli/exit.ts';
import { run } from '../../src/cli/program.ts';
import { plainTerminal } from '../unit/cli/plainTerminal.ts';

/** One command in this process. On a busy machine a connection may take longer than the second that commands wait. */
export async function patientDpf(...args: string[]): Promise<{ exit: number; out: string; err: string }> {
  for (let tries = 1; ; tries += 1) {
    const terminal = plainTerminal();
    const exit = await run(args, terminal);
    if (exit !== EXIT.dependency || tries === 10)
      return { exit, out: terminal.out.join('\n'), err: terminal.err.join('\n') };
  }
}
