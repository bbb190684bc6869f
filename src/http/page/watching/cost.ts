import type { PlanEntry, PlanReport } from '../../../product/planReport.ts';
import { delayText, perDayText } from '../../../text/plan.ts';
import { countText, numberText } from '../../../text/values.ts';
import { type Html, html } from '../html.ts';

/** What something would cost that is watched from now on, or otherwise than now. */
export interface Cost {
  /** Calls and looks a day. */
  calls: string;
  /** What that is of the day. */
  share: string;
  /** When a change is seen. */
  delay: string;
  /** What to do where the day has too few calls. */
  advice: string | undefined;
}

/** @param report with the addition; undefined where there is none */
export function costOf({ totals, add, entries }: PlanReport): Cost | undefined {
  const [added] = add?.added ?? [];
  if (add === undefined || added === undefined) return undefined;
  const { name, kind, callsPerLook, looksPerDay, delay } = added;
  const present = entries.find((each) => each.name === name && each.kind === kind);
  // What the planner decides on gives way, but for its guarantees.
  const others = totals.fixed + totals.guaranteed - (present === undefined ? 0 : neededBy(present));
  const free = Math.max(0, totals.scheduled - others);
  const needed = neededBy(added);
  const fits = added.timing === 'auto' ? add.fits : needed <= free;
  const each = countText(Math.max(1, Math.round(callsPerLook)), 'call');
  const rhythm = added.timing === 'auto' ? `each look takes ${each}` : `${looksText(looksPerDay)} of ${each}`;
  return {
    calls: `${costText(added)}: ${rhythm}`,
    share: `${percentText(needed, totals.scheduled)} of the ${whole(totals.scheduled)} that may be spent on watching; ${whole(free)} of them are free`,
    delay: delay === null ? '' : `a change is seen after ${delayText(delay.expected)} on average`,
    advice: fits
      ? undefined
      : `The calls of the day do not suffice for it. Look less often, ask for fewer products${added.timing === 'auto' ? '' : ', or choose “When it is worth most”'}.`,
  };
}

/** Calls a day without which it cannot be as it is meant. */
function neededBy({ state, timing, guarantee, callsPerDay }: PlanEntry): number {
  if (state !== 'active') return 0;
  return timing === 'auto' ? (guarantee?.callsPerDay ?? 0) : callsPerDay;
}

/** `24 calls a day`, of what the planner decides on `4 to 120 calls a day`. */
export function costText(entry: PlanEntry): string {
  const [least, most] = [neededBy(entry), entry.callsPerDay].map(perDayText) as [string, string];
  // With less than its guarantee needs, it does not fit.
  if (entry.callsPerDay <= neededBy(entry) || least === most)
    return `${least} ${least === '1' ? 'call' : 'calls'} a day`;
  return `${least} to ${most} calls a day`;
}

/** `24 looks`, `5 looks a week`. */
function looksText(perDay: number): string {
  const perWeek = perDay * 7;
  const [count, unit] = perDay >= 0.95 ? [perDay, ''] : [perWeek, ' a week'];
  // Of a cron expression it is an average of weeks that are not all whole.
  const text = perDayText(unit !== '' && perWeek >= 1 ? Math.round(perWeek) : count);
  return `${text} ${text === '1' ? 'look' : 'looks'}${unit}`;
}

function percentText(part: number, of: number): string {
  const percent = of === 0 ? 100 : (100 * part) / of;
  if (percent < 0.1) return 'less than 0.1 %';
  return `${percent < 10 ? percent.toFixed(1) : whole(percent)} %`;
}

function whole(count: number): string {
  return numberText(Math.round(count));
}

/** In the place that a form has for it. */
export function costView(cost: Cost | undefined): Html | undefined {
  if (cost === undefined) return undefined;
  const { calls, share, delay, advice } = cost;
  return html`<strong>${calls}</strong><span>${[share, delay].filter(Boolean).join(' · ')}</span>${advice !== undefined && html`<span class="notice">${advice}</span>`}`;
}
