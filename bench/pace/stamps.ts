import type { RunningProcess } from '../../test/support/processes.ts';
import { type Pace, paceOf } from './measure.ts';

/** Pace by the clocks of the workers, which have ended and told when their calls left. */
export function paceAtClients(
  workers: readonly RunningProcess[],
  arrivals: readonly number[],
  intervalMs: number,
): Pace {
  const first = Math.min(...arrivals);
  const last = Math.max(...arrivals);
  const inTime = workers.flatMap(stampsOf).filter((at) => at >= first - 5 && at <= last);
  return paceOf(inTime, intervalMs);
}

function stampsOf(worker: RunningProcess): number[] {
  const [, json = '[]'] = /^STAMPS (.*)$/m.exec(worker.stdout) ?? [];
  return JSON.parse(json) as number[];
}
