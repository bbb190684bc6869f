import type { NormalRequest } from '../../../product/requestSchema.ts';
import { searchTitle } from '../../../product/subject.ts';
import type { ScheduleReport } from '../../../queue/schedules/schedules.ts';
import { csrfField, type Html, html, options } from '../html.ts';

const INTERVALS = { '3600': 'Every hour', '21600': 'Every six hours', '86400': 'Every day' };

export function scheduleForm(
  searchId: string,
  request: NormalRequest,
  csrf: string | null,
  { name = nameFrom(request), every, open = false }: { name?: string; every?: string; open?: boolean } = {},
): Html {
  return html`<details class="make-schedule"${open && html` open`}>
  <summary>Schedule this search</summary>
  <form method="post" action="/schedules">
    ${csrfField(csrf)}<input type="hidden" name="searchId" value="${searchId}">
    <p class="field"><label for="name">Name <small class="inline">small letters, digits and hyphens</small></label><input id="name" name="name" required pattern="[a-z0-9\\-]{1,40}" maxlength="40" value="${name}" autocomplete="off"></p>
    <p class="field"><label for="every">How often</label><select id="every" name="every">${options(INTERVALS, every)}</select></p>
    <button class="main">Schedule</button>
    <p class="small">The first run starts at once and remembers the products. Each later run marks what is new, cheaper, dearer or gone.</p>
  </form>
</details>`;
}

/** The query, and the country where it is not the United States: the same search on two sites gets two names. */
export function nameFrom(request: NormalRequest): string {
  const [site] = request.marketplaces;
  const words = searchTitle(request)
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-');
  const name = words.slice(0, 37).replace(/^-+|-+$/g, '') || 'my-search';
  const country = site === undefined || site === 'EBAY_US' ? '' : site.replace('EBAY_', '-').toLowerCase();
  return name + country;
}

interface NameTaken {
  searchId: string;
  request: NormalRequest;
  name: string;
  every: string;
  schedules: readonly ScheduleReport[];
  csrf: string | null;
}

/** The schedule's name belongs to another one: it is replaced only by a button that says so. */
export function nameTakenView({ searchId, request, name, every, schedules, csrf }: NameTaken): Html {
  const present = schedules.find((each) => each.name === name);
  const taken = new Set(schedules.map((each) => each.name));
  let free = name;
  for (let number = 2; taken.has(free); number++) free = `${name.slice(0, 36)}-${number}`;
  const hidden = Object.entries({ searchId, name, every, replace: '1' }).map(
    ([field, value]) => html`<input type="hidden" name="${field}" value="${value}">`,
  );
  return html`<h1>Another schedule has the name ${name}</h1>
${present && html`<p id="present">It searches ${searchTitle(present.request)} (${present.request.marketplaces.join(', ')}), ${present.when}. Choose another name, or replace it.</p>`}
${scheduleForm(searchId, request, csrf, { name: free, every, open: true })}
<form method="post" action="/schedules" class="replace">${csrfField(csrf)}${hidden}<button>Replace ${name}</button></form>`;
}
