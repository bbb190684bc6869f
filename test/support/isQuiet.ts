import type { Queue } from 'bullmq';

/** Whether no job of a queue waits or runs. */
export async function isQuiet(queue: Queue): Promise<boolean> {
  const states = ['active', 'prioritized', 'waiting', 'waiting-children', 'delayed'] as const;
  const counts = await queue.getJobCounts(...states);
  return Object.values(counts).every((count) => count === 0);
}
