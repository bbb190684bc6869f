import type { NormalRequest } from '../product/requestSchema.ts';
import type { SearchRef } from '../results/searchRef.ts';
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
 * @returns why and until when the added ones wait, if they do
 */
export async function addCalls(
  context: QueueContext,
  family: Family,
  planned: PlannedCall[],
): Promise<Closed | undefined> {
  const added = await Promise.all(planned.map((call) => isAdded(context, family, call)));
  const fresh = planned.filter((_, index) => !added[index]);
  if (fresh.length === 0) return undefined;
  const closed = await closedForClass(context, family.request);
  const delay = closed === undefined ? 0 : Math.max(0, closed.until - Date.now());
  await Promise.all(fresh.map((call) => addCall(context, family, call, delay)));
  return closed;
}

async function isAdded({ calls }: QueueContext, { search }: Family, { id }: PlannedCall): Promise<boolean> {
  const existing = await calls.getJob(id);
  if (existing === undefined) return false;
  if ((existing.data as CallJobData).search?.timestamp === search.timestamp) return true;
  // Left by an earlier search of the same id that is gone.
  await existing.remove();
  return false;
}

/** `interactive` may use all: what closes for it closes for everybody and holds the queue. */
async function closedForClass(
  { admission }: QueueContext,
  { priority }: NormalRequest,
): Promise<Closed | undefined> {
  return priority === 'interactive' ? undefined : admission.closedFor(priority);
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
