import type { Redis } from 'ioredis';

export interface BootReport {
  version: string;
  /** What waiting cannot mend: the process must not start. One sentence each, with the remedy. */
  fatal: string[];
  /** What a person should know: the process starts all the same. */
  warnings: string[];
}

/** BullMQ 6 needs Redis 6.2; the rest of this service is tested from 7.0 on, which Valkey also reports. */
const OLDEST_MAJOR = 7;

/** Looks at what makes a Redis unfit for a queue. Needs no more rights than `INFO`. */
export async function bootChecks(redis: Redis): Promise<BootReport> {
  const info = parseInfo(await redis.info());
  const version = info.get('redis_version') ?? 'unknown';
  const fatal: string[] = [];
  const warnings: string[] = [];
  if (Number.parseInt(version, 10) < OLDEST_MAJOR)
    fatal.push(`Redis is version ${version}, but ${OLDEST_MAJOR}.0 or newer is needed: upgrade it`);
  const policy = info.get('maxmemory_policy') ?? 'noeviction';
  if (policy !== 'noeviction')
    fatal.push(
      `Redis evicts keys when memory is short (maxmemory-policy is ${policy}), which loses jobs: run CONFIG SET maxmemory-policy noeviction and put it into redis.conf`,
    );
  if (info.get('aof_enabled') === '0')
    warnings.push('Redis keeps no append-only file: a restart loses waiting searches; set appendonly yes');
  return { version, fatal, warnings };
}

function parseInfo(text: string): Map<string, string> {
  const lines = text.split(/\r?\n/).filter((line) => line.includes(':'));
  return new Map(lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]));
}
