import { setTimeout as sleep } from 'node:timers/promises';
import type { Slot } from './gate.ts';
import type { Waiter } from './gateLine.ts';
import type { AskAnswer, GateStore } from './gateStore.ts';

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
