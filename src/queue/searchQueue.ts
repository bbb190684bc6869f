import { type ConnectionOptions, Queue } from 'bullmq';
import { searchQueueName } from './names.ts';
import { repeatStrategy } from './schedules/repeatStrategy.ts';

/** A tenant's search queue, ready for schedules: whoever adds one must reckon its runs as the workers do. */
export function openSearchQueue(connection: ConnectionOptions, prefix: string, tenant: string): Queue {
  return new Queue(searchQueueName(tenant), { connection, prefix, settings: { repeatStrategy } });
}
