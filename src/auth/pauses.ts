import type { Config } from '../config/config.ts';
import type { MintFault, MintTrouble } from './tokenAnswer.ts';

/** Troubles that only a person ends, by another keyset or other scopes. */
const REFUSED: ReadonlySet<MintTrouble> = new Set(['invalid_client', 'invalid_scope', 'tokens-refused']);

export function isCredentialRefused(because: MintTrouble): boolean {
  return REFUSED.has(because);
}

/** Jitter only lengthens, so that a pause never ends before its configured time. */
const JITTER = 0.25;

/**
 * How long the fleet leaves the token endpoint alone after `fault`, ms.
 * A refused credential rests `refusedPause`; everything else grows from `failurePause` by doubling, honours `Retry-After`
 * where that asks for more, and ends at `maxFailurePause` whatever was asked.
 * @param failures how many requests in a row failed, this one included.
 */
export function pauseMs(
  fault: Pick<MintFault, 'because' | 'retryAfterMs'>,
  failures: number,
  { failurePause, maxFailurePause, refusedPause }: Config['token'],
  random: () => number,
): number {
  const jitter = 1 + JITTER * random();
  if (isCredentialRefused(fault.because)) return Math.ceil(refusedPause * 1000 * jitter);
  const grown = failurePause * 1000 * 2 ** (Math.min(failures, 30) - 1) * jitter;
  return Math.ceil(Math.min(Math.max(grown, fault.retryAfterMs ?? 0), maxFailurePause * 1000));
}
