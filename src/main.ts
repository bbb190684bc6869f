#!/usr/bin/env node
import { endProcess, tellUncaught } from './cli/exitHandlers.ts';
import { run } from './cli/program.ts';
import { processTerminal } from './cli/terminal.ts';

const terminal = processTerminal();
tellUncaught(terminal);
// Everything is closed by then, but ioredis keeps a timer of 2 s behind a connection that never came up.
await endProcess(await run(process.argv.slice(2), terminal));
