import { FAILURE_CODES } from '../failures.ts';

/** All values that a label may have, or the shape of names that an operator gives. */
export type Values = readonly string[] | RegExp;

export const TENANT = /^[a-z0-9-]{1,40}$/;
export const QUEUE = /^ebay-(search|calls)(-[a-z0-9-]{1,40})?$/;
export const CLASS = ['interactive', 'scheduled', 'backfill'] as const;
export const ENDPOINT = ['search', 'item'] as const;
/** `ok`, or the code of the failure. */
export const CALL_OUTCOME = ['ok', ...FAILURE_CODES];
export const SEARCH_OUTCOME = [
  'complete',
  'none-found',
  'filtered-out',
  'partial',
  'degraded',
  'cancelled',
  'skipped',
  'failed',
] as const;
export const CALL_JOB_RESULT = ['stored', 'cancelled', 'retried', 'failed'] as const;
export const CLOSED_BECAUSE = ['quota', 'pause', 'circuit'] as const;
export const GATE_REFUSAL = [...CLOSED_BECAUSE, 'share', 'redis'] as const;
/** Why a producer lets a search not in. */
export const REFUSAL = ['invalid', 'backlog', 'memory', 'redis'] as const;
export const REJECTION = [
  'not-an-object',
  'no-item-id',
  'no-title',
  'no-price',
  'bad-price',
  'bad-url',
] as const;
export const JOB_STATE = ['waiting', 'active', 'delayed', 'waiting-children'] as const;
export const TOKEN_SOURCE = ['redis', 'memory', 'mint'] as const;
export const TOKEN_MISS = ['absent', 'garbage', 'undecryptable', 'foreign', 'expired', 'silent'] as const;
export const MINT_REASON = ['missing', 'refused', 'forced', 'ahead'] as const;
export const MINT_RESULT = [
  'ok',
  'invalid_client',
  'invalid_scope',
  'throttled',
  'server-error',
  'timeout',
  'unreachable',
  'bad-answer',
] as const;
export const METHOD = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;
/** A route as it is declared, parameters by name; what fits none of them is `none`. */
export const ROUTE = /^(none|\/[a-zA-Z0-9/:._*-]{0,80})$/;
export const STATUS = ['1xx', '2xx', '3xx', '4xx', '5xx'] as const;
