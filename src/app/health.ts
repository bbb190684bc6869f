import type { Redis } from 'ioredis';
import type { Config } from '../config/config.ts';
import { DEFAULT_TENANT } from '../fleet/declaration.ts';
import type { Health } from '../http/operations.ts';
import type { Lifecycle } from '../lifecycle.ts';
import { waitForRedis } from '../redis/connection.ts';
import { bootChecks, redisAhead } from '../redis/fitness.ts';
import { EventLoop } from '../telemetry/eventLoop.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { RunningTenant } from './tenantWorkers.ts';

/** What stands in the way of work, and what it waits for by itself; one sentence each. */
export interface Standing {
  obstacles: string[];
  degraded: string[];
}

/** A worker as its process's health sees it. */
export interface Workplace {
  readonly running: boolean;
  standing(): Promise<Standing>;
}

/** A loop that is usually so late answers nobody in time and lets job locks run out. */
const MOST_LAG_MS = 1000;

/** Delays and schedules run visibly early or late by a clock that is so wrong. */
const MOST_CLOCK_DIFFERENCE_MS = 5000;

/**
 * The health of this process: alive while its event loop turns and its worker runs; ready while Redis answers, the clocks
 * agree and, where a worker runs, eBay does not refuse the keyset. What passes by itself, such as a cool-down or a used-up
 * day, is told as degraded. A server alone accepts searches without any token, so it says nothing of it.
 */
export function processHealth(lifecycle: Lifecycle, redis: Redis, worker?: Workplace): Health {
  const eventLoop = lifecycle.opened('event loop watch', new EventLoop(), (watch) => watch.close());
  const stopped = () => (worker === undefined || worker.running ? [] : ['the worker does not run']);
  return {
    live() {
      const eventLoopLagMs = eventLoop.lagMs;
      const reasons = [
        ...stopped(),
        ...(eventLoopLagMs > MOST_LAG_MS ? [`the event loop runs ${eventLoopLagMs} ms late`] : []),
      ];
      return { alive: reasons.length === 0, eventLoopLagMs, reasons };
    },
    async ready() {
      const [redisTrouble, { obstacles, degraded }] = await Promise.all([
        troubleWithRedis(redis),
        worker?.standing() ?? { obstacles: [], degraded: [] },
      ]);
      const reasons = [...stopped(), ...redisTrouble, ...obstacles];
      return { ready: reasons.length === 0, reasons, degraded };
    },
  };
}

async function troubleWithRedis(redis: Redis): Promise<string[]> {
  try {
    const ahead = await redisAhead(redis);
    if (Math.abs(ahead) <= MOST_CLOCK_DIFFERENCE_MS) return [];
    return [`Redis’s clock and this machine’s are ${Math.round(Math.abs(ahead) / 1000)} s apart`];
  } catch {
    return ['Redis does not answer'];
  }
}

/** How the tenants' work stands; where Redis does not answer that is told already. */
export async function standingOf(tenants: Iterable<RunningTenant>): Promise<Standing> {
  const standings = await Promise.all([...tenants].map((tenant) => standingOfTenant(tenant).catch(() => [])));
  const all = standings.flat();
  const told = (kind: keyof Standing) => all.flatMap((each) => (each.kind === kind ? [each.message] : []));
  return { obstacles: told('obstacles'), degraded: told('degraded') };
}

async function standingOfTenant({ name, auth, gate }: RunningTenant) {
  const [{ coolDown, credentialRefused }, { closed }] = await Promise.all([auth.status(), gate.read()]);
  const of = name === DEFAULT_TENANT ? '' : ` of tenant ${name}`;
  const found: Array<{ kind: keyof Standing; message: string }> = [];
  if (coolDown !== null)
    found.push({
      // Only a person mends a refused keyset, so a release with a wrong one must not count as ready.
      kind: credentialRefused ? 'obstacles' : 'degraded',
      message: `the token${of} cannot be had before ${coolDown.until}: ${coolDown.reason}`,
    });
  if (closed !== undefined)
    found.push({
      kind: 'degraded',
      message: `calls${of} wait until ${new Date(closed.until).toISOString()}: ${closed.reason}`,
    });
  return found;
}

/** What waiting cannot mend: the process must not start. One sentence for each reason, with the remedy. */
export class BootError extends Error {
  override readonly name = 'BootError';
  readonly code: string;

  constructor(message: string, code = 'unfit-redis') {
    super(message);
    this.code = code;
  }
}

/** Waits for Redis as long as it takes. @throws BootError when this Redis would lose jobs. */
export async function redisIsFit(
  redis: Redis,
  config: Config,
  log: Logger,
  signal?: AbortSignal,
): Promise<void> {
  await waitForRedis(redis, config.redis.url, Number.POSITIVE_INFINITY, signal);
  const { fatal, warnings } = await bootChecks(redis);
  if (fatal.length > 0) throw new BootError(fatal.join('\n'));
  for (const warning of warnings) log.warn(warning);
}
