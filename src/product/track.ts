import { compare, type Money } from './money.ts';
import type { Mark, Product } from './product.ts';

/** All that a track remembers of an item. */
export interface Remembered {
  /** The delivered price when last known; null when it never was. */
  total: Money | null;
  /** When eBay last listed it, ms since the epoch. */
  lastSeen: number;
}

/** What the searches of one name have seen so far. */
export interface Track {
  /** Whether one of them was complete: before that there is nothing to call new. */
  established: boolean;
  /** When the last one that saw the whole listing began to look, ms since the epoch; null before there was one. */
  lastWhole: number | null;
  items: ReadonlyMap<string, Remembered>;
}

/** What a search decided. Stands once it is decided, whatever the search fetches later. */
export interface TrackVerdict {
  /** Item id → mark; null: seen when there was nothing to compare with. */
  marks: ReadonlyMap<string, Mark | null>;
  /** Item id → delivered price before, of those that are marked as dropped or risen. */
  formerTotals: ReadonlyMap<string, Money>;
  gone: string[];
  /** Whether the whole listing was seen, so that `gone` is final. */
  whole: boolean;
}

/** What a search has seen. */
export interface Sight {
  /** What it delivers, without items that eBay said are gone. */
  products: readonly Pick<Product, 'itemId' | 'total' | 'observedAt'>[];
  /** Every item of its pages, delivered or not. */
  listed: ReadonlySet<string>;
  /** When its first page was answered, ms since the epoch. */
  began: number;
  /** Everything that was asked for is there. */
  complete: boolean;
  /** And that was all of the listing: what is not in it is no longer there. */
  whole: boolean;
  /** What this very search decided before it was continued. */
  before?: TrackVerdict;
}

/** The verdict, and the track as it is afterwards: `items` holds only those that changed. */
export interface Comparison {
  verdict: TrackVerdict;
  after: Track;
}

/** Compares what a search saw with what its track remembers. */
export function compareWithTrack(track: Track, sight: Sight): Comparison {
  const { products, before, complete, whole } = sight;
  const marks = new Map<string, Mark | null>(before?.marks);
  const formerTotals = new Map<string, Money>(before?.formerTotals);
  const items = new Map<string, Remembered>();
  for (const product of products) {
    const { itemId } = product;
    // Decided before the search was continued: what the track has of it now is this search's own.
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
      gone: settled ? before.gone : whole ? goneFrom(track, sight) : [],
      whole: settled || whole,
    },
    after: {
      established: track.established || complete,
      lastWhole: whole && !settled ? Math.max(sight.began, track.lastWhole ?? 0) : track.lastWhole,
      items,
    },
  };
}

/** Whether nothing on a page is new to the track, so that newest first nothing new can follow. */
export function isWhollyKnown(track: Track, itemIds: readonly string[]): boolean {
  return track.established && itemIds.length > 0 && itemIds.every((id) => track.items.has(id));
}

function markOf(known: Remembered | undefined, { total, observedAt }: Sight['products'][number]): Mark {
  if (known === undefined) return 'new';
  // A search that ran beside this one has looked since: its price is the newer one.
  if (known.total === null || total === null || known.lastSeen > Date.parse(observedAt)) return 'same';
  const change = compare(total, known.total) ?? 0;
  return change < 0 ? 'price-dropped' : change > 0 ? 'price-rose' : 'same';
}

function remember(known: Remembered | undefined, product: Sight['products'][number]): Remembered {
  const seen = Date.parse(product.observedAt);
  if (known !== undefined && known.lastSeen > seen) return known;
  return { total: product.total ?? known?.total ?? null, lastSeen: seen };
}

/** Each is told once: a later whole search finds it last seen before the one that told. */
function goneFrom({ items, lastWhole }: Track, { listed, began }: Sight): string[] {
  if (lastWhole === null) return [];
  return [...items].flatMap(([itemId, { lastSeen }]) =>
    lastSeen >= lastWhole && lastSeen < began && !listed.has(itemId) ? [itemId] : [],
  );
}
