import type { ServiceEvent } from '../events/event.ts';
import { Failure } from '../failures.ts';
import type { Product } from '../product/product.ts';
import { LONGEST_SHOWN_MS } from '../queue/alerts/evaluate.ts';
import type { SearchProducer } from '../queue/producer.ts';

/** Searches that are read at the same time. */
const AT_ONCE = 4;

/** What is known of the listings of events while eBay lets it be shown. */
export interface ListingsOfEvents {
  /** By event, the listing as its search saw it, or as another one of these searches did. */
  listings: ReadonlyMap<string, Product>;
  /** Searches whose results are still there, of those that were read. */
  kept: ReadonlySet<string>;
}

/**
 * Events name a listing by its number alone: its title and picture are in the result of its search, as long as that is kept.
 * Alerts keep them for as long (`queue/alerts/evaluate.ts`).
 */
export async function listingsOfEvents(
  producer: Pick<SearchProducer, 'now' | 'productsNamed'>,
  events: readonly ServiceEvent[],
): Promise<ListingsOfEvents> {
  const now = await producer.now();
  const isFresh = (at: string) => now - Date.parse(at) < LONGEST_SHOWN_MS;
  const shown = events.flatMap((event) => ('product' in event && isFresh(event.at) ? [event] : []));
  const itemIds = new Map<string, Set<string>>();
  for (const { searchId, product } of shown) {
    const own = itemIds.get(searchId) ?? new Set<string>();
    itemIds.set(searchId, own.add(product.itemId));
  }
  const byItem = new Map<string, Product>();
  const bySearch = new Map<string, Map<string, Product>>();
  const searches = [...itemIds];
  for (let from = 0; from < searches.length; from += AT_ONCE)
    await Promise.all(
      searches.slice(from, from + AT_ONCE).map(async ([searchId, wanted]) => {
        const products = await producer.productsNamed(searchId, wanted).catch(undefinedWhereGone);
        if (products === undefined) return;
        const fresh = [...products].filter(([, { observedAt }]) => isFresh(observedAt));
        bySearch.set(searchId, new Map(fresh));
        for (const [itemId, product] of fresh) byItem.set(itemId, product);
      }),
    );
  const listings = new Map<string, Product>();
  for (const { id, searchId, product } of shown) {
    const { itemId } = product;
    const listing = bySearch.get(searchId)?.get(itemId) ?? byItem.get(itemId);
    if (listing !== undefined) listings.set(id, listing);
  }
  return { listings, kept: new Set(bySearch.keys()) };
}

/** The event stays where its products are no longer kept, or a newer release has written them: without a title. */
function undefinedWhereGone(error: unknown): undefined {
  if (error instanceof Failure && GONE.has(error.code)) return undefined;
  throw error;
}

const GONE: ReadonlySet<string> = new Set(['search_not_found', 'unknown_payload_version']);
