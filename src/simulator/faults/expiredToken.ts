import { invalidToken } from '../errors.ts';
import type { Fault } from './fault.ts';

export interface ExpiredTokenParameters {
  /** Whether the token stays refused afterwards (default), or only this call is. */
  readonly revoke?: boolean;
}

/** 401 with errorId 1001; the token that was sent is really revoked. */
export const expiredToken: Fault<ExpiredTokenParameters> = ({ revoke = true }, { revokeToken }) => {
  if (revoke) revokeToken();
  return { instead: invalidToken() };
};
