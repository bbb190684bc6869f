import { Failure } from '../../../failures.ts';
import { type Watchlist, WatchlistSchema } from '../../../product/watchlistSchema.ts';
import {
  type ImportOptions,
  type ImportReport,
  type ImportSource,
  optionsIn,
  type WatchlistReport,
  type Watchlists,
} from './watchlists.ts';

/** The name of a list and those of its options that are to change; null takes an option back to its default. */
export type WatchlistChanges = Pick<Watchlist, 'name'> & {
  [Option in Exclude<keyof Watchlist, 'name'>]?: Watchlist[Option] | null | undefined;
};

/**
 * Makes a list, or changes the options that are named; the others stay.
 * @param options.seen as of `put`
 * @throws Failure `invalid_request`; `changed_meanwhile`; `watchlist_not_found` where there is none, `mustExist` and nothing
 * was seen
 */
export async function upsertList(
  lists: Watchlists,
  changes: WatchlistChanges,
  { mustExist = false, seen }: { mustExist?: boolean; seen?: string | undefined } = {},
): Promise<WatchlistReport> {
  // Of one that is gone `put` says that it has changed since it was seen.
  return lists.put(await changedList(lists, changes, mustExist && seen === undefined), { seen });
}

async function changedList(
  lists: Watchlists,
  changes: WatchlistChanges,
  mustExist: boolean,
): Promise<Watchlist> {
  const present = await lists.get(changes.name).catch((error) => {
    if (!mustExist && error instanceof Failure && error.code === 'watchlist_not_found') return undefined;
    throw error;
  });
  const named = Object.entries(changes).filter(([, value]) => value !== undefined);
  const all = { ...(present && optionsIn(present)), ...Object.fromEntries(named) };
  // An unknown option is refused with null too.
  const isReset = ([option, value]: [string, unknown]) =>
    value === null && Object.hasOwn(WatchlistSchema.properties, option);
  return Object.fromEntries(Object.entries(all).filter((each) => !isReset(each))) as Watchlist;
}

/**
 * Imports listings into a list that is made, or changed, with these options. Where a listing or an option is wrong nothing
 * is stored.
 * @throws Failure `invalid_request`
 */
export async function importWith(
  lists: Watchlists,
  changes: WatchlistChanges,
  source: ImportSource,
  options: ImportOptions,
): Promise<ImportReport> {
  const { name, ...others } = changes;
  if (Object.values(others).every((value) => value === undefined)) return lists.import(name, source, options);
  const tried = await lists.import(name, source, { ...options, dryRun: true });
  if (options.dryRun) {
    lists.check(await changedList(lists, changes, false));
    return tried;
  }
  await upsertList(lists, changes);
  return lists.import(name, source, options);
}
