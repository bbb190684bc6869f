import type { Money } from './money.ts';

/** `1,200`. */
export function numberText(n: number): string {
  return n.toLocaleString('en-US');
}

/** `1 product`, `1,200 products`. */
export function countText(n: number, one: string): string {
  return `${numberText(n)} ${one}${n === 1 ? '' : 's'}`;
}

const inCurrency = (currency: string) => new Intl.NumberFormat('en-US', { style: 'currency', currency });

/** Of most amounts: making one takes longer than what it then writes, and a page of results has hundreds of amounts. */
const OFTEN = new Map(['USD', 'EUR', 'GBP'].map((currency) => [currency, inCurrency(currency)]));

/** With the currency's sign: `$12.50`, `CA$12.50`, `£12.50`, `¥1,200`. */
export function moneyText({ value, currency }: Money): string {
  const amount = OFTEN.get(currency) ?? inCurrency(currency);
  return amount.format(value as Intl.StringNumericLiteral);
}

const HOUR_S = 3600;

/** The two largest units: `9 s`, `4 min 10 s`, `1 h 52 min`; days from 48 hours on: `2 days 2 h`. */
export function durationText(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < HOUR_S) return inUnits(seconds, 60, 'min', 's');
  const minutes = Math.round(seconds / 60);
  if (minutes < 48 * 60) return inUnits(minutes, 60, 'h', 'min');
  return inUnits(Math.round(seconds / HOUR_S), 24, 'days', 'h');
}

/** @param count of the smaller unit @param size of the larger one in smaller ones */
function inUnits(count: number, size: number, large: string, small: string): string {
  const [larges, smalls] = [Math.floor(count / size), count % size];
  const parts = [larges > 0 && `${larges} ${large}`, smalls > 0 && `${smalls} ${small}`];
  return parts.filter((part) => part !== false).join(' ') || `0 ${small}`;
}

/** `2026-05-01 06:30 UTC`. */
export function instantText(iso: string): string {
  return `${iso.slice(0, 16).replace('T', ' ')} UTC`;
}
