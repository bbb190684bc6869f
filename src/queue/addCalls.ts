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
