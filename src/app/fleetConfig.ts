import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Redis } from 'ioredis';
import type { Config } from '../config/config.ts';
import { environment } from '../config/environment.ts';
import { type ConfigSources, configFiles } from '../config/load.ts';
import type { LogRoot } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { FleetConfig } from '../tenants/fleetConfig.ts';
import { FleetStore } from '../tenants/fleetStore.ts';
import type { SourceFiles } from '../tenants/sourceFiles.ts';

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
