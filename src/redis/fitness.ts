import type { Redis } from 'ioredis';
import type { Config } from '../config/config.ts';
import { asFailure } from '../failures.ts';
import { type Finding, fail, ok, warn } from '../telemetry/finding.ts';
import { redisAddress, waitForRedis } from './connection.ts';
import { redisFailure, troubleOf } from './failure.ts';
import { knownHoles } from './knownHoles.ts';
import { nodesOf } from './nodes.ts';

interface BootReport {
  version: string;
  /** Waiting cannot repair these: the process must not start. One sentence each, with the remedy. */
  fatal: string[];
  /** The process starts all the same. */
  warnings: string[];
}

/** Looks for what makes a Redis unfit for a queue; of a Cluster at every master. Needs no more rights than `INFO` and `TIME`. */
export async function bootChecks(redis: Redis): Promise<BootReport> {
  const { infos, findings } = await inspect(redis);
  const lines = (state: Finding['state']) =>
    findings.filter((each) => each.state === state).map(({ message, remedy }) => `${message}: ${remedy}`);
  const fatal = lines('fail');
  // A Sentinel does not answer `TIME`, and is fatal.
  const clocks = fatal.length > 0 ? [] : await Promise.all(nodesOf(redis).map((node) => redisAhead(node)));
  const off = clocks.filter((ahead) => Math.abs(ahead) > CLOCK_DIFFERENCE_MS);
  return {
    version: [...new Set(infos.map(versionOf))].join(', '),
    fatal,
    warnings: [...lines('warn'), ...new Set(off.map(clockWarning))],
  };
}

/**
 * Whether this Redis can be reached within `timeoutMs` and is fit for the queues. If the first finding failed, there are no
 * others.
 */
export async function checkRedis(
  redis: Redis,
  { url, timeoutMs, memory }: { url: string; timeoutMs: number; memory: Config['memory'] },
): Promise<Finding[]> {
  try {
    await waitForRedis(redis, url, timeoutMs);
    const startedAt = performance.now();
    await redis.ping();
    const ms = Math.ceil(performance.now() - startedAt);
    const { findings } = await inspect(redis, memory);
    return [ok('redis', `${redisAddress(url)} answers in ${ms} ms`), ...findings];
  } catch (error) {
    return [unreachable(error)];
  }
}

/** What `INFO` says, by its own names. */
type RedisInfo = ReadonlyMap<string, string>;

const SEVERITY = ['ok', 'skipped', 'warn', 'fail'];

/** The worst finding of each check over all nodes. */
async function inspect(redis: Redis, memory?: Config['memory']) {
  const nodes = nodesOf(redis);
  const infos = await Promise.all(nodes.map(async (node) => parseInfo(await node.info())));
  const worst = new Map<string, Finding>();
  for (const info of infos)
    for (const finding of fitness(info, nodes[0] !== redis, memory)) {
      const known = worst.get(finding.check)?.state ?? 'ok';
      if (SEVERITY.indexOf(finding.state) >= SEVERITY.indexOf(known)) worst.set(finding.check, finding);
    }
  return { infos, findings: [...worst.values()] };
}

function parseInfo(text: string): RedisInfo {
  const lines = text.split(/\r?\n/).filter((line) => line.includes(':'));
  return new Map(lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]));
}

function versionOf(info: RedisInfo): string {
  return info.get('redis_version') ?? 'unknown';
}

/** Whether this server keeps the jobs of a queue, and is the kind of server that `REDIS_URL` says. */
function fitness(info: RedisInfo, isCluster: boolean, memory?: Config['memory']): Finding[] {
  // `standalone`, `sentinel` or `cluster`; Valkey names the field differently.
  const mode = info.get('server_mode') ?? info.get('redis_mode');
  const wrongUrl = (message: string, url: string) => fail('kind', 'configuration', message, url);
  if (mode === 'sentinel')
    return [wrongUrl('REDIS_URL names a Sentinel', 'write redis+sentinel://HOST:PORT/0?master=NAME')];
  const findings = [versionFinding(info), evictionFinding(info), persistenceFinding(info)];
  if (mode === 'cluster' && !isCluster)
    findings.unshift(wrongUrl('Redis is part of a Cluster', 'write redis+cluster://HOST:PORT in REDIS_URL'));
  if (memory !== undefined) findings.push(memoryFinding(info, memory));
  return findings;
}

/** BullMQ 6 needs Redis 6.2; the rest of this service is tested from 7.0 on, which Valkey also reports. */
const OLDEST_MAJOR = 7;

/** Debian repairs 7.0.15 without another version; providers of a managed Redis do so too. */
const UPGRADE =
  'a package of your distribution or provider may have the repairs under the same version; otherwise upgrade to';

function versionFinding(info: RedisInfo): Finding {
  const own = versionOf(info);
  const valkey = info.get('valkey_version');
  const isOld = Number.parseInt(own, 10) < OLDEST_MAJOR;
  if (!isOld) {
    // Valkey reports the version of Redis that it is compatible with beside its own.
    const name = valkey === undefined ? `Redis ${own}` : `Valkey ${valkey}`;
    const holes = valkey === undefined ? knownHoles('redis', own) : knownHoles('valkey', valkey);
    if (holes === undefined) return ok('version', name);
    const { cves, repaired } = holes;
    return warn('version', `${name} has known security holes (${cves.join(', ')})`, `${UPGRADE} ${repaired}`);
  }
  const message = `Redis is version ${own}, but ${OLDEST_MAJOR}.0 or newer is needed`;
  return fail('version', 'configuration', message, 'upgrade it');
}

function evictionFinding(info: RedisInfo): Finding {
  const policy = info.get('maxmemory_policy') ?? 'noeviction';
  if (policy === 'noeviction') return ok('eviction', 'Redis evicts no keys (noeviction)');
  const message = `Redis evicts keys when memory is short (maxmemory-policy is ${policy}), which loses jobs`;
  const remedy = 'run CONFIG SET maxmemory-policy noeviction and put it into redis.conf';
  return fail('eviction', 'configuration', message, remedy);
}

function persistenceFinding(info: RedisInfo): Finding {
  const lossy = 'Redis keeps no append-only file: a restart loses waiting searches';
  if (info.get('aof_enabled') === '0') return warn('persistence', lossy, 'set appendonly yes');
  if (info.get('aof_last_write_status') === 'err')
    return warn('persistence', 'Redis could not write its append-only file', 'make room on its disk');
  return ok('persistence', 'Redis keeps an append-only file');
}

function memoryFinding(info: RedisInfo, { backfillShare, share }: Config['memory']): Finding {
  const [used, most] = [Number(info.get('used_memory') ?? 0), Number(info.get('maxmemory') ?? 0)];
  const megabytes = (bytes: number) => `${Math.ceil(bytes / 1024 / 1024).toLocaleString('en-US')} MB`;
  if (most === 0) return ok('memory', `Redis uses ${megabytes(used)} and has no limit of its own`);
  const message = `Redis uses ${megabytes(used)} of ${megabytes(most)} (${Math.round((100 * used) / most)} %)`;
  const remedy = 'raise maxmemory, or shorten RESULTS_TTL';
  if (used > most * share)
    return fail('memory', 'degraded', `${message}: all new searches are refused`, remedy);
  if (used > most * backfillShare) return warn('memory', `${message}: backfill searches are refused`, remedy);
  return ok('memory', message);
}

/** Times in logs are this machine's; a difference of this much is visible beside what Redis's clock says. */
const CLOCK_DIFFERENCE_MS = 2000;

function clockWarning(ahead: number): string {
  const difference = `${(Math.abs(ahead) / 1000).toFixed(1)} s ${ahead > 0 ? 'ahead of' : 'behind'}`;
  return `Redis’s clock is ${difference} this machine’s: times in this log will be off by it; let both follow NTP`;
}

/**
 * How far Redis's clock is ahead of this machine's, ms. The time of the request is split evenly between both ways.
 * @param clock this machine's, ms since the epoch
 */
export async function redisAhead(redis: Redis, clock: () => number = Date.now): Promise<number> {
  const asked = clock();
  const [seconds, micros] = await redis.time();
  return Number(seconds) * 1000 + Number(micros) / 1000 - (asked + clock()) / 2;
}

/** Causes that another setting or another right repairs. */
const SETTINGS = /WRONGPASS|NOAUTH|NOPERM|CERT|ERR_(SSL|TLS)/;

/** @param thrown by waiting for Redis, or by one of its commands */
export function unreachable(thrown: unknown): Finding {
  const { message, detail } = redisFailure(thrown) ?? asFailure(thrown);
  const remedy = detail.remedy ?? troubleOf(thrown as Error, false).remedy;
  const what = remedy === undefined ? message : message.replace(`: ${remedy}`, '');
  const trouble = SETTINGS.test(what) ? 'configuration' : 'dependency';
  return fail('redis', trouble, what, remedy ?? 'start Redis, or correct REDIS_URL');
}
