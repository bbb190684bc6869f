import { compare, type Money } from './money.ts';
import type { Mark, Product } from './product.ts';

/** What a track stores of an item. */
export interface Remembered {
  /** The last known delivered price; null when it was never known. */
  total: Money | null;
  /** When eBay last listed it, ms since the epoch. */
  lastSeen: number;
}

/** What the searches of one track have seen so far. */
export interface Track {
  /** Whether one of them was complete. Before that nothing counts as new. */
  established: boolean;
  /** When the last one that saw the whole listing began, ms since the epoch; null before there was one. */
  lastWhole: number | null;
  items: ReadonlyMap<string, Remembered>;
}

/** What a search decided. It does not change, whatever the search fetches later. */
export interface TrackVerdict {
  /** Item id → mark; null: there was nothing to compare with. */
  marks: ReadonlyMap<string, Mark | null>;
  /** Item id → former delivered price, for the marks price-dropped and price-rose. */
  formerTotals: ReadonlyMap<string, Money>;
  gone: string[];
  /** Whether the whole listing was seen, so that `gone` is final. */
  whole: boolean;
}

/** What a search saw. */
export interface Observation {
  /** What it delivers, without the items of which eBay answered that they are gone. */
  products: readonly Pick<Product, 'itemId' | 'total' | 'observedAt'>[];
  /** Every item of its pages, delivered or not. */
  listed: ReadonlySet<string>;
  /** When its first page was answered, ms since the epoch. */
  began: number;
  /** Everything that was requested is there. */
  complete: boolean;
  /** That is also all of the listing: what is not in it is gone. */
  whole: boolean;
  /** What this search decided before it was continued. */
  before?: TrackVerdict;
}

/** The verdict, and the track as it is afterwards: `items` holds only those that changed. */
export interface Comparison {
  verdict: TrackVerdict;
  after: Track;
}

/** Compares what a search saw with its track. */
export function compareWithTrack(track: Track, observation: Observation): Comparison {
  const { products, before, complete, whole } = observation;
  const marks = new Map<string, Mark | null>(before?.marks);
  const formerTotals = new Map<string, Money>(before?.formerTotals);
  const items = new Map<string, Remembered>();
  for (const product of products) {
    const { itemId } = product;
    // Decided before the search was continued: the track's entry is from this search.
    if (marks.has(itemId)) continue;
    const known = track.items.get(itemId);
    const mark = track.established ? markOf(known, product) : null;
    marks.set(itemId, mark);
    if ((mark === 'price-dropped' || mark === 'price-rose') && known?.total)
      formerTotals.set(itemId, known.total);
    items.set(itemId, remember(known, product));
  }
  const settled = before?.whole === true;
  return {
    verdict: {
      marks,
      formerTotals,
      gone: settled ? before.gone : whole ? goneFrom(track, observation) : [],
      whole: settled || whole,
    },
    after: {
      established: track.established || complete,
      lastWhole: whole && !settled ? Math.max(observation.began, track.lastWhole ?? 0) : track.lastWhole,
      items,
    },
  };
}

/** Whether no item of a page is new to the track. In a search sorted by newest first, nothing new can follow then. */
export function isWhollyKnown(track: Track, itemIds: readonly string[]): boolean {
  return track.established && itemIds.length > 0 && itemIds.every((id) => track.items.has(id));
}

function markOf(known: Remembered | undefined, { total, observedAt }: Observation['products'][number]): Mark {
  if (known === undefined) return 'new';
  // A concurrent search saw the item later: its price is the newer one.
  if (known.total === null || total === null || known.lastSeen > Date.parse(observedAt)) return 'same';
  const change = compare(total, known.total) ?? 0;
  return change < 0 ? 'price-dropped' : change > 0 ? 'price-rose' : 'same';
}

function remember(known: Remembered | undefined, product: Observation['products'][number]): Remembered {
  const seen = Date.parse(product.observedAt);
  if (known !== undefined && known.lastSeen > seen) return known;
  return { total: product.total ?? known?.total ?? null, lastSeen: seen };
}

/** An item is reported once: it was last seen before the whole search that reported it, so no later one reports it. */
function goneFrom({ items, lastWhole }: Track, { listed, began }: Observation): string[] {
  if (lastWhole === null) return [];
  return [...items].flatMap(([itemId, { lastSeen }]) =>
    lastSeen >= lastWhole && lastSeen < began && !listed.has(itemId) ? [itemId] : [],
  );
}
