import { Failure } from '../../../failures.ts';
import type { Alert } from '../../../product/alertSchema.ts';
import { parseSearchRequest } from '../../../product/parseRequest.ts';
import type { NormalRequest } from '../../../product/requestSchema.ts';
import type { Schedule } from '../../../product/scheduleSchema.ts';
import { trackFingerprint } from '../../../product/track.ts';
import type { SearchProducer } from '../../../queue/producer.ts';
import { definitionIn, versionOf } from '../../../queue/schedules/definition.ts';
import type { FormValues } from '../../auth/login.ts';
import { notFound } from '../../problem.ts';
import { html } from '../html.ts';
import { type Mistake, mistakesIn, valuesFrom } from '../search/searchForm.ts';
import { integerFrom } from '../search/typed.ts';
import type { Page, Visit } from '../visit.ts';
import { type Cost, costOf, costView } from './cost.ts';
import { planView } from './planView.ts';
import {
  alertFromForm,
  changedSchedule,
  scheduleFromForm,
  watchedRequest,
  watchMistakes,
} from './scheduleEdit.ts';
import {
  type EditPage,
  nameFrom,
  newAddress,
  newScheduleView,
  newValues,
  scheduleView,
} from './scheduleForm.ts';
import { timingFrom, timingValues, USUAL } from './timing.ts';
import { freeName } from './watchedItems.ts';
import { scheduleLive } from './watchingView.ts';

type Values = Partial<FormValues>;

export function scheduleRoutes(page: Page): void {
  const { route, send, show } = page;

  route('GET', '/plan', 'read', async (visit) => {
    const { producer, query, reply } = visit;
    const calls = (query.calls ?? '').trim();
    let mistake: string | undefined;
    const wanted = calls === '' ? undefined : Number(integerFrom(calls));
    const report = await producer.plan({ calls: wanted }).catch((error) => {
      mistakesIn(error);
      mistake = 'Enter a whole number from 1 to 1,000,000.';
      return producer.plan();
    });
    const content = planView({ report, calls, mistake, now: await producer.now() });
    return show(
      { ...visit, reply: mistake === undefined ? reply : reply.code(400) },
      { title: 'Plan', content },
    );
  });

  route('GET', '/watching/new', 'schedule', (visit) =>
    showNew(page, visit, visit.query.search ?? '', {
      values: newValues(visit.query),
      mistakes: [],
    }),
  );
  route('POST', '/watching/schedules', 'schedule', (visit) => add(page, visit));

  route('POST', '/watching/cost', 'read', async (visit) => {
    const { reply, producer, form } = visit;
    const { cost, mistakes } = await costFor(producer, await scheduleIn(page, visit), form);
    return send(reply, html`${costView(cost) ?? mistakes[0]?.message}`);
  });

  route('GET', '/watching/schedules/:name', 'read', (visit) => showOne(page, visit));
  route('POST', '/watching/schedules/:name', 'schedule', (visit) => change(page, visit));
  route('GET', '/watching/schedules/:name/status', 'read', async ({ reply, producer, params: { name } }) =>
    send(reply, scheduleLive(await producer.schedule.get(name), await producer.now())),
  );

  const methods = { pause: 'pause', resume: 'resume', remove: 'remove', run: 'runNow' } as const;
  for (const [action, method] of Object.entries(methods))
    route(
      'POST',
      `/watching/schedules/:name/${action}`,
      'schedule',
      async ({ producer, params: { name } }) => {
        await producer.schedule[method](name);
        return action === 'remove' ? '/watching' : placeOf(name);
      },
    );
}

function placeOf(name: string): string {
  return `/watching#schedule-${encodeURIComponent(name)}`;
}

/** The schedule that a form is about, whichever of the two it is; for the cost it needs no name. */
async function scheduleIn({ marketplace }: Page, { producer, form }: Visit): Promise<Schedule> {
  if (form.schedule !== undefined)
    return changedSchedule(definitionIn(await producer.schedule.get(form.schedule)), form, marketplace);
  const searched = await searchedFor(producer, form.searchId);
  return { name: 'not-made-yet', ...timingFrom(form), request: watchedRequest(searched, 'not-made-yet') };
}

async function searchedFor(producer: SearchProducer, searchId = ''): Promise<NormalRequest> {
  const searched = await producer.request(searchId);
  if (searched === undefined) throw notFound();
  return searched;
}

/** What a schedule would cost, and what is wrong with it. */
async function costFor(
  producer: SearchProducer,
  schedule: Schedule,
  form: Values,
): Promise<{ cost: Cost | undefined; mistakes: Mistake[] }> {
  try {
    return { cost: costOf(await producer.plan({ add: schedule })), mistakes: [] };
  } catch (error) {
    return { cost: undefined, mistakes: watchMistakes(error, form) };
  }
}

/** The form for a search, with a name that is free. */
async function showNew(
  { show }: Page,
  visit: Visit,
  searchId: string,
  sent: { values: Values; mistakes: readonly Mistake[] },
  { taken, status = 200 }: { taken?: string; status?: number } = {},
) {
  const { producer, csrf, reply } = visit;
  const [request, search, schedules, channels] = await Promise.all([
    searchedFor(producer, searchId),
    producer.get(searchId),
    producer.schedule.list(),
    producer.channels.list(),
  ]);
  const found = search.summary?.counts.products ?? 0;
  const name = freeName(
    taken ?? nameFrom(request),
    schedules.map((each) => each.name),
  );
  // Where nothing is there yet, the first one that appears is what is waited for.
  const usual = { ...USUAL, name, ...(found === 0 && { alertNew: '1' }) };
  const values = Object.keys(sent.values).length === 0 ? usual : { ...sent.values, ...(taken && { name }) };
  const { cost } = await costFor(
    producer,
    { name: 'not-made-yet', ...timingFrom(values), request: watchedRequest(request, 'not-made-yet') },
    values,
  );
  const content = newScheduleView({
    ...{ searchId, request, found, cost, csrf },
    taken: schedules.find((each) => each.name === taken),
    sent: { values, mistakes: sent.mistakes },
    channels: channels.map((each) => each.name),
  });
  return show(
    { ...visit, reply: reply.code(status) },
    { title: 'Watch this search', content, scripts: ['watching'] },
  );
}

/** Adds a schedule, and its alert where one is asked for. */
async function add(page: Page, visit: Visit) {
  const { producer, form } = visit;
  const { searchId = '' } = form;
  const again = (mistakes: readonly Mistake[], more: { taken?: string; status?: number }) =>
    showNew(page, visit, searchId, { values: form, mistakes }, more);
  if (form.preview === '1') return again([], {});
  if (form.addChannel === '1') return addChannelFor(producer, form);
  const searched = await searchedFor(producer, searchId);
  // The button that replaces the one which has the name says which content of it was seen.
  const isReplaced = form.replace !== undefined && form.taken !== undefined;
  const schedule = scheduleFromForm(isReplaced ? { ...form, name: form.taken } : form, searched);
  const { name } = schedule;
  const alerts = await producer.alerts.list();
  const alert = alertFromForm(
    form,
    name,
    freeName(
      name,
      alerts.map((each) => each.name),
      60,
    ),
  );
  const [{ mistakes }, ofAlert] = await Promise.all([
    costFor(producer, schedule, form),
    wrongWith(producer, alert, form),
  ]);
  if (mistakes.length + ofAlert.length > 0) return again([...mistakes, ...ofAlert], { status: 400 });
  const before = (await producer.schedule.list()).some((each) => each.name === name);
  try {
    await producer.schedule.add(schedule, {
      via: 'page',
      ...(isReplaced && { replace: true, seen: form.replace }),
    });
  } catch (error) {
    const isTaken = error instanceof Failure && ['schedule_exists', 'changed_meanwhile'].includes(error.code);
    if (!isTaken) throw error;
    return again([], { taken: name, status: 409 });
  }
  // The same form sent twice makes one alert.
  const isTold = before && alerts.some((each) => each.schedule === name);
  // By the clock alone the first look could be days away.
  if (schedule.cron !== undefined && (!before || isReplaced)) await producer.schedule.runNow(name);
  if (alert !== undefined && !isTold) await producer.alerts.put(alert);
  return placeOf(name);
}

/** The page that adds a channel, from which the form comes back as it was filled in. */
async function addChannelFor(producer: SearchProducer, form: Values): Promise<string> {
  const { searchId = '' } = form;
  const [search, channels] = await Promise.all([producer.get(searchId), producer.channels.list()]);
  // Without a channel the form could not offer the alert that it otherwise has chosen at first.
  const isWaitedFor = channels.length === 0 && (search.summary?.counts.products ?? 0) === 0;
  const back = newAddress(searchId, { ...form, ...(isWaitedFor && { alertNew: '1' }) });
  return `/alerts?${new URLSearchParams({ back })}#channels`;
}

async function wrongWith(
  producer: SearchProducer,
  alert: Alert | undefined,
  form: Values,
): Promise<Mistake[]> {
  if (alert === undefined) return [];
  try {
    producer.alerts.check(alert);
    return [];
  } catch (error) {
    return watchMistakes(error, form);
  }
}

interface Edited {
  values?: Values;
  mistakes?: readonly Mistake[];
  question?: EditPage['question'];
  status?: number;
}

/** One schedule: its looks, its alerts, and the form that changes it. */
async function showOne({ show, marketplace }: Page, visit: Visit, edited: Edited = {}) {
  const { producer, csrf, reply, params, may } = visit;
  const [schedule, alerts, schedules, now] = await Promise.all([
    producer.schedule.get(params.name),
    producer.alerts.list(),
    producer.schedule.list(),
    producer.now(),
  ]);
  const { name } = schedule;
  const before = definitionIn(schedule);
  const values = edited.values ?? { ...USUAL, ...valuesFrom(before.request), ...timingValues(before) };
  const { cost } = await costFor(producer, changedSchedule(before, values, marketplace), values);
  const content = scheduleView({
    ...{ schedule, marketplace, cost, csrf, now },
    alerts: alerts.filter(
      (each) => each.schedule === name || (each.track && each.track === before.request.track),
    ),
    sent: { values, mistakes: edited.mistakes ?? [] },
    channels: [],
    seen: versionOf(before),
    question: edited.question,
    freeName: freeName(
      `${name.slice(0, 38)}-2`,
      schedules.map((each) => each.name),
    ),
    mayChange: may('schedule') && schedule.source === 'code',
  });
  return show(
    { ...visit, reply: reply.code(edited.status ?? 200) },
    { title: name, content, scripts: ['watching'] },
  );
}

/** Saves what was changed, unless somebody else was faster, or it is another search and nobody has said so. */
async function change(page: Page, visit: Visit) {
  const { marketplace } = page;
  const { producer, form, params } = visit;
  const { name } = params;
  const again = (edited: Edited) => showOne(page, visit, { values: form, ...edited });
  const before = definitionIn(await producer.schedule.get(name));
  const wanted = changedSchedule(before, form, marketplace);
  const { mistakes } = await costFor(producer, wanted, form);
  if (mistakes.length > 0) return again({ mistakes, status: 400 });
  if (form.preview === '1') return again({});
  if (form.beside === '1') return addBeside(visit, wanted, again);
  if (form.seen !== versionOf(before)) return again({ question: 'changed-meanwhile', status: 409 });
  if (form.sure !== '1' && isAnother(before.request, wanted, marketplace))
    return again({ question: 'new-track', status: 409 });
  try {
    await producer.schedule.add(wanted, { replace: true, seen: form.seen, via: 'page' });
  } catch (error) {
    if (!(error instanceof Failure) || error.code !== 'changed_meanwhile') throw error;
    return again({ question: 'changed-meanwhile', status: 409 });
  }
  return placeOf(name);
}

/** Adds what was changed under another name; the one that it came from stays as it is. */
async function addBeside(
  { producer, form }: Visit,
  wanted: Schedule,
  again: (edited: Edited) => ReturnType<typeof showOne>,
) {
  const name = form.otherName?.trim() ?? '';
  const other = { ...wanted, name, request: { ...wanted.request, track: name } };
  const wrong = (message: string, status: number) =>
    again({ question: 'new-track', mistakes: [{ field: 'otherName', message }], status });
  const { mistakes } = await costFor(producer, other, form);
  if (mistakes[0] !== undefined) return wrong(mistakes[0].message, 400);
  try {
    await producer.schedule.add(other, { via: 'page' });
  } catch (error) {
    if (!(error instanceof Failure) || error.code !== 'schedule_exists') throw error;
    return wrong('this name is taken: choose another one', 409);
  }
  if (other.cron !== undefined) await producer.schedule.runNow(name);
  return placeOf(name);
}

/** Whether the results of the two cannot be compared, so that the track begins again. */
function isAnother(before: NormalRequest, { request }: Schedule, marketplace: string): boolean {
  const parsed = parseSearchRequest(request, { marketplace });
  return (
    before.track !== undefined &&
    (!parsed.ok ||
      parsed.request.track !== before.track ||
      trackFingerprint(parsed.request) !== trackFingerprint(before))
  );
}
