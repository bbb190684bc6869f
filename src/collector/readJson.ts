import { isObject } from '../ebay/answer.ts';
import { type Money, money } from '../product/money.ts';

/** Readers of untrusted JSON: each gives a clean value or null, and never throws. */

export type Fields = Record<string, unknown>;

export function fields(value: unknown): Fields | null {
  return isObject(value) ? value : null;
}

export function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

/** Text without control characters and halves of surrogate pairs, cut to a length; null when nothing is left. */
export function text(value: unknown, maxLength: number): string | null {
  if (typeof value !== 'string' && !isNumber(value)) return null;
  const clean = String(value)
    .slice(0, maxLength * 2)
    .replace(/\p{Cc}+/gu, ' ')
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

/** A point in time as ISO 8601 in UTC with milliseconds. */
export function instant(value: unknown): string | null {
  if (
    typeof value !== 'string' ||
    !/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)$/.test(value)
  )
    return null;
  const time = Date.parse(value);
  return Number.isNaN(time) ? null : new Date(time).toISOString();
}

/** An http(s) address: anything else, `javascript:` say, must not reach a page that shows links. */
export function webAddress(value: unknown, maxLength: number): string | null {
  if (typeof value !== 'string' || value.length > maxLength || /[\s\p{Cc}\p{Cs}]/u.test(value)) return null;
  return /^https?:\/\/[^/]/i.test(value) && URL.canParse(value) ? value : null;
}

/** eBay's `{value, currency}`; a number in place of its decimal string is taken too. */
export function amount(value: unknown): Money | null {
  const { value: figure, currency } = fields(value) ?? {};
  return money(isNumber(figure) ? String(figure) : figure, currency);
}

/** What an amount was before eBay converted it. */
export function originalAmount(value: unknown): Money | null {
  const { convertedFromValue: figure, convertedFromCurrency: currency } = fields(value) ?? {};
  return amount({ value: figure, currency });
}

/** Each value once, in order of first appearance; nulls left out. */
export function distinct<Value>(values: readonly (Value | null)[]): Value[] {
  return [...new Set(values.filter((value): value is Value => value !== null))];
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}
