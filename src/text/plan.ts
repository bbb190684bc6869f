import type { PlanEntry, PlanReport, PlanWarning } from '../product/planReport.ts';
import { countText, distanceText, numberText } from './values.ts';

const UNITS = [
  ['s', 1, 100],
  ['min', 60, 100],
  ['h', 3600, 48],
  ['days', 86_400, Number.POSITIVE_INFINITY],
] as const;

type Unit = (typeof UNITS)[number];

function unitOf(seconds: number): Unit {
  return UNITS.find(([, size, below]) => seconds / size < below) as Unit;
}

/** Two digits are enough: `18`, `2.4`. */
function inUnit(seconds: number, [, size]: Unit): string {
  const value = seconds / size;
  return value < 9.95 && size > 1 ? String(Number(value.toFixed(1))) : numberText(Math.round(value));
}

/** `45 s`, `18 min`, `2.4 h`, `3 days`; a dash where nothing is known. */
export function delayText(seconds: number | null): string {
  if (seconds === null) return '–';
  const unit = unitOf(seconds);
  return `${inUnit(seconds, unit)} ${unit[0]}`;
}

/** `18 min (14–23)`, `2 min (1 min – 12 h)`; without the interval where both ends look the same. */
export function expectedText(delay: PlanEntry['delay']): string {
  if (delay === null) return '–';
  const unit = unitOf(delay.expected);
  const expected = delayText(delay.expected);
  if (unitOf(delay.low) !== unit || unitOf(delay.high) !== unit)
    return `${expected} (${delayText(delay.low)} – ${delayText(delay.high)})`;
  const [low, high] = [inUnit(delay.low, unit), inUnit(delay.high, unit)];
  return low === high ? expected : `${expected} (${low}–${high})`;
}

/** Calls or changes a day: `1,204`, `27`, `3.4`, `0.05`. */
export function perDayText(count: number): string {
  if (count >= 9.95) return numberText(Math.round(count));
  return String(count < 0.1 ? Number(count.toPrecision(1)) : Number(count.toFixed(1)));
}

/** `16 min, 27 calls a day (143 changes)`. */
export function measuredText(measured: PlanEntry['measured']): string {
  if (measured === null) return 'not yet';
  const calls = `${perDayText(measured.callsPerDay)} calls a day`;
  if (measured.delay === null) return `${calls} (no change with a known time)`;
  return `${delayText(measured.delay)}, ${calls} (${countText(measured.changes, 'change')})`;
}

/** `at least every 24 h`, `at least every 6 h: does not fit`, or when it runs where the clock decides. */
export function guaranteeText({ guarantee, when, state }: PlanEntry): string {
  if (state !== 'active') return state;
  if (guarantee === null) return when;
  return `at least every ${delayText(guarantee.every)}${guarantee.fits ? '' : ': does not fit'}`;
}

/** Name and value of what the whole plan has. */
export function totalTexts({ totals }: PlanReport, now: number): Array<[name: string, value: string]> {
  const { limit, scheduled, interactive, fixed, auto, guaranteed, planned, used, reset, meanDelay } = totals;
  const calls = (count: number) => numberText(Math.round(count));
  return [
    [
      'calls a day',
      `${calls(limit)}: ${calls(scheduled)} for schedules and watchlists, ${calls(interactive)} kept for interactive searches`,
    ],
    ['used today', `${calls(used)}; the day ends ${distanceText(reset, now)}`],
    ['at fixed times', `${perDayText(fixed)} calls a day`],
    [
      'automatic looks',
      `${calls(auto)} calls a day are left for them, about ${perDayText(planned)} are planned; those that are guaranteed need ${perDayText(guaranteed)}`,
    ],
    ...(meanDelay === null
      ? []
      : [['mean delay', `${delayText(meanDelay)} until automatic looks see a change`] as [string, string]]),
  ];
}

const SHOWN_NAMES = 5;

/** `a, b and 3 others`. */
export function namesText(names: readonly string[]): string {
  const shown = names.slice(0, SHOWN_NAMES);
  const others = names.length - shown.length;
  return others === 0 ? shown.join(', ') : `${shown.join(', ')} and ${countText(others, 'other')}`;
}

export function warningText({ names, message }: PlanWarning): string {
  return names.length === 0 ? message : `${namesText(names)}: ${message}`;
}

/** `18 min → 12 min`. */
export function shiftText({ before, after }: { before: number | null; after: number | null }): string {
  return `${delayText(before)} → ${delayText(after)}`;
}

export function dropText({ name, callsPerDay, others }: PlanReport['drop'][number]): string {
  const frees = `${name}: frees ${perDayText(callsPerDay)} calls a day`;
  const isSame = delayText(others.before) === delayText(others.after);
  return isSame ? frees : `${frees}; the mean delay of the others: ${shiftText(others)}`;
}

/** What another limit would bring, in one sentence. */
export function otherLimitText({ calls }: PlanReport): string | undefined {
  if (calls === undefined) return undefined;
  const left = `With ${numberText(calls.limit)} calls a day, ${numberText(Math.round(calls.auto))} are left for automatic looks`;
  return calls.meanDelay.before === null ? left : `${left}; mean delay ${shiftText(calls.meanDelay)}`;
}

/** What an addition would cost, in one sentence. */
export function additionText({ add }: PlanReport): string | undefined {
  if (add === undefined) return undefined;
  const cost = `${perDayText(add.callsPerDay)} calls a day`;
  const others =
    add.meanDelay.before === null ? '' : `; mean delay of those that are there: ${shiftText(add.meanDelay)}`;
  return `${cost}${others}${add.fits ? '' : '; the calls of the day do not suffice for all guarantees'}`;
}
