/**
 * Loaded before the worker with `--import`: on SIGUSR2 it collects garbage and prints what is left, as
 * `SAMPLE {"heap":bytes,"handles":open files and sockets}`. Nothing else of the worker is changed.
 */
import { readdirSync } from 'node:fs';

process.on('SIGUSR2', () => {
  globalThis.gc();
  const sample = { heap: process.memoryUsage().heapUsed, handles: readdirSync('/proc/self/fd').length };
  process.stdout.write(`SAMPLE ${JSON.stringify(sample)}\n`);
});
