import type { Redis } from 'ioredis';
import { nodesOf } from './connection.ts';

export interface BootReport {
  version: string;
  /** What waiting cannot mend: the process must not start. One sentence each, with the remedy. */
  fatal: string[];
  /** What a person should know: the process starts all the same. */
  warnings: string[];
}

/** BullMQ 6 needs Redis 6.2; the rest of this service is tested from 7.0 on, which Valkey also reports. */
const OLDEST_MAJOR = 7;

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
  const version = info.get('redis_version') ?? 'unknown';
  const fatal: string[] = [];
  const warnings: string[] = [];
  const mode = info.get('redis_mode') ?? 'standalone';
  if (mode === 'sentinel')
    return {
      version,
      warnings,
      fatal: ['REDIS_URL names a Sentinel: write redis+sentinel://HOST:PORT/0?master=NAME'],
    };
  if (mode === 'cluster' && !isClusterNode)
    fatal.push('Redis is part of a Cluster: write redis+cluster://HOST:PORT in REDIS_URL');
  if (Number.parseInt(version, 10) < OLDEST_MAJOR)
    fatal.push(`Redis is version ${version}, but ${OLDEST_MAJOR}.0 or newer is needed: upgrade it`);
  const policy = info.get('maxmemory_policy') ?? 'noeviction';
  if (policy !== 'noeviction')
    fatal.push(
      `Redis evicts keys when memory is short (maxmemory-policy is ${policy}), which loses jobs: run CONFIG SET maxmemory-policy noeviction and put it into redis.conf`,
    );
  if (info.get('aof_enabled') === '0')
    warnings.push('Redis keeps no append-only file: a restart loses waiting searches; set appendonly yes');
  const ahead = await clockDifference(redis);
  if (Math.abs(ahead) > CLOCK_DIFFERENCE_MS)
    warnings.push(
      `Redis’s clock is ${(Math.abs(ahead) / 1000).toFixed(1)} s ${ahead > 0 ? 'ahead of' : 'behind'} this machine’s: waits and schedules will be off by it; let both follow NTP`,
    );
  return { version, fatal, warnings };
}

/** How far Redis's clock is ahead, ms; the way there and back counts for neither side. */
async function clockDifference(redis: Redis): Promise<number> {
  const asked = Date.now();
  const [seconds, micros] = await redis.time();
  const now = (asked + Date.now()) / 2;
  return Number(seconds) * 1000 + Number(micros) / 1000 - now;
}

function parseInfo(text: string): Map<string, string> {
  const lines = text.split(/\r?\n/).filter((line) => line.includes(':'));
  return new Map(lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]));
}
