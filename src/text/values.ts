import type { Money } from '../product/money.ts';

/** `1,200`. */
export function numberText(n: number): string {
  return n.toLocaleString('en-US');
}

/** `1 product`, `1,200 products`. */
export function countText(n: number, one: string): string {
  return `${numberText(n)} ${one}${n === 1 ? '' : 's'}`;
}

/** With the currency's sign: `$12.50`, `CA$12.50`, `£12.50`, `¥1,200`. */
export function moneyText({ value, currency }: Money): string {
  const amount = new Intl.NumberFormat('en-US', { style: 'currency', currency });
  return amount.format(value as Intl.StringNumericLiteral);
}

const MINUTE_S = 60;
const HOUR_S = 3600;
const DAY_S = 24 * HOUR_S;

/** The two largest units: `9 s`, `4 min 10 s`, `1 h 52 min`; days from 48 hours on: `2 days 2 h`. */
export function durationText(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < HOUR_S) return inUnits(seconds, MINUTE_S, 'min', 1, 's');
  const minutes = Math.round(seconds / MINUTE_S) * MINUTE_S;
  if (minutes < 2 * DAY_S) return inUnits(minutes, HOUR_S, 'h', MINUTE_S, 'min');
  return inUnits(Math.round(seconds / HOUR_S) * HOUR_S, DAY_S, 'days', HOUR_S, 'h');
}

/** @param seconds a multiple of `small` */
function inUnits(
  seconds: number,
  large: number,
  largeName: string,
  small: number,
  smallName: string,
): string {
  const [larges, smalls] = [Math.floor(seconds / large), (seconds % large) / small];
  const parts = [larges > 0 && `${larges} ${largeName}`, smalls > 0 && `${smalls} ${smallName}`];
  return parts.filter((part) => part !== false).join(' ') || `0 ${smallName}`;
}

/** Distances below this are `now`. */
const NOW_MS = 1500;

/** `in 2 h`, `4 min ago` or `now`. */
export function distanceText(iso: string, now: number): string {
  const ms = Date.parse(iso) - now;
  if (Math.abs(ms) < NOW_MS) return 'now';
  return ms > 0 ? `in ${durationText(ms)}` : `${durationText(-ms)} ago`;
}

/** `2026-05-01 06:30 UTC`. */
export function instantText(iso: string): string {
  return `${iso.slice(0, 16).replace('T', ' ')} UTC`;
}
