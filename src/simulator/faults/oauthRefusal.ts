import { oauthError } from '../errors.ts';
import type { Fault } from './fault.ts';

export interface OauthRefusalParameters {
  /** Default `invalid_client`. */
  readonly error?: string;
  /** Default 401 for invalid_client, else 400. */
  readonly status?: number;
}

/** A refusal in the token endpoint's own error shape. */
export const oauthRefusal: Fault<OauthRefusalParameters> = ({ error = 'invalid_client', status }) => ({
  instead: oauthError(status ?? (error === 'invalid_client' ? 401 : 400), error, 'armed fault'),
});
