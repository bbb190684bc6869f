import type { Logger } from '../telemetry/logger.ts';
import type { CallGate } from './gate.ts';
import type { GateSettings } from './gateSettings.ts';
import { MemoryGateStore } from './memoryGateStore.ts';
import { type GateMetrics, PacedGate } from './pacedGate.ts';

/** The gate of a process that is alone with its credential: a collector used directly, without any Redis. */
export function memoryGate(options: {
  settings: GateSettings;
  log?: Logger;
  metrics?: GateMetrics;
  /** ms since the epoch. */
  clock?: () => number;
}): CallGate {
  const { settings, clock, ...telemetry } = options;
  return new PacedGate({ store: new MemoryGateStore(settings, clock), settings, ...telemetry });
}
