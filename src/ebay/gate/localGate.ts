import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '../../failures.ts';
import type { CallMetrics } from '../../telemetry/metrics.ts';
import { pacificDay, pacificDayEnd } from '../pacificDay.ts';
import type { AttemptGate, ClosedReason, GateCall, Slot, ThrottlePause } from './gate.ts';

export interface LocalGateOptions {
  /** Least time between two calls, ms; 0 for none. */
  intervalMs: number;
  dailyLimit: number;
  /** Pause after a 429 that named none, ms. */
  throttlePauseMs: number;
  metrics?: Pick<CallMetrics, 'waited' | 'refused'>;
}

const DAY_MS = 86_400_000;

/** The gate of one process without Redis, which must be alone with its credential: pace, the day's limit, pauses after a 429. */
export class LocalGate implements AttemptGate {
  readonly #options: LocalGateOptions;
  /** When the next call may be made, on `performance`'s clock: no other one keeps the interval where the time is set. */
  #nextAt = 0;
  #day = '';
  #used = 0;
  #closedUntil = 0;

  constructor(options: LocalGateOptions) {
    this.#options = options;
  }

  async enter({ class: callClass, signal, beforeSend }: GateCall): Promise<Slot> {
    const since = performance.now();
    await this.check();
    await this.#takeSlot(signal);
    const waitedMs = performance.now() - since;
    // A pause may have begun meanwhile.
    await this.check();
    await beforeSend?.().catch(() => undefined);
    this.#used += 1;
    this.#options.metrics?.waited(callClass, waitedMs);
    const slot = { id: randomUUID(), waitedMs, missed: 0, probe: false, isOver: false, wasSent: false };
    return Object.assign(slot, {
      sent: () => {
        slot.wasSent = true;
      },
    });
  }

  async check(): Promise<void> {
    const now = Date.now();
    const day = pacificDay(now);
    // A clock that goes back over midnight begins no new day. One that was further ahead was wrong about its day.
    const isDayBefore = Date.parse(day) + DAY_MS === Date.parse(this.#day);
    if (day !== this.#day && !isDayBefore) [this.#day, this.#used] = [day, 0];
    const pausedMs = this.#closedUntil - performance.now();
    if (pausedMs > 0) throw this.#refused(Math.ceil(now + pausedMs), 'pause');
    if (this.#used >= this.#options.dailyLimit) throw this.#refused(pacificDayEnd(now), 'quota');
  }

  async report(): Promise<void> {}

  async giveBack(slot: Slot): Promise<void> {
    if (!slot.wasSent) this.#used -= 1;
  }

  async throttled(retryAfterMs = this.#options.throttlePauseMs): Promise<ThrottlePause> {
    const now = performance.now();
    const began = this.#closedUntil <= now;
    this.#closedUntil = Math.max(this.#closedUntil, now + retryAfterMs);
    return { forMs: this.#closedUntil - now, reason: 'pause', began };
  }

  /** @throws Failure `interrupted`: a call that is stopped takes no slot */
  async #takeSlot(signal?: AbortSignal): Promise<void> {
    for (;;) {
      if (signal?.aborted) throw new Failure('interrupted', 'stopped while waiting for a slot to call eBay');
      const ms = Math.ceil(this.#nextAt - performance.now());
      if (ms <= 0) break;
      await sleep(ms, undefined, { signal }).catch(() => undefined);
    }
    this.#nextAt = performance.now() + this.#options.intervalMs;
  }

  #refused(until: number, reason: ClosedReason): Failure {
    this.#options.metrics?.refused(reason);
    const when = new Date(until).toISOString();
    return new Failure('gate-closed', `no call to eBay before ${when} (${reason})`, { until, reason });
  }
}
