import { INVISIBLE, isObject } from '../ebay/answer.ts';
import { linkableHosts } from '../product/marketplaces.ts';
import { type Money, money } from '../product/money.ts';

/** Readers of untrusted JSON: each gives a clean value or null, and never throws. */

export type Fields = Record<string, unknown>;

export function fields(value: unknown): Fields | null {
  return isObject(value) ? value : null;
}

export function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

/** Letters of Europe's languages and of Chinese, figures and signs: none of them is invisible. */
const SEEN = '\\x21-\\x7e\\u00a1-\\u00ac\\u00ae-\\u024f\\u2013-\\u2026\\u20ac\\u4e00-\\u9fff';
const CLEAN = new RegExp(`^[${SEEN}](?:[ ${SEEN}]*[${SEEN}])?$`);

/** Text without control characters, invisible ones and halves of surrogate pairs, cut to a length; null when nothing is left. */
export function text(value: unknown, maxLength: number): string | null {
  // Most texts are as they should be, and what follows costs five times as much.
  if (typeof value === 'string' && value.length <= maxLength && CLEAN.test(value)) return value;
  if (typeof value !== 'string' && !isNumber(value)) return null;
  const clean = String(value)
    .slice(0, maxLength * 2)
    .replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')
    .replace(INVISIBLE, '')
    .trim()
    .slice(0, maxLength)
    .replace(/\p{Cs}/gu, '')
    .trim();
  return clean === '' ? null : clean;
}

/** An identifier: printable ASCII without spaces. A longer one is none, since a cut one would be another's. */
export function identifier(value: unknown, maxLength: number): string | null {
  const id = isNumber(value) ? String(value) : value;
  return typeof id === 'string' && id.length <= maxLength && /^[\x21-\x7e]+$/.test(id) ? id : null;
}

/** Each of a list of names that eBay has for something, once. */
export function tokens(value: unknown, maxLength: number): string[] {
  return value === undefined ? [] : distinct(list(value).map((name) => identifier(name, maxLength)));
}

export function percentage(value: unknown): number | null {
  const number = decimal(value);
  return number !== null && number >= 0 && number <= 100 ? number : null;
}

export function integer(value: unknown): number | null {
  const number = decimal(value);
  return number !== null && Number.isSafeInteger(number) ? number : null;
}

export function naturalNumber(value: unknown): number | null {
  const number = integer(value);
  return number !== null && number >= 0 ? number : null;
}

/** A finite number, also from a decimal string, as eBay writes some. */
export function decimal(value: unknown): number | null {
  if (isNumber(value)) return value;
  return typeof value === 'string' && /^-?\d{1,15}(\.\d{1,15})?$/.test(value) ? Number(value) : null;
}

export function flag(value: unknown): boolean | null {
  return typeof value === 'boolean' ? value : null;
}

/** The form in which eBay writes points in time, on a day that every month has. */
const USUAL = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$/;

/** A point in time as ISO 8601 in UTC with milliseconds. */
export function instant(value: unknown): string | null {
  // To read and write a date costs ten times as much.
  if (typeof value === 'string' && USUAL.test(value)) return value;
  if (
    typeof value !== 'string' ||
    !/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)$/.test(value)
  )
    return null;
  const time = Date.parse(value);
  return Number.isNaN(time) ? null : new Date(time).toISOString();
}

/** A host as it is written, without a user name, which would be taken for it. */
const ADDRESS = /^https?:\/\/([a-z0-9.-]+|\[[\da-f:]+\])(:\d{1,5})?(?:[/?#][^\s\p{Cc}\p{Cf}\p{Cs}\\]*)?$/iu;

const EBAYS_HOSTS = linkableHosts();

/**
 * An http(s) address of a host that may be linked. eBay passes on what sellers write; a page that shows links must lead
 * neither to `javascript:` nor to somebody else's site.
 */
export function webAddress(value: unknown, maxLength: number, hosts = EBAYS_HOSTS): string | null {
  if (typeof value !== 'string' || value.length > maxLength) return null;
  const [, host, port = ''] = ADDRESS.exec(value) ?? [];
  if (host === undefined || !hosts.test(host + port)) return null;
  // A page has a thousand, and parsing each costs as much as all the rest.
  return /^[a-z.]+$/i.test(host + port) || URL.canParse(value) ? value : null;
}

/** eBay's `{value, currency}`; a number in place of its decimal string is taken too. */
export function amount(value: unknown): Money | null {
  const read = fields(value);
  if (read === null) return null;
  const { value: figure, currency } = read;
  return money(isNumber(figure) ? String(figure) : figure, currency);
}

/** What an amount was before eBay converted it. */
export function originalAmount(value: unknown): Money | null {
  const { convertedFromValue: figure, convertedFromCurrency: currency } = fields(value) ?? {};
  return figure === undefined ? null : amount({ value: figure, currency });
}

/** Each value once, in order of first appearance; nulls left out. */
export function distinct<Value>(values: readonly (Value | null)[]): Value[] {
  return [...new Set(values.filter((value): value is Value => value !== null))];
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}
