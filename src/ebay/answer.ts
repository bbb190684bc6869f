import { Failure, type FailureCode } from '../failures.ts';
import { isSettled, ONCE } from './retryPolicy.ts';

/** An HTTP answer, stripped of everything that belongs to the HTTP client. */
export interface Answer {
  status: number;
  contentType: string;
  /** Where a redirect leads. */
  location?: string | undefined;
  retryAfter: string | undefined;
  text: string;
}

export type Endpoint =
  | 'search'
  | 'item'
  | 'legacy-item'
  | 'item-group'
  | 'bulk-items'
  | 'rate_limit'
  | 'taxonomy'
  | 'public-key';

/** What an answer means: a body, a failure, or one of the two things that the client itself handles. */
export type Reading =
  | { is: 'body'; body: Record<string, unknown> }
  | { is: 'token-refused' }
  | { is: 'throttled' }
  | { is: 'failure'; failure: Failure };

/** eBay's ids: 1001 invalid access token, 2001 too many requests, 11006 the number is that of a listing with variations. */
const TOKEN_REFUSED = 1001;
const TOO_MANY_REQUESTS = 2001;
const HAS_VARIATIONS = 11_006;
/** An item (11001, 11004), an item group (11002, 11008) or a listing (11003) that does not exist or is not offered now. */
const GONE = [11_001, 11_002, 11_003, 11_004, 11_008];
const OF_ITEMS: readonly Endpoint[] = ['item', 'legacy-item', 'item-group'];

export function readAnswer(answer: Answer, endpoint: Endpoint): Reading {
  const { status, location } = answer;
  const body = parsed(answer);
  // 203: a proxy on the way has changed something about it (RFC 9110, section 15.3.4).
  if ((status === 200 || status === 203) && body !== undefined) return { is: 'body', body };
  const { errorId, message } = readErrorBody(body);
  // A 403 with this id was seen in a test of somebody else's; its meaning is the same.
  if (status === 401 || (status === 403 && errorId === TOKEN_REFUSED)) return { is: 'token-refused' };
  const isThrottled = status === 429 || errorId === TOO_MANY_REQUESTS;
  // eBay counts calls for several items apart: too many of them say nothing about all others.
  if (isThrottled && endpoint !== 'bulk-items') return { is: 'throttled' };
  const once = isSettled(status) ? ONCE : {};
  const detail = { status, ...(errorId === undefined ? {} : { errorId }), ...once };
  const fail = (code: FailureCode, what: string): Reading => ({
    is: 'failure',
    failure: new Failure(code, message === undefined ? what : `${what}: ${message}`, detail),
  });
  const name = `eBay answered ${status}${errorId === undefined ? '' : ` (error ${errorId})`}`;
  if (status === 200) {
    const stated = presentable(answer.contentType) || 'of no stated type';
    return fail(
      'ebay-bad-answer',
      `${name} with a body that is ${mayBeJson(answer) ? 'not a JSON object' : stated}`,
    );
  }
  if (status >= 500) return fail('ebay-server-error', name);
  if (status === 408) return fail('ebay-timeout', name);
  const isItem = OF_ITEMS.includes(endpoint);
  if (isItem && errorId !== undefined && GONE.includes(errorId))
    return fail('item-gone', 'eBay no longer has the item');
  // A gateway or a proxy says so of an address. Taken for an item's end, it would end all items in an outage.
  if (isItem && status === 404 && errorId === undefined)
    return fail('ebay-bad-answer', `${name} without an error of this API`);
  if (isItem && errorId === HAS_VARIATIONS)
    return fail('item-has-variations', 'the listing has variations, none of which is named');
  if (status >= 400) return fail('ebay-refused', name);
  if (status === 304)
    return fail('ebay-bad-answer', `${name}, but nothing is cached here: a cache on the way is wrong`);
  if (status >= 300) {
    const where = location === undefined || !URL.canParse(location) ? '' : ` to ${new URL(location).host}`;
    return fail(
      'ebay-bad-answer',
      `${name}, a redirect${where}: check EBAY_API_URL and any proxy on the way`,
    );
  }
  return fail('ebay-bad-answer', `${name}, which is neither an answer nor an error of this API`);
}

function parsed(answer: Answer): Record<string, unknown> | undefined {
  return mayBeJson(answer) ? parseObject(answer.text) : undefined;
}

/** Undefined for a text that is no JSON object. A byte order mark is no part of it. */
export function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text.replace(/^\uFEFF/, ''));
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Proxies and gateways call JSON all sorts of things. A web page is none, whatever it holds. */
function mayBeJson({ contentType }: Answer): boolean {
  return !/html|xml/i.test(contentType);
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const LONGEST_MESSAGE = 200;

/** What `{errors: [{errorId, message, longMessage}]}` says, in a form that may be shown; any other body says nothing. */
export function readErrorBody(body: Record<string, unknown> | undefined): {
  errorId?: number;
  message?: string;
} {
  const first: unknown = Array.isArray(body?.errors) ? body.errors[0] : undefined;
  if (!isObject(first)) return {};
  const { errorId, message, longMessage } = first;
  const text = [longMessage, message].find((said): said is string => typeof said === 'string' && said !== '');
  return {
    ...(Number.isInteger(errorId) ? { errorId: errorId as number } : {}),
    ...(text === undefined ? {} : { message: presentable(text) }),
  };
}

/** One line without control characters, short, and without anything that looks like a credential. */
function presentable(text: string): string {
  return text
    .replace(/v\^1\.1#\S*|(Bearer|Basic)\s+\S+/g, '[hidden]')
    .replace(/[\p{Cc}\s]+/gu, ' ')
    .replace(INVISIBLE, '')
    .slice(0, LONGEST_MESSAGE);
}

/**
 * Characters that are not seen and change what is: those that turn the direction of text (U+202E and its kind), joiners,
 * fillers, tags. Without those that emoji and some scripts are written with: U+200C, U+200D, and the variation selectors.
 */
export const INVISIBLE = /(?!\u200c|\u200d|[\ufe00-\ufe0f])[\p{Default_Ignorable_Code_Point}\ufff9-\ufffb]/gu;
