import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { EbayProductCollector } from '../collector/collector.ts';
import type { Config } from '../config/config.ts';
import { secretsOf } from '../config/secrets.ts';
import { EbayClient } from '../ebay/client.ts';
import type { CallGate } from '../ebay/gate/gate.ts';
import { liveGateSettings } from '../ebay/gate/gateSettings.ts';
import { EbayAuthService } from '../ebay/oauth/service.ts';
import { EventStream } from '../events/stream.ts';
import { DEFAULT_TENANT } from '../fleet/declaration.ts';
import type { Snapshot, Tenant } from '../fleet/snapshot.ts';
import { startUpkeep } from '../fleet/upkeep.ts';
import { Lifecycle, type StopReport } from '../lifecycle.ts';
import { callsQueueName, openSearchQueue, setPace } from '../queue/bullmq/queues.ts';
import { applySchedules } from '../queue/schedules/file.ts';
import { Schedules } from '../queue/schedules/schedules.ts';
import { CrashIsolation, type QueueContext, scrubbedCollector } from '../queue/search/context.ts';
import { admissionBy } from '../queue/search/estimate.ts';
import { jobDefaults, runsTtlMs } from '../queue/search/jobDefaults.ts';
import { type RunningWorker, startWorker } from '../queue/worker.ts';
import { openRedis } from '../redis/connection.ts';
import { redisFailure } from '../redis/failure.ts';
import { CoalescedSearches } from '../results/identicalSearches.ts';
import { ResultStore } from '../results/resultStore.ts';
import { RunStates } from '../results/runState.ts';
import { Tracks } from '../results/tracks.ts';
import { type Logger, type Logs, withFields } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { CALLER_DEADLINE_MS, callGate } from './client.ts';

export interface ServedTenantsOptions {
  /** Names of WORKER_TENANTS; empty: all. */
  only: readonly string[];
  /** @param signal stops waiting for Redis */
  start: (tenant: Tenant, signal: AbortSignal) => Promise<RunningTenant>;
  log: Logger;
}

const TRY_AGAIN_MS = 1000;

/** What a process does for one tenant: the last wish counts, and steps follow one another. */
interface Seat {
  wanted: Tenant | undefined;
  running: RunningTenant | undefined;
  work: Promise<void>;
}

/** The tenants that a worker process works for. Each starts, changes and stops by itself: none waits for another. */
export class ServedTenants {
  readonly #options: ServedTenantsOptions;
  readonly #seats = new Map<string, Seat>();
  readonly #stopping = new AbortController();
  #stopped: Promise<StopReport> | undefined;

  constructor(options: ServedTenantsOptions) {
    this.#options = options;
  }

  /** By name, those that run. */
  get running(): ReadonlyMap<string, RunningTenant> {
    return new Map([...this.#seats].flatMap(([name, { running }]) => (running ? [[name, running]] : [])));
  }

  /** Those that this process should work for, whether or not they run. */
  get names(): string[] {
    return [...this.#seats].flatMap(([name, { wanted }]) => (wanted === undefined ? [] : [name]));
  }

  /**
   * Works for the tenants of this version from now on.
   * @returns what settles when all of them have started or failed to; rejects with the first failure that waiting cannot mend
   */
  async serve({ tenants }: Snapshot): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    const { only } = this.#options;
    const wanted = new Map(
      [...tenants].filter(
        ([name, { obstacle }]) => obstacle === undefined && (only.length === 0 || only.includes(name)),
      ),
    );
    for (const name of wanted.keys()) if (!this.#seats.has(name)) this.#seats.set(name, emptySeat());
    const steps = [...this.#seats].map(([name, seat]) => {
      seat.wanted = wanted.get(name);
      const step = seat.work.then(() => this.#settle(name, seat));
      seat.work = step.catch(() => undefined);
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

  async #settle(name: string, seat: Seat): Promise<void> {
    const { start, log } = this.#options;
    while (!this.#stopping.signal.aborted) {
      const { wanted, running } = seat;
      try {
        if (running === undefined) {
          if (wanted === undefined) return;
          seat.running = await start(wanted, this.#stopping.signal);
          log.info('tenant served', { tenant: name });
        } else if (wanted === undefined || !(await running.change(wanted))) {
          seat.running = undefined;
          await running.stop();
          log.info('tenant no longer served', { tenant: name, again: wanted !== undefined });
          continue;
        }
        if (seat.wanted === wanted) return;
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
      [...this.#seats.values()].map(async (seat) => {
        // A start under way ends first: what it opened must be closed.
        await seat.work;
        return (await seat.running?.stop())?.unclosed ?? [];
      }),
    );
    return { unclosed: reports.flat() };
  }
}

function emptySeat(): Seat {
  return { wanted: undefined, running: undefined, work: Promise.resolve() };
}

const SECOND = 1000;

export interface TenantOptions {
  tenant: Tenant;
  /** A connection of the `caller` profile; any number of tenants may share it. */
  redis: Redis;
  log: Logs;
  metrics: Metrics;
  /** Stops waiting for Redis. */
  signal?: AbortSignal | undefined;
  /** Lets this tenant's searches begin when it is their turn among all tenants of the process. */
  inTurn: <T>(work: () => Promise<T>) => Promise<T>;
  /** Changes what the jobs work with, e.g. to watch or to disturb a part of it. */
  adapt: (context: QueueContext) => QueueContext;
}

/** One tenant's work in this process: token, gate, queues, duties, and a worker of its own. */
export interface RunningTenant {
  readonly name: string;
  readonly gate: CallGate;
  readonly auth: EbayAuthService;
  readonly running: boolean;
  /** Goes on with other settings; false where that takes a new start, as with another keyset. */
  change(tenant: Tenant): Promise<boolean>;
  /** Finishes or hands back what is under way, within `SHUTDOWN_GRACE`; may be called again. */
  stop(): Promise<StopReport>;
}

/**
 * Starts to work for one tenant. Nothing that can be exhausted is shared with other tenants: each has worker slots, a
 * gate and a line of waiting calls of its own.
 */
export async function startTenant(options: TenantOptions): Promise<RunningTenant> {
  let { tenant } = options;
  // What Redis has of it; a change that it could not take is made up for by the next one.
  let applied = tenant;
  const { config, name } = tenant;
  const { signal } = options;
  const log = name === DEFAULT_TENANT ? options.log : withFields(options.log, { tenant: name });
  log.scrubber.learn(secretsOf(config));
  const lifecycle = new Lifecycle();
  const stop = () => lifecycle.stop(config.worker.shutdownGrace * SECOND);
  const opening: TenantOpening = { ...options, log, name, config, current: () => tenant.config };
  try {
    const { client, auth } = await openEbay(lifecycle, opening);
    const context = options.adapt(await openQueues(lifecycle, opening, client));
    const upkeep = lifecycle.opened(
      'duties',
      startUpkeep(context, config, client, options.metrics.fleet),
      (duties) => duties.stop(),
    );
    await setSchedules(context, tenant, log.component('worker'), signal);
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
      gate: client.gate,
      auth,
      get running() {
        return worker.running;
      },
      async change(next) {
        if (needsNewStart(tenant.config, next.config)) return false;
        tenant = next;
        if (!isDeepStrictEqual(applied.config.pace, next.config.pace))
          await setTenantPace(client.gate, context.calls, next.config);
        if (!isDeepStrictEqual(applied.schedules, next.schedules))
          await setSchedules(context, next, log.component('worker'), signal);
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

/** What a token, a connection or a worker's size is made from. */
function needsNewStart(before: Config, after: Config): boolean {
  const { marketplace: _was, ...ebay } = before.ebay;
  const { marketplace: _is, ...others } = after.ebay;
  return !isDeepStrictEqual([ebay, before.worker], [others, after.worker]);
}

async function setSchedules(
  context: QueueContext,
  { config, schedules: wanted }: Tenant,
  log: Logger,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (wanted === undefined) return;
  const { prefix } = config.queue;
  const { minInterval } = config.schedule;
  const schedules = new Schedules({ ...context, prefix, minInterval, deadlineMs: CALLER_DEADLINE_MS });
  await applySchedules(schedules, wanted, log, signal);
}

function workerSettings({ worker, queue }: Config) {
  return {
    concurrency: worker.concurrency,
    lockDurationMs: worker.lockDuration * SECOND,
    stalledIntervalMs: worker.stalledInterval * SECOND,
    blockingRead: worker.blockingRead,
    // What is left of the grace after it is for handing back.
    finishWithinMs: worker.shutdownGrace * SECOND * 0.75,
    prefix: queue.prefix,
    stuckAfterMs: worker.stuckAfter * SECOND,
  };
}

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
    coalesced: new CoalescedSearches({ redis, prefix, ttlMs: runsTtlMs(config) }),
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
    rules: jobDefaults(config),
    crashIsolation: new CrashIsolation(),
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
