import type { Job, Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { QueueCount } from '../telemetry/fleetMetrics.ts';
import { PRIORITY } from './priorities.ts';

/** BullMQ's score of a prioritized job: its priority times this, and a counter. */
const PRIORITY_STEP = 2 ** 32;

/**
 * When a job became due, ms since the epoch: a scheduled run is added long before, and its id ends with the moment that it
 * is for.
 */
export function dueAt(id: string, timestamp: number): number {
  const planned = /^repeat:.*:(\d{13})$/.exec(id)?.[1];
  return planned === undefined ? timestamp : Number(planned);
}

/** How long ago a job became due, ms. */
export function ageOf({ id, timestamp }: Pick<Job, 'id' | 'timestamp'>, now = Date.now()): number {
  return Math.max(0, now - dueAt(id ?? '', timestamp));
}

/** What a queue holds. Jobs without a priority, which only others add, wait as `interactive`. */
export async function countQueue(redis: Redis, queue: Queue, now = Date.now()): Promise<QueueCount> {
  const key = (name: string) => queue.toKey(name);
  const prioritized = key('prioritized');
  const states = redis
    .pipeline()
    .llen(key('wait'))
    .lindex(key('wait'), -1)
    .zcard(prioritized)
    .llen(key('active'))
    .zcard(key('delayed'))
    .zcard(key('waiting-children'));
  for (const priority of Object.values(PRIORITY)) {
    const [from, to] = [priority * PRIORITY_STEP, `(${(priority + 1) * PRIORITY_STEP}`];
    states.zcount(prioritized, from, to).zrangebyscore(prioritized, from, to, 'LIMIT', 0, 1);
  }
  const [wait, first, waiting, active, delayed, parents, ...perClass] = await answersOf(states);
  const classes = Object.keys(PRIORITY).map((name, index) => {
    const isDefault = name === 'interactive';
    const [count, head] = [perClass[2 * index], perClass[2 * index + 1]] as [number, string[]];
    return {
      name,
      waiting: count + (isDefault ? Number(wait) : 0),
      oldest: [...head, ...(isDefault && first !== null ? [first as string] : [])],
    };
  });
  const ages = redis.pipeline();
  for (const id of classes.flatMap(({ oldest }) => oldest)) ages.hget(queue.toKey(id), 'timestamp');
  const timestamps = await answersOf(ages);
  const ageOfNext = (id: string) => {
    const timestamp = timestamps.shift();
    return timestamp ? Math.max(0, now - dueAt(id, Number(timestamp))) / 1000 : 0;
  };
  return {
    queue: queue.name,
    states: {
      waiting: Number(wait) + Number(waiting),
      active: Number(active),
      delayed: Number(delayed),
      'waiting-children': Number(parents),
    },
    classes: Object.fromEntries(
      classes.map(({ name, waiting, oldest }) => [
        name,
        { waiting, oldest: Math.max(0, ...oldest.map(ageOfNext)) },
      ]),
    ),
  };
}

async function answersOf(pipeline: ReturnType<Redis['pipeline']>): Promise<unknown[]> {
  return ((await pipeline.exec()) ?? []).map(([error, value]) => {
    if (error) throw error;
    return value;
  });
}
