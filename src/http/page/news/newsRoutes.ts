import { comparePlaces, isPlace, type NewsEntry, placesKept, readNews } from '../../../events/news.ts';
import { isTimeZone } from '../../../queue/schedules/cron.ts';
import { type ListingsOfEvents, listingsOfEvents } from '../../listingsOfEvents.ts';
import { problem } from '../../problem.ts';
import type { Page, Visit } from '../visit.ts';
import { filterFrom, fits, type NewsFilter, newsAddress, sourceOf } from './newsFilter.ts';
import { freshView, newsBrief, newsView } from './newsView.ts';
import { unreadOf } from './unread.ts';

/** News on one page. */
const PER_PAGE = 60;
/** Events that are looked at for one page: each is about 500 bytes. */
const AMONG = 5000;
/** News that came meanwhile are counted up to this. */
const MOST_FRESH = 100;
/** Searches whose listings are read for one page, so that a text is looked for within seconds. */
const MOST_SEARCHES = 200;
/** On the start page. */
const NEWEST = 3;

export function newsRoutes(page: Page): void {
  const { redis, prefix, route, send, show, eventLimits } = page;

  route('GET', '/news', 'read', async (visit) => {
    const { producer, personal, query, csrf, caller, reply } = visit;
    const filter = filterFrom(query);
    const stream = { prefix, tenant: caller.tenant };
    const [readUntil, unread, places, now, schedules, watchlists] = await Promise.all([
      personal.newsReadUntil(),
      unreadOf(page, caller),
      placesKept(redis, stream),
      producer.now(),
      producer.schedule.list(),
      producer.watchlists.list(),
    ]);
    const titles = titlesFor(visit, filter, readUntil);
    const { before, after } = filter;
    const range = { before, after, count: PER_PAGE, among: AMONG, choose: titles.choose };
    const { entries, next } = await readNews(redis, stream, range);
    const [first, last] = [entries[0]?.place ?? before, entries.at(-1)?.place ?? after];
    const known = await titles.of(entries);
    const sources = new Set([
      ...schedules.flatMap(({ request }) => (request.track === undefined ? [] : `track:${request.track}`)),
      ...watchlists.map(({ name }) => `watchlist:${name}`),
      ...entries.map(({ event }) => sourceOf(event)),
      ...(filter.of === '' ? [] : [filter.of]),
    ]);
    const isFirst = before === undefined && after === undefined;
    const shown = {
      ...{ filter, entries, readUntil, unread, csrf, now, ...known },
      // Towards newer ones the range ends where there is nothing further.
      older: after === undefined ? next : last,
      newer: isFirst || (after !== undefined && next === undefined) ? undefined : first,
      newest: places?.newest,
      isGap: readUntil !== undefined && places !== undefined && comparePlaces(readUntil, places.oldest) < 0,
      sources: [...sources].sort(),
      limits: eventLimits,
      zone: zoneFrom(reply.request.cookies.zone),
    };
    return show(visit, { title: 'News', content: newsView(shown), scripts: ['news'] });
  });

  /** How many of the news that the page shows came after it was made. */
  route('GET', '/news/status', 'read', async (visit) => {
    const { reply, personal, query, caller } = visit;
    const filter = filterFrom(query);
    const readUntil = filter.unread ? await personal.newsReadUntil() : undefined;
    const { choose } = titlesFor(visit, filter, readUntil);
    const range = { after: filter.after, count: MOST_FRESH, among: AMONG, choose };
    const { entries } = await readNews(redis, { prefix, tenant: caller.tenant }, range);
    return send(reply, freshView({ ...filter, after: undefined } as NewsFilter, entries.length, MOST_FRESH));
  });

  route('POST', '/news/read', 'read', async ({ personal, form }) => {
    const { until, back = '' } = form;
    if (!isPlace(until)) throw problem(400, 'invalid_form', 'until must name an event: load the page again');
    await personal.setNewsReadUntil(until);
    const [, query = ''] = back.split('?');
    return newsAddress(filterFrom(Object.fromEntries(new URLSearchParams(query))));
  });
}

/** Reads the listings of news once, whether they are looked for by a text or shown, of at most so many searches. */
function titlesFor({ producer }: Visit, filter: NewsFilter, readUntil: string | undefined) {
  let known: ListingsOfEvents = { listings: new Map(), kept: new Set() };
  const asked = new Set<string>();
  const searches = new Set<string>();
  const of = async (entries: readonly NewsEntry[]) => {
    const missing = entries.flatMap(({ event }) => {
      const isBeyond = searches.size >= MOST_SEARCHES && !searches.has(event.searchId);
      return asked.has(event.id) || isBeyond ? [] : [event];
    });
    for (const { id, searchId } of missing) {
      asked.add(id);
      searches.add(searchId);
    }
    const read = await listingsOfEvents(producer, missing);
    known = {
      listings: new Map([...known.listings, ...read.listings]),
      kept: new Set([...known.kept, ...read.kept]),
    };
    return known;
  };
  const choose = async (entries: NewsEntry[]) => {
    const title = ({ event }: NewsEntry) => known.listings.get(event.id)?.title;
    const pass = (entry: NewsEntry, asked: NewsFilter) =>
      fits(entry, asked, { title: title(entry), readUntil });
    const own = entries.filter((entry) => pass(entry, { ...filter, text: '' }));
    if (filter.text === '') return own;
    await of(own);
    return own.filter((entry) => pass(entry, filter));
  };
  return { of, choose };
}

/** The newest few for the start page. */
export async function newestNews(page: Page, { producer, personal, caller }: Visit) {
  const { redis, prefix } = page;
  const range = { count: NEWEST, among: AMONG / 5, choose: (entries: NewsEntry[]) => entries };
  const [{ entries }, unread, readUntil] = await Promise.all([
    readNews(redis, { prefix, tenant: caller.tenant }, range),
    unreadOf(page, caller),
    personal.newsReadUntil(),
  ]);
  const { listings } = await listingsOfEvents(
    producer,
    entries.map(({ event }) => event),
  );
  return newsBrief({ entries, unread, readUntil, listings });
}

/** Set by the page's script to the reader's own. */
function zoneFrom(cookie: string | undefined): string {
  return cookie !== undefined && cookie.length <= 60 && isTimeZone(cookie) ? cookie : 'UTC';
}
