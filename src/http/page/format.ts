import type { Money } from '../../product/money.ts';
import { type Html, html } from './html.ts';

/** `US $12.50` and `£12.50` alike, as people write amounts; the currency is always told apart. */
export function moneyText({ value, currency }: Money): string {
  const amount = new Intl.NumberFormat('en-US', { style: 'currency', currency });
  return amount.format(value as Intl.StringNumericLiteral);
}

export function numberText(n: number): string {
  return n.toLocaleString('en-US');
}

/** `1 product`, `1,200 products`. */
export function countText(n: number, one: string): string {
  return `${numberText(n)} ${one}${n === 1 ? '' : 's'}`;
}

/** `2 h 10 min`, `4 min`, `9 s`. */
export function durationText(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const [h, min] = [Math.floor(minutes / 60), minutes % 60];
  if (h < 48) return min === 0 ? `${h} h` : `${h} h ${min} min`;
  return `${Math.round(h / 24)} days`;
}

/** `in 2 h` or `4 min ago`. */
export function distanceText(iso: string, now: number): string {
  const ms = Date.parse(iso) - now;
  if (Math.abs(ms) < 1500) return 'now';
  return ms > 0 ? `in ${durationText(ms)}` : `${durationText(-ms)} ago`;
}

/** An instant: the server tells it in UTC, the page's script in the reader's own time. */
export function instant(iso: string): Html {
  return html`<time datetime="${iso}">${iso.slice(0, 16).replace('T', ' ')} UTC</time>`;
}
