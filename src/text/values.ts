import { durationText } from '../product/inWords.ts';

export { countText, durationText, instantText, moneyText, numberText } from '../product/inWords.ts';

/** Distances below this are `now`. */
const NOW_MS = 1500;

export function isDue(iso: string, now: number): boolean {
  return Date.parse(iso) - now < NOW_MS;
}

/** When something comes that may be late: `in 2 h` or `due now`. */
export function dueText(iso: string, now: number): string {
  return isDue(iso, now) ? 'due now' : distanceText(iso, now);
}

/** `in 2 h`, `4 min ago` or `now`. */
export function distanceText(iso: string, now: number): string {
  const ms = Date.parse(iso) - now;
  if (Math.abs(ms) < NOW_MS) return 'now';
  return ms > 0 ? `in ${durationText(ms)}` : `${durationText(-ms)} ago`;
}
