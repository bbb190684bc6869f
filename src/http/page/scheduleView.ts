import type { NormalRequest } from '../../product/requestSchema.ts';
import type { ScheduleReport } from '../../queue/schedules/store.ts';
import { distanceText, type Html, html, instant, token } from './html.ts';
import { action } from './statusView.ts';

/** All schedules, with what became of their last runs. */
export function schedulesView(schedules: readonly ScheduleReport[], csrf: string | null, now: number): Html {
  return html`<section id="schedules" aria-labelledby="schedules-head">
  <h2 id="schedules-head">Schedules</h2>
  ${schedules.length === 0 ? html`<p class="empty">None yet. Search for something, then schedule it: each run tells what is new.</p>` : html`<ul class="schedules">${schedules.map((each) => scheduleView(each, csrf, now))}</ul>`}
</section>`;
}

const SHOWN_RUNS = 5;

function scheduleView(schedule: ScheduleReport, csrf: string | null, now: number): Html {
  const { name, when, state, next, lastRuns, request } = schedule;
  const at = `/schedules/${name}`;
  const isPaused = state === 'paused';
  const upcoming =
    state === 'done'
      ? 'no further run'
      : isPaused
        ? 'paused'
        : next === null
          ? ''
          : `next ${distanceText(next, now)}`;
  return html`<li class="schedule" id="schedule-${name}">
  <h3>${name}</h3>
  <p class="small">${request.query ?? 'by category'} · ${when} · <strong class="${state}">${upcoming}</strong></p>
  ${
    lastRuns.length === 0
      ? html`<p class="small">No run yet</p>`
      : html`<ol class="runs" aria-label="Last runs of ${name}">${lastRuns
          .slice(0, SHOWN_RUNS)
          .map(
            ({ searchId, at: ran, outcome }) =>
              html`<li><a href="/searches/${encodeURIComponent(searchId)}">${instant(ran)}</a> <span class="${outcome ?? 'busy'}">${outcome ?? 'under way'}</span></li>`,
          )}</ol>`
  }
  <div class="actions">
    ${action(`${at}/run`, 'Run now', csrf, `Run now: ${name}`)}
    ${isPaused ? action(`${at}/resume`, 'Resume', csrf, `Resume ${name}`) : state === 'active' && action(`${at}/pause`, 'Pause', csrf, `Pause ${name}`)}
    ${action(`${at}/remove`, 'Remove', csrf, `Remove ${name}`)}
  </div>
</li>`;
}

const RHYTHMS = { '3600': 'Every hour', '21600': 'Every six hours', '86400': 'Every day' };

/** Makes a schedule of a search that was just looked at. */
export function scheduleForm(searchId: string, request: NormalRequest, csrf: string | null): Html {
  return html`<details class="make-schedule">
  <summary>Schedule this search</summary>
  <form method="post" action="/schedules">
    ${token(csrf)}<input type="hidden" name="searchId" value="${searchId}">
    <p class="field"><label for="name">Name <small class="inline">small letters, digits and hyphens</small></label><input id="name" name="name" required pattern="[a-z0-9\\-]{1,40}" maxlength="40" value="${nameFrom(request.query ?? '')}" autocomplete="off"></p>
    <p class="field"><label for="every">How often</label><select id="every" name="every">${Object.entries(RHYTHMS).map(([value, text]) => html`<option value="${value}">${text}</option>`)}</select></p>
    <button class="main">Schedule</button>
    <p class="small">The first run is at once and remembers what there is. Each later one tells what is new, cheaper, dearer or gone.</p>
  </form>
</details>`;
}

function nameFrom(query: string): string {
  const words = query.toLowerCase().replace(/[^a-z0-9]+/g, '-');
  return words.slice(0, 40).replace(/^-+|-+$/g, '') || 'my-search';
}
