import { STATUS_CODES } from 'node:http';
import { Failure, type FailureCode } from '../failures.ts';
import { redisFailure } from '../redis/failure.ts';

export interface ProblemError {
  /** Where in the request: `filters.price.min`, `wait`, empty for the whole. */
  path: string;
  code: string;
  message: string;
}

export interface ProblemOptions {
  /** Seconds after which trying again makes sense. */
  retryAfter?: number;
  headers?: Record<string, string>;
  /** The search that this is about. */
  searchId?: string;
}

/** An answer that says what is wrong, as `application/problem+json` (RFC 9457). */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly status: number;
  readonly errors: readonly ProblemError[];
  readonly options: ProblemOptions;

  constructor(status: number, errors: readonly ProblemError[], options: ProblemOptions = {}) {
    super(errors.map(({ path, message }) => (path === '' ? message : `${path} ${message}`)).join('; '));
    this.status = status;
    this.errors = errors;
    this.options = options;
  }

  get headers(): Record<string, string> {
    const { retryAfter, headers } = this.options;
    return { ...headers, ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }) };
  }

  /** @param instance the path that was called; never its query, which may hold what must not be repeated */
  body(instance: string): object {
    const { searchId } = this.options;
    return {
      type: `urn:dropship-product-finder:${this.errors[0]?.code ?? 'internal'}`,
      title: STATUS_CODES[this.status] ?? 'Error',
      status: this.status,
      detail: this.message.slice(0, 1000),
      instance: instance.slice(0, 200),
      errors: this.errors,
      ...(searchId === undefined ? {} : { searchId }),
    };
  }
}

/** A problem with one cause. */
export function problem(
  status: number,
  code: string,
  message: string,
  options: ProblemOptions & { path?: string } = {},
): Problem {
  const { path = '', ...rest } = options;
  return new Problem(status, [{ path, code, message }], rest);
}

/** The same for what does not exist and for what belongs to somebody else. */
export function notFound(): Problem {
  return problem(404, 'not_found', 'there is nothing here, or it is not yours');
}

const STATUS: Partial<Record<FailureCode, number>> = {
  invalid_request: 400,
  invalid_payload: 400,
  search_not_found: 404,
  schedule_not_found: 404,
  backlog_full: 503,
  'redis-unavailable': 503,
  // A process of the release that wrote it can answer.
  unknown_payload_version: 503,
  'gate-closed': 503,
  interrupted: 503,
};

/** Seconds; Redis is usually back within them. */
const REDIS_RETRY = 2;

/**
 * What went wrong, or undefined for a defect of ours.
 * @param bodyLimit of the route that was asked, in bytes
 */
export function problemOf(thrown: unknown, bodyLimit?: number): Problem | undefined {
  if (thrown instanceof Problem) return thrown;
  const failure = thrown instanceof Failure ? thrown : redisFailure(thrown);
  if (failure !== undefined) return problemOfFailure(failure);
  return problemOfFramework(thrown as FrameworkError, bodyLimit);
}

function problemOfFailure({ code, message, detail }: Failure): Problem | undefined {
  const status = STATUS[code];
  if (status === undefined) return undefined;
  if (status === 404) return notFound();
  const errors = detail.errors ?? [{ path: '', code, message }];
  return new Problem(status, errors, {
    ...(status === 503 ? { retryAfter: secondsUntil(detail.until) } : {}),
    ...(detail.searchId === undefined ? {} : { searchId: detail.searchId }),
  });
}

function secondsUntil(until: number | undefined): number {
  return until === undefined ? REDIS_RETRY : Math.max(1, Math.ceil((until - Date.now()) / 1000));
}

interface FrameworkError {
  code?: string;
  statusCode?: number;
  validation?: Array<{
    instancePath: string;
    keyword: string;
    params: Record<string, unknown>;
    message?: string;
  }>;
  validationContext?: string;
}

/** Fastify's own refusals, by its codes. */
function problemOfFramework(
  { code, statusCode, validation, validationContext }: FrameworkError,
  bodyLimit: number | undefined,
) {
  switch (code) {
    case 'FST_ERR_VALIDATION':
      // What is no id at all is nobody's.
      return validationContext === 'params' ? notFound() : problemOfParameters(validation ?? []);
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return unsupportedMediaType();
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return problem(413, 'body_too_large', `the body may have at most ${bodyLimit ?? 0} bytes here`, {
        headers: { connection: 'close' },
      });
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
      return problem(400, 'invalid_content_length', 'the body is not as long as Content-Length says');
    case 'FST_ERR_BAD_URL':
      return problem(400, 'invalid_url', 'the path is not percent-encoded UTF-8');
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return notFound();
    default:
      return statusCode !== undefined && statusCode >= 400 && statusCode < 500
        ? problem(statusCode, 'bad_request', 'the request cannot be read')
        : undefined;
  }
}

function problemOfParameters(validation: NonNullable<FrameworkError['validation']>): Problem {
  const errors = validation.map(({ instancePath, keyword, params, message = 'is not allowed' }) =>
    keyword === 'additionalProperties'
      ? {
          path: String(params.additionalProperty).slice(0, 64),
          code: 'unknown_field',
          message: 'is no parameter of this route',
        }
      : { path: instancePath.slice(1, 65), code: 'invalid_parameter', message: allowed(message, params) },
  );
  return new Problem(400, errors);
}

function allowed(message: string, { allowedValues }: Record<string, unknown>): string {
  return Array.isArray(allowedValues) ? `${message}: ${allowedValues.join(', ')}` : message;
}

export function unsupportedMediaType(): Problem {
  return problem(
    415,
    'unsupported_media_type',
    'send application/json in UTF-8, uncompressed (Content-Type: application/json)',
  );
}
