import type { Redis } from 'ioredis';
import { clockOf } from '../../redis/redisClock.ts';
import { callsQueueName, searchQueueName } from './queues.ts';
import { RedisTimeQueue } from './redisTime.ts';
import { repeatStrategy } from './repeat.ts';

/** The queues of one tenant. The search queue computes runs of schedules as the workers do. */
export function openQueues(connection: Redis, prefix: string, tenant: string) {
  const clock = clockOf(connection, prefix);
  const settings = { repeatStrategy };
  const queues = {
    searches: new RedisTimeQueue(searchQueueName(tenant), { connection, prefix, settings }, clock),
    calls: new RedisTimeQueue(callsQueueName(tenant), { connection, prefix }, clock),
  };
  // BullMQ prints an error without a listener. The connection logs it, and each command reports its own.
  for (const queue of Object.values(queues)) queue.on('error', () => undefined);
  return { ...queues, close: () => Promise.all([queues.searches.close(), queues.calls.close()]) };
}
