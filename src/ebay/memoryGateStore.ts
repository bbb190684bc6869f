import { CircuitWindow } from './circuitWindow.ts';
import type { CallOutcome, ClosedBecause, LedgerMark, QuotaFigures, ThrottlePause } from './gate.ts';
import { closureForAll, currentReset, describeGate, EMPTY_RECORD, type GateRecord } from './gateRecord.ts';
import type { GateSettings } from './gateSettings.ts';
import { type Ask, type AskAnswer, type CircuitChange, type GateStore, LATEST_SLOTS } from './gateStore.ts';
import { QuotaDays } from './quotaDay.ts';
import { grownPause } from './throttlePause.ts';

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
    if (closed) return { is: 'closed', scope: 'all', forMs: closed.until - now, because: closed.because };
    if (record.used >= Math.floor(limit * shares[ask.class]))
      return { is: 'closed', scope: 'class', forMs: record.reset - now, because: 'quota' };
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
    return { forMs: record.until - now, because: record.because, began };
  }

  async close(forMs: number, because: ClosedBecause): Promise<number> {
    const now = this.#clock();
    this.#extend(now + forMs, because);
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

  #extend(until: number, because: ClosedBecause): boolean {
    if (until <= this.#record.until || until <= this.#clock()) return false;
    Object.assign(this.#record, { until, because });
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
