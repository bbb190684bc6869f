import { count, key } from './key.ts';

/** The HTTP door, `dpf serve`. */
export const http = {
  host: key('host', 'HTTP_HOST', '127.0.0.1', 'Address that `serve` and a worker’s METRICS_PORT listen on'),
  port: key('port', 'HTTP_PORT', 3000, 'Port of `serve`; 0 for any'),
  withoutKeys: key(
    'flag',
    'HTTP_WITHOUT_KEYS',
    false,
    'Answer programs on this machine without an API key, as the demo does; on a loopback address only',
  ),
  rateLimit: count('HTTP_RATE_LIMIT', 1200, 'Requests a minute that one API key may send to one process'),
  dashboardWrites: key(
    'flag',
    'DASHBOARD_WRITES',
    false,
    'Let the dashboard pause and resume queues and retry what failed; default is to look only',
  ),
  maxStreams: count(
    'HTTP_MAX_STREAMS',
    200,
    'Answers that one process may hold open at once: event streams and `?wait=`',
  ),
};
