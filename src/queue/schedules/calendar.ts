import type { Cron } from './cron.ts';
import { Zone } from './zone.ts';

/** When a schedule runs; all instants in ms since the epoch. */
export type Timing = { start?: number; end?: number } & (
  | { cron: Cron; tz: string }
  /** Runs are at `anchor` and every so many ms from it on. */
  | { everyMs: number; anchor: number }
);

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

/** Nothing that can happen stays away for longer: 29 February, over a year like 2100. */
const LONGEST_WAIT_DAYS = 8 * 366;

/** The first run after an instant; undefined when none follows. */
export function nextRun(timing: Timing, after: number): number | undefined {
  // `start` itself may be a run.
  const from = Math.max(after, (timing.start ?? Number.NEGATIVE_INFINITY) - 1);
  const next =
    'cron' in timing ? nextByClock(timing.cron, new Zone(timing.tz), from) : nextInStep(timing, from);
  return next === undefined || next > (timing.end ?? Number.POSITIVE_INFINITY) ? undefined : next;
}

function nextInStep({ everyMs, anchor }: { everyMs: number; anchor: number }, from: number): number {
  return from < anchor ? anchor : anchor + (Math.floor((from - anchor) / everyMs) + 1) * everyMs;
}

/**
 * Each local time of the expression is one run: at the first instant the clocks show it, or, where they skip it, at the
 * jump. Several that fall on one jump are one run.
 */
function nextByClock(cron: Cron, zone: Zone, from: number): number | undefined {
  const local = zone.localAt(from);
  const today = Math.floor(local / DAY) * DAY;
  for (let day = today; day < today + LONGEST_WAIT_DAYS * DAY; day += DAY) {
    if (!isDayOf(cron, day)) continue;
    for (const hour of cron.hours)
      for (const minute of cron.minutes) {
        const time = day + (hour * 60 + minute) * MINUTE;
        if (time <= local) continue;
        const instant = zone.firstInstantOf(time);
        if (instant > from) return instant;
      }
  }
  return undefined;
}

/** @param day midnight of a local day */
function isDayOf({ by, days, lastDay, months, weekdays }: Cron, day: number): boolean {
  const date = new Date(day);
  if (!months.includes(date.getUTCMonth() + 1)) return false;
  const byDate = days.includes(date.getUTCDate()) || (lastDay && new Date(day + DAY).getUTCDate() === 1);
  const byWeekday = weekdays.includes(date.getUTCDay());
  if (by === 'either') return byDate || byWeekday;
  return by === 'date' ? byDate : byWeekday;
}

/** The least time between two runs on a day without a clock change, ms; of days that follow each other if any do. */
export function shortestGap(cron: Cron): number {
  const minutes = cron.hours.flatMap((hour) => cron.minutes.map((minute) => hour * 60 + minute));
  const overnight = (minutes[0] as number) + 24 * 60 - (minutes.at(-1) as number);
  const gaps = minutes.slice(1).map((minute, index) => minute - (minutes[index] as number));
  return Math.min(overnight, ...gaps) * MINUTE;
}
