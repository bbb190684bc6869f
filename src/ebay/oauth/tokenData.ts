import { createHash } from 'node:crypto';
import type { Config } from '../../config/config.ts';

/**
 * A cached token as other services may read it. `expires_in` is the whole life in seconds as eBay gave it, `stored_at`
 * the moment of caching in ISO 8601. The last three say whose token it is.
 */
export interface TokenData {
  access_token: string;
  expires_in: number;
  token_type: string;
  stored_at: string;
  environment?: string;
  /** A short digest of the client id. */
  credential?: string;
  /** Sorted, separated by one space. */
  scopes?: string;
}

/** Whose token a value has to be; another owner's value is a miss, so that switching never serves the wrong token. */
export interface TokenOwner {
  environment: string;
  credential: string;
  scopes: string;
}

export function tokenOwner({ ebay }: Pick<Config, 'ebay'>): TokenOwner {
  return {
    environment: ebay.environment,
    credential: digest(ebay.clientId),
    scopes: scopeList(ebay.scopes).toSorted().join(' '),
  };
}

export function scopeList(scopes: string): string[] {
  return [...new Set(scopes.trim().split(/\s+/))];
}

/** Enough of a SHA-256 to tell values apart, and nothing that leads back to them. */
export function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}

/** A value may leave out whose it is, as one written by another service does; what it says must be right. */
export function belongsTo(data: TokenData, owner: TokenOwner): boolean {
  return (['environment', 'credential', 'scopes'] as const).every(
    (field) => data[field] === undefined || data[field] === owner[field],
  );
}

/** Visible ASCII without spaces: what an Authorization header carries unharmed, eBay's `^` and `#` included. */
const TOKEN_SHAPE = /^[\x21-\x7e]{1,8192}$/;

export function isTokenText(value: unknown): value is string {
  return typeof value === 'string' && TOKEN_SHAPE.test(value);
}

/** The parsed value of the cache key, or nothing where it is no token. `stored_at` may still be unreadable. */
export function asTokenData(value: unknown): TokenData | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { access_token, expires_in, token_type, stored_at, environment, credential, scopes } =
    value as Partial<Record<keyof TokenData, unknown>>;
  if (!isTokenText(access_token) || typeof expires_in !== 'number' || !(expires_in > 0)) return undefined;
  return {
    access_token,
    expires_in,
    token_type: typeof token_type === 'string' ? token_type : 'Bearer',
    stored_at: typeof stored_at === 'string' ? stored_at : '',
    ...(environment === undefined ? {} : { environment: String(environment) }),
    ...(credential === undefined ? {} : { credential: String(credential) }),
    ...(scopes === undefined ? {} : { scopes: String(scopes) }),
  };
}

/**
 * Seconds of its life that a token may be used: all but the buffer. A token that the buffer would rob of half its life
 * or more gives up a fifth of it instead, or it would be fetched anew all the time.
 */
export function usableSeconds(expiresIn: number, buffer: number): number {
  return expiresIn >= 2 * buffer ? expiresIn - buffer : expiresIn * 0.8;
}

/** Milliseconds that a token stays in Redis. */
export function cacheMs(expiresIn: number, { cacheTime, expiryBuffer }: Config['token']): number {
  return Math.floor(Math.min(cacheTime, usableSeconds(expiresIn, expiryBuffer)) * 1000);
}

/** When the token stops being used, ms since the epoch; `NaN` where `stored_at` is missing or unreadable. */
export function usableUntil(data: Pick<TokenData, 'expires_in' | 'stored_at'>, buffer: number): number {
  return Date.parse(data.stored_at) + usableSeconds(data.expires_in, buffer) * 1000;
}

/**
 * Valid from when it was stored until its buffer begins. A `stored_at` ahead of `now` by more than the buffer is no
 * clock that one can count on.
 */
export function isValidAt(data: Pick<TokenData, 'expires_in' | 'stored_at'>, now: number, buffer: number) {
  return now < usableUntil(data, buffer) && Date.parse(data.stored_at) - now <= buffer * 1000;
}
