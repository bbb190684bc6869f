import { parseRedisUrl, REDIS_URL_FORMS } from './redisUrl.ts';

/** A site that Browse search is offered for. */
export interface Marketplace {
  /** ISO 3166 country of the site. */
  country: string;
  /** ISO 4217 currency of its prices. */
  currency: string;
  /** Whether eBay honours `sellerAccountTypes` there; elsewhere it warns (12014) and ignores the filter. */
  accountTypes: boolean;
}

/** eBay's "supported marketplaces" page, Browse search. An id that is none of these would silently mean EBAY_US. */
export const MARKETPLACES = {
  EBAY_AT: { country: 'AT', currency: 'EUR', accountTypes: true },
  EBAY_AU: { country: 'AU', currency: 'AUD', accountTypes: false },
  EBAY_BE: { country: 'BE', currency: 'EUR', accountTypes: true },
  EBAY_CA: { country: 'CA', currency: 'CAD', accountTypes: false },
  EBAY_CH: { country: 'CH', currency: 'CHF', accountTypes: true },
  EBAY_DE: { country: 'DE', currency: 'EUR', accountTypes: true },
  EBAY_ES: { country: 'ES', currency: 'EUR', accountTypes: true },
  EBAY_FR: { country: 'FR', currency: 'EUR', accountTypes: true },
  EBAY_GB: { country: 'GB', currency: 'GBP', accountTypes: true },
  EBAY_HK: { country: 'HK', currency: 'HKD', accountTypes: false },
  EBAY_IE: { country: 'IE', currency: 'EUR', accountTypes: true },
  EBAY_IT: { country: 'IT', currency: 'EUR', accountTypes: true },
  EBAY_NL: { country: 'NL', currency: 'EUR', accountTypes: false },
  EBAY_PL: { country: 'PL', currency: 'PLN', accountTypes: true },
  EBAY_SG: { country: 'SG', currency: 'SGD', accountTypes: false },
  EBAY_US: { country: 'US', currency: 'USD', accountTypes: false },
} as const satisfies Record<string, Marketplace>;

/**
 * A kind of value: how text from the environment becomes it, and what is allowed. `allowed` ends the sentence
 * "VARIABLE is …, but must be …" and so names the range.
 */
export interface Format {
  allowed: string;
  coerce(text: string): unknown;
  accepts(value: unknown): boolean;
  /** The words that are allowed, where there are few. */
  words?: readonly string[];
}

const text = (allowed: string, accepts: (value: string) => boolean): Format => ({
  allowed,
  coerce: (value) => value.trim(),
  accepts: (value) => typeof value === 'string' && accepts(value),
});

const number = (allowed: string, accepts: (value: number) => boolean): Format => ({
  allowed,
  coerce: (value) => (/^-?\d+(\.\d+)?$/.test(value.trim()) ? Number(value) : value),
  accepts: (value) => typeof value === 'number' && Number.isFinite(value) && accepts(value),
});

const whole = (lowest: number, highest: number) =>
  number(
    `a whole number from ${lowest} to ${highest}`,
    (value) => Number.isInteger(value) && value >= lowest && value <= highest,
  );

/** In seconds. */
const WEEK = 7 * 24 * 3600;
const YEAR = 365 * 24 * 3600;

/** A user name in an http URL would be sent along and shown in messages; none of ours needs one. */
function isHttpUrl(value: string): boolean {
  if (!URL.canParse(value)) return false;
  const { protocol, username, password } = new URL(value);
  return /^https?:$/.test(protocol) && username + password === '';
}

/** The password of a proxy stands in its URL, as in `HTTPS_PROXY`. */
function isProxyUrl(value: string): boolean {
  if (!URL.canParse(value)) return false;
  const { protocol, hostname, pathname, search, hash } = new URL(value);
  return /^https?:$/.test(protocol) && hostname !== '' && pathname + search + hash === '/';
}

/** What is no JSON stays text. */
function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** `component=level` pairs, e.g. `auth=debug,collector=debug`. */
const LEVEL_PAIRS = /^([a-z]+=(error|warn|info|debug))(,[a-z]+=(error|warn|info|debug))*$/;

export const FORMATS = {
  text: text('text', () => true),
  count: whole(1, 1_000_000),
  'count or 0': whole(0, 1_000_000),
  concurrency: whole(1, 1000),
  bytes: whole(1024, 1024 ** 3),
  port: whole(0, 65_535),
  'port or empty': text('a port from 0 to 65535', (v) => /^\d*$/.test(v) && Number(v) <= 65_535),
  seconds: number('a number of seconds above 0, at most one week', (s) => s > 0 && s <= WEEK),
  'seconds or 0': number('a number of seconds from 0 to one week', (s) => s >= 0 && s <= WEEK),
  'seconds, long': number('a number of seconds above 0, at most one year', (s) => s > 0 && s <= YEAR),
  share: number('a share from 0 to 1', (share) => share >= 0 && share <= 1),
  flag: {
    allowed: '`true` or `false`',
    coerce: (value) => (value === 'true' ? true : value === 'false' ? false : value),
    accepts: (value) => typeof value === 'boolean',
  },
  environment: text('`sandbox` or `production`', (value) => value === 'sandbox' || value === 'production'),
  marketplace: {
    ...text(`one of ${Object.keys(MARKETPLACES).join(', ')}`, (v) => Object.hasOwn(MARKETPLACES, v)),
    words: Object.keys(MARKETPLACES),
  },
  'log level': text('one of error, warn, info, debug', (value) => /^(error|warn|info|debug)$/.test(value)),
  'log levels': text('pairs such as `auth=debug,collector=info`', (v) => v === '' || LEVEL_PAIRS.test(v)),
  'log format': text('`json`, `pretty` or `auto`', (value) => /^(json|pretty|auto)$/.test(value)),
  'redis url': text(REDIS_URL_FORMS, (value) => parseRedisUrl(value) !== undefined),
  'key prefix': text('a hash-tagged word such as {ebay}', (value) => /^\{[a-z0-9-]+\}$/.test(value)),
  'http url or empty': text('an http or https URL without user name', (v) => v === '' || isHttpUrl(v)),
  'http origin or empty': text(
    'scheme, host and port alone, such as https://api.ebay.com',
    (v) => v === '' || (isHttpUrl(v) && new URL(v).origin === v.toLowerCase().replace(/\/$/, '')),
  ),
  'proxy url or empty': text(
    'an http or https URL such as http://user:password@proxy:3128, its password percent-encoded',
    (v) => v === '' || isProxyUrl(v),
  ),
  'smtp url or empty': text(
    'an smtp or smtps URL such as smtp://user:password@mail.example.com:587, its password percent-encoded',
    (v) =>
      v === '' || (/^smtps?:\/\/[^/]+\/?(\?.*)?$/i.test(v) && URL.canParse(v) && new URL(v).hostname !== ''),
  ),
  'e-mail address or empty': text(
    'an address such as alerts@example.com',
    (v) => v === '' || /^[\w.+-]{1,64}@[\w-]+(\.[\w-]+)+$/.test(v),
  ),
  scopes: text('OAuth scope URLs, separated by spaces', (value) =>
    value.split(/\s+/).every((scope) => scope.startsWith('https://') && isHttpUrl(scope)),
  ),
  'tenant names': text(
    'names of tenants, separated by commas',
    (v) => v === '' || v.split(',').every((name) => /^[a-z0-9-]{1,40}$/.test(name.trim())),
  ),
  'base path or empty': text(
    'a path such as /ebay, without / at its end',
    (v) => /^(\/[\w~-][\w.~-]*)*$/.test(v) && v.length <= 200,
  ),
  'json object or empty': {
    allowed: 'a JSON object such as {"currency": "EUR"}',
    coerce: jsonOrText,
    accepts: (value) =>
      value === '' || (typeof value === 'object' && value !== null && !Array.isArray(value)),
  },
  'deletion token or empty': text(
    '32 to 80 letters, digits, underscores and hyphens',
    (v) => v === '' || /^[\w-]{32,80}$/.test(v),
  ),
  'https url or empty': text(
    'an https URL without user name, such as https://example.com/ebay/account-deletion',
    (v) => v === '' || (isHttpUrl(v) && v.startsWith('https://')),
  ),
  'digits or empty': text('digits alone', (v) => /^\d{0,20}$/.test(v)),
  host: text('a host name or address', (value) => /^[\w.:[\]-]+$/.test(value)),
} as const satisfies Record<string, Format>;

export type FormatName = keyof typeof FORMATS;
