import { searchTitle } from '../../../product/subject.ts';
import type { ScheduleReport } from '../../../queue/schedules/schedules.ts';
import { runText } from '../../../text/searches.ts';
import { distanceText } from '../../../text/values.ts';
import { type Html, html, instant, postButton } from '../html.ts';
import { addressOf } from '../result/selection.ts';
import { conditionTexts } from '../search/searchForm.ts';

const SHOWN_RUNS = 5;

export function scheduleItem(schedule: ScheduleReport, csrf: string | null, now: number): Html {
  const { name, when, state, next, latest, lastRuns, request } = schedule;
  const nextRun = {
    done: 'no further run',
    paused: 'paused',
    active: next ? `next ${distanceText(next, now)}` : latest && `next by ${distanceText(latest, now)}`,
  };
  const runs = lastRuns
    .slice(0, SHOWN_RUNS)
    .map(
      ({ searchId, at, outcome }) =>
        html`<li><a href="${addressOf(searchId)}">${instant(at)}</a> <span class="${outcome ?? 'busy'}">${runText(outcome)}</span></li>`,
    );
  const alert = new URLSearchParams({ source: `schedule:${name}` });
  const button = (action: string, text: string) =>
    postButton(`/schedules/${name}/${action}`, text, csrf, `${text}: ${name}`);
  return html`<li class="schedule" id="schedule-${name}">
  <h3>${name}</h3>
  <p class="small">${searchTitle(request)} · ${when} · <strong class="${state}">${nextRun[state]}</strong></p>
  <ul class="chips" aria-label="Conditions of ${name}">${conditionTexts(request).map((text) => html`<li>${text}</li>`)}</ul>
  ${runs.length === 0 ? html`<p class="small">No run yet</p>` : html`<ol class="runs" aria-label="Last runs of ${name}">${runs}</ol>`}
  <div class="actions">
    ${button('run', 'Run now')}
    ${state === 'paused' && button('resume', 'Resume')}
    ${state === 'active' && button('pause', 'Pause')}
    ${button('remove', 'Remove')}
    ${request.track !== undefined && html`<a class="button" href="/alerts?${String(alert)}#add-alert" aria-label="Alert me: ${name}">Alert me</a>`}
  </div>
</li>`;
}
