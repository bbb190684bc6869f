import { collectDefaultMetrics, type Metric, Registry } from 'prom-client';
import type { Instruments } from './instruments.ts';

/** What is measured of this process and of what it stands on. */
export interface ProcessMetrics {
  /** Whether Redis answered when last asked. */
  redisAnswers(answers: boolean): void;
  /** From now on the lines that this log loses are counted. */
  watchLog(log: { readonly lost: Readonly<Record<string, number>> }): void;
}

/**
 * Of prom-client's own the ones that somebody looks at: what the process uses, since when it runs, how long its event loop
 * is held up. The first of the lag sets all of them.
 */
const KEPT = [
  'process_cpu_seconds_total',
  'process_start_time_seconds',
  'process_resident_memory_bytes',
  'process_open_fds',
  'process_max_fds',
  'nodejs_eventloop_lag_seconds',
  'nodejs_eventloop_lag_mean_seconds',
  'nodejs_eventloop_lag_p99_seconds',
  'nodejs_eventloop_lag_max_seconds',
  'nodejs_heap_size_used_bytes',
  'nodejs_gc_duration_seconds',
  'nodejs_version_info',
];

/** Declares them, once. */
export function declareProcessMetrics(instruments: Instruments): ProcessMetrics {
  const all = new Registry();
  collectDefaultMetrics({ register: all });
  for (const name of KEPT) {
    const metric = all.getSingleMetric(name) as Metric | undefined;
    if (metric !== undefined) instruments.registry.registerMetric(metric);
  }
  const redis = instruments.gauge('dpf_redis_up', '1 if Redis answered this process when last asked', {});
  const counted: Record<string, number> = {};
  let log: { readonly lost: Readonly<Record<string, number>> } | undefined;
  const lost = instruments.counter(
    'dpf_log_lines_lost_total',
    'Log lines that nobody will read: refused or stuck (the stream), repeated (errors only counted)',
    { because: ['refused', 'stuck', 'repeated'] },
    () => {
      for (const [because, lines] of Object.entries(log?.lost ?? {})) {
        lost.inc({ because: because as 'refused' }, lines - (counted[because] ?? 0));
        counted[because] = lines;
      }
    },
  );
  return {
    redisAnswers: (answers) => redis.set({}, answers ? 1 : 0),
    watchLog: (root) => {
      log = root;
    },
  };
}
