import type { PlanEntry, PlanReport } from '../../../product/planReport.ts';
import {
  delayText,
  dropText,
  expectedText,
  guaranteeText,
  measuredText,
  otherLimitText,
  perDayText,
  shiftText,
  totalTexts,
  warningText,
} from '../../../text/plan.ts';
import { numberText } from '../../../text/values.ts';
import { type Html, html } from '../html.ts';

export interface PlanPage {
  report: PlanReport;
  /** Another daily limit, as it was written; empty: none. */
  calls: string;
  /** What is wrong with it. */
  mistake: string | undefined;
  now: number;
}

/** What each schedule and watchlist costs and how soon it sees a change, what the day has, and what would change that. */
export function planView({ report, calls, mistake, now }: PlanPage): Html {
  const { entries, warnings, drop } = report;
  return html`<p class="small"><a href="/watching">Watching</a></p>
<h1>Plan</h1>
<p class="lead">What schedules and watchlists cost a day, and how soon they see a change.</p>
<dl class="totals">${totalTexts(report, now).map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
${
  warnings.length > 0 &&
  html`<section aria-labelledby="advice-head"><h2 id="advice-head">Advice</h2>
<ul class="advice">${warnings.map((each) => html`<li data-code="${each.code}">${warningText(each)}</li>`)}</ul></section>`
}
${
  entries.length === 0
    ? html`<p class="empty">No schedules and no watchlists yet. <a href="/">Search for something</a>, then watch it.</p>`
    : html`<section aria-labelledby="entries-head"><h2 id="entries-head">Schedules and watchlists</h2>
${entryTable(report)}</section>`
}
<section aria-labelledby="limit-head"><h2 id="limit-head">With another number of calls a day</h2>
<form class="what-if" method="get" action="/plan">
  <div class="field"><label for="calls">Calls a day</label>
  <input id="calls" name="calls" inputmode="numeric" value="${calls}" placeholder="10000"${mistake !== undefined && html` aria-invalid="true" aria-describedby="calls-problem"`}></div>
  <button>Show</button>
</form>
${mistake !== undefined && html`<p class="problem" id="calls-problem">${mistake}</p>`}
${report.calls !== undefined && html`<p><strong>${otherLimitText(report)}</strong></p>`}
</section>
${
  drop.length > 0 &&
  html`<section aria-labelledby="drop-head"><h2 id="drop-head">Least value for a call</h2>
<p class="small">What to drop first where calls are short.</p>
<ul class="advice">${drop.map((each) => html`<li>${dropText(each)}</li>`)}</ul></section>`
}`;
}

function entryTable({ entries, calls }: PlanReport): Html {
  const after = new Map(calls?.entries.map(({ name, kind, delay }) => [`${kind} ${name}`, delay]));
  const row = (entry: PlanEntry) => {
    const { name, kind, what, callsPerDay, state, delay, measured, assumed } = entry;
    const cell = (label: string, content: Html | string) => html`<td data-label="${label}">${content}</td>`;
    const shift = after.get(`${kind} ${name}`);
    return html`<tr>
<th scope="row">${html`<a href="/watching#${kind}-${name}">${name}</a>`}<small>${what}</small></th>
${cell('Calls a day', state === 'active' ? perDayText(callsPerDay) : '–')}
${cell('Expected delay', html`${expectedText(delay)}${assumed && delay !== null && html` <small>a guess: nothing is known yet</small>`}`)}
${cell('Measured', measuredText(measured))}
${cell('Guarantee', guaranteeText(entry))}
${calls !== undefined && cell(`With ${numberText(calls.limit)} calls`, shift === undefined ? delayText(delay?.expected ?? null) : shiftText(shift))}
</tr>`;
  };
  return html`<div class="wide"><table class="plan">
<thead><tr><th scope="col">Name</th><th scope="col">Calls a day</th><th scope="col">Expected delay</th><th scope="col">Measured</th><th scope="col">Guarantee</th>${
    calls !== undefined && html`<th scope="col">With ${numberText(calls.limit)} calls</th>`
  }</tr></thead>
<tbody>${entries.map(row)}</tbody></table></div>`;
}
