import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** In a worker's process: says that it is ready, and afterwards its CPU time in ms whenever it is asked. */
export function answerWithCpu(): void {
  process.on('message', () => process.send?.(cpuMs()));
  process.on('disconnect', () => process.exit(0));
  process.send?.('ready');
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** CPU time that a worker's process has used so far, ms. */
export async function cpuOf(child: ChildProcess): Promise<number> {
  child.send('cpu');
  const [ms] = await once(child, 'message');
  return ms as number;
}
