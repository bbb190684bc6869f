import type { Instruments } from './instruments.ts';
import { METHOD, ROUTE, STATUS } from './vocabulary.ts';

/** What is measured of requests to the HTTP door. */
export interface HttpMetrics {
  /** @param route as it is declared (`/v1/searches/:id`), never the address that was asked for; undefined for none */
  answered(method: string, route: string | undefined, status: number, ms: number): void;
}

const REQUEST_SECONDS = [0.005, 0.01, 0.05, 0.1, 0.5, 1, 2, 10];

/** Declares them, once. */
export function declareHttpMetrics(instruments: Instruments): HttpMetrics {
  const requests = instruments.counter('dpf_http_requests_total', 'Requests to the HTTP door', {
    method: METHOD,
    route: ROUTE,
    status: STATUS,
  });
  const duration = instruments.histogram(
    'dpf_http_request_duration_seconds',
    'From the request’s head to the end of the answer',
    { method: METHOD, route: ROUTE },
    REQUEST_SECONDS,
  );
  return {
    answered(method, route = 'none', status, ms) {
      requests.inc({ method, route, status: `${Math.floor(status / 100)}xx` });
      duration.observe({ method, route }, ms / 1000);
    },
  };
}
