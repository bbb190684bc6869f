import type { Redis } from 'ioredis';
import type { Registry } from 'prom-client';
import type { Config } from '../../src/config/config.ts';
import { type EbayAuthOptions, EbayAuthService } from '../../src/ebay/oauth/service.ts';
import { Failure } from '../../src/failures.ts';
import { openRedis } from '../../src/redis/connection.ts';
import { type Fields, type Logger, NOOP_LOGGER } from '../../src/telemetry/logger.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';
import { testConfig } from './config.ts';
import { type TokenEndpoint, useTokenEndpoint } from './tokenEndpoint.ts';

export const CLIENT_ID = 'Finder-Test-SBX-0123456789';
export const CLIENT_SECRET = 'SBX-canary-secret-4711';

export interface AuthProcess {
  auth: EbayAuthService;
  redis: Redis;
  registry: Registry;
  log: Array<{ level: string; message: string; fields: Fields }>;
}

export interface AuthBench {
  readonly endpoint: TokenEndpoint;
  config(env?: Record<string, string>): Config;
  /** A service as a process of its own has it: own connection, own memory, own metrics. */
  start(env?: Record<string, string>, options?: Partial<EbayAuthOptions>): Promise<AuthProcess>;
  /** A service without any Redis. */
  startAlone(env?: Record<string, string>, options?: Partial<EbayAuthOptions>): EbayAuthService;
}

/** A token endpoint, and services that use it with this Redis; all closed after each test. */
export function useAuth(redisUrl: () => string): AuthBench {
  const endpoint = useTokenEndpoint();
  const close: Array<() => void> = [];
  afterEach(() => {
    for (const closed of close.splice(0)) closed();
  });
  const config = (env: Record<string, string> = {}) =>
    testConfig({
      REDIS_URL: redisUrl(),
      EBAY_CLIENT_ID: CLIENT_ID,
      EBAY_CLIENT_SECRET: CLIENT_SECRET,
      EBAY_TOKEN_URL: endpoint.url,
      TOKEN_REQUEST_INTERVAL: '0',
      // On a busy machine answers come late; only where a test wants it does a Redis count as silent.
      TOKEN_READ_TIMEOUT: '5',
      REDIS_COMMAND_TIMEOUT: '10',
      ...env,
    });
  const keep = (auth: EbayAuthService) => {
    close.push(() => auth.close());
    return auth;
  };
  return {
    endpoint,
    config,
    async start(env, options) {
      const settings = config(env);
      const redis = openRedis(settings.redis, 'caller', NOOP_LOGGER);
      close.push(() => redis.disconnect());
      const log: AuthProcess['log'] = [];
      const { auth, registry } = createMetrics();
      const metrics = auth(options?.tenant ?? 'default');
      const parts = { config: settings, redis, metrics, log: recordingLog(log), ...options };
      return { auth: keep(new EbayAuthService(parts)), redis, registry, log };
    },
    startAlone: (env, options) => keep(new EbayAuthService({ config: config(env), ...options })),
  };
}

function recordingLog(lines: AuthProcess['log']): Logger {
  const write =
    (level: string) =>
    (message: string, fields: Fields = {}) => {
      lines.push({ level, message, fields });
    };
  return { error: write('error'), warn: write('warn'), info: write('info'), debug: write('debug') };
}

/** The Failure that a promise ends with. */
export async function failureOf(promise: Promise<unknown>) {
  try {
    await promise;
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error('no failure came');
}
