import type { Instruments } from './instruments.ts';
import { CALL_JOB_RESULT, CLASS, QUEUE, REJECTION, SEARCH_OUTCOME, TENANT } from './vocabulary.ts';

/** What is measured of one tenant's jobs and of those who work on them. */
export interface QueueMetrics {
  /** A search ended: its outcome, `failed` included, and how long after it was added. */
  searchEnded(outcome: string, searchClass: string, ms: number): void;
  /** A call's job ran: `stored`, `cancelled`, `retried` or `failed`, and how long after it was added its run began. */
  callEnded(result: string, callClass: string, waitedMs: number): void;
  /** A page was stored. */
  collected(products: number, rejected: Readonly<Record<string, number>>): void;
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

const SEARCH_SECONDS = [0.5, 1, 2, 5, 10, 30, 60, 300, 1800, 7200, 43_200];
const WAIT_SECONDS = [0.1, 0.5, 1, 2, 5, 10, 30, 60, 300, 1800, 7200];

/** Declares them, once; each tenant has its own series of them. */
export function declareQueueMetrics(instruments: Instruments): (tenant: string) => QueueMetrics {
  const tenant = TENANT;
  const counter = instruments.counter.bind(instruments) as Instruments['counter'];
  const searches = counter('dpf_searches_total', 'Searches that ended, by outcome', {
    tenant,
    outcome: SEARCH_OUTCOME,
  });
  const duration = instruments.histogram(
    'dpf_search_duration_seconds',
    'From the moment that a search was added to its end',
    { tenant, class: CLASS },
    SEARCH_SECONDS,
  );
  const calls = counter('dpf_pages_total', 'Runs of page and item jobs, by result', {
    tenant,
    result: CALL_JOB_RESULT,
  });
  const waits = instruments.histogram(
    'dpf_queue_wait_seconds',
    'From the moment that a page or item job was added to the start of its run',
    { tenant, class: CLASS },
    WAIT_SECONDS,
  );
  const products = counter('dpf_products_total', 'Products in the pages that were stored', { tenant });
  const rejections = counter(
    'dpf_listings_rejected_total',
    'Listings that could not become products, by reason',
    { tenant, reason: REJECTION },
  );
  const queue = QUEUE;
  const stalls = counter('dpf_jobs_stalled_total', 'Jobs whose worker died or froze', { tenant, queue });
  const crashes = counter('dpf_jobs_crashed_total', 'Jobs that failed as crashed-worker', { tenant, queue });
  const quarantined = counter('dpf_jobs_quarantined_total', 'Unreadable jobs put aside', { tenant, queue });
  const settled = counter('dpf_jobs_settled_total', 'Orphaned searches and pages that were settled', {
    tenant,
    what: ['search', 'page'],
  });
  const replaced = counter('dpf_worker_replacements_total', 'Workers that were stuck and made anew', {
    tenant,
  });
  return (owner) => {
    const own = { tenant: owner };
    // A counter that appears with its first event has grown from nothing to nothing, as Prometheus sees it.
    for (const outcome of SEARCH_OUTCOME) searches.inc({ ...own, outcome }, 0);
    for (const result of CALL_JOB_RESULT) calls.inc({ ...own, result }, 0);
    for (const reason of REJECTION) rejections.inc({ ...own, reason }, 0);
    products.inc(own, 0);
    replaced.inc(own, 0);
    for (const what of ['search', 'page']) settled.inc({ ...own, what }, 0);
    for (const kind of ['ebay-search', 'ebay-calls']) {
      const name = owner === 'default' ? kind : `${kind}-${owner}`;
      for (const count of [stalls, crashes, quarantined]) count.inc({ ...own, queue: name }, 0);
    }
    return {
      searchEnded(outcome, searchClass, ms) {
        searches.inc({ ...own, outcome });
        duration.observe({ ...own, class: searchClass }, ms / 1000);
      },
      callEnded(result, callClass, waitedMs) {
        calls.inc({ ...own, result });
        waits.observe({ ...own, class: callClass }, waitedMs / 1000);
      },
      collected(count, rejected) {
        products.inc(own, count);
        for (const [reason, times] of Object.entries(rejected)) rejections.inc({ ...own, reason }, times);
      },
      stalled: (name) => stalls.inc({ ...own, queue: name }),
      crashed: (name) => crashes.inc({ ...own, queue: name }),
      quarantined: (name) => quarantined.inc({ ...own, queue: name }),
      settled: (what) => settled.inc({ ...own, what }),
      workerReplaced: () => replaced.inc(own),
    };
  };
}
