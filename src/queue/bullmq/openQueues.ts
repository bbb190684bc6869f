import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { callsQueueName, searchQueueName } from './queues.ts';
import { repeatStrategy } from './repeat.ts';

/** The queues of one tenant. The search queue computes runs of schedules as the workers do. */
export function openQueues(connection: Redis, prefix: string, tenant: string) {
  const queues = {
    searches: new Queue(searchQueueName(tenant), { connection, prefix, settings: { repeatStrategy } }),
    calls: new Queue(callsQueueName(tenant), { connection, prefix }),
  };
  // BullMQ prints an error without a listener. The connection logs it, and each command reports its own.
  for (const queue of Object.values(queues)) queue.on('error', () => undefined);
  return { ...queues, close: () => Promise.all([queues.searches.close(), queues.calls.close()]) };
}
