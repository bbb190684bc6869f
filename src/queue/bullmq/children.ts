import type { Job, Queue } from 'bullmq';

/** BullMQ 6.7.0 names a child by its Redis key, `PREFIX:QUEUE:ID`; an id that is a child's holds no colon. */
function idOf(key: string): string {
  return key.slice(key.lastIndexOf(':') + 1);
}

/** Why children failed, by the id of their job. */
export async function failuresOfChildren(job: Job): Promise<Map<string, string>> {
  const failures = Object.entries(await job.getIgnoredChildrenFailures());
  return new Map(failures.map(([key, reason]) => [idOf(key), reason]));
}

/** The children that have not ended. */
export async function openChildren(job: Job, queue: Queue): Promise<Job[]> {
  const { unprocessed = [] } = await job.getDependencies();
  const children = await Promise.all(unprocessed.map((key) => queue.getJob(idOf(key))));
  return children.filter((child): child is Job => child !== undefined);
}
