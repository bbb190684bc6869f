import type { MintTrouble } from './tokenAnswer.ts';

/**
 * - `missing`: there is no usable token
 * - `refused`: the API refused the cached one
 * - `forced`: somebody asked for a new one
 * - `ahead`: the cached one ends soon
 */
export type MintReason = 'missing' | 'refused' | 'forced' | 'ahead';

export interface PermitRequest {
  reason: MintReason;
  /** Names this asker; a lock that it holds already is no obstacle, as a command may be sent twice. */
  asker: string;
  /** The cached value that the asker holds for useless, as it read it; empty for none. */
  stale: string;
  /** Digest of the refused token, where `stale` holds it. */
  refusedId: string;
}

/** Leave to make one token request. */
export interface Granted {
  kind: 'granted';
  /** Rises with every permit; a token of an earlier one never replaces that of a later one. */
  generation: number;
  mintsToday: number;
  /** Token requests that failed in a row before. */
  failures: number;
}

export type Permit =
  | Granted
  /** The cache holds another value than the stale one: use that. */
  | { kind: 'replaced'; value: string }
  /** Somebody else is making the request. */
  | { kind: 'busy' }
  /** The next token request may leave in `ms`. */
  | { kind: 'wait'; ms: number }
  | { kind: 'paused'; ms: number; because: MintTrouble }
  /** The day's budget is used up. */
  | { kind: 'spent'; mintsToday: number };

export interface Pause {
  ms: number;
  because: MintTrouble;
}

export interface LedgerState {
  mintsToday: number;
  /** New tokens in a row that the API refused. */
  refusedInARow: number;
  pause: Pause | undefined;
}

/** Tokens minted one after another and refused before any was accepted that make the credential a refused one. */
export const REFUSALS_UNTIL_STOP = 3;

/** Who may ask for a token, and when: the fleet's book in Redis, and its twin in memory for when there is no Redis. */
export interface MintLedger {
  permit(request: PermitRequest): Promise<Permit>;
  /** The request failed: gives the permit back and begins the pause in one step. */
  failed(asker: string, pause: Pause): Promise<void>;
  /** The API accepted this token. */
  accepted(tokenId: string): Promise<void>;
  /** ms until the next token request may leave. */
  untilNext(): Promise<number>;
  state(): Promise<LedgerState>;
  /** Forgets pause and refusals, not the day's count. */
  clear(): Promise<void>;
}
