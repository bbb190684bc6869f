import type { Redis } from 'ioredis';
import { credentialProblems } from '../config/checks.ts';
import { type Config, ConfigError } from '../config/config.ts';
import type { ConfigSources } from '../config/load.ts';
import { secretsOf } from '../config/secrets.ts';
import { DEFAULT_TENANT } from '../fleet/declaration.ts';
import { FairTurns } from '../fleet/fairTurns.ts';
import type { Snapshot } from '../fleet/snapshot.ts';
import { serveOperations } from '../http/operations.ts';
import { Lifecycle, type StopReport } from '../lifecycle.ts';
import type { QueueContext } from '../queue/search/context.ts';
import { openRedis } from '../redis/connection.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { LogRoot } from '../telemetry/logRoot.ts';
import { createMetrics, type Metrics } from '../telemetry/metrics.ts';
import type { Scrubber } from '../telemetry/scrubber.ts';
import { openFleetConfig, startPersistently } from './fleetConfig.ts';
import { processHealth, redisIsFit, type Standing, standingOf, type Workplace } from './health.ts';
import { ServedTenants, startTenant } from './tenantWorkers.ts';

const SECOND = 1000;

export interface WorkerApp {
  /** Those that it works for as it starts. */
  readonly tenants: readonly string[];
  /** Whether it takes jobs. */
  readonly running: boolean;
  /** How its tenants' work stands. */
  standing(): Promise<Standing>;
  /** Finishes or hands back what is under way, within `SHUTDOWN_GRACE`; may be called again. */
  stop(): Promise<StopReport>;
  /** Reads the files of settings, tenants, schedules and keysets again. Never rejects. */
  reload(): Promise<void>;
}

export interface WorkerAppOptions {
  /** Stops waiting for Redis. */
  signal?: AbortSignal;
  /** Changes what the jobs work with, e.g. to watch or to disturb a part of it. */
  adapt?: (context: QueueContext) => QueueContext;
  /** Where `config` came from, to be read again when it changes. Default: the process's environment and its files. */
  sources?: ConfigSources;
}

/**
 * A worker process: one Redis connection for all, and a worker of its own for each tenant. Waits for Redis as long as it
 * takes, with a log line a second.
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
  const stop = () => lifecycle.stop(config.worker.shutdownGrace * SECOND);
  try {
    await redisIsFit(redis, config, logger, signal);
    const metrics = createMetrics();
    metrics.process.watchLog(log);
    const turns = new FairTurns();
    const tenants: ServedTenants = new ServedTenants({
      only: chosenTenants(config),
      start: (tenant, stopping) =>
        startTenant({
          tenant,
          redis,
          log,
          metrics,
          signal: stopping,
          adapt,
          // Alone, a tenant has nobody to make room for.
          inTurn: (work) => (tenants.names.length > 1 ? turns.take(tenant.name, work) : work()),
        }),
      log: logger,
    });
    lifecycle.nested(tenants);
    const fleet = openFleetConfig(redis, {
      config,
      sources,
      role: 'worker',
      tenants: () => tenants.names,
      metrics,
      log,
    });
    const obstacles = new Obstacles(config, logger);
    fleet.onChange((snapshot) => {
      log.setLevels(snapshot.config.log);
      obstacles.tell(snapshot);
      // A tenant's own trouble is told there.
      tenants.serve(snapshot).catch(() => undefined);
    });
    lifecycle.opened('configuration', fleet, (opened) => opened.stop());
    signal?.addEventListener('abort', () => void tenants.stop());
    await startPersistently(fleet, signal);
    obstacles.tell(fleet.current());
    await tenants.serve(fleet.current());
    const workplace: Workplace = {
      get running() {
        return areRunning(tenants);
      },
      standing: () => standingOf(tenants.running.values()),
    };
    await openOperations(lifecycle, { redis, config, metrics, scrubber: log.scrubber, tenants, workplace });
    return {
      tenants: [...tenants.running.keys()],
      get running() {
        return workplace.running;
      },
      standing: workplace.standing,
      stop,
      reload: () => fleet.reload(),
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function areRunning({ running }: ServedTenants): boolean {
  return [...running.values()].every((tenant) => tenant.running);
}

/** `/metrics`, `/livez` and `/readyz` of this worker, where `METRICS_PORT` asks for them. */
async function openOperations(
  lifecycle: Lifecycle,
  parts: {
    redis: Redis;
    config: Config;
    metrics: Metrics;
    scrubber: Scrubber;
    tenants: ServedTenants;
    workplace: Workplace;
  },
): Promise<void> {
  const { redis, config, metrics, scrubber, tenants, workplace } = parts;
  if (config.worker.metricsPort === '') return;
  const server = await serveOperations({
    host: config.http.host,
    port: Number(config.worker.metricsPort),
    registry: metrics.registry,
    scrubber,
    refresh: () => refresh(metrics, tenants),
    health: processHealth(lifecycle, redis, workplace),
  });
  lifecycle.opened('operations server', server, (opened) => opened.close());
}

async function refresh(metrics: Metrics, { running }: ServedTenants): Promise<void> {
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
export function chosenTenants({ worker }: Config): string[] {
  return worker.tenants
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}

/**
 * A worker needs a keyset: the environment's, which may be absent altogether where tenants have theirs.
 * @throws ConfigError
 */
export function requireKeyset(config: Config): void {
  const chosen = chosenTenants(config);
  if (chosen.length > 0 && !chosen.includes(DEFAULT_TENANT)) return;
  if (hasNone(config) && config.tenant.file !== '' && chosen.length === 0) return;
  const problems = credentialProblems(config);
  if (problems.length > 0) throw new ConfigError(problems);
}

function hasNone({ ebay }: Config): boolean {
  return ebay.clientId === '' && ebay.clientSecret === '';
}

/** Tells once which tenants this process cannot work for, and why. */
export class Obstacles {
  readonly #chosen: readonly string[];
  readonly #log: Logger;
  readonly #told = new Map<string, string>();

  constructor(config: Config, log: Logger) {
    this.#chosen = chosenTenants(config);
    this.#log = log;
  }

  tell({ tenants }: Snapshot): void {
    for (const { name, obstacle, config } of tenants.values()) {
      const isOurs = this.#chosen.length === 0 || this.#chosen.includes(name);
      if (!isOurs || obstacle === undefined || (name === DEFAULT_TENANT && hasNone(config)))
        this.#told.delete(name);
      else if (this.#told.get(name) !== obstacle) {
        this.#told.set(name, obstacle);
        this.#log.error('tenant cannot be served here', { tenant: name, reason: obstacle });
      }
    }
    for (const name of this.#chosen)
      if (!tenants.has(name) && !this.#told.has(name)) {
        this.#told.set(name, 'unknown');
        this.#log.warn('WORKER_TENANTS names a tenant that is not declared yet', { tenant: name });
      }
  }
}
