import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** What is measured of calls to eBay and of the gate before them. */
export interface CallMetrics {
  /** One HTTP attempt: `outcome` is `ok` or a failure's code. */
  called(endpoint: string, outcome: string, durationMs: number): void;
  /** An attempt got its slot after this long. */
  waited(callClass: string, ms: number): void;
  /** An attempt was turned away: `pause`, `circuit`, `quota`, `share` or `redis`. */
  refused(because: string): void;
  /** The gate as last read. `reset` in ms since the epoch. */
  gate(state: {
    remaining: number;
    limit: number;
    reset: number;
    circuit: 'closed' | 'open' | 'half-open';
  }): void;
}

const CALL_SECONDS = [0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 2, 5, 10];
const WAIT_SECONDS = [0.01, 0.1, 0.5, 1, 2, 5, 10, 30];
const CIRCUIT_NUMBER = { closed: 0, 'half-open': 0.5, open: 1 };

/** Declares them in this registry, once. */
export function declareCallMetrics(registry: Registry): CallMetrics {
  const registers = [registry];
  const calls = new Counter({
    name: 'dpf_ebay_calls_total',
    help: 'HTTP attempts to eBay by endpoint and outcome',
    labelNames: ['endpoint', 'outcome'],
    registers,
  });
  const duration = new Histogram({
    name: 'dpf_ebay_call_duration_seconds',
    help: 'From the granted slot to the answer that was read',
    labelNames: ['endpoint'],
    buckets: CALL_SECONDS,
    registers,
  });
  const waits = new Histogram({
    name: 'dpf_gate_wait_seconds',
    help: 'How long attempts waited for their slot, by class',
    labelNames: ['class'],
    buckets: WAIT_SECONDS,
    registers,
  });
  const refusals = new Counter({
    name: 'dpf_gate_refusals_total',
    help: 'Attempts that the gate turned away, by reason',
    labelNames: ['because'],
    registers,
  });
  const gauge = (name: string, help: string) => new Gauge({ name, help, registers });
  const remaining = gauge('dpf_quota_remaining', 'Browse calls left in the quota day');
  const limit = gauge('dpf_quota_limit', 'Browse calls of the quota day');
  const reset = gauge('dpf_quota_reset_timestamp_seconds', 'When the quota day ends');
  const circuit = gauge('dpf_circuit_state', '0 closed, 0.5 half-open, 1 open');
  return {
    called(endpoint, outcome, durationMs) {
      calls.inc({ endpoint, outcome });
      duration.observe({ endpoint }, durationMs / 1000);
    },
    waited: (callClass, ms) => waits.observe({ class: callClass }, ms / 1000),
    refused: (because) => refusals.inc({ because }),
    gate(state) {
      remaining.set(state.remaining);
      limit.set(state.limit);
      reset.set(state.reset / 1000);
      circuit.set(CIRCUIT_NUMBER[state.circuit]);
    },
  };
}
