import type { ItemAnswer } from '../../../collector/answers.ts';
import type { PageCall } from '../../../collector/collector.ts';
import { asFailure } from '../../../failures.ts';
import { nameOf } from '../../../product/itemReference.ts';
import { answeredAt } from '../../../results/itemAnswers.ts';
import type { WantedItem } from '../../../results/searchStore.ts';
import type { QueueContext } from '../../search/context.ts';
import { itemsAfter, type SearchRun } from '../../search/plan.ts';
import { readWatched } from './compare.ts';
import { watchLookOf } from './lookIds.ts';
import { WatchStore } from './store.ts';

/** Items that eBay takes in one call. */
const MOST_ITEMS = 20;

/** For how long calls for several items are left out after eBay had too many of them, ms. It counts them apart from the others. */
const BULK_REST_MS = 3_600_000;
/** So many refusals in a row, about one item or another, are of the kind of call: a listing that has ended causes about ten. */
const MOST_REFUSALS = 20;
/** eBay's ids: one of several items is not there or not offered now (11001, 11004, 11008), or has variations (11005, 11006). */
const NOT_THERE = [11_001, 11_004, 11_005, 11_006, 11_008];

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
  if (bulk === undefined || bulk.restsUntil > performance.now() || request.shipTo === undefined)
    return undefined;
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
async function itemsInOneCall(
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

/**
 * One call for this item and those after it, whose answers are stored with the search. They are not shared with other searches:
 * such an answer says less. eBay refuses the call where it no longer has one of the items, and half of them are asked for then.
 * @returns the answer of this item; undefined where it needs a call of its own
 */
export async function collectTogether(
  context: QueueContext,
  run: SearchRun,
  wanted: readonly WantedItem[],
  item: WantedItem,
  call: Pick<PageCall, 'charge' | 'signal'>,
): Promise<ItemAnswer | undefined> {
  const { store, collector, metrics } = context;
  const { search, request } = run;
  let asked = await itemsInOneCall(context, run, [item, ...itemsAfter(wanted, item.itemId)]);
  const { marketplace } = item;
  while (asked.size > 1) {
    const itemIds = [...asked.values()];
    const about = { ...call, request, marketplace, class: request.priority, itemIds };
    const called = await collector
      .collectBulk(about)
      .catch((thrown) => refusedTogether(context, run, thrown));
    if (called === 'rests') return undefined;
    if (context.bulk !== undefined)
      context.bulk.refusals = called === 'refused' ? context.bulk.refusals + 1 : 0;
    if (called === 'refused') {
      asked = new Map([...asked].slice(0, Math.ceil(asked.size / 2)));
      continue;
    }
    const answers = new Map(
      [...asked].flatMap(([reference, itemId]) => {
        const answer = called.answers.get(itemId);
        return answer === undefined ? [] : [[reference, answer] as const];
      }),
    );
    if (answers.size === 0) restTogether(context, 'eBay answered about none of several items');
    metrics.collected(answers.size, {});
    const own = answers.get(item.itemId);
    answers.delete(item.itemId);
    const [first] = answers.values();
    if (first !== undefined) await store.addKnown(search, answers, answeredAt(first));
    if (own === undefined) {
      await store.countFailedCalls(search, called.calls);
      return undefined;
    }
    return { ...own, calls: called.calls };
  }
  return undefined;
}

/** @throws what says nothing about the items or the permission to ask for several */
async function refusedTogether(
  context: QueueContext,
  { search }: SearchRun,
  thrown: unknown,
): Promise<'refused' | 'rests'> {
  const failure = asFailure(thrown);
  const { status, errorId, calls = 0 } = failure.detail;
  if (failure.code !== 'ebay-refused') throw thrown;
  await context.store.countFailedCalls(search, calls);
  const isOfItems = NOT_THERE.includes(errorId as number);
  if (isOfItems && (context.bulk?.refusals ?? 0) < MOST_REFUSALS) return 'refused';
  // Without the permission nothing changes until somebody gives the keyset another one.
  restTogether(context, failure.message, status === 403 ? Number.POSITIVE_INFINITY : BULK_REST_MS);
  return 'rests';
}

/** Lets each item take a call for a time, and says so once. */
function restTogether({ bulk, log }: QueueContext, reason: string, forMs = BULK_REST_MS): void {
  const now = performance.now();
  if (bulk === undefined || bulk.restsUntil > now) return;
  bulk.restsUntil = now + forMs;
  bulk.refusals = 0;
  const lasts = forMs === BULK_REST_MS ? 'for an hour' : 'until a restart';
  log.warn(`${lasts} each item takes a call of its own`, { setting: 'EBAY_BULK_ITEMS', reason });
}
