import type { Redis } from 'ioredis';
import { credentialProblems } from '../config/checks.ts';
import { type Config, ConfigError } from '../config/config.ts';
import { secretsOf } from '../config/secrets.ts';
import { serveOperations } from '../http/operations.ts';
import { Lifecycle, type StopReport } from '../lifecycle.ts';
import type { QueueContext } from '../queue/context.ts';
import { openRedis } from '../redis/connection.ts';
import type { LogRoot } from '../telemetry/logger.ts';
import { createMetrics, type Metrics } from '../telemetry/metrics.ts';
import type { Scrubber } from '../telemetry/scrubber.ts';
import { redisIsFit } from './boot.ts';
import { DEFAULT_TENANT } from './gate.ts';
import { type RunningTenant, startTenant } from './tenant.ts';

const SECOND = 1000;

export interface WorkerApp {
  /** Finishes or hands back what is under way, within `SHUTDOWN_GRACE`; may be called again. */
  stop(): Promise<StopReport>;
}

export interface WorkerAppOptions {
  /** Stops waiting for Redis. */
  signal?: AbortSignal;
  /** Changes what the jobs work with, e.g. to watch or to disturb a part of it. */
  adapt?: (context: QueueContext) => QueueContext;
}

/**
 * A worker process. Waits for Redis as long as it takes, with a log line a second.
 * @throws ConfigError without a usable keyset; BootError when this Redis would lose jobs.
 */
export async function startWorkerApp(
  config: Config,
  log: LogRoot,
  { signal, adapt = (context) => context }: WorkerAppOptions = {},
): Promise<WorkerApp> {
  const problems = credentialProblems(config);
  if (problems.length > 0) throw new ConfigError(problems);
  log.scrubber.learn(secretsOf(config));
  const lifecycle = new Lifecycle();
  const logger = log.component('worker');
  const redis = lifecycle.opened('Redis', openRedis(config.redis, 'caller', logger), (r) => r.disconnect());
  const stop = () => lifecycle.stop(config.worker.shutdownGrace * SECOND);
  try {
    await redisIsFit(redis, config, logger, signal);
    const metrics = createMetrics();
    metrics.process.watchLog(log);
    const tenant = lifecycle.nested(
      await startTenant({ tenant: DEFAULT_TENANT, config, redis, log, metrics, signal, adapt }),
    );
    await openOperations(lifecycle, { redis, config, metrics, scrubber: log.scrubber, tenant });
    return { stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** `/metrics`, `/livez` and `/readyz` of this worker, where `METRICS_PORT` asks for them. */
async function openOperations(
  lifecycle: Lifecycle,
  parts: { redis: Redis; config: Config; metrics: Metrics; scrubber: Scrubber; tenant: RunningTenant },
): Promise<void> {
  const { redis, config, metrics, scrubber, tenant } = parts;
  if (config.worker.metricsPort === '') return;
  const server = await serveOperations({
    host: config.http.host,
    port: Number(config.worker.metricsPort),
    registry: metrics.registry,
    scrubber,
    refresh: () => refresh(metrics, tenant),
    isAlive: () => tenant.running,
    obstacles: async () => [
      ...(tenant.running ? [] : ['the worker does not run']),
      ...((await redis.ping().catch(() => '')) === 'PONG' ? [] : ['Redis does not answer']),
    ],
  });
  lifecycle.opened('operations server', server, (opened) => opened.close());
}

async function refresh(metrics: Metrics, { tenant, gate }: RunningTenant): Promise<void> {
  const state = await gate.read().catch(() => undefined);
  metrics.process.redisAnswers(state !== undefined);
  if (state !== undefined) metrics.calls(tenant).gate(state);
}
