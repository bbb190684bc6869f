import type { Job } from 'bullmq';
import type { ItemAnswer, PageAnswer } from '../../collector/answers.ts';
import { assembleHeads, type PageHead } from '../../collector/assemble.ts';
import { type Compared, eventOfFailure, eventsOfEnd, type Teller } from '../../events/searchEvents.ts';
import { Failure, parseReason } from '../../failures.ts';
import type { MarketplaceId } from '../../product/marketplaces.ts';
import type { NormalRequest } from '../../product/requestSchema.ts';
import { outcomeOf, type SearchSummary } from '../../product/summary.ts';
import type { Sight, TrackVerdict } from '../../product/track.ts';
import { redisFailure } from '../../redis/failure.ts';
import { productsOf } from '../../results/products.ts';
import type { StoredResult } from '../../results/resultStore.ts';
import type { Run, SearchRef } from '../../results/runState.ts';
import { scheduleOf } from '../schedules/scheduledRun.ts';
import type { QueueContext } from './context.ts';

/** A page or an item that failed for good, with the reason that BullMQ keeps. */
export interface FailedCall {
  marketplace: MarketplaceId;
  /** Null for an item. */
  page: number | null;
  itemId?: string;
  reason: string;
}

export interface SearchEnd {
  searchId: string;
  request: NormalRequest;
  run: Run;
  /** The pages that are there. */
  heads: PageHead[];
  /** By item id. */
  details: Map<string, ItemAnswer>;
  /** Ids that the search's track has seen before and that are not listed any more. */
  noLongerListed: readonly string[];
  /** Pages before items. */
  failed: FailedCall[];
  /** When the pages will be deleted, ms since the epoch; undefined when there are none. */
  expiresAt: number | undefined;
  now: number;
}

/** Items stand behind all pages. */
const ITEMS = Number.MAX_SAFE_INTEGER;

/** What a search came to, derived from what is stored. */
export function summarise({
  searchId,
  request,
  run,
  heads,
  details,
  noLongerListed,
  failed,
  expiresAt,
  now,
}: SearchEnd): SearchSummary {
  const { counts, warnings, products } = assembleHeads(request, heads);
  const missing = failed
    .toSorted((a, b) => (a.page ?? ITEMS) - (b.page ?? ITEMS))
    .map(({ marketplace, page, itemId, reason }) => ({
      marketplace,
      page,
      ...(itemId === undefined ? {} : { itemId }),
      ...parseReason(reason),
    }));
  const gone = products.filter(({ itemId }) => details.get(itemId)?.details.availability === 'gone');
  const [first] = missing;
  return {
    searchId,
    outcome: outcomeOf({
      pages: heads.length,
      missing: missing.length,
      cancelled: run.cancelled,
      onFailure: request.onFailure,
      counts,
    }),
    counts,
    calls: [...heads, ...details.values()].reduce((sum, answer) => sum + answer.calls, run.failedCalls),
    pages: heads.length,
    missing,
    gone: [...new Set([...noLongerListed, ...gone.map(({ itemId }) => itemId)])],
    warnings,
    error:
      first === undefined
        ? null
        : {
            code: first.code,
            message: first.message,
            page: first.page,
            retryable: new Failure(first.code, first.message).retryable,
          },
    startedAt: new Date(run.startedAt).toISOString(),
    finishedAt: new Date(now).toISOString(),
    expiresAt: expiresAt === undefined ? null : new Date(expiresAt).toISOString(),
  };
}

/**
 * Tells how a search ended and what its track found, before its job ends: whoever takes over from a worker that died in
 * between tells it again, which has no effect.
 */
export async function announceEnd(
  context: QueueContext,
  job: Job,
  request: NormalRequest,
  summary: SearchSummary,
): Promise<void> {
  const search = refOf(context, job);
  const compared = await comparedBy(context, search, request);
  const told = eventsOfEnd(tellerOf(context, job), summary, compared);
  const added = await context.events.append(search, told);
  if (told.length > 1)
    context.log.info('news told', {
      searchId: search.searchId,
      events: added,
      heldBack: told.length - added,
    });
}

/** Tells that a search failed; the failure that its job is then to end with, or that Redis cannot be told now. */
export async function announceFailure(context: QueueContext, job: Job, failure: Failure): Promise<Failure> {
  if (failure.code === 'redis-unavailable') return failure;
  const search = refOf(context, job);
  try {
    await context.events.append(search, [eventOfFailure(tellerOf(context, job), failure, new Date())]);
    return failure;
  } catch (thrown) {
    return redisFailure(thrown) ?? failure;
  }
}

/** Tells of a search whose job was taken out of its queue because nobody can read it. */
export async function announceLoss(
  { events, tenant }: Pick<QueueContext, 'events' | 'tenant'>,
  { searchId, timestamp }: Omit<SearchRef, 'tenant'>,
  why: string,
): Promise<void> {
  const search = { tenant, searchId, timestamp };
  const failure = new Failure('invalid_payload', `the job could not be read: ${why}`);
  const teller: Teller = { search, life: 'quarantined', schedule: null, query: null };
  await events.append(search, [eventOfFailure(teller, failure, new Date())]);
}

/** What the search's own comparison came to, as it is kept with its result. */
async function comparedBy(
  { results }: QueueContext,
  search: SearchRef,
  request: NormalRequest,
): Promise<Compared | undefined> {
  if (request.track === undefined) return undefined;
  const content = await results.readAll(search);
  if (content.verdict === undefined) return undefined;
  return { name: request.track, verdict: content.verdict, products: productsOf(request, content) };
}

function tellerOf(context: QueueContext, job: Job): Teller {
  const query = (job.data as { query?: unknown } | null)?.query;
  return {
    search: refOf(context, job),
    life: job.attemptsMade,
    schedule: scheduleOf(job),
    query: typeof query === 'string' ? query.slice(0, LONGEST_QUERY) : null,
  };
}

/** Of data that was refused nobody knows how long it is. */
const LONGEST_QUERY = 100;

function refOf({ tenant }: QueueContext, job: Job): SearchRef {
  return { tenant, searchId: job.id as string, timestamp: job.timestamp };
}

/** A search at its end. */
interface Ended {
  search: SearchRef;
  request: NormalRequest;
  /** No page failed and nobody cancelled. */
  complete: boolean;
}

/** Compares what a search found with what its track remembers; undefined without a track, or without anything found. */
export async function compareWithHistory(
  { tracks, results }: QueueContext,
  { search, request, complete }: Ended,
): Promise<TrackVerdict | undefined> {
  if (request.track === undefined) return undefined;
  const content = await results.readAll(search);
  if (content.pages.length === 0) return undefined;
  return tracks.compare(search, request.track, sightOf(request, content, complete));
}

export function sightOf(
  request: NormalRequest,
  content: StoredResult,
  complete: boolean,
): Omit<Sight, 'before'> {
  const answers = content.pages.map(({ answer }) => answer);
  const products = productsOf(request, content);
  return {
    products: products.filter(({ details }) => details?.availability !== 'gone'),
    listed: new Set(answers.flatMap((page) => page.products.map(({ itemId }) => itemId))),
    began: Math.min(...answers.map(({ observedAt }) => Date.parse(observedAt))),
    complete,
    whole:
      complete &&
      request.marketplaces.every((id) => sawWhole(answers.filter((page) => page.marketplace === id))),
  };
}

/**
 * Whether these pages of a marketplace, in order, are all of its listing. eBay's pages repeat items in place of others,
 * so the last one's word is not enough: there must be as many different items as the first one claims.
 */
function sawWhole(pages: PageAnswer[]): boolean {
  const last = pages.at(-1);
  if (last === undefined || last.hasNext) return false;
  if (pages.some(({ rejected }) => Object.keys(rejected).length > 0)) return false;
  const different = new Set(pages.flatMap(({ products }) => products.map(({ itemId }) => itemId)));
  return different.size >= (pages[0]?.total ?? Number.POSITIVE_INFINITY);
}
