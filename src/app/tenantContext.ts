import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { EbayAuthService } from '../auth/service.ts';
import { EbayProductCollector } from '../collector/collector.ts';
import type { Config } from '../config/config.ts';
import { EbayClient } from '../ebay/client.ts';
import type { CallGate } from '../ebay/gate.ts';
import { liveGateSettings } from '../ebay/gateSettings.ts';
import { EventStream } from '../events/stream.ts';
import type { Lifecycle } from '../lifecycle.ts';
import { setPace } from '../queue/callsQueue.ts';
import type { QueueContext } from '../queue/context.ts';
import { admissionBy } from '../queue/gateViews.ts';
import { houseRules, runsTtlMs } from '../queue/houseRules.ts';
import { callsQueueName } from '../queue/names.ts';
import { scrubbedCollector } from '../queue/scrubbedCollector.ts';
import { openSearchQueue } from '../queue/searchQueue.ts';
import { SuspectRoom } from '../queue/suspectRoom.ts';
import { IdenticalSearches } from '../results/identicalSearches.ts';
import { ResultStore } from '../results/resultStore.ts';
import { RunStates } from '../results/runState.ts';
import { Tracks } from '../results/tracks.ts';
import type { Logs } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { callGate } from './gate.ts';

const SECOND = 1000;

/** What the parts of one tenant are made from. */
export interface TenantOpening {
  name: string;
  /** As it starts. */
  config: Config;
  /** As it stands: another object after each change. */
  current: () => Config;
  /** A connection of the `caller` profile. */
  redis: Redis;
  log: Logs;
  metrics: Metrics;
}

/** eBay behind the tenant's token and the tenant's gate. */
export async function openEbay(
  lifecycle: Lifecycle,
  { name: tenant, redis, config, current, log, metrics }: TenantOpening,
): Promise<{ client: EbayClient; auth: EbayAuthService }> {
  const auth = new EbayAuthService({
    tenant,
    config,
    redis,
    log: log.component('auth'),
    metrics: metrics.auth,
    scrubber: log.scrubber,
  });
  lifecycle.opened('token service', auth, (opened) => opened.close());
  const calls = metrics.calls(tenant);
  metrics.auth.begin(tenant);
  const gate = callGate(redis, config, tenant, {
    log: log.component('gate'),
    metrics: calls,
    settings: liveGateSettings(current),
  });
  const client = new EbayClient({
    config,
    gate,
    tokens: auth,
    log: log.component('ebay'),
    metrics: calls,
  });
  return { client: lifecycle.opened('eBay connections', client, (opened) => opened.close()), auth };
}

export async function openQueues(
  lifecycle: Lifecycle,
  { name: tenant, redis, config, current, log, metrics }: TenantOpening,
  client: EbayClient,
): Promise<QueueContext> {
  const { prefix } = config.queue;
  const calls = lifecycle.opened(
    'calls',
    new Queue(callsQueueName(tenant), { connection: redis, prefix }),
    (opened) => opened.close(),
  );
  await setTenantPace(client.gate, calls, config);
  const searches = lifecycle.opened('searches', openSearchQueue(redis, prefix, tenant), (opened) =>
    opened.close(),
  );
  // BullMQ prints what nobody listens to; the connection itself tells of its errors.
  for (const each of [searches, calls]) each.on('error', () => undefined);
  return {
    tenant,
    redis,
    searches,
    calls,
    results: new ResultStore({ redis, prefix, ttlMs: config.search.resultsTtl * SECOND }),
    runs: new RunStates({ redis, prefix, ttlMs: runsTtlMs(config) }),
    tracks: new Tracks({ redis, prefix, ttlMs: config.search.trackTtl * SECOND }),
    identical: new IdenticalSearches({ redis, prefix, ttlMs: runsTtlMs(config) }),
    events: new EventStream({
      redis,
      prefix,
      kept: config.events.kept,
      cooldownMs: config.events.cooldown * SECOND,
      memoryMs: runsTtlMs(config),
    }),
    collector: scrubbedCollector(
      new EbayProductCollector({ browse: client.browse, log: log.component('collector') }),
      log.scrubber,
    ),
    admission: admissionBy(client.gate),
    rules: houseRules(config),
    suspects: new SuspectRoom(),
    get marketplace() {
      return current().ebay.marketplace;
    },
    intervalMs: () => client.gate.intervalMs,
    deadlineMs: config.search.deadline * SECOND,
    metrics: metrics.queue(tenant),
    scrubber: log.scrubber,
    log: log.component('worker'),
  };
}

/** How fast the whole fleet calls for this tenant, and how much a day. */
export async function setTenantPace(gate: CallGate, calls: Queue, { pace }: Config): Promise<void> {
  await gate.configure({ intervalMs: pace.minApiCallInterval * SECOND, dailyLimit: pace.dailyCallLimit });
  await setPace(calls, pace.minApiCallInterval);
}
