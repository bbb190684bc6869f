import type { EventType } from '../../../events/event.ts';
import type { News, NewsEntry } from '../../../events/news.ts';
import { comparePlaces, isPlace } from '../../../events/news.ts';
import { listingNamed } from '../../../product/itemReference.ts';

/** Kinds of news as people choose them, with the events of each. */
export const KINDS = {
  new: { text: 'New listings', types: ['product.new'] },
  cheaper: { text: 'Cheaper', types: ['product.price-dropped', 'watchlist.price-dropped'] },
  dearer: { text: 'Dearer', types: ['product.price-rose', 'watchlist.price-rose'] },
  gone: { text: 'Gone or ended', types: ['product.gone', 'watchlist.ended'] },
  stock: {
    text: 'Stock',
    types: ['watchlist.out-of-stock', 'watchlist.returned', 'watchlist.quantity-changed'],
  },
  later: { text: 'Arrives later', types: ['watchlist.delivery-later'] },
  failed: { text: 'Failed looks', types: ['search.failed'] },
} as const satisfies Record<string, { text: string; types: readonly EventType[] }>;
export type NewsKind = keyof typeof KINDS;

/** What news are about: `track:hubs`, `watchlist:cables`, and of a run that failed `schedule:hubs`. */
export function sourceOf(event: News): string {
  if (event.type === 'search.failed') return `schedule:${event.schedule}`;
  return 'watchlist' in event ? `watchlist:${event.watchlist}` : `track:${event.track}`;
}

/** Which news are shown; all of it is in the page's address. */
export interface NewsFilter {
  /** As of `sourceOf`; empty: all. */
  of: string;
  /** Empty: all. */
  kind: NewsKind | '';
  unread: boolean;
  /** In the title, the number of the listing, or the person's own columns; empty: all. */
  text: string;
}

/** A part of the news: older than a place, or newer. */
export interface NewsPlace {
  before: string | undefined;
  after: string | undefined;
}

const LONGEST_TEXT = 100;
const SOURCE = /^(track|watchlist|schedule):[a-z0-9-]{1,60}$/;

/** What cannot be read is no filter. */
export function filterFrom(query: Readonly<Record<string, string | undefined>>): NewsFilter & NewsPlace {
  const { of = '', kind = '', unread, text = '', before, after } = query;
  // Nothing is older than the first place of all, and Redis takes no range that ends before it.
  const isBefore = isPlace(before) && comparePlaces(before, '0-0') > 0;
  return {
    of: SOURCE.test(of) ? of : '',
    kind: Object.hasOwn(KINDS, kind) ? (kind as NewsKind) : '',
    unread: unread === '1',
    text: text.trim().slice(0, LONGEST_TEXT),
    before: isBefore ? before : undefined,
    after: isPlace(after) && !isBefore ? after : undefined,
  };
}

export function newsAddress(
  { of, kind, unread, text, before, after }: Partial<NewsFilter & NewsPlace>,
  path = '/news',
): string {
  const query = new URLSearchParams({
    ...(of && { of }),
    ...(kind && { kind }),
    ...(unread && { unread: '1' }),
    ...(text && { text }),
    ...(before && { before }),
    ...(after && { after }),
  });
  return query.size === 0 ? path : `${path}?${query}`;
}

export function isFiltered({ of, kind, unread, text }: NewsFilter): boolean {
  return of !== '' || kind !== '' || unread || text !== '';
}

/** Whether news fit a filter. @param title of the listing; undefined: it is not known @param readUntil undefined: nothing was read */
export function fits(
  { place, event }: NewsEntry,
  { of, kind, unread, text }: NewsFilter,
  { title, readUntil }: { title: string | undefined; readUntil: string | undefined },
): boolean {
  if (of !== '' && sourceOf(event) !== of) return false;
  if (kind !== '' && !(KINDS[kind].types as readonly string[]).includes(event.type)) return false;
  if (unread && !isUnread(place, readUntil)) return false;
  if (text === '') return true;
  const columns = 'columns' in event ? Object.values(event.columns) : [];
  const name = 'product' in event ? listingNamed(event.product.itemId) : (event.query ?? '');
  const all = [title ?? '', name, ...columns].join('\n').toLowerCase();
  return text
    .toLowerCase()
    .split(/\s+/)
    .every((word) => all.includes(word));
}

export function isUnread(place: string, readUntil: string | undefined): boolean {
  return readUntil === undefined || comparePlaces(place, readUntil) > 0;
}
