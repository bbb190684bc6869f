import type { NormalRequest } from '../../product/requestSchema.ts';
import {
  itemField,
  pageField,
  type SearchRef,
  type Step,
  type WantedItem,
} from '../../results/searchStore.ts';
import { itemJobId, PRIORITY, pageJobId, resumeSearch } from '../bullmq/queues.ts';
import type { QueueContext } from './context.ts';
import { CALL_VERSION, type CallJobData, callOptions } from './jobData.ts';
import type { PlannedPage } from './plan.ts';
import { publishProgress } from './progress.ts';

/** The run that calls belong to. */
export interface SearchRun {
  search: SearchRef;
  number: number;
  request: NormalRequest;
  /** Its progress says that it waits. */
  waiting: boolean;
}

/** A page or an item that is to be called for, as the job that it becomes. */
export interface PlannedCall {
  /** The same call of the same run always has the same. */
  jobId: string;
  /** For people who look at the queue. */
  name: string;
  /** Of its answer in the search store. */
  field: string;
  data: CallJobData;
}

export function pageCall({ search, number, request }: SearchRun, planned: PlannedPage): PlannedCall {
  const { page, marketplace } = planned;
  const { query, categoryIds } = request;
  return {
    jobId: pageJobId(search.searchId, number, page),
    name: `page ${page}: ${query ?? `category ${categoryIds?.join(', ')}`} (${marketplace})`,
    field: pageField(page),
    data: { v: CALL_VERSION, kind: 'page', search, run: number, ...planned },
  };
}

export function itemCall({ search, number }: SearchRun, { itemId, marketplace }: WantedItem): PlannedCall {
  return {
    jobId: itemJobId(search.searchId, number, itemId),
    name: `item ${itemId} (${marketplace})`,
    field: itemField(itemId),
    data: { v: CALL_VERSION, kind: 'item', search, run: number, itemId, marketplace },
  };
}

/**
 * Stores the answer of a call, if there is one, and adds the calls that follow it, or starts a search again that had been
 * summed up. The answer is stored first; all else may be done twice.
 */
export async function advance(
  context: QueueContext,
  run: SearchRun,
  step: Pick<Step, 'chain' | 'answer' | 'concurrency'>,
  followers: readonly PlannedCall[],
): Promise<void> {
  const { store, searches, calls } = context;
  const { search, number } = run;
  const { ended, open } = await store.step(search, {
    ...step,
    run: number,
    followers: followers.map(({ field, jobId }) => ({ field, jobKey: calls.toKey(jobId) })),
  });
  if (ended) {
    await resumeSearch(searches, search.searchId);
    return;
  }
  const added = await Promise.all(
    open.map(async ({ index, jobData }) => {
      const call = followers[index] as PlannedCall;
      if (jobData === undefined) return [call];
      if (belongsTo(search, jobData)) return [];
      // Left by an earlier search of the same id that is gone.
      await (await calls.getJob(call.jobId))?.remove();
      return [call];
    }),
  );
  await addCalls(context, run, added.flat());
}

/** @throws SyntaxError when the job has been tampered with */
function belongsTo({ timestamp }: SearchRef, jobData: string): boolean {
  return (JSON.parse(jobData) as CallJobData).search?.timestamp === timestamp;
}

/**
 * Adds calls as children of their search. None of them has a job: BullMQ would take a kept failed job of the same id for
 * the child, and the search would wait for ever. Calls whose class may not spend now are delayed until it may.
 */
async function addCalls(context: QueueContext, run: SearchRun, added: PlannedCall[]): Promise<void> {
  const { calls, searches, rules, admission } = context;
  const { search, request } = run;
  const { priority } = request;
  // What closes the gate for `interactive` closes it for everybody and holds the queue.
  const isBound = priority !== 'interactive' && added.length > 0;
  const closed = isBound ? await admission.closedFor(priority) : undefined;
  const delay = closed === undefined ? 0 : Math.max(0, closed.until - Date.now());
  const options = {
    ...callOptions(rules),
    priority: PRIORITY[priority],
    parent: { id: search.searchId, queue: searches.qualifiedName },
    ...(delay > 0 ? { delay } : {}),
  };
  await Promise.all(added.map(({ jobId, name, data }) => calls.add(name, data, { ...options, jobId })));
  if (closed !== undefined || run.waiting) await publishProgress(context, run, closed);
}
