import type { Terminal } from './terminal.ts';

/** Longest wait for a reader of the output that stands still, ms. */
const PATIENCE_MS = 2000;

/**
 * An error that nobody caught ends the process, told by its stack alone: Node itself would print every property too, and
 * an error of an HTTP or Redis client carries headers and arguments there.
 */
export function tellUncaught(terminal: Terminal): void {
  process.on('uncaughtException', async (thrown: unknown) => {
    const { scrubberOfProcess } = await import('./knownSecrets.ts');
    const stack = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
    terminal.note(scrubberOfProcess().text(`dpf: ended by an error of its own: ${stack}`));
    await endProcess(1);
  });
}

/** Ends the process once what it has printed is on its way. */
export async function endProcess(exit: number): Promise<never> {
  const written = [process.stdout, process.stderr].map(
    (stream) => new Promise<void>((resolve) => stream.write('', () => resolve())),
  );
  const patience = new Promise((resolve) => setTimeout(resolve, PATIENCE_MS));
  await Promise.race([Promise.all(written), patience]);
  process.exit(exit);
}
