import type { Redis } from 'ioredis';
import { credentialProblems } from '../config/checks.ts';
import { type Config, ConfigError } from '../config/config.ts';
import { requireDescriptors } from '../config/descriptors.ts';
import type { ConfigSources } from '../config/load.ts';
import { secretsOf } from '../config/secrets.ts';
import { AccountErasure } from '../fleet/accountErasure.ts';
import { DEFAULT_TENANT } from '../fleet/declaration.ts';
import { FleetConfig } from '../fleet/fleetConfig.ts';
import { ageLimits, Retention, retentionInterval } from '../fleet/retention.ts';
import { startDuty } from '../fleet/upkeep.ts';
import { serveOperations } from '../http/operations.ts';
import { Lifecycle, type StopReport } from '../lifecycle.ts';
import type { QueueContext } from '../queue/search/context.ts';
import { openRedis } from '../redis/connection.ts';
import type { LogRoot } from '../telemetry/logRoot.ts';
import { createMetrics, type Metrics } from '../telemetry/metrics.ts';
import { bootOnRedis } from './boot.ts';
import { GrowthCounts } from './growth.ts';
import { processHealth, tenantsHealth, type WorkerHealth } from './health.ts';
import { hasNoKeyset, TenantWorkers } from './tenantWorkers.ts';

export interface WorkerApp extends WorkerHealth {
  /** Those that it works for now. */
  readonly tenants: readonly string[];
  /** Finishes or hands back running jobs, within `SHUTDOWN_GRACE`; may be called again. */
  stop(): Promise<StopReport>;
  /** Reads the files of settings, tenants, schedules and keysets again. Never rejects. */
  reload(): Promise<void>;
}

export interface WorkerAppOptions {
  /** Stops waiting for Redis. */
  signal?: AbortSignal;
  /** HTTP_MAX_STREAMS where the process serves HTTP too: it needs file descriptors for both. Default: 0. */
  streams?: number;
  /** Changes what the jobs work with, to watch or to disturb a part of it. */
  adapt?: (context: QueueContext) => QueueContext;
  /** Where `config` came from, to be read again when it changes. Default: the process's environment and its files. */
  sources?: ConfigSources;
}

/** How often notices of deleted accounts are looked for, ms. */
const ERASE_EVERY_MS = 2000;

/**
 * A worker process: one Redis connection for all, and a worker of its own for each tenant. Waits until Redis has served all
 * commands of the start, with a log line a second.
 *
 * `stop` closes in this order, each part within `SHUTDOWN_GRACE`: operations server, event loop watch, configuration, all
 * tenants at once, Redis; of each tenant (`startTenantWorker`) the worker with its running jobs, upkeep, queues, eBay
 * connections and token service.
 * @throws ConfigError without a usable keyset, or naming what is wrong in the files of tenants and schedules; BootError
 * when this Redis would lose jobs.
 */
export async function startWorkerApp(
  config: Config,
  log: LogRoot,
  { signal, streams = 0, adapt = (context) => context, sources = {} }: WorkerAppOptions = {},
): Promise<WorkerApp> {
  // Empty: all.
  const chosen = config.worker.tenants.split(',').flatMap((name) => name.trim() || []);
  requireKeyset(config, chosen);
  log.scrubber.learn(secretsOf(config));
  const lifecycle = new Lifecycle();
  const logger = log.component('worker');
  const redis = lifecycle.opened('Redis', openRedis(config.redis, 'caller', logger), (r) => r.disconnect());
  const stop = () => lifecycle.stop(config.worker.shutdownGrace * 1000);
  try {
    const metrics = createMetrics();
    metrics.process.watchLog(log);
    const { prefix } = config.queue;
    // Closed after all that counts.
    const growth = new GrowthCounts({ redis, prefix, registry: metrics.registry, log: logger });
    lifecycle.opened('counts of the day', growth);
    const tenants = lifecycle.nested(new TenantWorkers({ chosen, redis, logs: log, metrics, adapt }));
    const fleet = new FleetConfig(redis, {
      config,
      sources,
      role: 'worker',
      tenants: () => tenants.names,
      metrics: metrics.config,
      schedules: metrics.schedules,
      log: log.component('config'),
    });
    fleet.onChange((snapshot) => {
      log.setLevels(snapshot.config.log);
      // Each tenant logs its own errors.
      tenants.serve(snapshot).catch(() => undefined);
    });
    lifecycle.opened('configuration', fleet, (opened) => opened.stop());
    let started = false;
    const app: WorkerApp = {
      get tenants() {
        return tenants.running.map(({ name }) => name);
      },
      get started() {
        return started;
      },
      get running() {
        return tenants.running.every((tenant) => tenant.running);
      },
      health: () => tenantsHealth(tenants.running),
      stop,
      reload: () => fleet.reload(),
    };
    const { metricsPort } = config.worker;
    if (metricsPort !== '') {
      // Before Redis is needed: a worker that waits for it is alive, and says that it is not ready.
      const server = await serveOperations({
        host: config.http.host,
        port: Number(metricsPort),
        registry: metrics.registry,
        scrubber: log.scrubber,
        refresh: () => refreshMetrics(metrics, redis, tenants),
        health: processHealth(lifecycle, redis, fleet, app),
      });
      lifecycle.opened('operations server', server);
    }
    signal?.addEventListener('abort', () => void tenants.stop());
    await bootOnRedis(redis, { config, log: logger, signal }, async () => {
      await fleet.start();
      const served = [...fleet.current().tenants.values()].filter(
        ({ name, unavailableReason }) =>
          unavailableReason === undefined && (chosen.length === 0 || chosen.includes(name)),
      );
      const { concurrency } = config.worker;
      requireDescriptors({ tenants: served.length, concurrency, streams });
      await tenants.serve(fleet.current());
    });
    const retention = new Retention({ redis, prefix, limits: () => ageLimits(fleet.current().config) });
    const everyMs = retentionInterval(config);
    const work = (signal: AbortSignal) => retention.round(signal);
    const duty = startDuty({ name: 'retention', redis, prefix, everyMs, work, log: logger });
    lifecycle.opened('retention', duty, (opened) => opened.stop());
    const erasure = new AccountErasure({ redis, prefix, config: () => fleet.current().config, log: logger });
    const deletions = startDuty({
      ...{ name: 'account-deletion', redis, prefix, log: logger },
      everyMs: ERASE_EVERY_MS,
      work: (signal) => erasure.round(signal),
    });
    lifecycle.opened('erasure of deleted accounts', deletions, (opened) => opened.stop());
    started = true;
    return app;
  } catch (error) {
    await stop();
    throw error;
  }
}

/**
 * A worker needs the keyset of the environment, unless other tenants have theirs.
 * @throws ConfigError
 */
function requireKeyset(config: Config, chosen: readonly string[]): void {
  if (chosen.length > 0 && !chosen.includes(DEFAULT_TENANT)) return;
  if (hasNoKeyset(config) && config.tenant.file !== '' && chosen.length === 0) return;
  const problems = credentialProblems(config);
  if (problems.length > 0) throw new ConfigError(problems);
}

async function refreshMetrics(metrics: Metrics, redis: Redis, { running }: TenantWorkers): Promise<void> {
  const [answer, ...states] = await Promise.all([
    redis.ping().catch(() => undefined),
    ...running.map(({ gate }) => gate.read().catch(() => undefined)),
  ]);
  metrics.process.redisAnswers(answer !== undefined);
  for (const [index, { name }] of running.entries()) {
    const state = states[index];
    if (state !== undefined) metrics.calls(name).gate(state);
  }
}
