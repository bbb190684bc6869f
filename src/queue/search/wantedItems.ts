import type { ItemAnswer } from '../../collector/answers.ts';
import type { ProductHead } from '../../collector/assemble.ts';
import { itemsWanted } from '../../collector/deliver.ts';
import type { Product } from '../../product/product.ts';
import { newsAmong, priceCurrencyOf, trackFingerprint } from '../../product/track.ts';
import { answeredAt, priceShown } from '../../results/itemAnswers.ts';
import type { WantedItem } from '../../results/searchStore.ts';
import type { QueueContext } from './context.ts';
import type { SearchRun } from './plan.ts';

/**
 * Stores the answers that other searches got for these items with the search, so that no job is added for them.
 * @returns them by item id
 */
export async function takeKnown(
  { itemAnswers, store, metrics }: QueueContext,
  { search, request }: SearchRun,
  items: readonly WantedItem[],
): Promise<Map<string, ItemAnswer>> {
  const known = await itemAnswers.read(request, items);
  if (known.size === 0) return known;
  await store.addKnown(search, known, Math.min(...[...known.values()].map(answeredAt)));
  metrics.reused(known.size);
  return known;
}

/**
 * The items that a search asks for, in their order, those that are answered among them. Answers that other searches got are
 * taken, and added to `answers`. With `details: new` what its track knows is left out: a decision to ask stands, whatever the
 * track learns meanwhile.
 */
export async function itemsToAsk(
  context: QueueContext,
  run: SearchRun,
  listed: readonly ProductHead[],
  answers: Map<string, ItemAnswer>,
): Promise<WantedItem[]> {
  const { store } = context;
  const wanted = itemsWanted(run.request, listed, answers);
  const missing = wanted.filter(({ itemId }) => !answers.has(itemId));
  if (missing.length === 0) return wanted;
  const planned = new Map((await store.wantedItems(run.search)).map((item) => [item.itemId, item]));
  const added = missing.filter(({ itemId }) => !planned.has(itemId));
  const products = added.length === 0 ? new Map<string, Product>() : await productsOn(context, run);
  const asked = missing.map((item) => {
    const product = products.get(placeOf(item));
    return planned.get(item.itemId) ?? { ...item, ...(product && shownAt(product)) };
  });
  const known = await takeKnown(context, run, asked);
  for (const [itemId, answer] of known) answers.set(itemId, answer);
  // What such an answer says is to be asked for next.
  if ([...known.values()].some(({ hasVariations }) => hasVariations))
    return itemsToAsk(context, run, listed, answers);

  const open = added.filter(({ itemId }) => !known.has(itemId));
  const isLeftOut =
    run.request.details === 'new' ? await knownToTrack(context, run, open, products) : () => false;
  const byId = new Map(asked.map((item) => [item.itemId, item]));
  return wanted.flatMap((item) => (isLeftOut(item) ? [] : [byId.get(item.itemId) ?? item]));
}

type Place = Pick<WantedItem, 'itemId' | 'marketplace'>;

function placeOf({ itemId, marketplace }: Place): string {
  return `${marketplace} ${itemId}`;
}

function shownAt(product: Product): Pick<WantedItem, 'shown'> {
  const shown = priceShown(product);
  return shown === undefined ? {} : { shown };
}

/** The products on the pages of a search by their place, each where it stands first. */
async function productsOn({ store }: QueueContext, { search }: SearchRun): Promise<Map<string, Product>> {
  const products = new Map<string, Product>();
  for (const page of await store.storedPages(search))
    for (const product of (await store.readPage(search, page))?.products ?? [])
      if (!products.has(placeOf(product))) products.set(placeOf(product), product);
  return products;
}

/** Which of these items the track of the search knows as they are. */
async function knownToTrack(
  { tracks }: QueueContext,
  { search: { tenant }, request }: SearchRun,
  items: readonly WantedItem[],
  products: ReadonlyMap<string, Product>,
): Promise<(item: Place) => boolean> {
  const listed = items.flatMap((item) => products.get(placeOf(item)) ?? []);
  if (request.track === undefined || listed.length === 0) return () => false;
  const name = { tenant, name: request.track, request: trackFingerprint(request) };
  const track = await tracks.look(
    name,
    listed.map(({ itemId }) => itemId),
  );
  const news = newsAmong(track, listed, priceCurrencyOf(request));
  const left = new Set(listed.filter(({ itemId }) => !news.has(itemId)).map(placeOf));
  return (item) => left.has(placeOf(item));
}
