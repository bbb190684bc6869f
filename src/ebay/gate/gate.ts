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
  /** A slot that this call missed between the gate and the socket: it is given back, and the next one may be later. */
  insteadOf?: Slot;
  /** Leaves the line when it aborts. */
  signal?: AbortSignal;
  /** eBay refused the token that this credential's calls carried, and there is another one: the slots that follow say so. */
  replacesToken?: boolean;
  /**
   * Runs beside each ask for a slot, and between the grant of a slot and its time. A slot that is late because of it is asked
   * for again, so it never shortens the gap to the next call.
   * @param tokenMark only after a grant; another text than before: a call has replaced its token since
   */
  beforeSend?: (tokenMark?: string) => Promise<unknown>;
}

/** The right to send one request now. */
export interface Slot {
  readonly id: string;
  /** How long the call waited for it, ms. */
  readonly waitedMs: number;
  /** How many slots its call missed before. */
  readonly missed: number;
  /** Whether this call alone decides if the open circuit closes. */
  readonly probe: boolean;
  /** To be read right before the request is written: true if the process was held up for so long that its time is over. */
  readonly isOver: boolean;
  /** To be called when the request is really written: a late one moves the slots that follow. */
  sent(): void;
  readonly wasSent: boolean;
}

/** What the circuit counts: eBay answered (4xx included), eBay failed (no connection, timeout, 5xx), or neither is known. */
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
  /** Until the pace allows the next call, ms. */
  nextSlotMs: number;
  used: number;
  limit: number;
  remaining: number;
  /** When the quota day ends. */
  reset: number;
  /** Set while nobody may call. */
  closed?: Closure;
  /** For each class: undefined if it may call, else until when and why not (its share, or what closed the gate for all). */
  classes: Record<CallClass, Closure | undefined>;
  circuit: 'closed' | 'open' | 'half-open';
  /**
   * Redis lost the count of the day's calls. True: calls wait for eBay's count. `unconfirmed`: eBay did not state it, and calls
   * use a share of the day, UNCONFIRMED_SHARE.
   */
  countLost: boolean | 'unconfirmed';
  /** Names this moment of the quota counter, for `reconcile`. */
  mark: QuotaMark;
}

export interface QuotaMark {
  ledger: string;
  granted: number;
  reset: number;
}

/** What an HTTP client needs of a gate: it asks before every attempt and reports how the attempt ended. */
export interface AttemptGate {
  /**
   * Resolves when this attempt may leave. Within this process retries and replays come first, then class by class, first come,
   * first served within one.
   * @throws Failure `gate-closed` {until, reason}, `share-spent` {until, reason: 'quota'}, `redis-unavailable`,
   * `interrupted`. `until` is in this machine's clock.
   */
  enter(call: GateCall): Promise<Slot>;
  /**
   * Resolves if a call of this class may wait for a slot now; takes none.
   * @throws Failure as `enter`.
   */
  check(callClass: CallClass): Promise<void>;
  /** The circuit's input. Never rejects: an outcome that cannot be reported is lost. */
  report(slot: Slot, outcome: CallOutcome): Promise<void>;
  /** A slot whose request was never written: its unit of quota is given back, its place in time where others wait. Never rejects. */
  giveBack(slot: Slot): Promise<void>;
  /**
   * eBay answered 429. Without `retryAfterMs` the pause grows with each that follows soon after the last one.
   * @throws Failure `redis-unavailable`.
   */
  throttled(retryAfterMs?: number): Promise<ThrottlePause>;
}

/**
 * Decides for every HTTP attempt to the Browse API whether it may leave now: pace, quota, pauses after a 429, circuit.
 * Its state belongs to one credential and is shared by all processes that use it.
 */
export interface CallGate extends AttemptGate {
  /** Least time between two calls, ms, as this process last saw it: at start the configured one, then each slot's. */
  readonly intervalMs: number;
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
  reconcile(figures: QuotaFigures, mark: QuotaMark): Promise<boolean>;
  /**
   * Makes this pace the whole fleet's; everybody follows at the next slot. The limit counts until eBay states its own.
   * @throws Failure `redis-unavailable`.
   */
  configure(pace: { intervalMs: number; dailyLimit: number }): Promise<void>;
}
