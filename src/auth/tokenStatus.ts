import type { Config } from '../config/config.ts';
import type { FleetClock } from './clock.ts';
import type { LedgerState, MintLedger } from './ledger.ts';
import type { MemoryCopy } from './memoryCopy.ts';
import { isCredentialRefused } from './pauses.ts';
import { RedisSilent } from './silence.ts';
import type { MintTrouble } from './tokenAnswer.ts';
import type { Miss } from './tokenCache.ts';
import { tokenOwner } from './tokenData.ts';
import type { Reading } from './tokenReader.ts';

/** What `dpf token` shows; durations in seconds. Never the token. */
export interface TokenStatus {
  /** Where a caller's token would come from now; `none`: it would be asked for. */
  source: 'redis' | 'memory' | 'none';
  /** Why Redis gives none. */
  miss: Miss | null;
  /** Since it was stored. */
  age: number | null;
  /** Until eBay ends it. */
  expiresIn: number | null;
  /** Until it stops being used, which is the expiry buffer earlier. */
  usableFor: number | null;
  environment: string;
  /** Digest of the client id. */
  credential: string;
  scopes: string;
  /** Whether new values are written encrypted. */
  encrypted: boolean;
  mintsToday: number;
  dailyMintLimit: number;
  /** New tokens in a row that the API refused; at three the credential counts as refused. */
  refusedInARow: number;
  /** No token request leaves before `until` (ISO 8601). */
  coolDown: { because: MintTrouble; until: string; seconds: number } | null;
  credentialRefused: boolean;
}

export interface StatusParts {
  found: Reading;
  copy: MemoryCopy;
  fleet: MintLedger | undefined;
  alone: MintLedger;
  config: Config;
  clock: FleetClock;
}

export async function readStatus(parts: StatusParts): Promise<TokenStatus> {
  const { found, copy, config } = parts;
  const { mintsToday, refusedInARow, pause } = await ledgerState(parts);
  const now = parts.clock.now();
  const token = found.token ?? copy.usable();
  const seconds = (ms: number) => Math.round(ms / 1000);
  const storedAt = token === undefined ? 0 : Date.parse(token.data.stored_at);
  return {
    source: found.source ?? (token === undefined ? 'none' : 'memory'),
    miss: found.miss ?? null,
    age: token === undefined ? null : seconds(now - storedAt),
    expiresIn: token === undefined ? null : seconds(storedAt - now) + token.data.expires_in,
    usableFor: token === undefined ? null : seconds(token.usableUntil - now),
    ...tokenOwner(config),
    encrypted: config.token.encryptionKeys !== '',
    mintsToday,
    dailyMintLimit: config.token.dailyMintLimit,
    refusedInARow,
    coolDown: pause
      ? { because: pause.because, until: new Date(now + pause.ms).toISOString(), seconds: seconds(pause.ms) }
      : null,
    credentialRefused: pause !== undefined && isCredentialRefused(pause.because),
  };
}

async function ledgerState({ fleet, alone }: StatusParts): Promise<LedgerState> {
  try {
    return await (fleet ?? alone).state();
  } catch (error) {
    if (!(error instanceof RedisSilent)) throw error;
    return alone.state();
  }
}
