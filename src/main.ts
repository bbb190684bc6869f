#!/usr/bin/env node
import { run } from './cli/program.ts';
import { processTerminal } from './cli/terminal.ts';

const exit = await run(process.argv.slice(2), processTerminal());
// Everything is closed by now, but ioredis keeps a timer of 2 s behind a connection that never came up.
process.stdout.write('', () => process.exit(exit));
