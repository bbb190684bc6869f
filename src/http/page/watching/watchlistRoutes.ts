import { Failure } from '../../../failures.ts';
import { MAX_WATCHED, type Watchlist } from '../../../product/watchlistSchema.ts';
import type { SearchProducer } from '../../../queue/producer.ts';
import { versionOf } from '../../../queue/schedules/definition.ts';
import { importWith } from '../../../queue/watch/watchlists/upsert.ts';
import {
  type ImportOptions,
  optionsIn,
  type WatchedEntry,
} from '../../../queue/watch/watchlists/watchlists.ts';
import { numberText } from '../../../text/values.ts';
import { allEntries, watchedCsv } from '../../../text/watchlists.ts';
import type { FormValues } from '../../auth/login.ts';
import { html } from '../html.ts';
import { mistakesIn } from '../search/searchForm.ts';
import type { Page, Visit } from '../visit.ts';
import { type Cost, costOf, costView } from './cost.ts';
import { areTooMany, lineErrors, type Pasted, pastedListings } from './pastedListings.ts';
import { watchMistakes } from './scheduleEdit.ts';
import { freeName } from './watchedItems.ts';
import { type Imported, listFromForm, listValues, listView, newListView } from './watchlistForm.ts';

type Values = Partial<FormValues>;

/** Of a form with 20,000 addresses, bytes. */
const LISTINGS_LIMIT = 8 * 1024 * 1024;
/** Listings that are shown at once. */
const SHOWN = 100;

export function watchlistRoutes(page: Page): void {
  const { route, send } = page;
  const large = { bodyLimit: LISTINGS_LIMIT };

  route('GET', '/watching/new-list', 'schedule', (visit) => showNew(page, visit));
  route('POST', '/watching/lists', 'schedule', (visit) => make(page, visit), large);

  route('POST', '/watching/lists/cost', 'read', async ({ reply, producer, form }) =>
    send(reply, html`${costView(await costFor(producer, listFromForm(form), Number(form.count)))}`),
  );

  route('GET', '/watching/lists/:name', 'read', (visit) => showOne(page, visit));
  route('POST', '/watching/lists/:name', 'schedule', (visit) => change(page, visit));
  route('POST', '/watching/lists/:name/listings', 'schedule', (visit) => changeListings(page, visit), large);

  route(
    'GET',
    '/watching/lists/:name/listings.csv',
    'read',
    async ({ reply, producer, params: { name } }) => {
      const entries: WatchedEntry[] = [];
      for await (const part of allEntries((options) => producer.watchlists.entries(name, options)))
        entries.push(...part);
      return reply
        .type('text/csv; charset=utf-8; header=present')
        .header('content-disposition', `attachment; filename="${name}.csv"`)
        .send(watchedCsv(entries));
    },
  );

  for (const action of ['pause', 'resume', 'remove'] as const)
    route('POST', `/watching/lists/:name/${action}`, 'schedule', async ({ producer, params: { name } }) => {
      await producer.watchlists[action](name);
      return action === 'remove' ? '/watching' : placeOf(name);
    });
}

function placeOf(name: string): string {
  return `/watching#watchlist-${encodeURIComponent(name)}`;
}

/** Undefined where something is wrong: the form says what when it is sent. */
async function costFor(
  producer: SearchProducer,
  list: Watchlist,
  listings: number,
): Promise<Cost | undefined> {
  if (!(listings > 0)) return undefined;
  const name = list.name === '' ? 'not-made-yet' : list.name;
  try {
    return costOf(await producer.plan({ add: { ...list, name, listings } }));
  } catch (error) {
    watchMistakes(error, {});
    return undefined;
  }
}

interface Filled {
  /** All that is in the form: a box that is not checked is not in it. */
  values?: Values;
  mistakes?: ReturnType<typeof watchMistakes>;
  imported?: Imported | undefined;
  /** Listings that the cost is about. */
  count?: number;
  isMeanwhile?: boolean;
  status?: number;
}

async function showNew({ show, marketplace }: Page, visit: Visit, filled: Filled = {}) {
  const { producer, csrf, reply } = visit;
  const { mistakes = [], imported, count = 0 } = filled;
  const names = (await producer.watchlists.list()).map(({ name }) => name);
  const values = filled.values ?? { name: freeName('my-listings', names, 60) };
  const cost = await costFor(producer, listFromForm(values), count);
  const content = newListView({ sent: { values, mistakes }, imported, cost, csrf, marketplace });
  return show(
    { ...visit, reply: reply.code(filled.status ?? 200) },
    { title: 'Watch listings', content, scripts: ['watching'] },
  );
}

/** Makes a list of what was pasted, or says line by line what is wrong with it. */
async function make(page: Page, visit: Visit) {
  const { producer, form } = visit;
  const again = (filled: Filled) => showNew(page, visit, { values: form, ...filled });
  const list = listFromForm(form);
  const pasted = pastedListings(form.listings ?? '');
  const wanted = { skipWrong: form.skipWrong === '1' };
  try {
    producer.watchlists.check(list);
  } catch (error) {
    return again({ mistakes: listMistakes(error, form), status: 400 });
  }
  const lists = await producer.watchlists.list();
  if (lists.some(({ name }) => name === list.name)) {
    const free = freeName(
      list.name,
      lists.map(({ name }) => name),
      60,
    );
    const message = `this name is taken: ${free} is free`;
    return again({ mistakes: [{ field: 'name', message }], status: 409 });
  }
  const tried = await importing(producer, list.name, pasted, { ...wanted, dryRun: true });
  if (tried.done === undefined) return again({ imported: tried, status: 400 });
  if (tried.done.entries === 0)
    return again({ mistakes: [{ field: 'listings', message: 'name at least one listing' }], status: 400 });
  if (form.preview === '1') return again({ count: tried.done.entries });
  await importWith(producer.watchlists, list, pasted.source, wanted);
  return placeOf(list.name);
}

/** What an import did, or would do, or what is wrong with it. */
async function importing(
  { watchlists }: SearchProducer,
  name: string,
  pasted: Pasted,
  options: ImportOptions,
): Promise<Imported> {
  if (areTooMany(pasted)) return { errors: [`Paste at most ${numberText(MAX_WATCHED)} listings at once`] };
  try {
    return { errors: [], done: await watchlists.import(name, pasted.source, options) };
  } catch (error) {
    if (!(error instanceof Failure) || error.code !== 'invalid_request') throw error;
    const errors = lineErrors(error.detail.errors ?? [], pasted);
    const rest = await watchlists
      .import(name, pasted.source, { ...options, skipWrong: true, dryRun: true })
      .catch(() => undefined);
    return { errors, ...(rest && { right: rest.added + rest.changed + rest.unchanged + rest.removed }) };
  }
}

function listMistakes(error: unknown, form: Visit['form']): ReturnType<typeof watchMistakes> {
  if (!(error instanceof Failure) || error.code !== 'invalid_request') throw error;
  return (error.detail.errors ?? []).flatMap((each) => {
    const { path, message } = each;
    // Where it is sent is asked for as in the form of a search.
    if (path.startsWith('shipTo.'))
      return mistakesIn(new Failure('invalid_request', 'the place is wrong', { errors: [each] }), form);
    return [
      {
        field: path,
        message: path === 'name' ? 'use 1 to 60 small letters, digits and hyphens' : message,
      },
    ];
  });
}

async function showOne({ show }: Page, visit: Visit, filled: Filled = {}) {
  const { producer, csrf, reply, params, query, may } = visit;
  const { name } = params;
  const [list, alerts, entries, now] = await Promise.all([
    producer.watchlists.get(name),
    producer.alerts.list(),
    producer.watchlists.entries(name, { after: query.after, limit: SHOWN }),
    producer.now(),
  ]);
  const values = filled.values ?? listValues(list);
  const cost = await costFor(producer, { ...listFromForm(values), name }, list.entries);
  const content = listView({
    ...{ list, entries, cost, csrf, now },
    isFirst: !query.after,
    alerts: alerts.filter(({ watchlist }) => watchlist === name),
    sent: { values, mistakes: filled.mistakes ?? [] },
    imported: filled.imported,
    seen: versionOf(optionsIn(list)),
    isMeanwhile: filled.isMeanwhile === true,
    mayChange: may('schedule'),
  });
  return show(
    { ...visit, reply: reply.code(filled.status ?? 200) },
    { title: name, content, scripts: ['watching'] },
  );
}

/** Changes the options of a list, unless somebody else was faster. What the form has no field for stays. */
async function change(page: Page, visit: Visit) {
  const { producer, form, params } = visit;
  const present = optionsIn(await producer.watchlists.get(params.name));
  const { shipTo: _, ...kept } = present;
  const wanted = { ...kept, ...listFromForm(form), name: params.name };
  try {
    await producer.watchlists.put(wanted, { seen: form.seen ?? '' });
  } catch (error) {
    if (error instanceof Failure && error.code === 'changed_meanwhile')
      return showOne(page, visit, { values: form, isMeanwhile: true, status: 409 });
    return showOne(page, visit, { values: form, mistakes: listMistakes(error, form), status: 400 });
  }
  return `/watching/lists/${encodeURIComponent(params.name)}`;
}

/** Adds listings to a list, or removes them. */
async function changeListings(page: Page, visit: Visit) {
  const { producer, form, params } = visit;
  const list = await producer.watchlists.get(params.name);
  const pasted = pastedListings(form.listings ?? '');
  const mode = form.mode === 'remove' ? 'remove' : 'add';
  const imported = await importing(producer, params.name, pasted, {
    mode,
    skipWrong: form.skipWrong === '1',
  });
  const isDone = imported.done !== undefined;
  return showOne(page, visit, {
    ...(!isDone && { values: { ...listValues(list), listings: form.listings ?? '' } }),
    imported,
    status: isDone ? 200 : 400,
  });
}
