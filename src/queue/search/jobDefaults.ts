import type { Config } from '../../config/config.ts';

/** What holds for every job, whatever options the one who added it wrote. */
export interface JobDefaults {
  /** Attempts of a page before its failure is final. */
  attempts: number;
  /** Wait before the second attempt, ms. */
  backoffMs: number;
  /** How long (s) and how many finished jobs are kept. */
  keep: { age: number; count: number };
  /** Workers that a job may take down in a row before it fails as `crashed-worker`. */
  maxRestarts: number;
  /**
   * A job that has taken down two workers or more runs while its process has no other such: within what time it looks
   * again, ms.
   */
  suspectsLookAgainMs: number;
  /** A job that a newer release wrote: how long it is put aside at most at a time, and altogether, ms. */
  newerVersion: { longestDelayMs: number; patienceMs: number };
}

export function jobDefaults({ worker, search }: Pick<Config, 'worker' | 'search'>): JobDefaults {
  return {
    attempts: worker.attempts,
    backoffMs: worker.backoff * 1000,
    keep: { age: Math.ceil(search.resultsTtl), count: search.retained },
    maxRestarts: worker.maxRestarts,
    suspectsLookAgainMs: worker.lockDuration * 200,
    newerVersion: {
      longestDelayMs: worker.newerVersionDelay * 1000,
      patienceMs: worker.newerVersionPatience * 1000,
    },
  };
}

/** A search may wait until its deadline and is then kept for as long as its results. */
export function runsTtlMs({ search }: Pick<Config, 'search'>): number {
  return (search.deadline + search.resultsTtl) * 1000;
}
