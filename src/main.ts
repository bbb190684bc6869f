#!/usr/bin/env node
import net from 'node:net';
import { errorText, reportOf } from './cli/exit.ts';
import { processScrubber, run } from './cli/program.ts';
import { processTerminal } from './cli/terminal.ts';
import { descriptorFailure } from './config/descriptors.ts';

/** Longest wait for a reader of the output that does not read, ms. */
const FLUSH_TIMEOUT_MS = 2000;

/**
 * How long one of several addresses of a name has before the next one begins, ms. Node's 250 would be all that a distant Redis
 * gets of `REDIS_CONNECT_TIMEOUT`, for ioredis 6.0.0 passes no such option on. Connections to eBay do not depend on it.
 */
const ADDRESS_TIMEOUT_MS = 1000;

net.setDefaultAutoSelectFamilyAttemptTimeout(ADDRESS_TIMEOUT_MS);

const terminal = processTerminal();

// Node itself would print every property of the error; those of HTTP and Redis clients hold headers and arguments.
process.on('uncaughtException', async (thrown: unknown) => {
  const few = descriptorFailure(thrown);
  if (few !== undefined) {
    // No module can be loaded either.
    const report = reportOf(few);
    terminal.note(errorText(report));
    await exitProcess(report.exit);
  }
  const stack = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
  try {
    terminal.note((await processScrubber()).text(`dpf: stopped by an unexpected error: ${stack}`));
  } catch {
    // An installation that misses files. Throwing here would call this handler without end.
    terminal.note(
      'dpf: stopped by an unexpected error, and the module that masks secrets could not be loaded',
    );
  }
  await exitProcess(1);
});

// Everything is closed by then, but ioredis keeps a timer of 2 s behind a connection that never came up.
await exitProcess(await run(process.argv.slice(2), terminal));

/** Ends the process once its output is written. */
async function exitProcess(exit: number): Promise<never> {
  const written = [process.stdout, process.stderr].map(
    (stream) => new Promise<void>((resolve) => stream.write('', () => resolve())),
  );
  await Promise.race([Promise.all(written), new Promise((resolve) => setTimeout(resolve, FLUSH_TIMEOUT_MS))]);
  process.exit(exit);
}
