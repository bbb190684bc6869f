import type { Logger } from '../../telemetry/logger.ts';
import {
  type Ask,
  type AskAnswer,
  type CallGate,
  type CallOutcome,
  type CircuitChange,
  type ClosedReason,
  type GateStore,
  LATEST_SLOTS,
  type LedgerMark,
  type QuotaFigures,
  type ThrottlePause,
} from './gate.ts';
import type { GateSettings } from './gateSettings.ts';
import { type GateMetrics, PacedGate } from './pacedGate.ts';
import { QuotaDays } from './quota.ts';
import { closureForAll, currentReset, describeGate, EMPTY_RECORD, type GateRecord } from './redisGate.ts';

/** The gate of a process that is alone with its credential: a collector used directly, without any Redis. */
export function memoryGate(options: {
  settings: GateSettings;
  log?: Logger;
  metrics?: GateMetrics;
  /** ms since the epoch. */
  clock?: () => number;
}): CallGate {
  const { settings, clock, ...telemetry } = options;
  return new PacedGate({ store: new MemoryGateStore(settings, clock), settings, ...telemetry });
}

/** The rules of `gateScript.ts` for one process alone: the same steps in the same order. */
export class MemoryGateStore implements GateStore {
  readonly #settings: GateSettings;
  readonly #clock: () => number;
  readonly #days: QuotaDays;
  readonly #window: CircuitWindow;
  readonly #record: GateRecord = { ...EMPTY_RECORD };
  #throttle = { pauseMs: 0, end: 0 };
  #configuredLimit: number | undefined;

  constructor(
    settings: GateSettings,
    clock: () => number = () => performance.timeOrigin + performance.now(),
  ) {
    this.#settings = settings;
    this.#clock = clock;
    this.#days = new QuotaDays(clock);
    this.#window = new CircuitWindow(settings);
  }

  async ask(ask: Ask): Promise<AskAnswer> {
    const { now, newDay } = this.#today();
    const record = this.#record;
    const { leadMs, margin, probeRetryMs, probeTimeoutMs, shares } = this.#settings;
    if (ask.answered > 0) this.#window.add(now, ask.answered, 0, 'this');
    const [newest] = record.latest;
    const last = ask.unused.some(({ id }) => id === newest);
    this.#uncount(
      ask.unused.filter(({ id, reset }) => record.latest.includes(id) || reset === record.reset).length,
    );
    record.latest = record.latest.filter((id) => !ask.unused.some((unused) => unused.id === id));
    const limit = record.limit ?? this.#settings.dailyLimit;
    const prober = last && newest === record.probeBy;
    const closed = closureForAll(record, now, record.used, limit, record.reset, probeRetryMs, prober);
    if (closed) return { is: 'closed', scope: 'all', forMs: closed.until - now, reason: closed.reason };
    if (record.used >= Math.floor(limit * shares[ask.class]))
      return { is: 'closed', scope: 'class', forMs: record.reset - now, reason: 'quota' };
    const intervalMs = record.intervalMs ?? this.#settings.intervalMs;
    const step = intervalMs * (1 + margin);
    const lead = Math.min(leadMs, step / 4);
    if (!last) {
      const next = Math.min(record.at, now + leadMs) + step;
      // Only one asks, so it is the first of its row.
      if (next - now > lead) return { is: 'wait', waitMs: next - now - lead + lead / 5 };
      record.at = Math.max(now, next);
    } else record.at = Math.max(now, record.at);
    record.latest = [ask.id, ...record.latest].slice(0, LATEST_SLOTS);
    record.used += 1;
    record.granted += 1;
    const probe = record.circuitPauseMs > 0;
    if (probe) Object.assign(record, { probeBy: ask.id, probeUntil: now + probeTimeoutMs });
    const waitMs = record.at - now;
    return { is: 'go', waitMs, intervalMs, used: record.used, limit, reset: record.reset, probe, newDay };
  }

  async sentLate(): Promise<void> {
    this.#record.at = Math.max(this.#record.at, this.#clock() - this.#settings.lateMs);
  }

  async report(slotId: string, outcome: CallOutcome): Promise<{ change: CircuitChange; pauseMs: number }> {
    const record = this.#record;
    const now = this.#clock();
    if (record.circuitPauseMs > 0) {
      if (slotId !== record.probeBy) return { change: 'none', pauseMs: 0 };
      Object.assign(record, { probeBy: '', probeUntil: 0 });
      if (outcome === 'unknown') return { change: 'none', pauseMs: 0 };
      if (outcome === 'failed') return this.#open(now, record.circuitPauseMs * 2, 'reopened');
      record.circuitPauseMs = 0;
      return { change: 'closed', pauseMs: 0 };
    }
    if (outcome === 'unknown') return { change: 'none', pauseMs: 0 };
    this.#window.add(now, 1, outcome === 'failed' ? 1 : 0, 'this');
    if (outcome === 'failed' && this.#window.tripped())
      return this.#open(now, this.#settings.circuitPauseMs, 'opened');
    return { change: 'none', pauseMs: 0 };
  }

  async giveBack(slotId: string, reset: number): Promise<void> {
    this.#today();
    if (reset === this.#record.reset) this.#uncount(1);
    this.#record.latest = this.#record.latest.filter((id) => id !== slotId);
    if (slotId === this.#record.probeBy) Object.assign(this.#record, { probeBy: '', probeUntil: 0 });
  }

  async throttled(retryAfterMs?: number): Promise<ThrottlePause> {
    const now = this.#clock();
    const record = this.#record;
    let pauseMs = retryAfterMs ?? 0;
    if (retryAfterMs === undefined && record.until <= now) {
      pauseMs = grownPause(this.#throttle, now, this.#settings);
      this.#throttle = { pauseMs, end: now + pauseMs };
    }
    const { until } = record;
    // A storm's answers differ by their milliseconds on the way: that is no new pause.
    const began = now + pauseMs > Math.max(now, until) + 1000 || (pauseMs > 0 && until <= now);
    this.#extend(now + pauseMs, 'pause');
    return { forMs: record.until - now, reason: record.reason, began };
  }

  async close(forMs: number, reason: ClosedReason): Promise<number> {
    const now = this.#clock();
    this.#extend(now + forMs, reason);
    return this.#record.until - now;
  }

  async read() {
    return describeGate(this.#record, this.#clock(), this.#settings, this.#days.ends());
  }

  async reconcile(figures: QuotaFigures, mark: LedgerMark): Promise<boolean> {
    const { now } = this.#today();
    const record = this.#record;
    if (figures.reset <= now || mark.reset !== record.reset) return false;
    record.limit = figures.limit;
    record.used = Math.max(0, figures.limit - figures.remaining + Math.max(0, record.granted - mark.granted));
    record.reset = figures.reset;
    return true;
  }

  async configure(pace: { intervalMs: number; dailyLimit: number }): Promise<void> {
    this.#record.intervalMs = pace.intervalMs;
    // A limit that was configured before says nothing new: eBay's own stands.
    if (this.#configuredLimit === pace.dailyLimit) return;
    this.#configuredLimit = pace.dailyLimit;
    this.#record.limit = pace.dailyLimit;
  }

  #open(now: number, pauseMs: number, change: CircuitChange): { change: CircuitChange; pauseMs: number } {
    this.#record.circuitPauseMs = Math.min(pauseMs, this.#settings.maxCircuitPauseMs);
    this.#window.clear();
    this.#extend(now + this.#record.circuitPauseMs, 'circuit');
    return { change, pauseMs: this.#record.circuitPauseMs };
  }

  #extend(until: number, reason: ClosedReason): boolean {
    if (until <= this.#record.until || until <= this.#clock()) return false;
    Object.assign(this.#record, { until, reason });
    return true;
  }

  /** A new quota day begins with nothing used and no slot to take up again. */
  #today(): { now: number; newDay: boolean } {
    const now = this.#clock();
    const record = this.#record;
    const reset = currentReset(record.reset, now, this.#days.ends());
    const newDay = reset !== record.reset && record.reset > 0;
    if (reset !== record.reset) Object.assign(record, { reset, used: 0, latest: [] });
    return { now, newDay };
  }

  #uncount(slots: number): void {
    this.#record.used = Math.max(0, this.#record.used - slots);
    this.#record.granted -= slots;
  }
}

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

/**
 * The pause after a 429 that named none: twice the last one if that ended lately (within four times its own length),
 * else the first one again.
 */
export function grownPause(
  last: { pauseMs: number; end: number },
  now: number,
  { throttlePauseMs, maxThrottlePauseMs }: { throttlePauseMs: number; maxThrottlePauseMs: number },
): number {
  const soon = last.pauseMs > 0 && now < last.end + 4 * last.pauseMs;
  return Math.min(soon ? last.pauseMs * 2 : throttlePauseMs, maxThrottlePauseMs);
}
