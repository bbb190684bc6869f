import type { Job } from 'bullmq';
import type { ItemAnswer, PageAnswer } from '../../collector/answers.ts';
import { assembleHeads, conditionsOf, type PageHead } from '../../collector/assemble.ts';
import { deliveredBy } from '../../collector/deliver.ts';
import { followingOffset } from '../../collector/paging.ts';
import {
  eventOfFailure,
  eventsOfEnd,
  type SearchSource,
  type TrackComparison,
} from '../../events/searchEvents.ts';
import { Failure, type FailureCode } from '../../failures.ts';
import type { NormalRequest } from '../../product/requestSchema.ts';
import { cut } from '../../product/schemaErrors.ts';
import { outcomeOf, type SearchSummary } from '../../product/summary.ts';
import {
  type Coverage,
  listingOf,
  priceCurrencyOf,
  sawWhole,
  trackFingerprint,
} from '../../product/track.ts';
import { redisFailure } from '../../redis/failure.ts';
import { clockOf } from '../../redis/redisClock.ts';
import { productsOf } from '../../results/products.ts';
import type { SearchRef, StoredResult, WithdrawnEnd } from '../../results/searchStore.ts';
import type { TrackObservation } from '../../results/tracks.ts';
import { evaluateSearch } from '../alerts/evaluate.ts';
import { scheduleOf } from '../schedules/scheduledRun.ts';
import type { QueueContext } from './context.ts';
import type { SearchRun } from './plan.ts';

/** How a search ended. */
export interface SearchEnd {
  summary: SearchSummary;
  /** Of a search with a track. */
  comparison?: TrackComparison | undefined;
}

/** What is there of a search, and what is not. */
export interface Collected {
  /** The pages that are there, in their order. */
  heads: PageHead[];
  /** By item id; none of a search without details. */
  details: Map<string, ItemAnswer>;
  /** The pages, then the items, that failed in this run. */
  failed: SearchSummary['missing'];
}

/**
 * The summary of a search, derived from what is stored.
 * @param noLongerListed ids that the search's track has seen before and that are not listed any more
 * @param times Redis's now, and when the pages will be deleted, ms since the epoch; undefined when there are none
 */
export function summarise(
  { search, request, ...run }: SearchRun,
  { heads, details, failed }: Collected,
  noLongerListed: readonly string[],
  { now, expiresAt }: { now: number; expiresAt: number | undefined },
): SearchSummary {
  const assembled = assembleHeads(request, heads);
  const { warnings, said, pages } = assembled;
  const { counts, lookedAt, answers, gone, ...rest } = deliveredBy(request, assembled, details);
  const missing = failed.toSorted((a, b) => (a.page ?? ITEMS) - (b.page ?? ITEMS));
  // With `strictFilters` nothing is delivered where one marketplace has ignored a part.
  const refused = missing.find(({ code }) => code === 'filter-ignored');
  const first = refused ?? missing[0];
  const stoppedBy =
    run.cancelled || missing.some(({ page }) => page !== null) ? null : (rest.stoppedBy ?? null);
  // Of one listing the track and an item call may know different variations.
  const goneListings = new Set(gone.map(listingOf));
  const others = noLongerListed.filter((itemId) => !goneListings.has(listingOf(itemId)));
  return {
    searchId: search.searchId,
    outcome: outcomeOf({
      pages: refused === undefined ? answers : 0,
      missing: missing.length,
      cancelled: run.cancelled,
      stoppedBy,
      onFailure: request.onFailure,
      counts,
    }),
    counts,
    stoppedBy,
    lookedAt,
    calls: [...heads, ...details.values()].reduce((sum, answer) => sum + answer.calls, run.failedCalls),
    pages,
    missing,
    gone: [...others, ...gone],
    ...said,
    warnings,
    error: first === undefined ? null : errorOf(first),
    startedAt: new Date(run.startedAt).toISOString(),
    finishedAt: new Date(now).toISOString(),
    // Before the first answer a result may hold what is to be asked for.
    expiresAt:
      expiresAt === undefined || heads.length + details.size === 0 ? null : new Date(expiresAt).toISOString(),
  };
}

/** The end of a search that its requester has cancelled and that goes on for others: what it had then. The first one stands. */
export async function endOfWithdrawn(
  { store, redis }: Pick<QueueContext, 'store' | 'redis'>,
  { search, request, ...run }: SearchRun,
): Promise<WithdrawnEnd> {
  if (run.withdrawnEnd !== undefined) return run.withdrawnEnd;
  const from = { ...search, ...run.source };
  const [pages, details, verdict, now, expiresAt] = await Promise.all([
    store.storedPages(from).then((numbers) => store.readHeads(from, numbers)),
    store.readDetails(from),
    store.readVerdict(from),
    clockOf(redis).current(),
    store.expiresAt(from),
  ]);
  const cancelled = { ...run, search, request, cancelled: true };
  const gone = verdict?.gone ?? [];
  const collected = { heads: pages.map(({ head }) => head), details, failed: [] };
  return store.endWithdrawn(search, {
    summary: summarise(cancelled, collected, gone, { now, expiresAt }),
    pages: pages.map(({ page }) => page),
    items: [...details.keys()],
  });
}

/** Sorts items behind all pages. */
const ITEMS = Number.MAX_SAFE_INTEGER;

function errorOf({ code, message, page }: SearchSummary['missing'][number]): SearchSummary['error'] {
  return { code, message, page, retryable: new Failure(code as FailureCode, message).retryable };
}

/** Compares what a search found with its track; undefined without a track, or without anything found. */
export async function compareWithTrack(
  { tracks, store, log }: QueueContext,
  { search, request }: SearchRun,
  complete: boolean,
): Promise<TrackComparison | undefined> {
  const { track: name } = request;
  if (name === undefined) return undefined;
  const content = await store.readAll(search);
  if (content.pages.length === 0 && (request.items === undefined || content.details.size === 0))
    return undefined;
  const track = { tenant: search.tenant, name, request: trackFingerprint(request) };
  const verdict = await tracks.compare(search, track, observationOf(request, content, complete));
  if (verdict === undefined) return undefined;
  if (verdict.note !== undefined)
    log.warn('track not compared', { searchId: search.searchId, track: name, reason: verdict.note });
  const listed = productsOf(request, { ...content, details: new Map() });
  const seenAt = new Map(listed.map(({ itemId, observedAt }) => [itemId, observedAt]));
  return { name, verdict, products: productsOf(request, { ...content, verdict }), seenAt };
}

/** What a search has seen. @param complete all that it asks for was answered, details apart, and it was not cancelled */
function observationOf(request: NormalRequest, content: StoredResult, complete: boolean): TrackObservation {
  // Not by their numbers: those of pages that begin off the grid are the highest.
  const answers = content.pages.map(({ answer }) => answer).sort((a, b) => a.offset - b.offset);
  const items = request.items === undefined ? [] : [...content.details.values()];
  const products = productsOf(request, content).filter(({ details }) => details?.availability !== 'gone');
  const warnings = answers.flatMap((page) => page.warnings.map(({ errorId }) => errorId));
  return {
    products: products.map(({ details, ...product }) => {
      const own = content.details.get(product.itemId);
      // Details that version 0.1 stored have no offer of their own. A product of an item answer has no other.
      return { ...product, ...((own === undefined || own.details.observedAt) && details && { details }) };
    }),
    listed: new Set(
      [...answers, ...items].flatMap(({ products = [] }) => products.map(({ itemId }) => itemId)),
    ),
    began: Math.min(
      ...[...answers, ...items.map(({ details }) => details)].map(({ observedAt }) => Date.parse(observedAt)),
    ),
    complete,
    whole:
      complete &&
      (request.items !== undefined ||
        request.marketplaces.every((id) =>
          sawWhole(coverageOf(answers.filter((page) => page.marketplace === id))),
        )),
    priceCurrency: priceCurrencyOf(request),
    ...(request.sort === 'newlyListed' && { newest: newestOf(request, answers) }),
    ignored: [...new Set(warnings)].sort().join(),
  };
}

/** How far the pages of each marketplace go without a gap. @param answers by their place */
function newestOf(request: NormalRequest, answers: PageAnswer[]): TrackObservation['newest'] {
  const seen: TrackObservation['newest'] = {};
  for (const id of request.marketplaces) {
    const pages: PageAnswer[] = [];
    for (const page of answers.filter(({ marketplace }) => marketplace === id))
      if (page.offset === (pages.length === 0 ? 0 : followingOffset(pages.at(-1) as PageAnswer)))
        pages.push(page);
    const last = pages.at(-1);
    if (last === undefined) continue;
    const products = pages.flatMap((page) => page.products);
    const itemIds = products.map(({ itemId }) => itemId);
    const fitting = products.filter(conditionsOf(request)).map(({ itemId }) => itemId);
    seen[id] = { itemIds, fitting, end: last.endsAtKnown ? 'known' : last.hasNext ? null : 'listing' };
  }
  return seen;
}

/** How far these pages of a marketplace, in order, reach. */
function coverageOf(pages: PageAnswer[]): Coverage {
  const last = pages.at(-1);
  const totals = pages.map(({ total }) => total);
  return {
    stoppedBy: last?.endsAtKnown ? 'known' : (last?.hasNext ?? true) ? 'wanted' : 'end',
    claimed: totals.includes(null) ? null : Math.max(...(totals as number[])),
    itemIds: pages.flatMap(({ products }) => products.map(({ itemId }) => itemId)),
    unreadable: pages.flatMap(({ rejected }) => Object.keys(rejected)).length,
  };
}

/** Before its job ends: a worker that takes over from one that died publishes it again, which has no effect. */
export async function publishEnd(
  context: QueueContext,
  job: Job,
  { summary, comparison }: SearchEnd,
): Promise<void> {
  const source = sourceOf(context, job);
  if (comparison !== undefined) {
    const search = { ...source.search, schedule: source.schedule };
    await evaluateSearch(context.alerts, search, comparison, summary);
  }
  const events = eventsOfEnd(source, summary, comparison);
  const added = await context.events.append(source.search, events);
  if (events.length > 1)
    context.log.info('product events published', {
      searchId: job.id,
      events: added,
      heldBack: events.length - added,
    });
}

/** Publishes that a search failed. Returns that failure, or the one of Redis that kept it from being published. */
export async function publishFailure(context: QueueContext, job: Job, failure: Failure): Promise<Failure> {
  if (failure.code === 'redis-unavailable') return failure;
  const source = sourceOf(context, job);
  try {
    await context.events.append(source.search, [
      eventOfFailure(source, failure, clockOf(context.redis).date()),
    ]);
    return failure;
  } catch (thrown) {
    return redisFailure(thrown) ?? failure;
  }
}

/** Publishes that a search failed whose job was taken out of its queue because it cannot be read. */
export async function publishLoss(
  { events, tenant, redis }: Pick<QueueContext, 'events' | 'tenant' | 'redis'>,
  { searchId, timestamp }: Omit<SearchRef, 'tenant'>,
  why: string,
): Promise<void> {
  const search = { tenant, searchId, timestamp };
  const failure = new Failure('invalid_payload', `the job could not be read: ${why}`);
  const source: SearchSource = { search, attempt: 'quarantined', schedule: null, query: null };
  await events.append(search, [eventOfFailure(source, failure, clockOf(redis).date())]);
}

export function refOf({ tenant }: { tenant: string }, job: Job): SearchRef {
  return { tenant, searchId: job.id as string, timestamp: job.timestamp };
}

/** The data may have been refused, and then its query may be of any type and length. */
function sourceOf(context: QueueContext, job: Job): SearchSource {
  const query = (job.data as { query?: unknown } | null)?.query;
  return {
    search: refOf(context, job),
    attempt: job.attemptsMade,
    schedule: scheduleOf(job),
    query: typeof query === 'string' ? cut(query, 100) : null,
  };
}
