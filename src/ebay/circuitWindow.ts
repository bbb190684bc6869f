/** Calls of half a window: how many, how many failed, and by whom ('' nobody, '*' several processes). */
export interface Tally {
  calls: number;
  failed: number;
  callers: string;
  failers: string;
}

export interface CircuitRules {
  circuitWindowMs: number;
  circuitShare: number;
  circuitMinCalls: number;
}

const NOTHING: Tally = { calls: 0, failed: 0, callers: '', failers: '' };

/** Recent outcomes in two rotating halves, so that between half a window and a whole one is looked at. */
export class CircuitWindow {
  readonly #rules: CircuitRules;
  #index = 0;
  #current = NOTHING;
  #previous = NOTHING;

  constructor(rules: CircuitRules) {
    this.#rules = rules;
  }

  add(now: number, calls: number, failed: number, process: string): void {
    const index = Math.floor(now / (this.#rules.circuitWindowMs / 2));
    if (index !== this.#index) {
      this.#previous = index === this.#index + 1 ? this.#current : NOTHING;
      this.#current = NOTHING;
      this.#index = index;
    }
    this.#current = merge(this.#current, {
      calls,
      failed,
      callers: process,
      failers: failed > 0 ? process : '',
    });
  }

  /** Whether to open: enough calls, a large enough share of them failed, and not at one of several processes only. */
  tripped(): boolean {
    const { calls, failed, callers, failers } = merge(this.#current, this.#previous);
    const { circuitMinCalls, circuitShare } = this.#rules;
    return calls >= circuitMinCalls && failed >= calls * circuitShare && (failers === '*' || callers !== '*');
  }

  clear(): void {
    this.#current = NOTHING;
    this.#previous = NOTHING;
  }
}

function merge(one: Tally, other: Tally): Tally {
  return {
    calls: one.calls + other.calls,
    failed: one.failed + other.failed,
    callers: together(one.callers, other.callers),
    failers: together(one.failers, other.failers),
  };
}

function together(one: string, other: string): string {
  if (one === '' || one === other) return other;
  return other === '' ? one : '*';
}
