import type { Instruments } from './instruments.ts';
import { REFUSAL, TENANT } from './vocabulary.ts';

/** What is measured of one tenant's searches that were not let in. */
export interface IntakeMetrics {
  /** A producer turned so many searches away. */
  refused(because: (typeof REFUSAL)[number], searches: number): void;
}

/** Declares them, once; each tenant has its own series of them. */
export function declareIntakeMetrics(instruments: Instruments): (tenant: string) => IntakeMetrics {
  const refusals = instruments.counter(
    'dpf_searches_refused_total',
    'Searches that `dpf serve` turned away, by why',
    { tenant: TENANT, because: REFUSAL },
  );
  return (tenant) => {
    // A counter that appears with its first event has grown from nothing to nothing, as Prometheus sees it.
    for (const because of REFUSAL) refusals.inc({ tenant, because }, 0);
    return { refused: (because, searches) => refusals.inc({ tenant, because }, searches) };
  };
}
