import type { Span } from '@opentelemetry/api';
import { tokenUrl } from '../../config/checks.ts';
import type { Config } from '../../config/config.ts';
import { clientOptions, inSpan } from '../../telemetry/tracing.ts';
import { parseObject, readErrorBody } from '../answer.ts';
import { type MintTrouble, retryAfterMs, retryAfterOf } from '../retryPolicy.ts';
import { isTokenText, scopeList } from './cache.ts';

/** A token answer has about 2 kB; whatever is larger is no token. */
const MAX_ANSWER_BYTES = 64 * 1024;

/**
 * One client-credentials request: Basic header, form body. Follows no redirect, reads a bounded answer, ends within
 * `TOKEN_REQUEST_TIMEOUT` counted over the whole request.
 * @throws MintFault, which holds neither the request nor the answer.
 */
export function requestToken(config: Pick<Config, 'ebay' | 'token'>) {
  const { origin, pathname } = new URL(tokenUrl(config.ebay));
  return inSpan(`POST ${pathname}`, clientOptions('POST', origin, pathname), (span) => send(config, span));
}

async function send({ ebay, token }: Pick<Config, 'ebay' | 'token'>, span: Span) {
  // At the first request: programs that import the library and request no token do not load axios.
  const { axiosClient, closeAxios, TOO_LARGE } = await import('../transport.ts');
  const { ConnectError } = await import('../connecting.ts');
  const deadline = AbortSignal.timeout(Math.ceil(token.requestTimeout * 1000));
  const scope = scopeList(ebay.scopes).join(' ');
  const form = new URLSearchParams({ grant_type: 'client_credentials', scope });
  const basic = Buffer.from(`${ebay.clientId}:${ebay.clientSecret}`).toString('base64');
  const { origin, pathname, search } = new URL(tokenUrl(ebay));
  const client = axiosClient(origin, { ...ebay, maxBodyBytes: MAX_ANSWER_BYTES });
  try {
    const { status, data, headers } = await client.post<string>(pathname + search, form.toString(), {
      headers: {
        authorization: `Basic ${basic}`,
        'content-type': 'application/x-www-form-urlencoded',
      },
      signal: deadline,
      validateStatus: () => true,
    });
    span.setAttribute('http.response.status_code', status);
    return readTokenAnswer(status, data, retryAfterOf(headers));
  } catch (error) {
    if (error instanceof MintFault) throw error;
    if (deadline.aborted) throw new MintFault('timeout', `no answer within ${token.requestTimeout} s`);
    const { code = 'no code', message, cause } = error as NodeJS.ErrnoException;
    if (cause instanceof ConnectError)
      throw new MintFault(cause.code === 'ETIMEDOUT' ? 'timeout' : 'unreachable', message);
    if (TOO_LARGE.test(`${code} ${message}`))
      throw new MintFault('bad-answer', `the answer is too large (${code}): check EBAY_TOKEN_URL`);
    if (code === 'ERR_BAD_RESPONSE') throw new MintFault('bad-answer', 'the answer is broken');
    throw new MintFault(code === 'ETIMEDOUT' ? 'timeout' : 'unreachable', `connection failed (${code})`);
  } finally {
    closeAxios(client);
  }
}

/** A token request that gave no token. Never leaves this folder; its message holds nothing that eBay wrote. */
export class MintFault extends Error {
  readonly reason: MintTrouble;
  readonly status: number | undefined;
  /** eBay's `Retry-After`, ms from the answer. */
  readonly retryAfterMs: number | undefined;

  constructor(reason: MintTrouble, message: string, status?: number, retryAfterMs?: number) {
    super(message);
    this.reason = reason;
    this.status = status;
    this.retryAfterMs = retryAfterMs;
  }
}

/** OAuth error words (RFC 6749, 5.2) of requests that stay wrong however often they are sent. */
const REFUSALS: readonly string[] = [
  'invalid_client',
  'unauthorized_client',
  'invalid_scope',
  'unsupported_grant_type',
] satisfies MintTrouble[];

function isRefusal(word: unknown): word is MintTrouble {
  return typeof word === 'string' && REFUSALS.includes(word);
}

/**
 * What the answer of the token endpoint grants, a token and its life in seconds, made safe to use; `warnings` say what was
 * unusual and was corrected.
 * @throws MintFault for everything else: OAuth errors (`{error}`), REST errors (`{errors: […]}`), HTML, odd tokens.
 */
export function readTokenAnswer(status: number, text: string, retryAfter?: string, now = Date.now()) {
  const body = parseObject(text);
  const word = body?.error;
  if (status < 500 && isRefusal(word)) throw new MintFault(word, `${word} (status ${status})`, status);
  if (status !== 200) {
    const { errorId } = readErrorBody(body);
    const redirects = status >= 300 && status < 400 ? ', a redirect: check EBAY_TOKEN_URL' : '';
    const message = `status ${status}${errorId === undefined ? '' : `, error ${errorId}`}${redirects}`;
    const other = status >= 500 ? 'server-error' : 'bad-answer';
    const reason = status === 429 ? 'throttled' : other;
    throw new MintFault(reason, message, status, retryAfterMs(retryAfter, now));
  }
  if (body === undefined) throw new MintFault('bad-answer', 'the answer is no JSON object', status);
  const { access_token, token_type } = body;
  if (!isTokenText(access_token))
    throw new MintFault('bad-answer', 'access_token is missing or does not fit into a header', status);
  const warnings: string[] = [];
  return {
    access_token,
    expires_in: lifeOf(body.expires_in, warnings),
    token_type: typeof token_type === 'string' ? token_type.slice(0, 100) : 'Bearer',
    warnings,
  };
}

/** Assumed where eBay names no life: half of its usual 7,200 s; a token that ends sooner is refused and replaced. */
const ASSUMED_LIFE = 3600;
const LONGEST_LIFE = 86_400;

/** Zero or less is a dead token and refused; no number is assumed, a huge one cut. */
function lifeOf(value: unknown, warnings: string[]): number {
  const life = typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value) ? Number(value) : value;
  if (typeof life !== 'number' || !Number.isFinite(life)) {
    warnings.push(`expires_in is missing or no number: ${ASSUMED_LIFE} assumed`);
    return ASSUMED_LIFE;
  }
  if (life <= 0) throw new MintFault('bad-answer', `expires_in is ${life}: the token is dead`, 200);
  if (life > LONGEST_LIFE) warnings.push(`expires_in is ${life}: cut to ${LONGEST_LIFE}`);
  return Math.min(life, LONGEST_LIFE);
}
