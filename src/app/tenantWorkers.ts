import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { EbayProductCollector } from '../collector/collector.ts';
import { readEncryptionKeys, simulatorHosts } from '../config/checks.ts';
import type { Config } from '../config/config.ts';
import { formWarnings } from '../config/written.ts';
import { gateSettings } from '../ebay/gate/gateSettings.ts';
import { longestCallMs } from '../ebay/retryPolicy.ts';
import { EventStream } from '../events/stream.ts';
import { DEFAULT_TENANT } from '../fleet/declaration.ts';
import { FairTurns } from '../fleet/fairTurns.ts';
import type { Snapshot, Tenant } from '../fleet/snapshot.ts';
import { repairQueue } from '../fleet/sweep.ts';
import { startUpkeep } from '../fleet/upkeep.ts';
import { Lifecycle, type StopReport } from '../lifecycle.ts';
import { linkableHosts } from '../product/marketplaces.ts';
import { Channels } from '../queue/alerts/channels.ts';
import { type DeliveryContext, wakeWaiting } from '../queue/alerts/deliver.ts';
import { LONGEST_SHOWN_MS } from '../queue/alerts/evaluate.ts';
import { allowedHosts, isAllowedHost } from '../queue/alerts/outboundRules.ts';
import { wakeChannel } from '../queue/alerts/wake.ts';
import { Budgets } from '../queue/budgets.ts';
import { openQueues } from '../queue/bullmq/openQueues.ts';
import { wrongKeys as wrongKeysOf } from '../queue/bullmq/ownKeys.ts';
import { setPace } from '../queue/bullmq/queues.ts';
import { applySchedules } from '../queue/schedules/file.ts';
import { Schedules } from '../queue/schedules/schedules.ts';
import { type QueueContext, scrubbedCollector } from '../queue/search/context.ts';
import { admissionBy, outlookBy } from '../queue/search/estimate.ts';
import { jobDefaults, runsTtlMs } from '../queue/search/retryPolicy.ts';
import { startWorker } from '../queue/worker.ts';
import { openRedis } from '../redis/connection.ts';
import { redisFailure } from '../redis/failure.ts';
import { clockOf } from '../redis/redisClock.ts';
import { CoalescedSearches } from '../results/coalescedSearches.ts';
import { ItemAnswers } from '../results/itemAnswers.ts';
import { SearchStore } from '../results/searchStore.ts';
import { Tracks } from '../results/tracks.ts';
import { type Logger, type Logs, withFields } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { openEbay } from './client.ts';
import { CALLER_DEADLINE_MS } from './producer.ts';

const SECOND = 1000;
const TRY_AGAIN_MS = 1000;

interface WorkersOptions {
  /** Names of WORKER_TENANTS; empty: all. */
  chosen: readonly string[];
  /** A connection of the `caller` profile that all tenants share. */
  redis: Redis;
  logs: Logs;
  metrics: Metrics;
  /** Changes what the jobs work with, to watch or to disturb a part of it. */
  adapt: (context: QueueContext) => QueueContext;
}

/** A tenant, and the mark of the Redis data that it is declared to. */
interface WantedTenant extends Tenant {
  readonly data: string | undefined;
}

/** One tenant in this process. Its steps follow one another; the last wanted state wins. */
interface TenantSlot {
  wanted: WantedTenant | undefined;
  running: TenantWorker | undefined;
  steps: Promise<void>;
}

/** The tenants that a worker process works for. Each starts, changes and stops by itself: none waits for another. */
export class TenantWorkers {
  readonly #options: WorkersOptions;
  readonly #log: Logger;
  readonly #turns = new FairTurns();
  readonly #slots = new Map<string, TenantSlot>();
  readonly #stopping = new AbortController();
  /** Tenant → why it cannot be served, as logged. */
  readonly #logged = new Map<string, string>();
  #stopped: Promise<StopReport> | undefined;

  constructor(options: WorkersOptions) {
    this.#options = options;
    this.#log = options.logs.component('worker');
  }

  get running(): TenantWorker[] {
    return [...this.#slots.values()].flatMap(({ running }) => running ?? []);
  }

  /** Those that this process should work for, whether or not they run. */
  get names(): string[] {
    return [...this.#slots].flatMap(([name, { wanted }]) => (wanted === undefined ? [] : [name]));
  }

  /**
   * Works for the tenants of this version from now on.
   * @returns when all of them have started or failed to; rejects with the first failure that waiting cannot repair
   */
  async serve({ tenants, data }: Snapshot): Promise<void> {
    this.#logUnavailable(tenants);
    if (this.#stopping.signal.aborted) return;
    const isWanted = ({ name, unavailableReason }: Tenant) =>
      unavailableReason === undefined && this.#isChosen(name);
    for (const [name, tenant] of tenants)
      if (isWanted(tenant) && !this.#slots.has(name))
        this.#slots.set(name, { wanted: undefined, running: undefined, steps: Promise.resolve() });
    const steps = [...this.#slots].map(([name, slot]) => {
      const tenant = tenants.get(name);
      slot.wanted = tenant !== undefined && isWanted(tenant) ? { ...tenant, data } : undefined;
      const step = slot.steps.then(() => this.#settle(name, slot));
      slot.steps = step.catch(() => undefined);
      return step;
    });
    await Promise.all(steps);
  }

  /** Stops all of them at once; may be called again. */
  stop(): Promise<StopReport> {
    this.#stopping.abort();
    this.#stopped ??= this.#stopAll();
    return this.#stopped;
  }

  #isChosen(name: string): boolean {
    const { chosen } = this.#options;
    return chosen.length === 0 || chosen.includes(name);
  }

  /** Logs once which tenants this process cannot work for, and why. */
  #logUnavailable(tenants: Snapshot['tenants']): void {
    for (const { name, unavailableReason: reason, config } of tenants.values()) {
      const needsNone = name === DEFAULT_TENANT && hasNoKeyset(config);
      if (reason === undefined || !this.#isChosen(name) || needsNone) this.#logged.delete(name);
      else if (this.#logged.get(name) !== reason) {
        this.#logged.set(name, reason);
        this.#log.error('tenant cannot be served here', { tenant: name, reason });
      }
    }
    for (const name of this.#options.chosen)
      if (!tenants.has(name) && !this.#logged.has(name)) {
        this.#logged.set(name, 'unknown');
        this.#log.warn('WORKER_TENANTS names a tenant that is not declared yet', { tenant: name });
      }
  }

  async #settle(name: string, slot: TenantSlot): Promise<void> {
    const { signal } = this.#stopping;
    // A single tenant needs no turns.
    const inTurn = <T>(work: () => Promise<T>) =>
      this.names.length > 1 ? this.#turns.take(name, work) : work();
    while (!signal.aborted) {
      const { wanted, running } = slot;
      try {
        if (running === undefined) {
          if (wanted === undefined) return;
          slot.running = await startTenantWorker(wanted, { ...this.#options, inTurn });
          this.#log.info('tenant served', { tenant: name });
        } else if (wanted === undefined || !(await running.change(wanted))) {
          slot.running = undefined;
          await running.stop();
          this.#log.info('tenant no longer served', { tenant: name, again: wanted !== undefined });
          continue;
        }
        if (slot.wanted === wanted) return;
      } catch (error) {
        if (redisFailure(error) === undefined) {
          this.#log.error('tenant cannot be served', { tenant: name, reason: String(error) });
          throw error;
        }
        this.#log.warn('tenant waits for Redis', { tenant: name });
        await sleep(TRY_AGAIN_MS, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  async #stopAll(): Promise<StopReport> {
    const reports = await Promise.all(
      [...this.#slots.values()].map(async (slot) => {
        // A start that runs must end first: the parts that it opened must be closed.
        await slot.steps;
        return (await slot.running?.stop())?.unclosed ?? [];
      }),
    );
    return { unclosed: reports.flat() };
  }
}

/** Whether the environment has no keyset at all, which is no mistake where other tenants have theirs. */
export function hasNoKeyset({ ebay }: Config): boolean {
  return ebay.clientId === '' && ebay.clientSecret === '';
}

interface TenantWorkerOptions extends Omit<WorkersOptions, 'chosen'> {
  /** Starts this tenant's searches in turn with those of the other tenants in the process. */
  inTurn: <T>(work: () => Promise<T>) => Promise<T>;
}

export type TenantWorker = Awaited<ReturnType<typeof startTenantWorker>>;

/**
 * Starts to work for one tenant: token, gate, queues, upkeep, and a worker. Tenants share nothing that can be exhausted: each
 * has worker slots, a gate and a line of waiting calls of its own.
 */
async function startTenantWorker(initial: WantedTenant, options: TenantWorkerOptions) {
  let tenant: Tenant = initial;
  // The state in Redis. If Redis could not take a change, the next one is compared with this.
  let applied = initial;
  const { redis, metrics } = options;
  const { config, name } = initial;
  const { prefix } = config.queue;
  const logs = name === DEFAULT_TENANT ? options.logs : withFields(options.logs, { tenant: name });
  const log = logs.component('worker');
  const lifecycle = new Lifecycle();
  const stop = () => lifecycle.stop(config.worker.shutdownGrace * SECOND);
  try {
    const ebay = openEbay(config, logs, { tenant: name, redis, metrics, current: () => tenant.config });
    const { auth, gate, client } = lifecycle.opened('eBay connections', ebay);
    const { searches, calls, deliveries } = lifecycle.opened('queues', openQueues(redis, prefix, name));
    /** Sets the fleet's interval and daily limit: in the gate, and in the limit of the calls queue. */
    const setTenantPace = async ({ pace }: Config) => {
      const intervalMs = pace.minApiCallInterval * SECOND;
      await gate.configure({ intervalMs, dailyLimit: pace.dailyCallLimit });
      await setPace(calls, pace.minApiCallInterval);
    };
    await setTenantPace(config);
    for (const { name: variable, message: reason } of formWarnings(config))
      log.warn('setting looks wrong', { variable, reason });
    const collector = new EbayProductCollector({
      browse: client.browse,
      log: logs.component('collector'),
      clock: () => clockOf(redis, prefix).date(),
      hosts: linkableHosts(simulatorHosts(config.ebay)),
      affiliateCampaignId: config.ebay.affiliateCampaignId,
    });
    const queueMetrics = metrics.queue(name);
    const context = options.adapt({
      ...jobContext(config, redis),
      tenant: name,
      searches,
      calls,
      deliveries,
      collector: scrubbedCollector(collector, logs.scrubber),
      admission: admissionBy(gate),
      budgets: new Budgets({
        redis,
        prefix,
        tenant: name,
        tenantCalls: () => tenant.config.pace.tenantCalls,
        runsTtlMs: runsTtlMs(config),
        refused: () => metrics.calls(name).refused('budget'),
      }),
      callsLeft: async (callClass) => {
        const { shares } = gateSettings(tenant.config);
        return (await outlookBy(gate, shares)(callClass)).remaining;
      },
      get marketplace() {
        return tenant.config.ebay.marketplace;
      },
      get costs() {
        return tenant.config.search.costs;
      },
      affiliateCampaignId: config.ebay.affiliateCampaignId,
      intervalMs: () => gate.intervalMs,
      alerts: {
        ...{ redis, prefix, tenant: name, log },
        ttlMs: config.search.trackTtl * SECOND,
        textsMs: Math.min(config.search.resultsTtl * SECOND, LONGEST_SHOWN_MS),
        waitMs: config.alerts.maxAge * SECOND,
        wake: (channel) => wakeChannel(deliveries, channel),
        hit: queueMetrics.alertFound,
        withheld: queueMetrics.alertsWithheld,
        wakeWaiting: () => wakeWaiting({ redis, prefix, tenant: name, deliveries }),
      },
      metrics: queueMetrics,
      scrubber: logs.scrubber,
      log,
    });
    const setSchedules = async ({ config: own, schedules: wanted }: Tenant) => {
      if (wanted === undefined) return;
      const { minInterval } = own.schedule;
      const settings = { prefix, minInterval, defaults: context, deadlineMs: CALLER_DEADLINE_MS };
      await applySchedules(new Schedules({ ...context, ...settings }), wanted, log);
    };
    // No command below succeeds before.
    for (const queue of [searches, calls, deliveries]) await repairQueue(context, queue);
    await setSchedules(tenant);
    // After the last command that this start waits for: what runs by itself takes its time to stop where that fails.
    const upkeep = startUpkeep(context, config, client, metrics.fleet, () => tenant.config);
    lifecycle.opened('upkeep', upkeep, () => upkeep.stop());
    const { concurrency, lockDuration, stalledInterval, blockingRead, shutdownGrace, stuckAfter } =
      config.worker;
    const worker = startWorker(context, {
      prefix,
      concurrency,
      blockingRead,
      lockDurationMs: lockDuration * SECOND,
      stalledIntervalMs: stalledInterval * SECOND,
      // The rest of the grace is for handing jobs back.
      finishWithinMs: shutdownGrace * SECOND * 0.75,
      stuckAfterMs: stuckAfter * SECOND,
      connect: () => openRedis(config.redis, 'worker', log),
      inspect: (queue) => void upkeep.inspect(queue),
      inTurn: options.inTurn,
      delivery: {
        context: await deliveryContext(config, { ...{ redis, deliveries, logs }, tenant: name, metrics }),
        concurrency: config.alerts.concurrency,
      },
    });
    lifecycle.opened('worker', worker);
    return {
      name,
      gate,
      auth,
      /** Keys of BullMQ in whose place something else is, `QUEUE:KEY`: nothing in the queue goes on before they are repaired. */
      async wrongKeys(): Promise<string[]> {
        const names = await Promise.all(
          [searches, calls, deliveries].map((queue) => wrongKeysOf(redis, queue)),
        );
        return names.flat();
      },
      /** Whether it takes jobs. */
      get running() {
        return worker.running;
      },
      /**
       * Takes other settings over, and declares all of them again to a Redis that lost its data; false where that needs a
       * restart of the tenant, as another keyset does.
       */
      async change(next: WantedTenant): Promise<boolean> {
        if (needsRestart(tenant.config, next.config)) return false;
        tenant = next;
        const isLost = applied.data !== next.data;
        if (isLost || !isDeepStrictEqual(applied.config.pace, next.config.pace))
          await setTenantPace(next.config);
        if (isLost || !isDeepStrictEqual(applied.schedules, next.schedules)) await setSchedules(next);
        applied = next;
        return true;
      },
      /** Finishes or hands back running jobs, within `SHUTDOWN_GRACE`; may be called again. */
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Whether settings differ that a token, a connection or a worker's size was made from. */
function needsRestart(before: Config, after: Config): boolean {
  const fixed = ({ ebay, worker, alerts, outbound, channel, smtp }: Config) => [
    ...[{ ...ebay, marketplace: '' }, worker],
    // The senders of alerts.
    ...[alerts, outbound, channel, smtp],
  ];
  return !isDeepStrictEqual(fixed(before), fixed(after));
}

interface DeliveryParts {
  redis: Redis;
  tenant: string;
  deliveries: Queue;
  logs: Logs;
  metrics: Metrics;
}

/** What sends the alerts of a tenant. */
async function deliveryContext(
  config: Config,
  { redis, tenant, deliveries, logs, metrics }: DeliveryParts,
): Promise<DeliveryContext> {
  const { prefix } = config.queue;
  const { timeout, retryDelay, attempts, maxAge } = config.alerts;
  const timeoutMs = timeout * SECOND;
  const allow = allowedHosts(config.outbound.allow);
  const channels = new Channels({
    ...{ redis, prefix, tenant, deadlineMs: CALLER_DEADLINE_MS },
    encryptionKeys: readEncryptionKeys(config.token.encryptionKeys).keys,
    isAllowed: (host) => isAllowedHost(allow, host),
    secretOverlapMs: config.channel.secretOverlap * SECOND,
    wake: (channel) => wakeChannel(deliveries, channel, { now: true }),
    learn: (secrets) => logs.scrubber.learn(secrets),
  });
  // Loaded in workers alone.
  const [{ senders }, { outbound }] = await Promise.all([
    import('../queue/alerts/channels/senders.ts'),
    import('../queue/alerts/outbound.ts'),
  ]);
  const post = outbound({
    ...{ allow, timeoutMs },
    connectTimeoutMs: config.outbound.connectTimeout * SECOND,
  });
  const email = { ...config.smtp, timeoutMs };
  return {
    ...{ redis, prefix, tenant, deliveries, scrubber: logs.scrubber, log: logs.component('worker') },
    senders: senders({ post, email, now: () => clockOf(redis, prefix).now() }),
    openChannel: (channel) => channels.open(channel),
    rules: {
      ...{ timeoutMs, attempts },
      retryDelayMs: retryDelay * SECOND,
      maxAgeMs: maxAge * SECOND,
    },
    lockMs: config.worker.lockDuration * SECOND,
    ended: metrics.queue(tenant).delivery,
  };
}

/** The stores and fixed settings of a tenant's jobs. */
function jobContext(config: Config, redis: Redis) {
  const { prefix } = config.queue;
  const { resultsTtl, trackTtl, deadline } = config.search;
  const runTtlMs = runsTtlMs(config);
  const { kept, maxAge, cooldown } = config.events;
  return {
    redis,
    store: new SearchStore({ redis, prefix, resultTtlMs: resultsTtl * SECOND, runTtlMs }),
    tracks: new Tracks({ redis, prefix, ttlMs: trackTtl * SECOND }),
    coalesced: new CoalescedSearches({ redis, prefix, ttlMs: runTtlMs, endTtlMs: resultsTtl * SECOND }),
    itemAnswers: new ItemAnswers({
      redis,
      prefix,
      resultTtlMs: resultsTtl * SECOND,
      callMs: longestCallMs(config),
      campaignId: config.ebay.affiliateCampaignId,
    }),
    events: new EventStream({
      redis,
      prefix,
      kept,
      maxAgeMs: maxAge * SECOND,
      cooldownMs: cooldown * SECOND,
      memoryMs: runTtlMs,
    }),
    rules: jobDefaults(config),
    crashIsolation: { busy: false },
    deadlineMs: deadline * SECOND,
    watch: { ttlMs: trackTtl * SECOND, dayMs: config.plan.day * SECOND },
    ...(config.ebay.bulkItems && { bulk: { restsUntil: 0, refusals: 0 } }),
    ...(config.plan.sharedCalls && { sharing: { dayMs: config.plan.day * SECOND } }),
  };
}
