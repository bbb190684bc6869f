import type { NormalRequest } from '../product/requestSchema.ts';
import type { SearchRef } from '../results/searchRef.ts';
import type { QueueContext } from './context.ts';
import { type PageJobData, pageOptions } from './jobData.ts';
import { pageJobId } from './names.ts';
import type { PlannedPage } from './pageChain.ts';

/** The search that pages are added to. */
export interface Family {
  search: SearchRef;
  run: number;
  request: NormalRequest;
}

/**
 * Adds pages as children of their search, each once: BullMQ would attach an id that exists anew, and for a kept failed
 * page the search would then wait for ever. A page whose class may not spend now is added for when it may.
 */
export async function addPages(context: QueueContext, family: Family, pages: PlannedPage[]): Promise<void> {
  const fresh: PlannedPage[] = [];
  for (const planned of pages) if (!(await isAdded(context, family, planned))) fresh.push(planned);
  if (fresh.length === 0) return;
  const delay = await waitOfClass(context, family.request);
  await Promise.all(fresh.map((planned) => addPage(context, family, planned, delay)));
}

async function isAdded(
  { calls }: QueueContext,
  { search, run }: Family,
  { page }: PlannedPage,
): Promise<boolean> {
  const existing = await calls.getJob(pageJobId(search.searchId, run, page));
  if (existing === undefined) return false;
  if ((existing.data as PageJobData).search?.timestamp === search.timestamp) return true;
  // Left by an earlier search of the same id that is gone.
  await existing.remove();
  return false;
}

/** `interactive` may use all: what closes for it closes for everybody and holds the queue. */
async function waitOfClass({ admission }: QueueContext, { priority }: NormalRequest): Promise<number> {
  if (priority === 'interactive') return 0;
  const closed = await admission.closedFor(priority);
  return closed === undefined ? 0 : Math.max(0, closed.until - Date.now());
}

async function addPage(
  context: QueueContext,
  family: Family,
  planned: PlannedPage,
  delay: number,
): Promise<void> {
  const { calls, searches, rules } = context;
  const { search, run, request } = family;
  const { page, marketplace, offset, limit } = planned;
  const data: PageJobData = { v: 1, search, run, page, marketplace, offset, limit, request };
  const name = `page ${page}: ${request.query ?? `category ${request.categoryIds?.join(', ')}`} (${marketplace})`;
  await calls.add(name, data, {
    ...pageOptions(request, rules),
    jobId: pageJobId(search.searchId, run, page),
    parent: { id: search.searchId, queue: searches.qualifiedName },
    ...(delay > 0 ? { delay } : {}),
  });
}
