import type { Redis } from 'ioredis';
import type { Logger } from '../telemetry/logger.ts';
import type { CallGate } from './gate.ts';
import type { GateSettings } from './gateSettings.ts';
import { type GateMetrics, PacedGate } from './pacedGate.ts';
import { RedisGateStore } from './redisGateStore.ts';

export interface RedisGateOptions {
  /** A connection of the `caller` profile: a question must fail rather than wait. */
  redis: Redis;
  /** `{ebay}`, the prefix that all keys share. */
  prefix: string;
  tenant: string;
  settings: GateSettings;
  log?: Logger;
  metrics?: GateMetrics;
  /** ms since the epoch, for the calendar only; pace and ledger run on Redis time. */
  clock?: () => number;
}

/** The gate of a whole fleet. Without Redis it refuses: no call is made that cannot be counted. */
export function redisGate({
  redis,
  prefix,
  tenant,
  settings,
  clock,
  ...telemetry
}: RedisGateOptions): CallGate {
  const store = new RedisGateStore(redis, gateKey(prefix, tenant), settings, clock);
  return new PacedGate({ store, settings, ...telemetry });
}

/** The one key that holds a credential's gate. */
export function gateKey(prefix: string, tenant: string): string {
  return `${prefix}:gate:${tenant}`;
}
