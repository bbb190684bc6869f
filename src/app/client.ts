import type { Redis } from 'ioredis';
import { credentialProblems } from '../config/checks.ts';
import { type Config, linesOf } from '../config/config.ts';
import { secretsOf } from '../config/secrets.ts';
import { EbayClient } from '../ebay/client.ts';
import { gateSettings } from '../ebay/gate/gateSettings.ts';
import { redisGate } from '../ebay/gate/redisGate.ts';
import { NotificationKeys } from '../ebay/notificationKeys.ts';
import { EbayAuthService } from '../ebay/oauth/service.ts';
import { CategoryNames } from '../ebay/taxonomy.ts';
import { DEFAULT_TENANT } from '../fleet/declaration.ts';
import { openRedis } from '../redis/connection.ts';
import type { Logs } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';

interface EbayOptions {
  /** Whose; `config` is then that tenant's. Default: `default`. */
  tenant?: string;
  /** A connection of the `caller` profile to share. Default: one of its own, which `close` ends. */
  redis?: Redis;
  metrics?: Metrics;
  /** The settings of now, where the gate's may change while it is in use. Default: `config`. */
  current?: () => Config;
}

/** A count that Redis lost is asked for at once, whatever was asked before. */
const VERIFY_AGAIN_MS = 400;

/** A tenant's token service, call gate and client of eBay. */
export function openEbay(
  config: Config,
  logs: Logs,
  { tenant = DEFAULT_TENANT, redis: shared, metrics, current = () => config }: EbayOptions = {},
) {
  const { scrubber } = logs;
  scrubber.learn(secretsOf(config));
  const redis = shared ?? openRedis(config.redis, 'caller', logs.component('ebay'));
  const log = logs.component('auth');
  const auth = new EbayAuthService({ tenant, config, redis, scrubber, log, metrics: metrics?.auth(tenant) });
  const calls = metrics?.calls(tenant);
  const gate = redisGate({
    redis,
    prefix: config.queue.prefix,
    tenant,
    settings: () => gateSettings(current()),
    log: logs.component('gate'),
    metrics: calls,
    verify: () => client.reconcile({ askAgainMs: VERIFY_AGAIN_MS }),
  });
  const client: EbayClient = new EbayClient({
    config,
    gate,
    tokens: auth,
    log: logs.component('ebay'),
    metrics: calls,
  });
  const problems = credentialProblems(config);
  const unavailableReason = problems.length > 0 ? linesOf(problems).join('; ') : undefined;
  const categories = new CategoryNames({
    redis,
    prefix: config.queue.prefix,
    tenant,
    config,
    tokens: auth,
    unavailableReason,
    log: logs.component('ebay'),
  });
  const notificationKeys = new NotificationKeys({
    redis,
    prefix: config.queue.prefix,
    config,
    tokens: auth,
    unavailableReason,
    log: logs.component('ebay'),
  });
  return {
    auth,
    gate,
    client,
    categories,
    notificationKeys,
    redis,
    close() {
      client.close();
      categories.close();
      notificationKeys.close();
      auth.close();
      if (shared === undefined) redis.disconnect();
    },
  };
}
