import { createHash } from 'node:crypto';
import type { Failure } from '../failures.ts';
import type { Product } from '../product/product.ts';
import type { SearchSummary } from '../product/summary.ts';
import type { TrackVerdict } from '../product/track.ts';
import type { SearchRef } from '../results/searchStore.ts';
import { type EventOf, type EventType, listingOfEvent, type ServiceEvent } from './event.ts';

/** The search that events are about. */
export interface SearchSource {
  search: SearchRef;
  /** Rises when the search is started again after an end, and only then: a search ends once in each. */
  attempt: number | string;
  schedule: string | null;
  query: string | null;
}

/** A search comparison with its track. */
export interface TrackComparison {
  name: string;
  verdict: TrackVerdict;
  products: readonly Product[];
  /** Item id → when its page was answered. A call for the item makes the product newer, but is no other sight of it. */
  seenAt: ReadonlyMap<string, string>;
}

/** The events of a search that has ended with a summary: those of its products, then its own. */
export function eventsOfEnd(
  source: SearchSource,
  summary: SearchSummary,
  comparison: TrackComparison | undefined,
): ServiceEvent[] {
  const { outcome, counts, calls, pages, missing, warnings, expiresAt, finishedAt } = summary;
  const { query } = source;
  if (outcome === 'skipped') return [{ ...ofSearch('search.skipped', source, finishedAt), query }];
  const ended = {
    query,
    counts: { found: counts.found, products: counts.products },
    calls,
    pages,
    missing: missing.length,
    warnings: warnings.length,
    track: comparison === undefined ? null : trackOf(comparison),
    expiresAt,
  };
  const end: ServiceEvent =
    outcome === 'cancelled'
      ? { ...ofSearch('search.cancelled', source, finishedAt), ...ended }
      : { ...ofSearch('search.completed', source, finishedAt), outcome, ...ended };
  return comparison === undefined ? [end] : [...productEvents(source, finishedAt, comparison), end];
}

export function eventOfFailure(
  source: SearchSource,
  { code, message, retryable }: Failure,
  at: Date,
): ServiceEvent {
  const error = { code, message, retryable };
  return { ...ofSearch('search.failed', source, at.toISOString()), query: source.query, error };
}

function trackOf({ name, verdict }: TrackComparison): NonNullable<EventOf<'search.completed'>['track']> {
  const marks = [...verdict.marks.values()];
  const marked = (mark: (typeof marks)[number]) => marks.filter((each) => each === mark).length;
  return {
    name,
    firstRun: verdict.firstRun ?? (marks.length > 0 && marked(null) === marks.length),
    ...(verdict.note === undefined ? {} : { note: verdict.note }),
    new: marked('new'),
    priceDropped: marked('price-dropped'),
    priceRose: marked('price-rose'),
    gone: verdict.gone.length,
  };
}

function productEvents(
  source: SearchSource,
  finishedAt: string,
  { name: track, verdict, products, seenAt }: TrackComparison,
): ServiceEvent[] {
  // The same however often the search is summed up. It may have found nothing.
  const { searchId, timestamp } = source.search;
  const first = products.reduce((least, { itemId }) => {
    const seen = seenAt.get(itemId) ?? '~';
    return seen < least ? seen : least;
  }, '~');
  const look = `${searchId}@${timestamp} ${first}`;
  const gone = verdict.gone.map((itemId) => ({
    ...common('product.gone', source, finishedAt, [track, itemId, look]),
    track,
    product: { itemId },
  }));
  return [...products.flatMap((product) => productEvent(source, track, product, seenAt) ?? []), ...gone];
}

function productEvent(
  source: SearchSource,
  track: string,
  product: Product,
  seenAt: TrackComparison['seenAt'],
): ServiceEvent | undefined {
  const { itemId, total, mark, formerTotal, formerSeenAt, observedAt } = product;
  // The same for every search that derives the change from the same observation.
  const ofProduct = <T extends EventType>(type: T) => ({
    ...common(type, source, observedAt, [track, itemId, seenAt.get(itemId) ?? observedAt]),
    track,
  });
  const listing = listingOfEvent(product);
  if (mark === 'new') return { ...ofProduct('product.new'), product: { ...listing, total } };
  if ((mark !== 'price-dropped' && mark !== 'price-rose') || total === null || formerTotal === undefined)
    return undefined;
  const former = { formerTotal, ...(formerSeenAt !== undefined && { formerSeenAt }) };
  return { ...ofProduct(`product.${mark}`), product: { ...listing, total }, ...former };
}

/** The id is the same however often this end is published. */
function ofSearch<T extends EventType>(type: T, source: SearchSource, at: string) {
  const { searchId, timestamp } = source.search;
  return common(type, source, at, [searchId, timestamp, source.attempt]);
}

function common<T extends EventType>(
  type: T,
  { search, schedule }: SearchSource,
  at: string,
  cause: ReadonlyArray<string | number>,
) {
  const { tenant, searchId } = search;
  const sha256 = createHash('sha256').update(JSON.stringify([type, tenant, ...cause]));
  return { v: 1 as const, id: sha256.digest('hex').slice(0, 32), type, at, tenant, searchId, schedule };
}
