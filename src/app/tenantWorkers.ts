import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { EbayProductCollector } from '../collector/collector.ts';
import type { Config } from '../config/config.ts';
import { secretsOf } from '../config/secrets.ts';
import { EbayClient } from '../ebay/client.ts';
import type { CallGate } from '../ebay/gate/gate.ts';
import { gateSettings } from '../ebay/gate/gateSettings.ts';
import { EbayAuthService } from '../ebay/oauth/service.ts';
import { EventStream } from '../events/stream.ts';
import { DEFAULT_TENANT } from '../fleet/declaration.ts';
import type { Snapshot, Tenant } from '../fleet/snapshot.ts';
import { startUpkeep } from '../fleet/upkeep.ts';
import { Lifecycle, type StopReport } from '../lifecycle.ts';
import { openQueues } from '../queue/bullmq/openQueues.ts';
import { setPace } from '../queue/bullmq/queues.ts';
import { applySchedules } from '../queue/schedules/file.ts';
import { Schedules } from '../queue/schedules/schedules.ts';
import { CrashIsolation, type QueueContext, scrubbedCollector } from '../queue/search/context.ts';
import { admissionBy } from '../queue/search/estimate.ts';
import { jobDefaults, runsTtlMs } from '../queue/search/retryPolicy.ts';
import { type RunningWorker, startWorker } from '../queue/worker.ts';
import { openRedis } from '../redis/connection.ts';
import { redisFailure } from '../redis/failure.ts';
import { CoalescedSearches } from '../results/coalescedSearches.ts';
import { SearchStore } from '../results/searchStore.ts';
import { Tracks } from '../results/tracks.ts';
import { type Logger, type Logs, withFields } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { CALLER_DEADLINE_MS, callGate } from './producer.ts';

const SECOND = 1000;

interface TenantWorkersOptions {
  /** Names of WORKER_TENANTS; empty: all. */
  chosen: readonly string[];
  /** @param signal stops waiting for Redis */
  start: (tenant: Tenant, signal: AbortSignal) => Promise<TenantWorker>;
  log: Logger;
}

const TRY_AGAIN_MS = 1000;

/** One tenant in this process. Its steps follow one another; the last wanted state wins. */
interface TenantSlot {
  wanted: Tenant | undefined;
  running: TenantWorker | undefined;
  steps: Promise<void>;
}

/** The tenants that a worker process works for. Each starts, changes and stops by itself: none waits for another. */
export class TenantWorkers {
  readonly #options: TenantWorkersOptions;
  readonly #slots = new Map<string, TenantSlot>();
  readonly #stopping = new AbortController();
  #stopped: Promise<StopReport> | undefined;

  constructor(options: TenantWorkersOptions) {
    this.#options = options;
  }

  /** By name, those that run. */
  get running(): ReadonlyMap<string, TenantWorker> {
    return new Map([...this.#slots].flatMap(([name, { running }]) => (running ? [[name, running]] : [])));
  }

  /** Those that this process should work for, whether or not they run. */
  get names(): string[] {
    return [...this.#slots].flatMap(([name, { wanted }]) => (wanted === undefined ? [] : [name]));
  }

  /**
   * Works for the tenants of this version from now on.
   * @returns when all of them have started or failed to; rejects with the first failure that waiting cannot repair
   */
  async serve({ tenants }: Snapshot): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    const { chosen } = this.#options;
    const isWanted = ({ name, unavailableReason }: Tenant) =>
      unavailableReason === undefined && (chosen.length === 0 || chosen.includes(name));
    for (const [name, tenant] of tenants)
      if (isWanted(tenant) && !this.#slots.has(name))
        this.#slots.set(name, { wanted: undefined, running: undefined, steps: Promise.resolve() });
    const steps = [...this.#slots].map(([name, slot]) => {
      const tenant = tenants.get(name);
      slot.wanted = tenant !== undefined && isWanted(tenant) ? tenant : undefined;
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

  async #settle(name: string, slot: TenantSlot): Promise<void> {
    const { start, log } = this.#options;
    while (!this.#stopping.signal.aborted) {
      const { wanted, running } = slot;
      try {
        if (running === undefined) {
          if (wanted === undefined) return;
          slot.running = await start(wanted, this.#stopping.signal);
          log.info('tenant served', { tenant: name });
        } else if (wanted === undefined || !(await running.change(wanted))) {
          slot.running = undefined;
          await running.stop();
          log.info('tenant no longer served', { tenant: name, again: wanted !== undefined });
          continue;
        }
        if (slot.wanted === wanted) return;
      } catch (error) {
        if (redisFailure(error) === undefined) {
          log.error('tenant cannot be served', { tenant: name, reason: String(error) });
          throw error;
        }
        log.warn('tenant waits for Redis', { tenant: name });
        await sleep(TRY_AGAIN_MS, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
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

interface TenantWorkerOptions {
  tenant: Tenant;
  /** A connection of the `caller` profile; any number of tenants may share it. */
  redis: Redis;
  log: Logs;
  metrics: Metrics;
  /** Stops waiting for Redis. */
  signal?: AbortSignal | undefined;
  /** Starts this tenant's searches in turn with those of the other tenants in the process. */
  inTurn: <T>(work: () => Promise<T>) => Promise<T>;
  /** Changes what the jobs work with, to watch or to disturb a part of it. */
  adapt: (context: QueueContext) => QueueContext;
}

/** One tenant in this process: token, gate, queues, upkeep, and a worker of its own. */
export interface TenantWorker {
  readonly name: string;
  readonly gate: CallGate;
  readonly auth: EbayAuthService;
  /** Whether it takes jobs. */
  readonly running: boolean;
  /** Takes other settings over; false where that needs a restart of the tenant, as another keyset does. */
  change(tenant: Tenant): Promise<boolean>;
  /** Finishes or hands back running jobs, within `SHUTDOWN_GRACE`; may be called again. */
  stop(): Promise<StopReport>;
}

/**
 * Starts to work for one tenant. Tenants share nothing that can be exhausted: each has worker slots, a gate and a line of
 * waiting calls of its own.
 */
export async function startTenantWorker(options: TenantWorkerOptions): Promise<TenantWorker> {
  let { tenant } = options;
  // The state in Redis. If Redis could not take a change, the next one is compared with this.
  let applied = tenant;
  const { redis, signal, metrics } = options;
  const { config, name } = tenant;
  const log = name === DEFAULT_TENANT ? options.log : withFields(options.log, { tenant: name });
  log.scrubber.learn(secretsOf(config));
  const lifecycle = new Lifecycle();
  const stop = () => lifecycle.stop(config.worker.shutdownGrace * SECOND);
  try {
    const auth = lifecycle.opened(
      'token service',
      new EbayAuthService({
        tenant: name,
        config,
        redis,
        log: log.component('auth'),
        metrics: metrics.auth,
        scrubber: log.scrubber,
      }),
      (opened) => opened.close(),
    );
    metrics.auth.begin(name);
    const callMetrics = metrics.calls(name);
    const gate = callGate(redis, config, name, {
      log: log.component('gate'),
      metrics: callMetrics,
      settings: () => gateSettings(tenant.config),
    });
    const client = lifecycle.opened(
      'eBay connections',
      new EbayClient({ config, gate, tokens: auth, log: log.component('ebay'), metrics: callMetrics }),
      (opened) => opened.close(),
    );
    const { searches, calls } = lifecycle.opened(
      'queues',
      openQueues(redis, config.queue.prefix, name),
      (queues) => Promise.all([queues.searches.close(), queues.calls.close()]),
    );
    await setTenantPace(gate, calls, config);
    const context = options.adapt({
      ...jobContext(config, redis),
      tenant: name,
      searches,
      calls,
      collector: scrubbedCollector(
        new EbayProductCollector({ browse: client.browse, log: log.component('collector') }),
        log.scrubber,
      ),
      admission: admissionBy(gate),
      get marketplace() {
        return tenant.config.ebay.marketplace;
      },
      intervalMs: () => gate.intervalMs,
      metrics: metrics.queue(name),
      scrubber: log.scrubber,
      log: log.component('worker'),
    });
    const upkeep = lifecycle.opened('upkeep', startUpkeep(context, config, client, metrics.fleet), (opened) =>
      opened.stop(),
    );
    const setSchedules = async ({ config: own, schedules: wanted }: Tenant) => {
      if (wanted === undefined) return;
      const { prefix } = own.queue;
      const { minInterval } = own.schedule;
      const schedules = new Schedules({
        ...context,
        defaults: context,
        prefix,
        minInterval,
        deadlineMs: CALLER_DEADLINE_MS,
      });
      await applySchedules(schedules, wanted, log.component('worker'), signal);
    };
    await setSchedules(tenant);
    const worker = lifecycle.opened<RunningWorker>(
      'worker',
      startWorker(context, {
        ...workerSettings(config),
        connect: () => openRedis(config.redis, 'worker', log.component('worker')),
        inspect: (queue) => void upkeep.inspect(queue),
        inTurn: options.inTurn,
      }),
      (opened) => opened.close(),
    );
    return {
      name,
      gate,
      auth,
      get running() {
        return worker.running;
      },
      async change(next) {
        if (needsRestart(tenant.config, next.config)) return false;
        tenant = next;
        if (!isDeepStrictEqual(applied.config.pace, next.config.pace))
          await setTenantPace(gate, calls, next.config);
        if (!isDeepStrictEqual(applied.schedules, next.schedules)) await setSchedules(next);
        applied = next;
        return true;
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Whether settings differ that a token, a connection or a worker's size was made from. */
function needsRestart(before: Config, after: Config): boolean {
  const { marketplace: _was, ...ebay } = before.ebay;
  const { marketplace: _is, ...others } = after.ebay;
  return !isDeepStrictEqual([ebay, before.worker], [others, after.worker]);
}

function workerSettings({ worker, queue }: Config) {
  return {
    concurrency: worker.concurrency,
    lockDurationMs: worker.lockDuration * SECOND,
    stalledIntervalMs: worker.stalledInterval * SECOND,
    blockingRead: worker.blockingRead,
    // The rest of the grace is for handing jobs back.
    finishWithinMs: worker.shutdownGrace * SECOND * 0.75,
    prefix: queue.prefix,
    stuckAfterMs: worker.stuckAfter * SECOND,
  };
}

/** The stores and fixed settings of a tenant's jobs. */
function jobContext(config: Config, redis: Redis) {
  const { prefix } = config.queue;
  return {
    redis,
    store: new SearchStore({
      redis,
      prefix,
      resultTtlMs: config.search.resultsTtl * SECOND,
      runTtlMs: runsTtlMs(config),
    }),
    tracks: new Tracks({ redis, prefix, ttlMs: config.search.trackTtl * SECOND }),
    coalesced: new CoalescedSearches({ redis, prefix, ttlMs: runsTtlMs(config) }),
    events: new EventStream({
      redis,
      prefix,
      kept: config.events.kept,
      cooldownMs: config.events.cooldown * SECOND,
      memoryMs: runsTtlMs(config),
    }),
    rules: jobDefaults(config),
    crashIsolation: new CrashIsolation(),
    deadlineMs: config.search.deadline * SECOND,
  };
}

/** Sets the fleet's interval and daily limit for this tenant: in the gate, and in the limit of the calls queue. */
async function setTenantPace(gate: CallGate, calls: Queue, { pace }: Config): Promise<void> {
  await gate.configure({ intervalMs: pace.minApiCallInterval * SECOND, dailyLimit: pace.dailyCallLimit });
  await setPace(calls, pace.minApiCallInterval);
}
