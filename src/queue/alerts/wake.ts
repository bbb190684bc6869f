import type { Job, Queue } from 'bullmq';
import { storedJson } from '../../redis/storedJson.ts';
import type { StoredJob } from '../bullmq/storedJobs.ts';

const DELIVER = 'deliver';
/** A job that has ended and stays would keep the next one of its id from being added. */
export const ENDED_JOBS = { removeOnComplete: true, removeOnFail: true };

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
  await deliveries.add(DELIVER, { channel }, { jobId, ...ENDED_JOBS });
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

/**
 * Why a job in this queue is another program's; undefined: it is a channel's. As long as one with a channel's id is there, the
 * channel is not woken, and with a delay or children of its own it would stay.
 */
export function foreignDelivery({ id, fields }: StoredJob): string | undefined {
  if (fields === 'not a hash') return undefined;
  const { name = '', data, opts, parentKey } = fields;
  const channel = channelOf({ name, data: storedJson(data) });
  if (channel === undefined || deliveryJobId(channel) !== id) return 'it is no delivery of this service';
  const { delay = 0 } = storedJson<{ delay?: unknown }>(opts) ?? {};
  return delay !== 0 || parentKey !== undefined ? 'deliveries are added without delay and parent' : undefined;
}
