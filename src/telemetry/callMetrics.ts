import type { Instruments } from './instruments.ts';
import { CALL_OUTCOME, CLASS, CLOSED_BECAUSE, ENDPOINT, GATE_REFUSAL, TENANT } from './vocabulary.ts';

/** What is measured of one tenant's calls to eBay and of the gate before them. */
export interface CallMetrics {
  /** One HTTP attempt: `outcome` is `ok` or a failure's code. */
  called(endpoint: string, outcome: string, durationMs: number): void;
  /** An attempt got its slot after this long. */
  waited(callClass: string, ms: number): void;
  /** An attempt was turned away: `pause`, `circuit`, `quota`, `share` or `redis`. */
  refused(because: string): void;
  /** The gate as last read. Instants in ms since the epoch. */
  gate(state: GateFigures): void;
}

export interface GateFigures {
  remaining: number;
  limit: number;
  reset: number;
  intervalMs: number;
  circuit: 'closed' | 'open' | 'half-open';
  closed?: { because: string };
}

const CALL_SECONDS = [0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 2, 5, 10];
const WAIT_SECONDS = [0.01, 0.1, 0.5, 1, 2, 5, 10, 30];
const CIRCUIT_NUMBER = { closed: 0, 'half-open': 0.5, open: 1 };

/** Declares them, once; each tenant has its own series of them. */
export function declareCallMetrics(instruments: Instruments): (tenant: string) => CallMetrics {
  const tenant = TENANT;
  const calls = instruments.counter(
    'dpf_ebay_calls_total',
    'HTTP attempts to eBay, by endpoint and outcome',
    {
      tenant,
      endpoint: ENDPOINT,
      outcome: CALL_OUTCOME,
    },
  );
  const duration = instruments.histogram(
    'dpf_ebay_call_duration_seconds',
    'From the granted slot to the answer that was read',
    { tenant, endpoint: ENDPOINT },
    CALL_SECONDS,
  );
  const waits = instruments.histogram(
    'dpf_gate_wait_seconds',
    'How long attempts waited in a worker for their slot',
    { tenant, class: CLASS },
    WAIT_SECONDS,
  );
  const refusals = instruments.counter(
    'dpf_gate_refusals_total',
    'Attempts that the gate turned away, by reason',
    { tenant, because: GATE_REFUSAL },
  );
  const gauge = (name: string, help: string) => instruments.gauge(name, help, { tenant });
  const remaining = gauge('dpf_quota_remaining', 'Browse calls left in the quota day');
  const limit = gauge('dpf_quota_limit', 'Browse calls of the quota day');
  const reset = gauge('dpf_quota_reset_timestamp_seconds', 'When the quota day ends');
  const interval = gauge('dpf_gate_interval_seconds', 'Least time between two calls of the fleet');
  const circuit = gauge('dpf_circuit_state', '0 closed, 0.5 half-open, 1 open');
  const closed = instruments.gauge('dpf_gate_closed', '1 while nobody may call, by why', {
    tenant,
    because: CLOSED_BECAUSE,
  });
  return (owner) => {
    const own = { tenant: owner };
    // A counter that appears with its first event has grown from nothing to nothing, as Prometheus sees it.
    for (const outcome of CALL_OUTCOME) calls.inc({ ...own, endpoint: 'search', outcome }, 0);
    for (const because of GATE_REFUSAL) refusals.inc({ ...own, because }, 0);
    return {
      called(endpoint, outcome, durationMs) {
        calls.inc({ ...own, endpoint, outcome });
        duration.observe({ ...own, endpoint }, durationMs / 1000);
      },
      waited: (callClass, ms) => waits.observe({ ...own, class: callClass }, ms / 1000),
      refused: (because) => refusals.inc({ ...own, because }),
      gate(state) {
        remaining.set(own, state.remaining);
        limit.set(own, state.limit);
        reset.set(own, state.reset / 1000);
        interval.set(own, state.intervalMs / 1000);
        circuit.set(own, CIRCUIT_NUMBER[state.circuit]);
        for (const because of CLOSED_BECAUSE)
          closed.set({ ...own, because }, state.closed?.because === because ? 1 : 0);
      },
    };
  };
}
