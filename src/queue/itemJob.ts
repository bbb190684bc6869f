import type { Job } from 'bullmq';
import type { Failure } from '../failures.ts';
import type { Run } from '../results/runState.ts';
import { addCalls } from './addCalls.ts';
import type { QueueContext } from './context.ts';
import { nextInLane } from './itemLanes.ts';
import type { ItemJobData, ItemJobResult, SearchProgress } from './jobData.ts';
import { plannedPages } from './pageChain.ts';
import { itemCall } from './plannedCalls.ts';
import { wakeSearch } from './wakeSearch.ts';

/** The name under which a run notes that no further details are asked for. */
export const DETAILS = 'details';

/** The details of one product. */
export async function collectItem(
  context: QueueContext,
  job: Job,
  item: ItemJobData,
  signal: AbortSignal,
): Promise<ItemJobResult> {
  const { results, runs, collector } = context;
  const { search, itemId, marketplace, request: asked } = item;
  const [before, stored] = await Promise.all([runs.read(search), results.readItem(search, itemId)]);
  if (before?.cancelled) return { itemId, availability: null, skipped: 'cancelled' };
  const request = { ...asked, priority: before?.class ?? asked.priority };

  let answer = stored;
  if (answer === undefined) {
    const call = { request, marketplace, itemId, class: request.priority, signal };
    answer = await collector.collectDetails(call);
    await Promise.all([
      results.storeItem(search, itemId, answer),
      job.log(`in ${Math.round(answer.latencyMs)} ms, ${answer.calls} call(s)`),
    ]);
  }
  const run = await runs.read(search);
  if (run?.ended && !run.cancelled) await wakeSearch(context.searches, search.searchId);
  else await goOn(context, { ...item, request }, run);
  const { availability } = answer.details;
  return { itemId, availability, ...(stored === undefined ? {} : { skipped: 'stored' as const }) };
}

/** An item that failed says nothing about the next, unless no call will be made any more. */
export async function itemFailed(context: QueueContext, item: ItemJobData, failure: Failure): Promise<void> {
  const { runs } = context;
  const hopeless = failure.code === 'credential-refused' || failure.code === 'gave-up-waiting';
  if (hopeless) await runs.breakChain(item.search, DETAILS);
  else await goOn(context, item, await runs.read(item.search));
}

/** Adds the item that follows in this one's lane. */
async function goOn(context: QueueContext, item: ItemJobData, run: Run | undefined): Promise<void> {
  const { results, searches } = context;
  const { search, request, itemId, lanes } = item;
  if (run === undefined || run.cancelled || run.ended || run.number !== item.run) return;
  if (run.broken.includes(DETAILS)) return;
  const [wanted, there, pages] = await Promise.all([
    results.wantedItems(search),
    results.storedItems(search),
    results.stored(search),
  ]);
  const next = nextInLane(wanted, (each) => !there.has(each.itemId), itemId, lanes);
  const planned = next.map((each) => itemCall(item, each, lanes));
  await addCalls(context, item, planned, (closed) => {
    const progress: SearchProgress = {
      state: closed === undefined ? 'collecting' : 'waiting',
      pages: pages.length,
      of: plannedPages(request),
      products: run.products,
      details: { there: there.size, of: wanted.length },
      ...closed,
    };
    return searches.updateJobProgress(search.searchId, progress);
  });
}
