import type { CallClass, ClosedBecause, GateState, LedgerMark, QuotaFigures, ThrottlePause } from './gate.ts';

/** How many of the latest slots are known by name: beyond them a question whose answer was lost counts as a call. */
export const LATEST_SLOTS = 16;

/** Of the processes that wait so many are told to ask for the same slot: enough that one is awake in time. */
export const ROW_LENGTH = 8;

/** A slot that this process was granted and did not use; without `reset` one that may have been, its answer was lost. */
export interface UnusedSlot {
  id: string;
  /** The end of the quota day that it was counted in. */
  reset?: number;
}

/** One process's question for the next slot. */
export interface Ask {
  /** Names the slot if it is granted. */
  id: string;
  class: CallClass;
  /** Each gives its unit of quota back; the place in time of the latest slot can be taken up again. */
  unused: readonly UnusedSlot[];
  /** Calls that eBay answered since the last question. */
  answered: number;
}

export type AskAnswer =
  | {
      is: 'go';
      waitMs: number;
      intervalMs: number;
      used: number;
      limit: number;
      reset: number;
      probe: boolean;
      /** The first slot of a quota day. */
      newDay: boolean;
    }
  | { is: 'wait'; waitMs: number }
  | { is: 'closed'; forMs: number; because: ClosedBecause; scope: 'all' | 'class' };

/** What one outcome did to the circuit. */
export type CircuitChange = 'none' | 'opened' | 'reopened' | 'closed';

/** The gate's state and its rules: each method is one atomic step on the state's own clock. */
export interface GateStore {
  ask(ask: Ask): Promise<AskAnswer>;
  /** The request of the last slot left late. */
  sentLate(): Promise<void>;
  report(
    slotId: string,
    outcome: 'answered' | 'failed' | 'unknown',
  ): Promise<{ change: CircuitChange; pauseMs: number }>;
  giveBack(slotId: string, reset: number): Promise<void>;
  throttled(retryAfterMs?: number): Promise<ThrottlePause>;
  close(forMs: number, because: ClosedBecause): Promise<number>;
  read(): Promise<GateState>;
  reconcile(figures: QuotaFigures, mark: LedgerMark): Promise<boolean>;
  configure(pace: { intervalMs: number; dailyLimit: number }): Promise<void>;
}
