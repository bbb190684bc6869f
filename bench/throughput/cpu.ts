import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** CPU time that a worker's process has used so far, ms; it answers by `answerWithCpu`. */
export async function cpuOf(child: ChildProcess): Promise<number> {
  child.send('cpu');
  const [ms] = await once(child, 'message');
  return ms as number;
}
