import type { Priority } from '../product/requestSchema.ts';
import type { SearchRef } from '../results/searchRef.ts';
import type { QueueContext } from './context.ts';
import { PRIORITY } from './priorities.ts';

/** Somebody of a higher class waits for this search: from now on it has that class, its waiting pages included. */
export async function raiseClass(
  { runs, searches, calls }: QueueContext,
  search: SearchRef,
  wanted: Priority,
): Promise<void> {
  const job = await searches.getJob(search.searchId);
  const run = await runs.read(search);
  const present = run?.class ?? (job?.data as { priority?: Priority } | undefined)?.priority ?? 'interactive';
  if (job === undefined || PRIORITY[wanted] >= PRIORITY[present]) return;
  await runs.raise(search, wanted);
  // It may be waiting for a share that its new class is not bound to; if not, time was faster.
  await job.promote().catch(() => undefined);
  const { unprocessed = [] } = await job.getDependencies();
  for (const key of unprocessed) {
    const page = await calls.getJob(key.slice(key.lastIndexOf(':') + 1));
    await page?.changePriority({ priority: PRIORITY[wanted] }).catch(() => undefined);
    await page?.promote().catch(() => undefined);
  }
}
