import type { Redis } from 'ioredis';
import type { Config } from '../config/config.ts';
import { bootChecks } from '../redis/bootChecks.ts';
import { waitForRedis } from '../redis/connection.ts';
import type { Logger } from '../telemetry/logger.ts';

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
