import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Redis } from 'ioredis';
import type { Config } from '../config/config.ts';
import { environment } from '../config/config.ts';
import { type ConfigSources, configFiles } from '../config/load.ts';
import { FleetConfig } from '../fleet/fleetConfig.ts';
import { FleetStore, withNewer } from '../fleet/fleetStore.ts';
import { type Snapshot, snapshotOf } from '../fleet/snapshot.ts';
import { readSourceFiles, type SourceFiles } from '../fleet/sourceFiles.ts';
import { redisFailure } from '../redis/failure.ts';
import type { LogRoot } from '../telemetry/logRoot.ts';
import type { Metrics } from '../telemetry/metrics.ts';

/** The files of a process that may change while it runs. */
export function sourceFiles({ tenant, schedule }: Config, { env, files }: ConfigSources): SourceFiles {
  const settings = files ?? configFiles(env ?? environment());
  return { settings, tenants: tenant.file, schedules: schedule.file };
}

/** The configuration of this process as the fleet has it; not started. */
export function openFleetConfig(
  redis: Redis,
  parts: {
    config: Config;
    sources: ConfigSources;
    role: 'worker' | 'serve';
    tenants: () => string[];
    metrics: Metrics;
    log: LogRoot;
  },
): FleetConfig {
  const { config, sources, role, tenants, metrics, log } = parts;
  return new FleetConfig({
    config,
    env: sources.env ?? environment(),
    files: sourceFiles(config, sources),
    store: new FleetStore(redis, config.queue.prefix),
    process: { id: randomUUID(), role, host: hostname(), pid: process.pid },
    tenants,
    metrics: metrics.config,
    log: log.component('config'),
  });
}

const TRY_AGAIN_MS = 500;

/** Starts it, however often Redis goes away meanwhile. @throws ConfigError */
export async function startPersistently(fleet: FleetConfig, signal: AbortSignal | undefined): Promise<void> {
  for (;;) {
    try {
      return await fleet.start();
    } catch (error) {
      if (redisFailure(error) === undefined || signal?.aborted) throw error;
      await new Promise((resolve) => setTimeout(resolve, TRY_AGAIN_MS));
    }
  }
}

/**
 * What the fleet runs, as a command sees it that ends; with what its own files say where that is newer.
 * @throws ConfigError naming what is wrong in its files, or does not fit its environment
 */
export async function readSnapshot(
  redis: Redis,
  config: Config,
  sources: ConfigSources = {},
): Promise<Snapshot> {
  const { parts, names } = readSourceFiles(sourceFiles(config, sources));
  const { version, document } = await new FleetStore(redis, config.queue.prefix).read();
  const env = sources.env ?? environment();
  return snapshotOf({ version, document: withNewer(document, parts).document }, { config, env }, names);
}
