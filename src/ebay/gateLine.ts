import { Failure } from '../failures.ts';
import type { CallClass, GateCall, Slot } from './gate.ts';

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
