import type { AlertCondition } from '../../product/alertSchema.ts';
import { nextRun } from '../schedules/cron.ts';
import type { AlertDefinition } from './definition.ts';

/*
 * When the hits of an alert may be sent, and how many. Nothing here reads or writes. All instants are ms since the epoch.
 *
 * Quiet hours begin and end once a day. At a clock change, a time that the clocks skip is the end of the gap, and one that
 * they show twice is the first of the two.
 */

type When = Pick<AlertDefinition, 'tz' | 'quiet' | 'digest' | 'dailyCap'>;

/** What was sent on one day of an alert. */
export interface AlertDay {
  /** By the alert's time zone, such as 2026-11-29. */
  date: string;
  /** Hits. */
  sent: number;
  /** Hits that the daily cap kept back, by condition. */
  withheld: Partial<Record<AlertCondition, number>>;
  /** When a message was made last, on any day; null: never. */
  lastMessage: number | null;
}

/** What to do now. */
export interface Release {
  /** False in quiet hours, and before a digest is due: nothing is sent or counted now. */
  mayRelease: boolean;
  /** The record to go on with: of a new day it is empty. */
  day: AlertDay;
  /** How many hits may still be sent on this day. Those on top are withheld. */
  left: number;
  /** A message about what was withheld on a day that is over is due now. Null: none. */
  withheld: AlertDay['withheld'] | null;
  /** When to look again. Null: when there are hits again. After hits were withheld it is what `nextDue` says. */
  nextDue: number | null;
}

/** @param stored undefined before the first message */
export function releaseNow(definition: When, stored: AlertDay | undefined, now: number): Release {
  const date = dateOf(definition.tz, now);
  const known = stored ?? { date, sent: 0, withheld: {}, lastMessage: null };
  // By a clock that went back it is still the day that has begun.
  const isOver = known.date < date;
  const day = isOver ? { ...known, date, sent: 0, withheld: {} } : known;
  const left = Math.max(0, definition.dailyCap - day.sent);
  const next = nextSending(definition, known.lastMessage, now);
  if (next > now) return { mayRelease: false, day: known, left, withheld: null, nextDue: next };
  const withheld = isOver && countOf(known) > 0 ? known.withheld : null;
  return { mayRelease: true, day, left, withheld, nextDue: nextDue(definition, day, now) };
}

/** When a message about what the day withheld is due: when the day is over, outside quiet hours. Null: nothing was withheld. */
export function nextDue(definition: When, day: AlertDay, now: number): number | null {
  if (countOf(day) === 0) return null;
  return nextSending(definition, day.lastMessage, endOfDay(definition.tz, now));
}

/** The first instant from `from` on at which a message may be made. */
export function nextSending({ tz, quiet, digest }: When, lastMessage: number | null, from: number): number {
  const earliest =
    digest === undefined || lastMessage === null
      ? from
      : // By a clock that went back the last message is in the future.
        Math.max(from, Math.min(lastMessage, from) + digest * 1000);
  return quiet === undefined ? earliest : endOfQuiet(tz, quiet, earliest);
}

/** The instant itself outside quiet hours. */
function endOfQuiet(tz: string, quiet: { from: string; to: string }, at: number): number {
  const begin = nextRun({ cron: dailyAt(quiet.from), tz }, at);
  const end = nextRun({ cron: dailyAt(quiet.to), tz }, at);
  return begin !== undefined && end !== undefined && end < begin ? end : at;
}

/** By the alert's time zone, such as 2026-11-29. */
export function dateOf(tz: string, at: number): string {
  const parts = new Intl.DateTimeFormat('en-CA', { timeZone: tz, dateStyle: 'short' });
  return parts.format(at);
}

function endOfDay(tz: string, at: number): number {
  return nextRun({ cron: dailyAt('00:00'), tz }, at) ?? at;
}

function dailyAt(time: string): string {
  const [hour, minute] = time.split(':').map(Number);
  return `${minute} ${hour} * * *`;
}

function countOf({ withheld }: AlertDay): number {
  return Object.values(withheld).reduce((total, count) => total + count, 0);
}
