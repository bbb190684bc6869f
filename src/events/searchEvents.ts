import { createHash } from 'node:crypto';
import type { Failure } from '../failures.ts';
import type { Product } from '../product/product.ts';
import type { SearchSummary } from '../product/summary.ts';
import type { TrackVerdict } from '../product/track.ts';
import type { SearchRef } from '../results/runState.ts';
import type { EventOf, EventType, ServiceEvent } from './event.ts';

/** Which search tells, and in which of its lives: it ends once in each. */
export interface Teller {
  search: SearchRef;
  /** Rises when the search is started again after an end, and only then. */
  life: number | string;
  schedule: string | null;
  query: string | null;
}

/** What the track of a search made of what it saw. */
export interface Compared {
  name: string;
  verdict: TrackVerdict;
  products: readonly Product[];
}

/** What a search that has ended with a summary tells: first of its products, then of itself. */
export function eventsOfEnd(
  teller: Teller,
  summary: SearchSummary,
  compared: Compared | undefined,
): ServiceEvent[] {
  const products = compared === undefined ? [] : productEvents(teller, summary, compared);
  return [...products, endOf(teller, summary, compared === undefined ? null : trackOf(compared))];
}

export function eventOfFailure(
  teller: Teller,
  { code, message, retryable }: Failure,
  at: Date,
): ServiceEvent {
  return {
    ...ofSearch('search.failed', teller, at.toISOString()),
    query: teller.query,
    error: { code, message, retryable },
  };
}

function endOf(teller: Teller, summary: SearchSummary, track: TrackCounts | null): ServiceEvent {
  const { outcome, counts, calls, pages, missing, warnings, expiresAt, finishedAt } = summary;
  const { query } = teller;
  if (outcome === 'skipped') return { ...ofSearch('search.skipped', teller, finishedAt), query };
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
  if (outcome === 'cancelled') return { ...ofSearch('search.cancelled', teller, finishedAt), ...ended };
  return { ...ofSearch('search.completed', teller, finishedAt), outcome, ...ended };
}

type TrackCounts = NonNullable<EventOf<'search.completed'>['track']>;

function trackOf({ name, verdict }: Compared): TrackCounts {
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

function productEvents(teller: Teller, summary: SearchSummary, compared: Compared): ServiceEvent[] {
  const { name: track, verdict, products } = compared;
  const changed = products.flatMap((product) => productEvent(teller, track, product) ?? []);
  // One look at the listing, however often it is summed up; it may have found nothing at all.
  const { searchId, timestamp } = teller.search;
  const first = products.reduce((least, { observedAt }) => (observedAt < least ? observedAt : least), '~');
  const look = `${searchId}@${timestamp} ${first}`;
  const gone = verdict.gone.map((itemId) => ({
    ...ofProduct('product.gone', teller, { track, itemId, cause: look, at: summary.finishedAt }),
    product: { itemId },
  }));
  return [...changed, ...gone];
}

function productEvent(teller: Teller, track: string, product: Product): ServiceEvent | undefined {
  const { itemId, marketplace, url, total, mark, formerTotal, observedAt } = product;
  const sight = { track, itemId, cause: observedAt, at: observedAt };
  const listing = { itemId, marketplace, url };
  if (mark === 'new') return { ...ofProduct('product.new', teller, sight), product: { ...listing, total } };
  if ((mark !== 'price-dropped' && mark !== 'price-rose') || total === null || formerTotal === undefined)
    return undefined;
  return {
    ...ofProduct(`product.${mark}`, teller, sight),
    product: { ...listing, total },
    formerTotal,
  };
}

/** A search's end: the same however often this end is reached. */
function ofSearch<T extends EventType>(type: T, teller: Teller, at: string) {
  const { search, life } = teller;
  const { tenant, searchId, timestamp } = search;
  return common(type, teller, at, [tenant, searchId, timestamp, life]);
}

/** A product's change: the same for every search that reads it off the same sight. */
function ofProduct<T extends EventType>(
  type: T,
  teller: Teller,
  { track, itemId, cause, at }: { track: string; itemId: string; cause: string; at: string },
) {
  return { ...common(type, teller, at, [teller.search.tenant, track, itemId, cause]), track };
}

function common<T extends EventType>(
  type: T,
  { search, schedule }: Teller,
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
