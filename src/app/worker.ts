import { credentialProblems } from '../config/checks.ts';
import { type Config, ConfigError } from '../config/config.ts';
import type { ConfigSources } from '../config/load.ts';
import { secretsOf } from '../config/secrets.ts';
import { DEFAULT_TENANT } from '../fleet/declaration.ts';
import { FairTurns } from '../fleet/fairTurns.ts';
import { FleetConfig } from '../fleet/fleetConfig.ts';
import type { Snapshot } from '../fleet/snapshot.ts';
import { serveOperations } from '../http/operations.ts';
import { Lifecycle, type StopReport } from '../lifecycle.ts';
import type { QueueContext } from '../queue/search/context.ts';
import { openRedis } from '../redis/connection.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { LogRoot } from '../telemetry/logRoot.ts';
import { createMetrics, type Metrics } from '../telemetry/metrics.ts';
import { processHealth, requireFitRedis, tenantsHealth, type WorkerHealth } from './health.ts';
import { startTenantWorker, TenantWorkers } from './tenantWorkers.ts';

export interface WorkerApp extends WorkerHealth {
  /** Those that it works for as it starts. */
  readonly tenants: readonly string[];
  /** Finishes or hands back running jobs, within `SHUTDOWN_GRACE`; may be called again. */
  stop(): Promise<StopReport>;
  /** Reads the files of settings, tenants, schedules and keysets again. Never rejects. */
  reload(): Promise<void>;
}

export interface WorkerAppOptions {
  /** Stops waiting for Redis. */
  signal?: AbortSignal;
  /** Changes what the jobs work with, to watch or to disturb a part of it. */
  adapt?: (context: QueueContext) => QueueContext;
  /** Where `config` came from, to be read again when it changes. Default: the process's environment and its files. */
  sources?: ConfigSources;
}

/**
 * A worker process: one Redis connection for all, and a worker of its own for each tenant. Waits until Redis answers, with a
 * log line a second.
 *
 * `stop` closes in this order, each part within `SHUTDOWN_GRACE`: operations server, event loop watch, configuration, all
 * tenants at once, Redis; of each tenant (`startTenantWorker`) the worker with its running jobs, upkeep, queues, eBay
 * connections, token service.
 * @throws ConfigError without a usable keyset, or naming what is wrong in the files of tenants and schedules; BootError
 * when this Redis would lose jobs.
 */
export async function startWorkerApp(
  config: Config,
  log: LogRoot,
  { signal, adapt = (context) => context, sources = {} }: WorkerAppOptions = {},
): Promise<WorkerApp> {
  requireKeyset(config);
  log.scrubber.learn(secretsOf(config));
  const lifecycle = new Lifecycle();
  const logger = log.component('worker');
  const redis = lifecycle.opened('Redis', openRedis(config.redis, 'caller', logger), (r) => r.disconnect());
  const stop = () => lifecycle.stop(config.worker.shutdownGrace * 1000);
  try {
    await requireFitRedis(redis, config, logger, signal);
    const metrics = createMetrics();
    metrics.process.watchLog(log);
    const turns = new FairTurns();
    const tenants: TenantWorkers = new TenantWorkers({
      chosen: chosenTenants(config),
      start: (tenant, stopping) =>
        startTenantWorker({
          tenant,
          redis,
          log,
          metrics,
          signal: stopping,
          adapt,
          // A single tenant needs no turns.
          inTurn: (work) => (tenants.names.length > 1 ? turns.take(tenant.name, work) : work()),
        }),
      log: logger,
    });
    lifecycle.nested(tenants);
    const fleet = new FleetConfig(redis, {
      config,
      sources,
      role: 'worker',
      tenants: () => tenants.names,
      metrics: metrics.config,
      log: log.component('config'),
    });
    const warnOfUnavailable = unavailableTenantsLog(config, logger);
    fleet.onChange((snapshot) => {
      log.setLevels(snapshot.config.log);
      warnOfUnavailable(snapshot);
      // Each tenant logs its own errors.
      tenants.serve(snapshot).catch(() => undefined);
    });
    lifecycle.opened('configuration', fleet, (opened) => opened.stop());
    signal?.addEventListener('abort', () => void tenants.stop());
    await fleet.start(signal);
    warnOfUnavailable(fleet.current());
    await tenants.serve(fleet.current());
    const health: WorkerHealth = {
      get running() {
        return [...tenants.running.values()].every((tenant) => tenant.running);
      },
      health: () => tenantsHealth(tenants.running.values()),
    };
    if (config.worker.metricsPort !== '')
      lifecycle.opened(
        'operations server',
        await serveOperations({
          host: config.http.host,
          port: Number(config.worker.metricsPort),
          registry: metrics.registry,
          scrubber: log.scrubber,
          refresh: () => refreshMetrics(metrics, tenants),
          health: processHealth(lifecycle, redis, health),
        }),
        (server) => server.close(),
      );
    return {
      tenants: [...tenants.running.keys()],
      get running() {
        return health.running;
      },
      health: health.health,
      stop,
      reload: () => fleet.reload(),
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function refreshMetrics(metrics: Metrics, { running }: TenantWorkers): Promise<void> {
  const states = await Promise.all(
    [...running.values()].map(async ({ name, gate }) => ({
      name,
      state: await gate.read().catch(() => undefined),
    })),
  );
  metrics.process.redisAnswers(states.every(({ state }) => state !== undefined));
  for (const { name, state } of states) if (state !== undefined) metrics.calls(name).gate(state);
}

/** Names in WORKER_TENANTS; empty: all. */
function chosenTenants({ worker }: Config): string[] {
  return worker.tenants
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}

/**
 * A worker needs the keyset of the environment, unless other tenants have theirs.
 * @throws ConfigError
 */
function requireKeyset(config: Config): void {
  const chosen = chosenTenants(config);
  if (chosen.length > 0 && !chosen.includes(DEFAULT_TENANT)) return;
  if (hasNoKeyset(config) && config.tenant.file !== '' && chosen.length === 0) return;
  const problems = credentialProblems(config);
  if (problems.length > 0) throw new ConfigError(problems);
}

function hasNoKeyset({ ebay }: Config): boolean {
  return ebay.clientId === '' && ebay.clientSecret === '';
}

/** Logs once which tenants this process cannot work for, and why. */
function unavailableTenantsLog(config: Config, log: Logger): (snapshot: Snapshot) => void {
  const chosen = chosenTenants(config);
  const logged = new Map<string, string>();
  return ({ tenants }) => {
    for (const { name, unavailableReason: reason, config: own } of tenants.values()) {
      const isOurs = chosen.length === 0 || chosen.includes(name);
      if (!isOurs || reason === undefined || (name === DEFAULT_TENANT && hasNoKeyset(own)))
        logged.delete(name);
      else if (logged.get(name) !== reason) {
        logged.set(name, reason);
        log.error('tenant cannot be served here', { tenant: name, reason });
      }
    }
    for (const name of chosen)
      if (!tenants.has(name) && !logged.has(name)) {
        logged.set(name, 'unknown');
        log.warn('WORKER_TENANTS names a tenant that is not declared yet', { tenant: name });
      }
  };
}
