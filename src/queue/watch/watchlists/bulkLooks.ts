import { nameOf } from '../../../product/itemReference.ts';
import type { WantedItem } from '../../../results/searchStore.ts';
import type { QueueContext } from '../../search/context.ts';
import type { SearchRun } from '../../search/plan.ts';
import { readWatched } from './compare.ts';
import { watchLookOf } from './lookIds.ts';
import { WatchStore } from './store.ts';

/** Items that eBay takes in one call. */
const MOST_ITEMS = 20;

type Look = Pick<QueueContext, 'bulk' | 'redis' | 'searches' | 'tenant'>;

/**
 * The watchlist that a search looks at item by item, where several items may share a call; else undefined. Such a search has one
 * call under way at a time: the next one begins where its answers end. What a search for listings did not show is likely to be
 * gone, and eBay refuses a call for several items that has one of those. Without a place of delivery the answer has no
 * shipping costs.
 */
export async function sharedLook(
  { bulk, redis, searches, tenant }: Look,
  { search, request }: Pick<SearchRun, 'search' | 'request'>,
): Promise<{ list: string; store: WatchStore } | undefined> {
  if (bulk === undefined || bulk.restsUntil > Date.now() || request.shipTo === undefined) return undefined;
  const id = watchLookOf(search.searchId);
  if (id === undefined) return undefined;
  const store = new WatchStore(redis, searches.opts.prefix as string, tenant);
  const { look } = (await store.look(id.list, id.group)) ?? {};
  // After a search that eBay refused, the answers must name the sellers, who may have another name now.
  const isByItem = look?.kind === 'items' && look.sellers.length === 0;
  return isByItem ? { list: id.list, store } : undefined;
}

/**
 * What one call may ask for: the first of these and those after it that have no answer yet, as item ids by their references. Of each
 * it is known that it is there and has no variations. Empty where the first one needs a call of its own.
 */
export async function itemsInOneCall(
  context: Look & Pick<QueueContext, 'store'>,
  run: Pick<SearchRun, 'search' | 'request'>,
  items: readonly WantedItem[],
): Promise<Map<string, string>> {
  const asked = new Map<string, string>();
  const shared = await sharedLook(context, run);
  if (shared === undefined) return asked;
  const answered = await context.store.storedItems(run.search);
  const open = items.filter(({ itemId }) => !answered.has(itemId));
  const seen = await shared.store.seen(
    shared.list,
    open.map(({ itemId }) => nameOf(itemId)),
  );
  for (const [index, { itemId: reference }] of open.entries()) {
    const watched = readWatched(seen[index]);
    const itemId = watched?.known?.itemId ?? '';
    const isCertain = watched?.state !== 'ended' && itemId.endsWith('|0') && !reference.startsWith('group:');
    if (isCertain && asked.size < MOST_ITEMS) asked.set(reference, itemId);
    else if (index === 0) return asked;
  }
  return asked;
}
