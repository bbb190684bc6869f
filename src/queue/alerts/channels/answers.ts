import { DeliveryError } from './sender.ts';

/** What a receiver answered. */
export interface Answer {
  status: number;
  /** Names in lower case. */
  headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Its beginning. */
  body: string;
}

/** Sends one POST; made by `outbound`. @throws DeliveryError where there is no answer */
export type Post = (
  url: string,
  request: { headers: Record<string, string>; body: string; signal: AbortSignal },
) => Promise<Answer>;

export function postJson(
  post: Post,
  url: string,
  value: unknown,
  signal: AbortSignal,
  headers: Record<string, string> = {},
): Promise<Answer> {
  return post(url, {
    headers: { 'content-type': 'application/json; charset=utf-8', ...headers },
    body: JSON.stringify(value),
    signal,
  });
}

export function isTaken({ status }: Answer): boolean {
  return status >= 200 && status < 300;
}

/** Longer than any message of a receiver that helps. */
const LONGEST_REASON = 200;

/** Statuses that are about the one message: it is malformed, too large or not understood. */
const ABOUT_THE_MESSAGE = new Set([400, 413, 414, 415, 422, 431]);

/**
 * What an answer says that is no success.
 * @param reason the receiver's own words; @param fault where they say more than the status; @param retryAfterMs likewise
 */
export function refusal(
  answer: Answer,
  {
    reason = '',
    fault,
    retryAfterMs,
  }: {
    reason?: string | undefined;
    fault?: DeliveryError['fault'] | undefined;
    retryAfterMs?: number | undefined;
  } = {},
  now = Date.now(),
): DeliveryError {
  const { status } = answer;
  const words = reason.replace(/\s+/g, ' ').trim().slice(0, LONGEST_REASON);
  return new DeliveryError(`the receiver answered ${status}${words === '' ? '' : `: ${words}`}`, {
    fault: fault ?? (status === 429 ? 'busy' : ABOUT_THE_MESSAGE.has(status) ? 'message' : 'channel'),
    status,
    retryAfterMs: retryAfterMs ?? retryAfter(answer, now),
  });
}

/** `Retry-After` in seconds or as a date (RFC 9110, 10.2.3), in ms from now; undefined where there is none. */
export function retryAfter({ headers }: Pick<Answer, 'headers'>, now: number): number | undefined {
  const [value] = [headers['retry-after']].flat();
  if (value === undefined) return undefined;
  return seconds(Number(value)) ?? seconds((Date.parse(value) - now) / 1000);
}

/** In ms; undefined for what is no time. */
export function seconds(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0
    ? Math.ceil(value * 1000)
    : undefined;
}

/** The fields of a JSON body; none where it is no JSON object. */
export function fieldsOf({ body }: Pick<Answer, 'body'>): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** A field of a JSON body as text; empty where it is none. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
