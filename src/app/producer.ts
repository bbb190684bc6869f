import type { Redis } from 'ioredis';
import { readEncryptionKeys } from '../config/checks.ts';
import type { Config } from '../config/config.ts';
import { secretsOf } from '../config/secrets.ts';
import { gateSettings } from '../ebay/gate/gateSettings.ts';
import { redisGate } from '../ebay/gate/redisGate.ts';
import { DEFAULT_TENANT } from '../fleet/declaration.ts';
import { allowedHosts, isAllowedHost } from '../queue/alerts/outboundRules.ts';
import { wakeChannel } from '../queue/alerts/wake.ts';
import { openQueues } from '../queue/bullmq/openQueues.ts';
import { withinDeadline } from '../queue/bullmq/queues.ts';
import { type ProducerOptions, SearchProducer } from '../queue/producer.ts';
import { admissionBy, outlookBy } from '../queue/search/estimate.ts';
import { jobDefaults, runsTtlMs } from '../queue/search/retryPolicy.ts';
import { openRedis, waitForRedis } from '../redis/connection.ts';
import { type Logs, NOOP_LOGGER } from '../telemetry/logger.ts';

/** Longest that a caller waits for Redis, in any call of the producer. */
export const CALLER_DEADLINE_MS = 2000;

interface ProducerSettings {
  /** Whose searches; `config` is then that tenant's. Default: `default`. */
  tenant?: string | undefined;
  /** Default: no log; every call reports its own errors. */
  log?: Logs | undefined;
  /** A connection of the `caller` profile to share. Default: one of its own. */
  redis?: Redis;
  /** Whether `close` ends a shared connection too. Default: false. */
  closeRedis?: boolean;
  /** Called for searches that were refused. */
  refused?: ProducerOptions['refused'];
}

/**
 * A tenant's producer, on a connection that its `close` ends. It connects by itself; until then calls fail.
 * @param initial the tenant's settings; a function where they may change while the producer is in use
 */
export function openProducer(
  initial: Config | (() => Config),
  { tenant = DEFAULT_TENANT, log, redis: shared, closeRedis = false, refused }: ProducerSettings = {},
): SearchProducer {
  const current = typeof initial === 'function' ? initial : () => initial;
  const config = current();
  log?.scrubber.learn(secretsOf(config));
  const redis = shared ?? callerRedis(config, log);
  const { prefix } = config.queue;
  const settings = () => gateSettings(current());
  const gate = redisGate({ redis, prefix, tenant, settings, log: log?.component('producer') });
  const queues = openQueues(redis, prefix, tenant);
  return new SearchProducer({
    redis,
    ...queues,
    prefix,
    tenant,
    rules: jobDefaults(config),
    get marketplace() {
      return current().ebay.marketplace;
    },
    get costs() {
      return current().search.costs;
    },
    // That of the default tenant is a setting of the workers, which this process need not have.
    get affiliateCampaignId() {
      return tenant === DEFAULT_TENANT ? undefined : current().ebay.affiliateCampaignId;
    },
    get tenantCalls() {
      return current().pace.tenantCalls;
    },
    resultsTtlMs: config.search.resultsTtl * 1000,
    runsTtlMs: runsTtlMs(config),
    minScheduleInterval: config.schedule.minInterval,
    limits: () => {
      const { search, memory } = current();
      return { backlog: search.backlogLimit, backfillMemory: memory.backfillShare, memory: memory.share };
    },
    deadlineMs: CALLER_DEADLINE_MS,
    admission: admissionBy(gate),
    plan: () => {
      const { plan, pace } = current();
      const { scheduledShare, tenantCalls } = pace;
      return { ...plan, scheduledShare, tenantCalls, readGate: () => gate.read() };
    },
    outlook: (callClass) => outlookBy(gate, settings().shares)(callClass),
    channels: {
      encryptionKeys: readEncryptionKeys(config.token.encryptionKeys).keys,
      isAllowed: (host) => isAllowedHost(allowedHosts(current().outbound.allow), host),
      secretOverlapMs: config.channel.secretOverlap * 1000,
      wake: (channel) => wakeChannel(queues.deliveries, channel, { now: true }),
      learn: (secrets) => log?.scrubber.learn(secrets),
    },
    refused,
    reachRedis: () => reachRedis(redis, config),
    onClose: async () => {
      await withinDeadline(queues.deliveries.close(), CALLER_DEADLINE_MS).catch(() => undefined);
      if (shared === undefined || closeRedis) redis.disconnect();
    },
  });
}

/** A connection for somebody who waits for the answer; its errors go to the log, if there is one. */
export function callerRedis(config: Config, log?: Logs): Redis {
  log?.scrubber.learn(secretsOf(config));
  return openRedis(config.redis, 'caller', log?.component('producer') ?? NOOP_LOGGER);
}

/** @throws Failure `redis-unavailable` */
export function reachRedis(redis: Redis, config: Config): Promise<void> {
  return waitForRedis(redis, config.redis.url, CALLER_DEADLINE_MS);
}
