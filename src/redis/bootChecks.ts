import type { Redis } from 'ioredis';
import { nodesOf } from './connection.ts';
import { fitness, modeOf, parseInfo, versionOf } from './fitness.ts';
import { redisAhead } from './serverClock.ts';

export interface BootReport {
  version: string;
  /** What waiting cannot mend: the process must not start. One sentence each, with the remedy. */
  fatal: string[];
  /** What a person should know: the process starts all the same. */
  warnings: string[];
}

/** Waits, backoffs and schedules go by this machine's clock; a difference of this much shows in them. */
const CLOCK_DIFFERENCE_MS = 2000;

/** Looks at what makes a Redis unfit for a queue; of a Cluster at every master. Needs no more rights than `INFO` and `TIME`. */
export async function bootChecks(redis: Redis): Promise<BootReport> {
  const nodes = nodesOf(redis);
  const reports = await Promise.all(nodes.map((node) => checkNode(node, node !== redis)));
  return {
    version: [...new Set(reports.map(({ version }) => version))].join(', '),
    fatal: [...new Set(reports.flatMap(({ fatal }) => fatal))],
    warnings: [...new Set(reports.flatMap(({ warnings }) => warnings))],
  };
}

async function checkNode(redis: Redis, isClusterNode: boolean): Promise<BootReport> {
  const info = parseInfo(await redis.info());
  const findings = fitness(info, isClusterNode);
  const told = (state: 'fail' | 'warn') =>
    findings.filter((each) => each.state === state).map(({ message, remedy }) => `${message}: ${remedy}`);
  const isSentinel = modeOf(info) === 'sentinel';
  const clock = isSentinel ? [] : await clockWarning(redis);
  return { version: versionOf(info), fatal: told('fail'), warnings: [...told('warn'), ...clock] };
}

async function clockWarning(redis: Redis): Promise<string[]> {
  const ahead = await redisAhead(redis);
  if (Math.abs(ahead) <= CLOCK_DIFFERENCE_MS) return [];
  return [
    `Redis’s clock is ${(Math.abs(ahead) / 1000).toFixed(1)} s ${ahead > 0 ? 'ahead of' : 'behind'} this machine’s: waits and schedules will be off by it; let both follow NTP`,
  ];
}
