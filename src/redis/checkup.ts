import type { Redis } from 'ioredis';
import { asFailure } from '../failures.ts';
import { type Finding, fail, ok, warn } from '../telemetry/finding.ts';
import { nodesOf, redisAddress, waitForRedis } from './connection.ts';
import { redisFailure } from './failure.ts';
import { fitness, parseInfo, type RedisInfo } from './fitness.ts';
import { troubleOf } from './trouble.ts';

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
