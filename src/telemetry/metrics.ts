import { Registry } from 'prom-client';
import { type AuthMetrics, declareAuthMetrics } from './authMetrics.ts';
import { type CallMetrics, declareCallMetrics } from './callMetrics.ts';
import { declareQueueMetrics, type QueueMetrics } from './queueMetrics.ts';

/** All metrics of one process, in a registry of their own: two services in one process do not collide. */
export interface Metrics {
  registry: Registry;
  auth: AuthMetrics;
  calls: CallMetrics;
  queue: QueueMetrics;
}

export function createMetrics(): Metrics {
  const registry = new Registry();
  return {
    registry,
    auth: declareAuthMetrics(registry),
    calls: declareCallMetrics(registry),
    queue: declareQueueMetrics(registry),
  };
}
