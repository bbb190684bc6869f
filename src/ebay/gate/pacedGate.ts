import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '../../failures.ts';
import { type Logger, NOOP_LOGGER } from '../../telemetry/logger.ts';
import type { CallMetrics } from '../../telemetry/metrics.ts';
import {
  type AskAnswer,
  type CallClass,
  type CallGate,
  type CallOutcome,
  type ClosedReason,
  type GateCall,
  type GateStore,
  LATEST_SLOTS,
  type LedgerMark,
  type QuotaFigures,
  type Slot,
  type UnusedSlot,
} from './gate.ts';
import type { GateSettings } from './gateSettings.ts';

/** Told what the gate decided. */
export type GateMetrics = Pick<CallMetrics, 'waited' | 'refused'>;

export interface PacedGateOptions {
  store: GateStore;
  settings: GateSettings;
  log?: Logger;
  metrics?: GateMetrics;
}

type Go = Extract<AskAnswer, { is: 'go' }>;

/**
 * One process's side of the gate: its line of waiting calls, and the one asker that takes slots for it. Rules and
 * state are the store's.
 */
export class PacedGate implements CallGate {
  readonly #store: GateStore;
  readonly #settings: GateSettings;
  readonly #log: Logger;
  readonly #metrics: GateMetrics | undefined;
  readonly #line = new GateLine();
  readonly #nap = new Nap();
  readonly #process = randomUUID().slice(0, 8);
  #intervalMs: number;
  #asked = 0;
  #asking = false;
  #answered = 0;
  #unused: UnusedSlot[] = [];

  constructor({ store, settings, log = NOOP_LOGGER, metrics }: PacedGateOptions) {
    this.#store = store;
    this.#settings = settings;
    this.#intervalMs = settings.intervalMs;
    this.#log = log;
    this.#metrics = metrics;
  }

  get intervalMs(): number {
    return this.#intervalMs;
  }

  enter(call: GateCall): Promise<Slot> {
    const slot = this.#line.join(call, () => this.#nap.end());
    if (call.insteadOf instanceof GateSlot) {
      this.#noteUnused(call.insteadOf);
      // Asked for now, its place in time can still be taken up.
      this.#nap.end();
    }
    void this.#serve();
    return slot;
  }

  async report(slot: Slot, outcome: CallOutcome): Promise<void> {
    if (!slot.probe && outcome === 'unknown') return;
    // An ordinary answer travels with the next question: it costs no command of its own.
    if (!slot.probe && outcome === 'answered') {
      this.#answered += 1;
      return;
    }
    try {
      const { change, pauseMs } = await this.#store.report(slot.id, outcome);
      if (change === 'opened') this.#log.error('circuit opened: eBay is failing', { pauseMs });
      if (change === 'reopened') this.#log.warn('circuit stays open: the probe failed', { pauseMs });
      if (change === 'closed') this.#log.info('circuit closed: eBay answers again');
    } catch (error) {
      this.#log.debug('could not report a call to the gate', { cause: (error as Error).message });
    }
  }

  async giveBack(slot: Slot): Promise<void> {
    if (!(slot instanceof GateSlot) || slot.wasSent) return;
    this.#noteUnused(slot);
    if (!this.#asking) await this.#returnUnused();
  }

  async throttled(retryAfterMs?: number) {
    const pause = await this.#store.throttled(retryAfterMs);
    if (pause.began) this.#log.warn('paused: eBay throttles', { forMs: pause.forMs });
    return pause;
  }

  async close(forMs: number, reason: ClosedReason): Promise<number> {
    const closedForMs = await this.#store.close(forMs, reason);
    this.#log.warn('gate closed', { reason, forMs: closedForMs });
    return closedForMs;
  }

  read() {
    return this.#store.read();
  }

  reconcile(figures: QuotaFigures, mark: LedgerMark): Promise<boolean> {
    return this.#store.reconcile(figures, mark);
  }

  configure(pace: { intervalMs: number; dailyLimit: number }): Promise<void> {
    return this.#store.configure(pace);
  }

  /** One asker a process: N of them cost N + 1 questions a slot at most, about ten where a slot is much shorter than `maxNapMs`. */
  async #serve(): Promise<void> {
    if (this.#asking) return;
    this.#asking = true;
    try {
      for (let first = this.#line.first(); first !== undefined; first = this.#line.first())
        await this.#askFor(first);
    } finally {
      this.#asking = false;
    }
    await this.#returnUnused();
  }

  /** With nobody in line there is no further question that could name them. */
  async #returnUnused(): Promise<void> {
    const idle = this.#unused;
    this.#unused = idle.filter(({ reset }) => reset === undefined);
    for (const { id, reset } of idle)
      if (reset !== undefined) await this.#store.giveBack(id, reset).catch(() => this.#remember({ id }));
  }

  #noteUnused({ id, reset }: GateSlot): void {
    this.#remember({ id, reset });
  }

  /** The first of them are those that may have been granted before Redis went away. */
  #remember(...unused: UnusedSlot[]): void {
    this.#unused = [...this.#unused, ...unused].slice(0, LATEST_SLOTS);
  }

  async #askFor(waiter: Waiter): Promise<void> {
    this.#asked += 1;
    const id = `${this.#process}-${this.#asked}`;
    const answered = this.#answered;
    const unused = this.#unused;
    this.#answered = 0;
    this.#unused = [];
    // Before the question, not after the answer: an answer that lay in the socket while we were stopped is then late.
    const askedAt = performance.now();
    const { lateMs, maxNapMs } = this.#settings;
    try {
      const answer = await this.#store.ask({ id, class: waiter.call.class, unused, answered });
      if (answer.is === 'closed') this.#turnAway(waiter, answer);
      else if (answer.is === 'wait') await this.#rest(Math.min(answer.waitMs, maxNapMs));
      else await this.#grant(waiter, new GateSlot(id, waiter, answer, askedAt, this.#store, lateMs), answer);
    } catch (error) {
      this.#answered += answered;
      // Whether Redis got this question is not known: the next one names its slot, and again those that it named.
      this.#remember(...unused.map((slot) => ({ id: slot.id })), { id });
      this.#metrics?.refused('redis');
      this.#line.turnAway(() => error as Failure);
    }
  }

  async #rest(ms: number): Promise<void> {
    // One that was missed while this asked can be taken up again, but only now.
    const isMissed = this.#unused.some(({ reset }) => reset !== undefined);
    if (!isMissed) await this.#nap.sleep(ms);
  }

  async #grant(waiter: Waiter, slot: GateSlot, answer: Go): Promise<void> {
    this.#intervalMs = answer.intervalMs;
    await slot.untilDue(() => waiter.call.beforeSend?.(slot.waitedMs));
    if (slot.isLate || !this.#line.leave(waiter)) {
      waiter.missed += 1;
      this.#noteUnused(slot);
      return;
    }
    this.#metrics?.waited(waiter.call.class, slot.waitedMs);
    this.#logLedger(answer);
    const { class: callClass } = waiter.call;
    this.#log.debug('call let through', { class: callClass, waitedMs: Math.round(slot.waitedMs) });
    waiter.resolve(slot);
  }

  #turnAway(waiter: Waiter, answer: Extract<AskAnswer, { is: 'closed' }>): void {
    const { reason, forMs, scope } = answer;
    const until = Date.now() + Math.ceil(forMs);
    const when = new Date(until).toISOString();
    const detail = { until, reason };
    this.#metrics?.refused(scope === 'class' ? 'share' : reason);
    if (scope === 'all')
      this.#line.turnAway(
        () => new Failure('gate-closed', `no call to eBay before ${when} (${reason})`, detail),
      );
    else
      this.#line.turnAway(
        ({ call }) =>
          new Failure(
            'share-spent',
            `${call.class} searches have used their share of today's calls; more at ${when}`,
            detail,
          ),
        waiter.call.class,
      );
  }

  #logLedger({ newDay, used, limit, reset }: Go): void {
    const until = new Date(reset).toISOString();
    if (newDay) this.#log.info('quota day began', { limit, until });
    for (const [call, share] of Object.entries(this.#settings.shares))
      if (used === Math.floor(limit * share))
        this.#log.warn('quota share spent', { class: call, used, limit, until });
  }
}

/** One call in line. */
export interface Waiter {
  readonly call: GateCall;
  readonly since: number;
  /** Slots that it got and came too late for. */
  missed: number;
  resolve(slot: Slot): void;
  reject(failure: Failure): void;
}

/** The calls of one process that wait for a slot: first come, first served, retries and replays before all others. */
export class GateLine {
  #again: Waiter[] = [];
  #ordinary: Waiter[] = [];

  /** Rejects with `interrupted` when the call's signal aborts; `left` is told so. */
  join(call: GateCall, left: () => void): Promise<Slot> {
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        call,
        since: performance.now(),
        missed: call.insteadOf === undefined ? 0 : call.insteadOf.missed + 1,
        resolve: (slot) => {
          call.signal?.removeEventListener('abort', interrupt);
          resolve(slot);
        },
        reject: (failure) => {
          call.signal?.removeEventListener('abort', interrupt);
          reject(failure);
        },
      };
      const interrupt = () => {
        this.leave(waiter);
        waiter.reject(new Failure('interrupted', 'stopped while waiting for a slot to call eBay'));
        left();
      };
      if (call.signal?.aborted) {
        interrupt();
        return;
      }
      call.signal?.addEventListener('abort', interrupt);
      (call.again ? this.#again : this.#ordinary).push(waiter);
    });
  }

  first(): Waiter | undefined {
    return this.#again[0] ?? this.#ordinary[0];
  }

  /** False if it had left already. */
  leave(waiter: Waiter): boolean {
    const before = this.#again.length + this.#ordinary.length;
    this.#again = this.#again.filter((other) => other !== waiter);
    this.#ordinary = this.#ordinary.filter((other) => other !== waiter);
    return this.#again.length + this.#ordinary.length < before;
  }

  /** Sends all away, or those of one class. */
  turnAway(why: (waiter: Waiter) => Failure, only?: CallClass): void {
    const waiting = [...this.#again, ...this.#ordinary];
    for (const waiter of waiting)
      if (only === undefined || waiter.call.class === only) {
        this.leave(waiter);
        waiter.reject(why(waiter));
      }
  }
}

/** A granted slot, with the times of this process's clock that say when it may be used. */
export class GateSlot implements Slot {
  readonly id: string;
  readonly probe: boolean;
  readonly reset: number;
  readonly askedAt: number;
  readonly #waiter: Waiter;
  readonly #answer: Extract<AskAnswer, { is: 'go' }>;
  readonly #store: GateStore;
  readonly #lateMs: number;
  readonly #earliest: number;
  /** How late it may be taken up, ms. */
  readonly #allowedMs: number;
  #wasSent = false;
  #waitedMs: number | undefined;

  constructor(
    id: string,
    waiter: Waiter,
    answer: Extract<AskAnswer, { is: 'go' }>,
    askedAt: number,
    store: GateStore,
    /** A written request that is later than this moves the slots after it. */
    lateMs: number,
  ) {
    this.id = id;
    this.probe = answer.probe;
    this.reset = answer.reset;
    this.askedAt = askedAt;
    this.#waiter = waiter;
    this.#answer = answer;
    this.#store = store;
    this.#lateMs = lateMs;
    this.#earliest = performance.now() + answer.waitMs;
    // Twice the allowance for each further slot missed: a Redis that is always further away than it starves no call.
    this.#allowedMs = answer.intervalMs > 0 ? lateMs * 2 ** Math.max(0, waiter.missed - 1) : Infinity;
  }

  get waitedMs(): number {
    return this.#waitedMs ?? performance.now() - this.#waiter.since;
  }

  get missed(): number {
    return this.#waiter.missed;
  }

  get isLate(): boolean {
    return this.#lateByMs > this.#allowedMs;
  }

  /** From the grant to the socket a call may take as long again; `sent` then moves the slots after it. */
  get isOver(): boolean {
    return this.#lateByMs > 2 * this.#allowedMs;
  }

  get wasSent(): boolean {
    return this.#wasSent;
  }

  /** Waits for the slot's time and for what is to be done before it. */
  async untilDue(prepare: () => Promise<unknown> | undefined): Promise<void> {
    // What could not be made fresh is used as it was.
    const prepared = prepare()?.catch(() => undefined);
    // A timer wakes late by a millisecond or so rather than early: whole ones are slept, the rest is on the way anyway.
    for (let left = this.#left(); left >= 1; left = this.#left()) await sleep(Math.floor(left));
    await prepared;
    this.#waitedMs = this.waitedMs;
  }

  sent(): void {
    if (this.#wasSent) return;
    this.#wasSent = true;
    if (this.#answer.intervalMs > 0 && this.#lateByMs > this.#lateMs)
      void this.#store.sentLate().catch(() => undefined);
  }

  get #lateByMs(): number {
    return performance.now() - this.askedAt - this.#answer.waitMs;
  }

  #left(): number {
    return this.#earliest - performance.now();
  }
}

/** A sleep that can be ended early. */
export class Nap {
  #end: (() => void) | undefined;

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.end(), Math.ceil(ms));
      this.#end = () => {
        clearTimeout(timer);
        this.#end = undefined;
        resolve();
      };
    });
  }

  end(): void {
    this.#end?.();
  }
}
