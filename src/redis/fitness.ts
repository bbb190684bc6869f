import { type Finding, fail, ok, warn } from '../telemetry/finding.ts';

/** What `INFO` says, by its own names. */
export type RedisInfo = ReadonlyMap<string, string>;

export function parseInfo(text: string): RedisInfo {
  const lines = text.split(/\r?\n/).filter((line) => line.includes(':'));
  return new Map(lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]));
}

export function versionOf(info: RedisInfo): string {
  return info.get('redis_version') ?? 'unknown';
}

/** `standalone`, `sentinel` or `cluster`; Valkey has a name of its own for it. */
export function modeOf(info: RedisInfo): string {
  return info.get('server_mode') ?? info.get('redis_mode') ?? 'standalone';
}

/** BullMQ 6 needs Redis 6.2; the rest of this service is tested from 7.0 on, which Valkey also reports. */
const OLDEST_MAJOR = 7;

/**
 * Whether this server keeps what a queue puts into it: version, eviction, persistence; before them what kind of server it
 * is, where that is not what `REDIS_URL` says.
 */
export function fitness(info: RedisInfo, isClusterNode: boolean): Finding[] {
  const mode = modeOf(info);
  const written = (message: string, url: string) => fail('kind', 'configuration', message, url);
  if (mode === 'sentinel')
    return [written('REDIS_URL names a Sentinel', 'write redis+sentinel://HOST:PORT/0?master=NAME')];
  const findings = [version(info), eviction(info), persistence(info)];
  return mode === 'cluster' && !isClusterNode
    ? [written('Redis is part of a Cluster', 'write redis+cluster://HOST:PORT in REDIS_URL'), ...findings]
    : findings;
}

function version(info: RedisInfo): Finding {
  const own = versionOf(info);
  if (Number.parseInt(own, 10) < OLDEST_MAJOR)
    return fail(
      'version',
      'configuration',
      `Redis is version ${own}, but ${OLDEST_MAJOR}.0 or newer is needed`,
      'upgrade it',
    );
  const valkey = info.get('valkey_version');
  return ok('version', valkey === undefined ? `Redis ${own}` : `Valkey ${valkey}`);
}

function eviction(info: RedisInfo): Finding {
  const policy = info.get('maxmemory_policy') ?? 'noeviction';
  if (policy === 'noeviction') return ok('eviction', 'Redis evicts no keys (noeviction)');
  return fail(
    'eviction',
    'configuration',
    `Redis evicts keys when memory is short (maxmemory-policy is ${policy}), which loses jobs`,
    'run CONFIG SET maxmemory-policy noeviction and put it into redis.conf',
  );
}

function persistence(info: RedisInfo): Finding {
  if (info.get('aof_enabled') === '0')
    return warn(
      'persistence',
      'Redis keeps no append-only file: a restart loses waiting searches',
      'set appendonly yes',
    );
  if (info.get('aof_last_write_status') === 'err')
    return warn('persistence', 'Redis could not write its append-only file', 'make room on its disk');
  return ok('persistence', 'Redis keeps an append-only file');
}
