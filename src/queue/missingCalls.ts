import type { Job } from 'bullmq';
import { assembleHeads } from '../collector/assemble.ts';
import type { ItemAnswer } from '../collector/itemAnswer.ts';
import type { PageHead } from '../collector/pageHead.ts';
import type { NormalRequest } from '../product/requestSchema.ts';
import type { Run } from '../results/runState.ts';
import type { SearchRef } from '../results/searchRef.ts';
import type { PlannedCall } from './addCalls.ts';
import type { QueueContext } from './context.ts';
import { DETAILS } from './itemJob.ts';
import { firstOfLanes } from './itemLanes.ts';
import { itemJobId, pageJobId } from './names.ts';
import { chainOf, firstMissing, lanesFor } from './pageChain.ts';
import { itemCall, pageCall } from './plannedCalls.ts';
import type { FailedCall } from './summarise.ts';

interface Collecting {
  search: SearchRef;
  request: NormalRequest;
  run: Run;
}

/** How a search stands that has no call under way. */
export interface Standing {
  /** In page order. */
  heads: PageHead[];
  /** By item id; of a search without details none. */
  details: Map<string, ItemAnswer>;
  /** What failed for good in this run. */
  failed: FailedCall[];
  /** What is to be called next; empty when the search has all it can get. */
  next: PlannedCall[];
}

/** Pages first; with `details: full`, once each page is there or has failed, the items of the products that there are. */
export async function standingOf(
  context: QueueContext,
  job: Job,
  { search, request, run }: Collecting,
): Promise<Standing> {
  const planned = request.marketplaces.flatMap((id) => chainOf(request, id).map(({ page }) => page));
  const stored = await context.results.readHeads(search, planned);
  const heads = stored.map(({ head }) => head);
  const wantsDetails = request.details === 'full';
  const details = wantsDetails ? await context.results.readDetails(search) : new Map<string, ItemAnswer>();
  const family = { search, run: run.number, request };
  const reasons = await failureReasons(job);

  const there = new Map(stored.map(({ page, head }) => [page, head]));
  const missingPages = firstMissing(request, there).map((planned) => ({
    ...planned,
    reason: reasons.get(pageJobId(search.searchId, run.number, planned.page)),
  }));
  const failedPages = missingPages.filter(hasFailed);
  const pages = missingPages.filter((page) => !hasFailed(page));
  if (pages.length > 0 || !wantsDetails) {
    const next = pages.map(({ reason, ...planned }) => pageCall(family, planned));
    return { heads, details, failed: failedPages, next };
  }

  const wanted = assembleHeads(request, heads).products.map(({ itemId, marketplace }) => ({
    itemId,
    marketplace,
  }));
  const missingItems = wanted
    .filter(({ itemId }) => !details.has(itemId))
    .map((item) => ({
      ...item,
      page: null,
      reason: reasons.get(itemJobId(search.searchId, run.number, item.itemId)),
    }));
  const failed = [...failedPages, ...missingItems.filter(hasFailed)];
  if (run.broken.includes(DETAILS)) return { heads, details, failed, next: [] };
  const open = new Set(missingItems.filter((item) => !hasFailed(item)).map(({ itemId }) => itemId));
  if (open.size === 0) return { heads, details, failed, next: [] };
  await context.results.wantItems(search, wanted);
  // All of these will be called for, so one more may wait in the queue than are under way: no slot passes it by.
  const lanes = lanesFor(Math.max(...heads.map(({ latencyMs }) => latencyMs)), context.intervalMs()) + 1;
  const first = firstOfLanes(wanted, ({ itemId }) => open.has(itemId), lanes);
  return { heads, details, failed, next: first.map((item) => itemCall(family, item, lanes)) };
}

function hasFailed<Call extends { reason: string | undefined }>(
  call: Call,
): call is Call & { reason: string } {
  return call.reason !== undefined;
}

/** Why children failed for good, by the id of their job. */
async function failureReasons(job: Job): Promise<Map<string, string>> {
  const failures = Object.entries(await job.getIgnoredChildrenFailures());
  return new Map(failures.map(([key, reason]) => [key.slice(key.lastIndexOf(':') + 1), reason]));
}
