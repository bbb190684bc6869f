import { createHash } from 'node:crypto';
import type { Failure } from '../failures.ts';
import type { Product } from '../product/product.ts';
import type { SearchSummary } from '../product/summary.ts';
import type { TrackVerdict } from '../product/track.ts';
import type { SearchRef } from '../results/searchStore.ts';
import type { EventOf, EventType, ServiceEvent } from './event.ts';

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
}

/** The events of a search that has ended with a summary: those of its products, then its own. */
export function eventsOfEnd(
  source: SearchSource,
  summary: SearchSummary,
  comparison: TrackComparison | undefined,
): ServiceEvent[] {
  const products = comparison === undefined ? [] : productEvents(source, summary, comparison);
  return [...products, endOf(source, summary, comparison === undefined ? null : trackOf(comparison))];
}

export function eventOfFailure(
  source: SearchSource,
  { code, message, retryable }: Failure,
  at: Date,
): ServiceEvent {
  return {
    ...ofSearch('search.failed', source, at.toISOString()),
    query: source.query,
    error: { code, message, retryable },
  };
}

function endOf(source: SearchSource, summary: SearchSummary, track: TrackCounts | null): ServiceEvent {
  const { outcome, counts, calls, pages, missing, warnings, expiresAt, finishedAt } = summary;
  const { query } = source;
  if (outcome === 'skipped') return { ...ofSearch('search.skipped', source, finishedAt), query };
  const ended = {
    query,
    counts: { found: counts.found, products: counts.products },
    calls,
    pages,
    missing: missing.length,
    warnings: warnings.length,
    track,
    expiresAt,
  };
  if (outcome === 'cancelled') return { ...ofSearch('search.cancelled', source, finishedAt), ...ended };
  return { ...ofSearch('search.completed', source, finishedAt), outcome, ...ended };
}

type TrackCounts = NonNullable<EventOf<'search.completed'>['track']>;

function trackOf({ name, verdict }: TrackComparison): TrackCounts {
  const marks = [...verdict.marks.values()];
  const marked = (mark: (typeof marks)[number]) => marks.filter((each) => each === mark).length;
  return {
    name,
    firstRun: marks.length > 0 && marked(null) === marks.length,
    new: marked('new'),
    priceDropped: marked('price-dropped'),
    priceRose: marked('price-rose'),
    gone: verdict.gone.length,
  };
}

function productEvents(
  source: SearchSource,
  summary: SearchSummary,
  comparison: TrackComparison,
): ServiceEvent[] {
  const { name: track, verdict, products } = comparison;
  const changed = products.flatMap((product) => productEvent(source, track, product) ?? []);
  // The same however often the search is summed up. It may have found nothing.
  const { searchId, timestamp } = source.search;
  const first = products.reduce((least, { observedAt }) => (observedAt < least ? observedAt : least), '~');
  const look = `${searchId}@${timestamp} ${first}`;
  const gone = verdict.gone.map((itemId) => ({
    ...ofProduct('product.gone', source, { track, itemId, cause: look, at: summary.finishedAt }),
    product: { itemId },
  }));
  return [...changed, ...gone];
}

function productEvent(source: SearchSource, track: string, product: Product): ServiceEvent | undefined {
  const { itemId, marketplace, url, total, mark, formerTotal, observedAt } = product;
  const observation = { track, itemId, cause: observedAt, at: observedAt };
  const listing = { itemId, marketplace, url };
  if (mark === 'new')
    return { ...ofProduct('product.new', source, observation), product: { ...listing, total } };
  if ((mark !== 'price-dropped' && mark !== 'price-rose') || total === null || formerTotal === undefined)
    return undefined;
  return {
    ...ofProduct(`product.${mark}`, source, observation),
    product: { ...listing, total },
    formerTotal,
  };
}

/** The id is the same however often this end is published. */
function ofSearch<T extends EventType>(type: T, source: SearchSource, at: string) {
  const { search, attempt } = source;
  const { tenant, searchId, timestamp } = search;
  return common(type, source, at, [tenant, searchId, timestamp, attempt]);
}

/** The id is the same for every search that derives the change from the same observation. */
function ofProduct<T extends EventType>(
  type: T,
  source: SearchSource,
  { track, itemId, cause, at }: { track: string; itemId: string; cause: string; at: string },
) {
  return { ...common(type, source, at, [source.search.tenant, track, itemId, cause]), track };
}

function common<T extends EventType>(
  type: T,
  { search, schedule }: SearchSource,
  at: string,
  cause: ReadonlyArray<string | number>,
) {
  const { tenant, searchId } = search;
  const id = createHash('sha256')
    .update(JSON.stringify([type, ...cause]))
    .digest('hex')
    .slice(0, 32);
  return { v: 1 as const, id, type, at, tenant, searchId, schedule };
}
