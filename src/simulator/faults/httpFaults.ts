import {
  type ErrorDetail,
  empty,
  invalidToken,
  oauthError,
  refuse,
  text,
  tooManyRequests,
} from '../errors.ts';
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

export interface RedirectParameters {
  /** The Location header. Default: a host that does not exist. */
  readonly location?: string;
  /** Default 302. */
  readonly status?: number;
}

/** A redirect, which must never carry a token to another host. */
export const redirect: Fault<RedirectParameters> = ({
  location = 'http://elsewhere.invalid/',
  status = 302,
}) => ({
  instead: text(status, '', 'text/plain', { location }),
});

export interface HtmlParameters {
  /** Default 200, as a captcha or maintenance page has. */
  readonly status?: number;
  /** Default text/html; a proxy may call its page application/json. */
  readonly contentType?: string;
}

/** A web page where JSON was expected. */
export const html: Fault<HtmlParameters> = ({ status = 200, contentType = 'text/html; charset=utf-8' }) => ({
  instead: text(
    status,
    '<!doctype html><html><head><title>Please verify</title></head><body><h1>One moment</h1></body></html>',
    contentType,
  ),
});

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

export interface ExpiredTokenParameters {
  /** Whether the token stays refused afterwards (default), or only this call is. */
  readonly revoke?: boolean;
}

/** 401 with errorId 1001; the token that was sent is really revoked. */
export const expiredToken: Fault<ExpiredTokenParameters> = ({ revoke = true }, { revokeToken }) => {
  if (revoke) revokeToken();
  return { instead: invalidToken() };
};
