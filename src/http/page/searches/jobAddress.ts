import { searchQueueName } from '../../../queue/bullmq/queues.ts';

/** The job of a search on the dashboard, for those who may operate. */
export function jobAddress(searchId: string, tenant: string): string {
  return `/admin/queues/queue/${searchQueueName(tenant)}/${encodeURIComponent(searchId)}`;
}
