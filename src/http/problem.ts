import { STATUS_CODES } from 'node:http';
import type { FastifyError, FastifyRequest, FastifySchemaValidationError } from 'fastify';
import { type BudgetState, Failure, type FailureCode, type FailureDetail } from '../failures.ts';
import type { Allowance } from '../queue/producer.ts';
import { redisFailure } from '../redis/failure.ts';

interface ProblemError {
  /** Where in the request: `filters.price.min`, `wait`, empty for the whole. */
  path: string;
  code: string;
  message: string;
}

interface ProblemOptions {
  /** Seconds after which trying again makes sense. */
  retryAfter?: number | undefined;
  headers?: Record<string, string>;
  /** The search that this is about. */
  searchId?: string | undefined;
  /** The budget that does not allow it. */
  budget?: FailureDetail['budget'];
}

/** An answer that says what is wrong, as `application/problem+json` (RFC 9457). */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly #errors: readonly ProblemError[];
  readonly #searchId: string | undefined;
  readonly #budget: FailureDetail['budget'];

  constructor(status: number, errors: readonly ProblemError[], options: ProblemOptions = {}) {
    super(errors.map(({ path, message }) => (path === '' ? message : `${path} ${message}`)).join('; '));
    const { retryAfter, headers, searchId, budget } = options;
    this.status = status;
    this.headers = { ...headers, ...(retryAfter !== undefined && { 'retry-after': String(retryAfter) }) };
    this.#errors = errors;
    this.#searchId = searchId;
    this.#budget = budget;
  }

  /** Of the first error. */
  get code(): string {
    return this.#errors[0]?.code ?? 'internal';
  }

  get title(): string {
    return STATUS_CODES[this.status] ?? 'Error';
  }

  /**
   * JSON. @param instance the path that was called; without its query, which may hold secrets @param traceId of the request,
   * where it is traced
   */
  body(instance: string, traceId?: string): string {
    return JSON.stringify({
      type: `urn:dropship-product-finder:${this.code}`,
      title: this.title,
      status: this.status,
      detail: this.message.slice(0, 1000),
      instance: instance.slice(0, 200),
      errors: this.#errors,
      searchId: this.#searchId,
      budget: this.#budget,
      traceId,
    });
  }
}

/** A problem with one cause. */
export function problem(
  status: number,
  code: string,
  message: string,
  { path = '', ...options }: ProblemOptions & { path?: string } = {},
): Problem {
  return new Problem(status, [{ path, code, message }], options);
}

/** The same answer for what does not exist and for what belongs to another tenant. */
export function notFound(): Problem {
  return problem(404, 'not_found', 'there is nothing here, or it is not yours');
}

export function unsupportedMediaType(
  message = 'send application/json in UTF-8, uncompressed (Content-Type: application/json)',
): Problem {
  return problem(415, 'unsupported_media_type', message);
}

/** Whether a person asks, with a browser. Programs get problems as JSON, at the addresses of the API whatever they accept. */
export function isOfPerson({ headers, url }: FastifyRequest): boolean {
  return /\btext\/html\b/i.test(headers.accept ?? '') && !url.startsWith('/v1/');
}

/** The answer to an error; undefined for a defect. @param bodyLimit of the route that was called, bytes */
export function problemOf(thrown: unknown, bodyLimit?: number): Problem | undefined {
  if (thrown instanceof Problem) return thrown;
  const failure = thrown instanceof Failure ? thrown : redisFailure(thrown);
  return failure ? problemOfFailure(failure) : problemOfFramework(thrown as FastifyError, bodyLimit);
}

/** Codes that are missing here are defects where HTTP meets them. */
const STATUS: Partial<Record<FailureCode, number>> = {
  invalid_request: 400,
  invalid_payload: 400,
  search_not_found: 404,
  schedule_not_found: 404,
  watchlist_not_found: 404,
  alert_not_found: 404,
  channel_not_found: 404,
  schedule_exists: 409,
  changed_meanwhile: 412,
  idempotency_key_reused: 422,
  backlog_full: 503,
  budget_exceeded: 429,
  'redis-unavailable': 503,
  // A process of the newer release can answer.
  unknown_payload_version: 503,
  'gate-closed': 503,
  interrupted: 503,
};

function problemOfFailure({ code, message, detail }: Failure): Problem | undefined {
  const status = STATUS[code];
  if (status === undefined) return undefined;
  if (status === 404) return notFound();
  const { errors = [{ path: '', code, message }], until, searchId, budget } = detail;
  // Redis is usually back within two seconds. What no day's budget allows is not to be sent again.
  const waitS = until === undefined ? 2 : Math.max(1, Math.ceil((until - Date.now()) / 1000));
  const isLater = status === 503 || until !== undefined;
  return new Problem(status, errors, {
    retryAfter: isLater ? waitS : undefined,
    ...(budget && { headers: budgetHeaders(budget, until) }),
    searchId,
    budget,
  });
}

/** The quota day of eBay, s; those in which clocks change are an hour longer or shorter. */
const DAY_S = 86_400;

/** What may still be called today, as fields of draft-ietf-httpapi-ratelimit-headers. */
export function rateLimitHeaders({ of, limit, left, resetMs }: Allowance): Record<string, string> {
  return {
    'ratelimit-policy': `"${of}";q=${limit};w=${DAY_S}`,
    ratelimit: `"${of}";r=${left};t=${Math.ceil(resetMs / 1000)}`,
  };
}

function budgetHeaders({ kind, limit, left, reset }: BudgetState, until = Date.parse(reset)) {
  return rateLimitHeaders({ of: kind, limit, left, resetMs: Math.max(0, until - Date.now()) });
}

/** Fastify's own errors. */
function problemOfFramework(error: Partial<FastifyError>, bodyLimit = 0): Problem | undefined {
  const { code, statusCode = 500, validation = [], validationContext } = error;
  // An id of the wrong form belongs to nothing.
  if (validationContext === 'params' || code === 'FST_ERR_MAX_PARAM_LENGTH') return notFound();
  switch (code) {
    case 'FST_ERR_VALIDATION':
      return new Problem(400, validation.map(parameterError));
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return unsupportedMediaType();
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return problem(413, 'body_too_large', `the body may have at most ${bodyLimit} bytes here`, {
        headers: { connection: 'close' },
      });
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
      return problem(400, 'invalid_content_length', 'the body is not as long as Content-Length says');
    case 'FST_ERR_BAD_URL':
      return problem(400, 'invalid_url', 'the path is not percent-encoded UTF-8');
  }
  const isOfClient = statusCode >= 400 && statusCode < 500;
  return isOfClient ? problem(statusCode, 'bad_request', 'the request cannot be read') : undefined;
}

function parameterError(error: FastifySchemaValidationError): ProblemError {
  const { instancePath, keyword, params, message = 'is not allowed' } = error;
  const { additionalProperty, allowedValues } = params;
  if (keyword === 'additionalProperties') {
    const path = String(additionalProperty).slice(0, 64);
    return { path, code: 'unknown_field', message: 'is no parameter of this route' };
  }
  const allowed = Array.isArray(allowedValues) ? `: ${allowedValues.join(', ')}` : '';
  return { path: instancePath.slice(1, 65), code: 'invalid_parameter', message: message + allowed };
}
