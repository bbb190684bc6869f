import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { Config } from '../config/config.ts';
import { BootError } from '../failures.ts';
import { redisAddress, waitForRedis } from '../redis/connection.ts';
import { redisFailure, type Trouble, troubleOf } from '../redis/failure.ts';
import { bootChecks } from '../redis/fitness.ts';
import type { Logger } from '../telemetry/logger.ts';

interface Boot {
  config: Config;
  log: Logger;
  /** Ends the waiting. */
  signal: AbortSignal | undefined;
  /** Whether another part of this process logs the warnings about Redis. */
  isSecond?: boolean;
}

/** How often a start that Redis broke off begins again, and how often a line says so, ms. */
const SECOND = 1000;

/**
 * Runs the commands that a process sends to Redis as it starts. Redis may go away at any of them: all of them are sent
 * again, from the first one, until Redis answered every one. One log line a second says what the process waits for.
 * @param steps must be safe to repeat
 * @throws BootError when this Redis would lose jobs; what `steps` throw where Redis is not to blame; an error once `signal`
 * has aborted
 */
export async function bootOnRedis(
  redis: Redis,
  { config, log, signal, isSecond = false }: Boot,
  steps: () => Promise<void>,
): Promise<void> {
  const { url } = config.redis;
  const watch = watchAnswers(redis, url, log, signal);
  const warned = new Set<string>();
  try {
    for (;;) {
      try {
        await waitForRedis(redis, url, Number.POSITIVE_INFINITY, signal);
        const { fatal, warnings } = await bootChecks(redis);
        if (fatal.length > 0) throw new BootError(fatal.join('\n'));
        for (const warning of warnings) if (!isSecond && !warned.has(warning)) log.warn(warning);
        for (const warning of warnings) warned.add(warning);
        await steps();
        signal?.throwIfAborted();
        return;
      } catch (error) {
        const failure = redisFailure(error);
        if (failure === undefined || signal?.aborted) throw error;
        watch.waiting({ cause: failure.message });
        await sleep(SECOND, undefined, { signal }).catch(() => undefined);
      }
    }
  } finally {
    watch.close();
  }
}

/** How often Redis is asked whether it still answers, ms: after an interrupt a process waits for it no longer than this. */
const ASK_MS = 250;

/**
 * Logs a line each second while Redis gives no answer, unless the connection logged an error of its own. Once `signal` has
 * aborted it ends the connection to a Redis that does not answer, so that nothing waits for it.
 */
function watchAnswers(redis: Redis, url: string, log: Logger, signal?: AbortSignal) {
  let answeredAt = performance.now();
  let saidAt = answeredAt;
  const noteLine = () => {
    saidAt = performance.now();
  };
  const waiting = (trouble: Trouble) => {
    if (performance.now() - saidAt < SECOND) return;
    log.warn('waiting for Redis', { redis: redisAddress(url), ...trouble });
    noteLine();
  };
  let trouble: Trouble = { cause: 'no answer' };
  const ask = () => {
    const silentMs = performance.now() - answeredAt;
    if (signal?.aborted && silentMs >= 2 * ASK_MS) {
      clearInterval(timer);
      redis.disconnect();
    }
    if (silentMs >= SECOND) waiting(trouble);
    redis.ping().then(
      () => {
        answeredAt = performance.now();
      },
      (error: Error) => {
        // Without a connection its own errors say why.
        trouble = redis.status === 'ready' ? troubleOf(error, false) : { cause: 'no answer' };
      },
    );
  };
  redis.on('error', noteLine);
  const timer = setInterval(ask, ASK_MS);
  return {
    /** Says, at most once a second, why the start does not go on. */
    waiting,
    close() {
      clearInterval(timer);
      redis.off('error', noteLine);
    },
  };
}
