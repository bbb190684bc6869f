import type { Redis } from 'ioredis';
import type { RunningProcess } from '../../test/support/processes.ts';
import { waitFor } from '../../test/support/waitFor.ts';
import { beside, type Figure } from './scenario.ts';

/** What Redis and the workers have spent so far. */
export interface Spent {
  /** Commands, those that scripts call included. */
  commands: number;
  redisCpuMs: number;
  workerCpuMs: number;
}

export async function spent(redis: Redis, workers: readonly RunningProcess[]): Promise<Spent> {
  const info = `${await redis.info('commandstats')}\n${await redis.info('cpu')}`;
  const commands = [...info.matchAll(/cmdstat_[^:]+:calls=(\d+)/g)];
  const number = (field: string) => Number(new RegExp(`${field}:([\\d.]+)`).exec(info)?.[1] ?? 0);
  const cpu = await Promise.all(workers.map(cpuOf));
  return {
    commands: commands.reduce((sum, [, calls]) => sum + Number(calls), 0),
    redisCpuMs: (number('used_cpu_user') + number('used_cpu_sys')) * 1000,
    workerCpuMs: cpu.reduce((sum, each) => sum + each, 0),
  };
}

async function cpuOf(worker: RunningProcess): Promise<number> {
  const told = () => [...worker.stdout.matchAll(/^CPU ([\d.]+)$/gm)];
  const before = told().length;
  worker.signal('SIGUSR2');
  const answers = await waitFor('a worker to tell its CPU time', () => {
    const all = told();
    return all.length > before ? all : undefined;
  });
  return Number(answers.at(-1)?.[1]);
}

/** The whole service's cost of a call: queue, gate, token cache, results and mapping together. */
export function costFigures(label: string, before: Spent, after: Spent, calls: number): Figure[] {
  return [
    beside(`${label}: Redis commands a call`, (after.commands - before.commands) / calls),
    beside(`${label}: Redis CPU a call, ms`, (after.redisCpuMs - before.redisCpuMs) / calls),
    beside(`${label}: workers’ CPU a call, ms`, (after.workerCpuMs - before.workerCpuMs) / calls),
  ];
}
