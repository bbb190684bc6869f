import { tooManyRequests } from '../errors.ts';
import type { Fault } from './fault.ts';

export interface RateLimitedParameters {
  /** The Retry-After header as it is sent: seconds, an HTTP date, garbage, a huge number. None by default. */
  readonly retryAfter?: string | number;
  /** An HTTP date that lies so many seconds ahead, instead of `retryAfter`. */
  readonly retryAfterDateInS?: number;
}

/** 429 with errorId 2001, which the token endpoint also sends in the REST shape. */
export const rateLimited: Fault<RateLimitedParameters> = ({ retryAfter, retryAfterDateInS }) => {
  const value =
    retryAfterDateInS === undefined
      ? retryAfter
      : new Date(Date.now() + retryAfterDateInS * 1000).toUTCString();
  return { instead: tooManyRequests(value === undefined ? {} : { 'retry-after': String(value) }) };
};
