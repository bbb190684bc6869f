import type { Job } from 'bullmq';
import { assemble } from '../collector/assemble.ts';
import type { NormalRequest } from '../product/requestSchema.ts';
import type { StoredResult } from '../results/resultStore.ts';
import type { Run } from '../results/runState.ts';
import type { SearchRef } from '../results/searchRef.ts';
import type { PlannedCall } from './addCalls.ts';
import type { QueueContext } from './context.ts';
import { DETAILS } from './itemJob.ts';
import { firstOfLanes } from './itemLanes.ts';
import { itemJobId, pageJobId } from './names.ts';
import { firstMissing, lanesFor } from './pageChain.ts';
import { itemCall, pageCall } from './plannedCalls.ts';
import type { FailedCall } from './summarise.ts';

interface Collecting {
  search: SearchRef;
  request: NormalRequest;
  run: Run;
}

/** How a search stands that has no call under way. */
export interface Standing {
  content: StoredResult;
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
  const content = await context.results.readAll(search);
  const family = { search, run: run.number, request };
  const reasons = await failureReasons(job);

  const there = new Map(content.pages.map(({ page, answer }) => [page, answer]));
  const missingPages = firstMissing(request, there).map((planned) => ({
    ...planned,
    reason: reasons.get(pageJobId(search.searchId, run.number, planned.page)),
  }));
  const failedPages = missingPages.filter(hasFailed);
  const pages = missingPages.filter((page) => !hasFailed(page));
  if (pages.length > 0 || request.details === 'none') {
    const next = pages.map(({ reason, ...planned }) => pageCall(family, planned));
    return { content, failed: failedPages, next };
  }

  const answers = content.pages.map(({ answer }) => answer);
  const wanted = assemble(request, answers).products.map(({ itemId, marketplace }) => ({
    itemId,
    marketplace,
  }));
  const missingItems = wanted
    .filter(({ itemId }) => !content.details.has(itemId))
    .map((item) => ({
      ...item,
      page: null,
      reason: reasons.get(itemJobId(search.searchId, run.number, item.itemId)),
    }));
  const failed = [...failedPages, ...missingItems.filter(hasFailed)];
  if (run.broken.includes(DETAILS)) return { content, failed, next: [] };
  const open = new Set(missingItems.filter((item) => !hasFailed(item)).map(({ itemId }) => itemId));
  if (open.size === 0) return { content, failed, next: [] };
  await context.results.wantItems(search, wanted);
  const lanes = lanesFor(Math.max(...answers.map(({ latencyMs }) => latencyMs)), context.intervalMs());
  const first = firstOfLanes(wanted, ({ itemId }) => open.has(itemId), lanes);
  return { content, failed, next: first.map((item) => itemCall(family, item, lanes)) };
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
