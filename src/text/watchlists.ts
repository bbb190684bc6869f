import { csvCell } from '../product/csv.ts';
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

/** What the service knows of a listing, as columns of a CSV. */
const COLUMNS = {
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
} as const satisfies Record<string, (entry: WatchedEntry) => string | number | null | undefined>;

const AMOUNTS: ReadonlySet<string> = new Set(['price', 'shippingCost']);

/**
 * Listings as CSV (RFC 4180): what was last seen, then the caller's own columns. An own column whose name is also one of ours
 * is called `NAME (own)`.
 */
export function watchedCsv(entries: readonly WatchedEntry[]): string {
  const own = [...new Set(entries.flatMap(({ columns }) => Object.keys(columns)))];
  const header = [...Object.keys(COLUMNS), ...own.map((name) => (name in COLUMNS ? `${name} (own)` : name))];
  const lines = entries.map((entry) => [
    ...Object.entries(COLUMNS).map(([name, cell]) => csvCell(cell(entry), undefined, AMOUNTS.has(name))),
    ...own.map((name) => csvCell(entry.columns[name])),
  ]);
  return [header.map((name) => csvCell(name)), ...lines].map((cells) => `${cells.join(',')}\r\n`).join('');
}
