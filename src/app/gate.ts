import type { Redis } from 'ioredis';
import type { Config } from '../config/config.ts';
import type { CallGate } from '../ebay/gate.ts';
import { type GateSettings, gateSettings } from '../ebay/gateSettings.ts';
import { redisGate } from '../ebay/redisGate.ts';
import type { CallMetrics } from '../telemetry/callMetrics.ts';
import type { Logger } from '../telemetry/logger.ts';

/** Longest that a caller waits for Redis, in any call of the producer. */
export const CALLER_DEADLINE_MS = 2000;

/** The fleet's gate of one credential, as this process sees it. */
export function callGate(
  redis: Redis,
  config: Config,
  tenant: string,
  { settings = gateSettings(config), ...telemetry }: CallGateOptions,
): CallGate {
  return redisGate({ redis, prefix: config.queue.prefix, tenant, settings, ...telemetry });
}

export interface CallGateOptions {
  log: Logger;
  metrics?: CallMetrics;
  settings?: GateSettings;
}
