import { empty, text } from '../answer.ts';
import { type ErrorDetail, oauthError, refuse } from '../errors.ts';
import type { RequestKind } from '../log.ts';
import type { Fault } from './fault.ts';

export interface StatusParameters {
  /** Default 503. Below 300 the answer is empty (204 for "no content"). */
  readonly status?: number;
  readonly errorId?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as it is instead of eBay's error shape. */
  readonly body?: string;
}

const IDS: Partial<Record<RequestKind, number>> = { search: 12000, item: 11000, 'rate-limit': 105000 };

/** Any HTTP status, with the error body that the endpoint would send. */
export const status: Fault<StatusParameters> = ({ status = 503, errorId, headers = {}, body }, { kind }) => {
  if (body !== undefined) return { instead: text(status, body, 'application/json', headers) };
  if (status < 300) return { instead: empty(status) };
  if (kind === 'token') {
    return { instead: { ...oauthError(status, 'server_error', 'armed fault'), headers: { ...headers } } };
  }
  const detail: ErrorDetail = {
    errorId: errorId ?? IDS[kind] ?? 12000,
    domain: kind === 'rate-limit' ? 'API_ANALYTICS' : 'API_BROWSE',
    category: status >= 500 ? 'APPLICATION' : 'REQUEST',
    message: 'An armed fault answered instead of eBay.',
  };
  return { instead: refuse(status, detail, { ...headers }) };
};
