import type { SearchEstimate } from '../../../queue/search/estimate.ts';
import { countText, distanceText, numberText } from '../../../text/values.ts';
import { type Html, html } from '../html.ts';

/** What a search costs, what is left of the day, and when it can be done. @param now ms since the epoch */
export function estimateView(estimate: SearchEstimate, now: number): Html {
  const { calls, remaining, reset, ahead, earliestFinish, budget } = estimate;
  const most = calls.atMost > calls.total ? `, at most ${numberText(calls.atMost)}` : '';
  const parts =
    calls.details > 0 && calls.pages > 0
      ? ` (${numberText(calls.pages)} of pages, ${numberText(calls.details)} of details)`
      : '';
  const left = numberText(remaining);
  const again = distanceText(reset, now);
  const share =
    remaining === 0
      ? `none of today’s calls are left: more ${again}`
      : calls.total > remaining
        ? `only ${left} left today: it goes on ${again}`
        : `${left} left today`;
  const queue = ahead === 0 ? '' : ` after ${countText(ahead, 'call')} of other searches`;
  const isShort = calls.total > remaining || (budget !== null && calls.total > budget.left);
  return html`<strong>${countText(calls.total, 'call')}</strong>${most}${parts} · <span${isShort && html` class="few"`}>${share}</span>${budget && budgetText(budget, calls.total, now)} · ${done(distanceText(earliestFinish, now))}${queue}`;
}

function done(when: string): string {
  return when === 'now' ? 'done at once' : `done ${when} at the earliest`;
}

function budgetText(budget: NonNullable<SearchEstimate['budget']>, calls: number, now: number): string {
  const { kind, name, left, limit, reset } = budget;
  const whose = kind === 'key' ? 'your key' : `the ${kind} ${name}`;
  const rest = ` · ${whose}: ${numberText(left)} of ${numberText(limit)} a day left`;
  return calls > left ? `${rest}, too few: more ${distanceText(reset, now)}` : rest;
}
