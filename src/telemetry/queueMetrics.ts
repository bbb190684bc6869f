import { Counter, type Registry } from 'prom-client';

/** What is measured of jobs and of those who work on them. */
export interface QueueMetrics {
  /** A search ended: its outcome, `failed` included. */
  searchEnded(outcome: string): void;
  /** A page's run ended: `stored`, `skipped`, or what became of its failure (`fail`, `retry`, `hold`, …). */
  pageEnded(result: string): void;
  /** A producer turned searches away: `backlog` or `memory`. */
  refused(because: string, searches: number): void;
  /** A job whose worker died, or froze for longer than the lock, went back to its queue. */
  stalled(queue: string): void;
  /** A job failed because it took down one worker after another. */
  crashed(queue: string): void;
  /** A job that nobody can read was taken out of its queue. */
  quarantined(queue: string): void;
  /** The sweep brought a lost page or a forgotten search back to an end. */
  settled(what: 'search' | 'page'): void;
  /** Work waited and this worker started none, so its connections were made anew. */
  workerReplaced(): void;
}

/** Declares them in this registry, once. */
export function declareQueueMetrics(registry: Registry): QueueMetrics {
  const counter = <L extends string>(name: string, help: string, labelNames: L[]) =>
    new Counter({ name, help, labelNames, registers: [registry] });
  const searches = counter('dpf_searches_total', 'Searches that ended, by outcome', ['outcome']);
  const pages = counter('dpf_pages_total', 'Runs of page jobs, by result', ['result']);
  const refusals = counter('dpf_searches_refused_total', 'Searches that a producer turned away', ['because']);
  const stalls = counter('dpf_jobs_stalled_total', 'Jobs whose worker died or froze', ['queue']);
  const crashes = counter('dpf_jobs_crashed_total', 'Jobs that failed as crashed-worker', ['queue']);
  const quarantined = counter('dpf_jobs_quarantined_total', 'Unreadable jobs put aside', ['queue']);
  const settled = counter('dpf_jobs_settled_total', 'Orphaned searches and pages that were settled', [
    'what',
  ]);
  const replaced = counter('dpf_worker_replacements_total', 'Workers that were stuck and made anew', []);
  return {
    searchEnded: (outcome) => searches.inc({ outcome }),
    pageEnded: (result) => pages.inc({ result }),
    refused: (because, count) => refusals.inc({ because }, count),
    stalled: (queue) => stalls.inc({ queue }),
    crashed: (queue) => crashes.inc({ queue }),
    quarantined: (queue) => quarantined.inc({ queue }),
    settled: (what) => settled.inc({ what }),
    workerReplaced: () => replaced.inc(),
  };
}
