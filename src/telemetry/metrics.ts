import { Registry } from 'prom-client';
import { type AuthMetrics, declareAuthMetrics } from './authMetrics.ts';
import { type CallMetrics, declareCallMetrics } from './callMetrics.ts';
import { type ConfigMetrics, declareConfigMetrics } from './configMetrics.ts';
import { declareFleetMetrics, type FleetMetrics } from './fleetMetrics.ts';
import { declareHttpMetrics, type HttpMetrics } from './httpMetrics.ts';
import { type Declared, Instruments } from './instruments.ts';
import { declareIntakeMetrics, type IntakeMetrics } from './intakeMetrics.ts';
import { declareProcessMetrics, type ProcessMetrics } from './processMetrics.ts';
import { declareQueueMetrics, type QueueMetrics } from './queueMetrics.ts';

/** All metrics of one process, in a registry of their own: two services in one process do not collide. */
export interface Metrics {
  registry: Registry;
  /** As they are documented, in order. */
  declared: readonly Declared[];
  auth: AuthMetrics;
  calls: (tenant: string) => CallMetrics;
  queue: (tenant: string) => QueueMetrics;
  intake: (tenant: string) => IntakeMetrics;
  fleet: FleetMetrics;
  config: ConfigMetrics;
  http: HttpMetrics;
  process: ProcessMetrics;
}

export function createMetrics(): Metrics {
  const registry = new Registry();
  const instruments = new Instruments(registry);
  return {
    registry,
    declared: instruments.declared,
    calls: declareCallMetrics(instruments),
    auth: declareAuthMetrics(instruments),
    queue: declareQueueMetrics(instruments),
    intake: declareIntakeMetrics(instruments),
    fleet: declareFleetMetrics(instruments),
    config: declareConfigMetrics(instruments),
    http: declareHttpMetrics(instruments),
    process: declareProcessMetrics(instruments),
  };
}
