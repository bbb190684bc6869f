import type { Redis } from 'ioredis';
import { clockOf } from '../../redis/redisClock.ts';
import { alertsQueueName, callsQueueName, searchQueueName } from './queues.ts';
import { RedisTimeQueue } from './redisTime.ts';
import { repeatStrategy } from './repeat.ts';

/** The oldest version that a process starts with (`bootChecks`). */
const REDIS_VERSION = '7.0.0';

/** The queues of one tenant. The search queue computes runs of schedules as the workers do. */
export function openQueues(connection: Redis, prefix: string, tenant: string) {
  // 6.7.0 asks Redis for its version when a queue is made. Where Redis does not answer then, every command of the queue fails
  // as long as the process lives.
  const shared = { connection, prefix, skipVersionCheck: true };
  const clock = clockOf(connection, prefix);
  const queues = {
    searches: new RedisTimeQueue(searchQueueName(tenant), { ...shared, settings: { repeatStrategy } }, clock),
    calls: new RedisTimeQueue(callsQueueName(tenant), shared, clock),
    deliveries: new RedisTimeQueue(alertsQueueName(tenant), shared, clock),
  };
  for (const queue of Object.values(queues)) {
    // Unasked it assumes 5.0, for which it has slower scripts.
    const { connection: own } = queue.getBackend() as unknown as { connection: object };
    Object.defineProperty(own, 'redisVersion', { value: REDIS_VERSION });
  }
  // BullMQ prints an error without a listener. The connection logs it, and each command reports its own.
  for (const queue of Object.values(queues)) queue.on('error', () => undefined);
  return { ...queues, close: () => Promise.all(Object.values(queues).map((queue) => queue.close())) };
}
