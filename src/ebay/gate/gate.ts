export type CallClass = 'interactive' | 'scheduled' | 'backfill';

/** Why nobody may call: the day's calls are used up, eBay throttled us (or a person paused), or eBay is in trouble. */
export type ClosedReason = 'quota' | 'pause' | 'circuit';

export interface Closure {
  /** ms since the epoch, Redis time. */
  until: number;
  reason: ClosedReason;
}

export interface GateCall {
  class: CallClass;
  /** A retry or a replay: goes to the front of this process's line. */
  again?: boolean;
  /** The slot that this call came too late for in front of its socket: it is not used, and the next one is more patient. */
  insteadOf?: Slot;
  /** Leaves the line when it aborts. */
  signal?: AbortSignal;
  /**
   * Runs shortly before the call may leave, told how long it waited in ms: for what should be fresh, such as the
   * token. A slot that is late because of it is asked for again, so it can never shorten the gap to the next call.
   */
  beforeSend?: (waitedMs: number) => Promise<unknown>;
}

/** The right to send one request now. */
export interface Slot {
  readonly id: string;
  /** How long it was waited for, ms. */
  readonly waitedMs: number;
  /** How many slots before it its call came too late for. */
  readonly missed: number;
  /** Whether this call alone decides if the open circuit closes. */
  readonly probe: boolean;
  /** To be asked right before the request is written: its time may be over because the process was held up. */
  readonly isOver: boolean;
  /** To be called when the request is really written: a late one moves the slots that follow. */
  sent(): void;
  readonly wasSent: boolean;
}

/** What the circuit learns: eBay answered (4xx included), eBay failed (no connection, timeout, 5xx), or neither is known. */
export type CallOutcome = 'answered' | 'failed' | 'unknown';

export interface ThrottlePause {
  /** How long the gate stays closed from now on, ms. */
  forMs: number;
  reason: ClosedReason;
  /** True for the one call of the fleet whose 429 began the pause, or made it longer by more than a second. */
  began: boolean;
}

export interface QuotaFigures {
  limit: number;
  remaining: number;
  /** ms since the epoch. */
  reset: number;
}

export interface GateState {
  /** The time of all instants here: Redis time, ms since the epoch. */
  now: number;
  /** Least time between two calls, ms, without the margin; 0 for none. */
  intervalMs: number;
  /** Until the next call may leave as far as pace is concerned, ms. */
  nextSlotMs: number;
  used: number;
  limit: number;
  remaining: number;
  /** When the quota day ends. */
  reset: number;
  /** Set while nobody may call. */
  closed?: Closure;
  /** For each class: undefined if it may spend, else until when and why not (its share, or what closed the gate for all). */
  classes: Record<CallClass, Closure | undefined>;
  circuit: 'closed' | 'open' | 'half-open';
  /** Names this moment of the ledger, for `reconcile`. */
  mark: LedgerMark;
}

export interface LedgerMark {
  granted: number;
  reset: number;
}

/**
 * Decides for every HTTP attempt to the Browse API whether it may leave now: pace, quota, pauses after a 429, circuit.
 * Its state belongs to one credential and is shared by all processes that use it.
 */
export interface CallGate {
  /** Least time between two calls, ms, as this process last saw it: at start the configured one, then each slot's. */
  readonly intervalMs: number;
  /**
   * Resolves when this attempt may leave; first come, first served within this process.
   * @throws Failure `gate-closed` {until, because}, `share-spent` {until, because: 'quota'}, `redis-unavailable`,
   * `interrupted`. `until` is in this machine's clock.
   */
  enter(call: GateCall): Promise<Slot>;
  /** The circuit's input. Never rejects: an outcome that cannot be told is an outcome lost. */
  report(slot: Slot, outcome: CallOutcome): Promise<void>;
  /** A slot whose request was never written: its unit of quota is given back; its place in time too where others wait. Never rejects. */
  giveBack(slot: Slot): Promise<void>;
  /**
   * eBay answered 429. Without `retryAfterMs` the pause grows with each that follows soon after the last one.
   * @throws Failure `redis-unavailable`.
   */
  throttled(retryAfterMs?: number): Promise<ThrottlePause>;
  /**
   * Closes for at least this long; never shortens a closure. @returns how long the gate stays closed from now on, ms.
   * @throws Failure `redis-unavailable`.
   */
  close(forMs: number, reason: ClosedReason): Promise<number>;
  /** Changes nothing. @throws Failure `redis-unavailable`. */
  read(): Promise<GateState>;
  /**
   * Takes eBay's figures over: remaining := theirs − slots granted since `mark`, up or down. Figures of a quota day
   * that has ended are ignored. @returns whether they were taken. @throws Failure `redis-unavailable`.
   */
  reconcile(figures: QuotaFigures, mark: LedgerMark): Promise<boolean>;
  /**
   * Makes this pace the whole fleet's; everybody follows at the next slot. The limit counts until eBay tells its own.
   * @throws Failure `redis-unavailable`.
   */
  configure(pace: { intervalMs: number; dailyLimit: number }): Promise<void>;
}

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
  | { is: 'closed'; forMs: number; reason: ClosedReason; scope: 'all' | 'class' };

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
  close(forMs: number, reason: ClosedReason): Promise<number>;
  read(): Promise<GateState>;
  reconcile(figures: QuotaFigures, mark: LedgerMark): Promise<boolean>;
  configure(pace: { intervalMs: number; dailyLimit: number }): Promise<void>;
}
