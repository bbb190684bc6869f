import type { Job, Queue } from 'bullmq';

const DELIVER = 'deliver';

/** The job of a channel. No job of BullMQ has such an id, and a name has no underscore. */
export function deliveryJobId(channel: string): string {
  return `channel_${channel}`;
}

/**
 * Makes a channel's messages be sent. A job that is there already stays; one that waits for its next try begins at once
 * with `now`.
 */
export async function wakeChannel(
  deliveries: Queue,
  channel: string,
  { now = false }: { now?: boolean } = {},
): Promise<void> {
  const jobId = deliveryJobId(channel);
  await deliveries.add(DELIVER, { channel }, { jobId, removeOnComplete: true, removeOnFail: true });
  if (!now) return;
  const job = await deliveries.getJob(jobId);
  // It may have begun, or ended, meanwhile.
  if ((await job?.getState()) === 'delayed') await job?.promote().catch(() => undefined);
}

/** The channel of a job; undefined for a job of another program. */
export function channelOf({ name, data }: Pick<Job, 'name' | 'data'>): string | undefined {
  const channel = (data as { channel?: unknown } | null)?.channel;
  return name === DELIVER && typeof channel === 'string' && /^[a-z0-9-]{1,60}$/.test(channel)
    ? channel
    : undefined;
}
