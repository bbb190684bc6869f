import { durationText } from '../product/inWords.ts';

export { countText, durationText, instantText, moneyText, numberText } from '../product/inWords.ts';

/** Distances below this are `now`. */
const NOW_MS = 1500;

/** `in 2 h`, `4 min ago` or `now`. */
export function distanceText(iso: string, now: number): string {
  const ms = Date.parse(iso) - now;
  if (Math.abs(ms) < NOW_MS) return 'now';
  return ms > 0 ? `in ${durationText(ms)}` : `${durationText(-ms)} ago`;
}
