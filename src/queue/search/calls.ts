import type { PageAnswer } from '../../collector/answers.ts';
import { pagePlan } from '../../collector/query.ts';
import type { MarketplaceId } from '../../product/marketplaces.ts';
import type { NormalRequest } from '../../product/requestSchema.ts';
import type { WantedItem } from '../../results/resultStore.ts';
import type { SearchRef } from '../../results/runState.ts';
import { itemJobId, pageJobId } from '../bullmq/queues.ts';
import type { Closed, QueueContext } from './context.ts';
import { type CallJobData, callOptions } from './jobData.ts';

/** The search that calls are added to. */
export interface Family {
  search: SearchRef;
  run: number;
  request: NormalRequest;
}

/** A page or an item that is to be called for, as the job that it becomes. */
export interface PlannedCall {
  /** The job's id; the same call of the same run always has the same. */
  id: string;
  /** For people who look at the queue. */
  name: string;
  data: CallJobData;
}

/**
 * Adds calls as children of their search, each once: BullMQ would attach an id that exists anew, and for a kept failed
 * child the search would then wait for ever. A call whose class may not spend now is added for when it may.
 * @param tell what is written along with them; told why and until when the added ones wait, if they do
 */
export async function addCalls(
  context: QueueContext,
  family: Family,
  planned: PlannedCall[],
  tell: (closed: Closed | undefined) => Promise<unknown> | undefined = () => undefined,
): Promise<void> {
  // `interactive` may use all: what closes for it closes for everybody and holds the queue.
  const isFree = family.request.priority === 'interactive';
  const [added] = await Promise.all([
    areAdded(context, family, planned),
    isFree ? tell(undefined) : undefined,
  ]);
  const fresh = planned.filter((_, index) => !added[index]);
  const isBound = !isFree && fresh.length > 0;
  const closed = isBound ? await context.admission.closedFor(family.request.priority) : undefined;
  const delay = closed === undefined ? 0 : Math.max(0, closed.until - Date.now());
  await Promise.all([
    ...fresh.map((call) => addCall(context, family, call, delay)),
    isFree ? undefined : tell(closed),
  ]);
}

async function areAdded(
  { calls, redis }: QueueContext,
  { search }: Family,
  planned: PlannedCall[],
): Promise<boolean[]> {
  // One small field each: a job as BullMQ reads it is many times that.
  const stored = await Promise.all(planned.map(({ id }) => redis.hget(calls.toKey(id), 'data')));
  return Promise.all(
    stored.map(async (data, index) => {
      if (data === null) return false;
      if (belongsTo(search, data)) return true;
      // Left by an earlier search of the same id that is gone.
      await (await calls.getJob((planned[index] as PlannedCall).id))?.remove();
      return false;
    }),
  );
}

/** @throws SyntaxError when the job has been tampered with: then nobody can tell. */
function belongsTo({ timestamp }: SearchRef, data: string): boolean {
  return (JSON.parse(data) as CallJobData).search?.timestamp === timestamp;
}

async function addCall(
  { calls, searches, rules }: QueueContext,
  { search, request }: Family,
  { id, name, data }: PlannedCall,
  delay: number,
): Promise<void> {
  await calls.add(name, data, {
    ...callOptions(request, rules),
    jobId: id,
    parent: { id: search.searchId, queue: searches.qualifiedName },
    ...(delay > 0 ? { delay } : {}),
  });
}

export function pageCall({ search, run, request }: Family, planned: PlannedPage): PlannedCall {
  const { page, marketplace } = planned;
  const { query, categoryIds } = request;
  return {
    id: pageJobId(search.searchId, run, page),
    name: `page ${page}: ${query ?? `category ${categoryIds?.join(', ')}`} (${marketplace})`,
    data: { v: 1, kind: 'page', search, run, request, ...planned },
  };
}

/** @param lanes how many items of this search are under way at once; see `nextInLane` */
export function itemCall({ search, run, request }: Family, item: WantedItem, lanes: number): PlannedCall {
  const { itemId, marketplace } = item;
  return {
    id: itemJobId(search.searchId, run, itemId),
    name: `item ${itemId} (${marketplace})`,
    data: { v: 1, kind: 'item', search, run, request, itemId, marketplace, lanes },
  };
}

/** One page of a search: its number (unique over all marketplaces) and what it asks for. */
export interface PlannedPage {
  page: number;
  marketplace: MarketplaceId;
  offset: number;
  limit: number;
}

/** A marketplace's pages, first to last. Marketplaces take turns in the numbering: 1, 2 are the first pages of two. */
export function chainOf(request: NormalRequest, marketplace: MarketplaceId): PlannedPage[] {
  const count = request.marketplaces.length;
  const place = request.marketplaces.indexOf(marketplace);
  return pagePlan(request, marketplace).map(({ offset, limit }, index) => ({
    page: index * count + place + 1,
    marketplace,
    offset,
    limit,
  }));
}

export function plannedPages(request: NormalRequest): number {
  return request.marketplaces.reduce((sum, marketplace) => sum + chainOf(request, marketplace).length, 0);
}

/** The first page of each marketplace that is needed and not there; empty when the search has all it can get. */
export function firstMissing(
  request: NormalRequest,
  there: ReadonlyMap<number, Pick<PageAnswer, 'hasNext' | 'endsAtKnown'>>,
): PlannedPage[] {
  return request.marketplaces.flatMap((marketplace) => {
    for (const planned of chainOf(request, marketplace)) {
      const answer = there.get(planned.page);
      if (answer === undefined) return [planned];
      if (!goesOn(answer)) return [];
    }
    return [];
  });
}

/** A page that is there, as far as the chain cares. */
export type PageDone = { page: number } & Pick<
  PageAnswer,
  'marketplace' | 'hasNext' | 'endsAtKnown' | 'total'
>;

function goesOn({ hasNext, endsAtKnown }: Pick<PageAnswer, 'hasNext' | 'endsAtKnown'>): boolean {
  return hasNext && !endsAtKnown;
}

/**
 * The pages to have under way once a page is there: none when the listing ended with it, else the `lanes` next missing
 * ones. Beyond the very next page `total` must promise something, so that nothing is planned that will not be called.
 */
export function pagesAfter(
  request: NormalRequest,
  done: PageDone,
  there: ReadonlySet<number>,
  lanes: number,
): PlannedPage[] {
  if (!goesOn(done)) return [];
  const rest = chainOf(request, done.marketplace).filter(({ page }) => page > done.page);
  return rest
    .filter(({ page, offset }, index) => !there.has(page) && (index === 0 || offset < (done.total ?? 0)))
    .slice(0, lanes);
}

/** With no interval there is no rate to fill; a search may still have this many calls under way. */
const MOST_LANES = 10;

/**
 * How many calls of one search keep every slot in use: as many as there are intervals from a call's slot until what
 * follows it is added, and half of one more for the way through the queue (measured: without it a fifth of the slots
 * goes unused).
 */
export function lanesFor(busyMs: number, intervalMs: number): number {
  const needed = intervalMs > 0 ? Math.ceil(busyMs / intervalMs + 0.5) : MOST_LANES;
  return Math.min(Math.max(needed, 1), MOST_LANES);
}
