import type { Config } from '../config/config.ts';
import type { Failure, FailureCode } from '../failures.ts';
import type { CallOutcome } from './gate/gate.ts';

/**
 * Everything that one call to eBay tries again by itself, and what the whole fleet waits for after trouble. What a job
 * tries again once its call has failed is decided in `queue/search/retryPolicy.ts`.
 *
 * | trouble                                  | again                  | after                                | counts as                  |
 * |------------------------------------------|------------------------|--------------------------------------|----------------------------|
 * | connection reset, 502, 503, 504          | twice a call           | EBAY_QUICK_RETRY_DELAY × 2ⁿ, ± 50 %  | a call of the day each     |
 * | 401, or 403 with error 1001              | once a call            | a new token; one for the fleet       | a call and a token request |
 * | slot missed before the request left      | until it leaves        | the next slot                        | nothing                    |
 * | 429                                      | by the queue           | Retry-After within 1 s and MAX_THROTTLE_BACKOFF, else THROTTLE_BACKOFF × 2ⁿ | pause of all calls |
 * | a redirect, 501, 505, an answer too large or packed in an unknown way | never |                     | a failed call of the circuit |
 * | other failures of a call                 | by the queue           | the page's backoff                   | a failed call of the circuit, unless eBay answered |
 * | token request failed                     | by the next caller     | TOKEN_FAILURE_BACKOFF × 2ⁿ, + 25 %, Retry-After if longer, ≤ MAX_TOKEN_FAILURE_BACKOFF | a token request |
 * | keyset or scopes refused, 3 tokens refused in a row | by the next caller | CREDENTIAL_REFUSED_BACKOFF, + 25 % | a token request          |
 *
 * Every attempt, whatever its reason, waits for a slot of the call gate.
 */
export const QUICK_RETRIES = 2;

/** How long a call may take with all that it tries again, a new token and the waits for slots of the gate, ms. */
export function longestCallMs({ ebay, token, pace }: Pick<Config, 'ebay' | 'token' | 'pace'>): number {
  const attempts = QUICK_RETRIES + 2;
  // Other calls may be before it at the gate.
  const each = ebay.connectTimeout + ebay.callTimeout + 2 * pace.minApiCallInterval;
  const delays = 1.5 * ebay.quickRetryDelay * (2 ** QUICK_RETRIES - 1);
  return (attempts * each + delays + 2 * token.requestTimeout) * 1000;
}

/** Of a failure that the same request meets again: the job does not ask a second time. */
export const ONCE = { attempts: 1 };

/** Redirects (304 too, for a request without conditions), and 501 and 505: they are about the request's form, not the moment. */
export function isSettled(status: number): boolean {
  return (status >= 300 && status < 400) || status === 501 || status === 505;
}

/** How an attempt ended that was not answered in full; a status is there where eBay answered. */
export interface BrokenAttempt {
  status?: number | undefined;
  /** Code of the connection's error. */
  code?: string | undefined;
  /** The answer had begun. */
  answerBegan: boolean;
}

/** A gateway's short trouble, or a kept-alive connection that ended between two calls. */
export function isQuickRetry({ status, code, answerBegan }: BrokenAttempt, retriesMade: number): boolean {
  if (retriesMade >= QUICK_RETRIES) return false;
  if (status !== undefined) return isGatewayTrouble(status);
  return !answerBegan && (code === 'ECONNRESET' || code === 'EPIPE');
}

export function isGatewayTrouble(status: number): boolean {
  return status >= 502 && status <= 504;
}

/** @param retry counted from 1. @param first seconds. */
export function quickRetryDelayMs(retry: number, first: number, random: () => number = Math.random): number {
  return first * 1000 * 2 ** (retry - 1) * (0.5 + random());
}

/** Failures by which eBay answers what it was asked. */
const ANSWERS: readonly FailureCode[] = ['ebay-refused', 'item-gone', 'item-has-variations'];

/** What the circuit counts. 4xx are eBay's answers like any other; what is no answer, or none of this API, is a failure. */
export function circuitOutcome(failure: Failure | undefined): CallOutcome {
  const code = failure?.code;
  if (code === undefined || ANSWERS.includes(code)) return 'answered';
  return code === 'interrupted' || code === 'internal' ? 'unknown' : 'failed';
}

/** `Date.parse` alone would take much else for a date, `-1` for instance. */
const HTTP_DATE = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? /;

/** A `Retry-After` header, seconds or an HTTP date, as ms from `now`; anything else is no statement (undefined). */
export function retryAfterMs(header: string | undefined, now: number): number | undefined {
  const text = header?.trim() ?? '';
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000;
  const at = HTTP_DATE.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}

/** The `Retry-After` of an answer. A date counts from the `Date` of the same answer: this machine's clock may be wrong. */
export function retryAfterOf(headers: Record<string, unknown>): string | undefined {
  const { 'retry-after': written, date } = headers;
  if (typeof written !== 'string') return undefined;
  const ms = retryAfterMs(written, Date.parse(String(date)));
  return ms === undefined || Number.isNaN(ms) ? written : String(ms / 1000);
}

/**
 * The pause that a 429 names. Within 1 s and `maxMs`: it was seen absent, in the past and absurdly long, but a throttled
 * caller must pause.
 */
export function throttlePauseMs(header: string | undefined, now: number, maxMs: number): number | undefined {
  const ms = retryAfterMs(header, now);
  return ms === undefined ? undefined : Math.ceil(Math.min(Math.max(ms, Math.min(1000, maxMs)), maxMs));
}

/**
 * About the credential, or the form in which the token request arrives: only a person can end them. `tokens-refused`: the
 * API refused new tokens one after another.
 */
const CREDENTIAL_TROUBLES = [
  'invalid_client',
  'unauthorized_client',
  'invalid_scope',
  'unsupported_grant_type',
  'tokens-refused',
] as const;

type CredentialTrouble = (typeof CREDENTIAL_TROUBLES)[number];

/** Why there is no token. */
export type MintTrouble =
  | CredentialTrouble
  | 'throttled'
  | 'server-error'
  | 'timeout'
  | 'unreachable'
  | 'bad-answer';

export function isCredentialRefused(reason: MintTrouble): reason is CredentialTrouble {
  return (CREDENTIAL_TROUBLES as readonly MintTrouble[]).includes(reason);
}

/** Tokens that were minted and refused one after another, none accepted, before the credential counts as refused. */
export const REFUSALS_UNTIL_STOP = 3;

/** Jitter only lengthens, so that a pause never ends before its configured time. */
const TOKEN_JITTER = 0.25;

/** How long the fleet makes no token request, ms. @param failures how many failed in a row, this one included. */
export function tokenPauseMs(
  fault: { reason: MintTrouble; retryAfterMs?: number | undefined },
  failures: number,
  { failurePause, maxFailurePause, refusedPause }: Config['token'],
  random: () => number,
): number {
  const jitter = 1 + TOKEN_JITTER * random();
  if (isCredentialRefused(fault.reason)) return Math.ceil(refusedPause * 1000 * jitter);
  const grown = failurePause * 1000 * 2 ** (Math.min(failures, 30) - 1) * jitter;
  return Math.ceil(Math.min(Math.max(grown, fault.retryAfterMs ?? 0), maxFailurePause * 1000));
}
