import type { Queue } from 'bullmq';

/** Starts a search that has ended once more; it then fetches only what is missing. One that has not ended is left alone. */
export async function wakeSearch(searches: Queue, searchId: string): Promise<boolean> {
  const job = await searches.getJob(searchId);
  const state = await job?.getState();
  if (job === undefined || (state !== 'completed' && state !== 'failed')) return false;
  try {
    await job.retry(state);
    return true;
  } catch (error) {
    // Somebody else woke it in between.
    if ((await job.getState()) !== state) return false;
    throw error;
  }
}
