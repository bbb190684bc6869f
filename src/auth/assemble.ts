import type { Redis } from 'ioredis';
import { Registry } from 'prom-client';
import { type Config, ConfigError } from '../config/config.ts';
import { readEncryptionKeys } from '../config/encryptionKeys.ts';
import { type AuthMetrics, declareAuthMetrics } from '../telemetry/authMetrics.ts';
import { Instruments } from '../telemetry/instruments.ts';
import { type Logger, SILENT } from '../telemetry/logger.ts';
import type { Scrubber } from '../telemetry/scrubber.ts';
import { Cipher } from './cipher.ts';
import { FleetClock } from './clock.ts';
import { MemoryCopy } from './memoryCopy.ts';
import { MemoryLedger } from './memoryLedger.ts';
import { Minter } from './mint.ts';
import { RedisLedger, tokenKeys } from './redisLedger.ts';
import { TokenCache } from './tokenCache.ts';
import { tokenOwner } from './tokenData.ts';
import { TokenReader } from './tokenReader.ts';

export interface EbayAuthOptions {
  config: Config;
  /** A connection of the `caller` profile. Without one the token lives in this process alone. */
  redis?: Redis | undefined;
  /** Whose token: each tenant has a key of its own. Default: `default`. */
  tenant?: string;
  log?: Logger;
  metrics?: AuthMetrics;
  /** Told of every token that this process sees. */
  scrubber?: Pick<Scrubber, 'learnToken'>;
  /** For tests: this process's clock (ms since the epoch) and its dice. */
  clock?: () => number;
  random?: () => number;
}

/**
 * The parts of one `EbayAuthService`, wired by hand.
 * @throws ConfigError where `TOKEN_ENCRYPTION_KEYS` cannot be used.
 */
export function assemble(options: EbayAuthOptions) {
  const { config, redis, tenant = 'default', log = SILENT, random = Math.random } = options;
  const { keys: encryptionKeys, problems } = readEncryptionKeys(config.token.encryptionKeys);
  if (problems.length > 0) throw new ConfigError(problems);
  const metrics = options.metrics ?? declareAuthMetrics(new Instruments(new Registry()));
  const owner = tokenOwner(config);
  const keys = tokenKeys(tenant, config);
  const clock = new FleetClock(options.clock);
  const cipher = new Cipher(encryptionKeys, { tenant, environment: owner.environment });
  const seen = (token: string) => options.scrubber?.learnToken(token);
  const cache = new TokenCache({ redis, keys, config, owner, cipher, clock, seen });
  const copy = new MemoryCopy(clock);
  const alone = new MemoryLedger(config.token, clock);
  const fleet = redis && new RedisLedger(redis, keys, config, clock);
  const shared = { config, tenant, owner, clock, cache, copy, fleet, alone, log, metrics, random };
  return { ...shared, minter: new Minter(shared), reader: new TokenReader(shared) };
}

export type AuthParts = ReturnType<typeof assemble>;
