import type { Instruments, Level } from './instruments.ts';
import { CLASS, JOB_STATE, QUEUE, TENANT } from './vocabulary.ts';

/** What one queue of a tenant holds, as one process of the fleet counted it. */
export interface QueueCount {
  queue: string;
  /** State → jobs. */
  states: Readonly<Record<string, number>>;
  /** Class → jobs that wait to run, and the age of the oldest of them, seconds; 0 where none waits. */
  classes: Readonly<Record<string, { waiting: number; oldest: number }>>;
}

/** Figures of the whole fleet. Only the process whose duty it is shows them, and only while they are fresh. */
export interface FleetMetrics {
  queues(tenant: string, counts: readonly QueueCount[], freshForMs: number): void;
}

/** Declares them, once. */
export function declareFleetMetrics(instruments: Instruments): FleetMetrics {
  const known = new Map<string, { counts: readonly QueueCount[]; until: number }>();
  const show = <L>(level: Level<L>, each: (tenant: string, count: QueueCount) => void) => {
    level.clear();
    for (const [tenant, { counts, until }] of known)
      if (Date.now() < until) for (const count of counts) each(tenant, count);
  };
  const [tenant, queue] = [TENANT, QUEUE];
  instruments.gauge(
    'dpf_queue_jobs',
    'Jobs in a queue by state, shown by one process of the fleet',
    { tenant, queue, state: JOB_STATE },
    (level) =>
      show(level, (owner, { queue, states }) => {
        for (const [state, jobs] of Object.entries(states)) level.set({ tenant: owner, queue, state }, jobs);
      }),
  );
  instruments.gauge(
    'dpf_queue_waiting_jobs',
    'Jobs that wait to run, by class, shown by one process of the fleet',
    { tenant, queue, class: CLASS },
    (level) =>
      show(level, (owner, { queue, classes }) => {
        for (const [name, { waiting }] of Object.entries(classes))
          level.set({ tenant: owner, queue, class: name }, waiting);
      }),
  );
  instruments.gauge(
    'dpf_queue_oldest_waiting_seconds',
    'Age of the oldest job that waits to run, by class; 0 for none; shown by one process of the fleet',
    { tenant, queue, class: CLASS },
    (level) =>
      show(level, (owner, { queue, classes }) => {
        for (const [name, { oldest }] of Object.entries(classes))
          level.set({ tenant: owner, queue, class: name }, oldest);
      }),
  );
  return {
    queues: (owner, counts, freshForMs) => known.set(owner, { counts, until: Date.now() + freshForMs }),
  };
}
