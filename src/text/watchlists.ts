import { csvCell } from '../product/csv.ts';
import { WATCHED_COLUMNS } from '../product/watchlistSchema.ts';
import type { WatchedEntry, WatchedPage, WatchState } from '../queue/watch/watchlists/watchlists.ts';

export const STATE_TEXT: Readonly<Record<WatchState, string>> = {
  waiting: 'not looked at yet',
  'in-stock': 'in stock',
  'out-of-stock': 'out of stock',
  ended: 'ended',
};

/** Listings of a page while a whole list is read. */
const PAGE = 1000;

/** All listings of a list, page by page. */
export async function* allEntries(
  read: (page: { after: string | undefined; limit: number }) => Promise<WatchedPage>,
): AsyncGenerator<WatchedEntry[], void, undefined> {
  let after: string | undefined;
  do {
    const { entries, next } = await read({ after, limit: PAGE });
    yield entries;
    after = next ?? undefined;
  } while (after !== undefined);
}

/** What stands in each column. */
const CELLS: Record<
  (typeof WATCHED_COLUMNS)[number],
  (entry: WatchedEntry) => string | number | null | undefined
> = {
  item: ({ item }) => item,
  state: ({ state }) => state,
  itemId: ({ itemId }) => itemId,
  price: ({ price }) => price?.value,
  priceCurrency: ({ price }) => price?.currency,
  shippingCost: ({ shipping }) => shipping?.value,
  shippingCurrency: ({ shipping }) => shipping?.currency,
  quantity: ({ quantity }) => quantity,
  quantityMoreThan: ({ quantityMoreThan }) => quantityMoreThan,
  lastSeen: ({ lastSeen }) => lastSeen,
  nextCheck: ({ nextCheck }) => nextCheck,
};

const AMOUNTS: ReadonlySet<string> = new Set(['price', 'shippingCost']);

/** Listings as CSV (RFC 4180), which an import takes again: it reads the listings and the caller's own columns of it. */
export function watchedCsv(entries: readonly WatchedEntry[]): string {
  const own = [...new Set(entries.flatMap(({ columns }) => Object.keys(columns)))];
  const lines = entries.map((entry) => [
    ...WATCHED_COLUMNS.map((name) => csvCell(CELLS[name](entry), undefined, AMOUNTS.has(name))),
    // A column may be called as a member that every object has.
    ...own.map((name) => (Object.hasOwn(entry.columns, name) ? csvCell(entry.columns[name]) : '')),
  ]);
  const header = [...WATCHED_COLUMNS, ...own].map((name) => csvCell(name));
  return [header, ...lines].map((cells) => `${cells.join(',')}\r\n`).join('');
}
