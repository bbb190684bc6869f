import type { Instruments } from './instruments.ts';

/** How the configuration of this process changes while it runs. */
export interface ConfigMetrics {
  /** The version that this process runs; 0: nothing was ever published. */
  runs(version: number): void;
  /** A change was `applied`, or `refused` because something in it is wrong. */
  changed(result: 'applied' | 'refused'): void;
}

/** Declares them, once. */
export function declareConfigMetrics(instruments: Instruments): ConfigMetrics {
  const version = instruments.gauge(
    'dpf_config_version',
    'Version of the fleet’s configuration that this process runs',
    {},
  );
  const changes = instruments.counter(
    'dpf_config_changes_total',
    'Changes of the configuration while this process ran, by result',
    { result: ['applied', 'refused'] },
  );
  return { runs: (number) => version.set({}, number), changed: (result) => changes.inc({ result }) };
}
