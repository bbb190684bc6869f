import type { Redis } from 'ioredis';
import { asFailure } from '../failures.ts';
import { type Finding, fail, ok, warn } from '../telemetry/finding.ts';
import { nodesOf, redisAddress, troubleOf, waitForRedis } from './connection.ts';
import { redisFailure } from './failure.ts';

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
  const reports = await Promise.all(nodes.map((node) => bootCheckNode(node, node !== redis)));
  return {
    version: [...new Set(reports.map(({ version }) => version))].join(', '),
    fatal: [...new Set(reports.flatMap(({ fatal }) => fatal))],
    warnings: [...new Set(reports.flatMap(({ warnings }) => warnings))],
  };
}

async function bootCheckNode(redis: Redis, isClusterNode: boolean): Promise<BootReport> {
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

export interface RedisCheckup {
  url: string;
  /** How long to wait for the connection, ms. */
  patienceMs: number;
  /** Shares of `maxmemory` beyond which producers refuse some searches, and all. */
  memory: { backfillShare: number; share: number };
}

/** Whether this Redis can be reached and is fit for the queues. Where the first finding failed, it stands alone. */
export async function checkRedis(redis: Redis, settings: RedisCheckup): Promise<Finding[]> {
  const { url, patienceMs } = settings;
  try {
    await waitForRedis(redis, url, patienceMs);
  } catch (error) {
    return [unreachable(error)];
  }
  const startedAt = performance.now();
  try {
    await redis.ping();
    const ms = Math.ceil(performance.now() - startedAt);
    const reached = ok('redis', `${redisAddress(url)} answers in ${ms} ms`);
    const nodes = await Promise.all(nodesOf(redis).map((node) => checkNode(node, node !== redis, settings)));
    return [reached, ...worstOfEach(nodes.flat())];
  } catch (error) {
    return [unreachable(error)];
  }
}

async function checkNode(node: Redis, isClusterNode: boolean, { memory: shares }: RedisCheckup) {
  const info = parseInfo(await node.info());
  return [...fitness(info, isClusterNode), memory(info, shares)];
}

const SEVERITY: Record<Finding['state'], number> = { fail: 0, warn: 1, skipped: 2, ok: 3 };

/** Of the same check on several nodes. */
function worstOfEach(findings: Finding[]): Finding[] {
  const sorted = [...findings].sort((one, other) => SEVERITY[one.state] - SEVERITY[other.state]);
  return [...new Set(findings.map(({ check }) => check))].map(
    (check) => sorted.find((each) => each.check === check) as Finding,
  );
}

/** Causes that only another setting or another right mends. */
const SETTINGS = /WRONGPASS|NOAUTH|NOPERM|CERT|ERR_(SSL|TLS)/;

/** @param thrown by waiting for Redis, or by one of its commands */
export function unreachable(thrown: unknown): Finding {
  const { message, detail } = redisFailure(thrown) ?? asFailure(thrown);
  const remedy = detail.remedy ?? troubleOf(thrown as Error, false).remedy;
  const what = remedy === undefined ? message : message.replace(`: ${remedy}`, '');
  const trouble = SETTINGS.test(what) ? 'configuration' : 'dependency';
  return fail('redis', trouble, what, remedy ?? 'start Redis, or correct REDIS_URL');
}

function memory(info: RedisInfo, { backfillShare, share }: RedisCheckup['memory']): Finding {
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

/**
 * How far Redis's clock is ahead of this machine's, ms; the way there and back counts for neither side.
 * @param clock this machine's, ms since the epoch
 */
export async function redisAhead(redis: Redis, clock: () => number = Date.now): Promise<number> {
  const asked = clock();
  const [seconds, micros] = await redis.time();
  return Number(seconds) * 1000 + Number(micros) / 1000 - (asked + clock()) / 2;
}
