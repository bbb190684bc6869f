import { count, key, seconds, secondsOrZero } from './key.ts';

/** What a worker process does, and for how long. */
export const worker = {
  concurrency: key(
    'concurrency',
    'WORKER_CONCURRENCY',
    10,
    'Pages that one worker handles at once for each tenant; calls are paced all the same',
  ),
  tenants: key(
    'tenant names',
    'WORKER_TENANTS',
    '',
    'Tenants that a worker serves, separated by commas, `default` for the keyset of the environment; empty: all',
  ),
  lockDuration: seconds(
    'WORKER_LOCK_DURATION',
    10,
    'A job whose worker died runs again after this time and the stalled check',
  ),
  stalledInterval: seconds('WORKER_STALLED_INTERVAL', 2, 'How often workers look for jobs whose worker died'),
  blockingRead: seconds('WORKER_BLOCKING_READ', 5, 'Longest that an idle worker waits in one read of Redis'),
  maxRestarts: count(
    'WORKER_MAX_RESTARTS',
    5,
    'Workers that one page may take down before it fails as `crashed-worker`',
  ),
  stuckAfter: seconds(
    'WORKER_STUCK_AFTER',
    30,
    'A worker that starts nothing for this long while work waits gets new connections',
  ),
  sweepInterval: seconds(
    'SWEEP_INTERVAL',
    30,
    'How often one process looks for unreadable jobs, lost pages and forgotten searches',
  ),
  newerVersionDelay: seconds(
    'NEWER_VERSION_DELAY',
    60,
    'A job written by a newer release is looked at again after at most this long',
  ),
  newerVersionPatience: seconds(
    'NEWER_VERSION_PATIENCE',
    3600,
    'A job that no worker could read for this long fails as `unknown_payload_version`',
  ),
  attempts: count('PAGE_ATTEMPTS', 5, 'Attempts of a page whose call fails with trouble that may pass'),
  backoff: secondsOrZero(
    'PAGE_BACKOFF',
    5,
    'Wait before a page’s second attempt; doubled for each that follows, with jitter',
  ),
  shutdownGrace: seconds('SHUTDOWN_GRACE', 20, 'Longest time for finishing or handing back work on SIGTERM'),
  metricsPort: key(
    'port or empty',
    'METRICS_PORT',
    '',
    'Port of a worker’s /metrics, /livez and /readyz; 0 for any; empty: none',
  ),
};
