import type { Redis } from 'ioredis';
import type { EventType, ServiceEvent } from '../../src/events/event.ts';
import { readEvents } from '../../src/events/stream.ts';

/** All events that are kept, in their order. */
export async function allEvents(redis: Redis, after = '0'): Promise<ServiceEvent[]> {
  const events: ServiceEvent[] = [];
  for await (const { event } of readEvents(redis, '{ebay}', 'default', { after })) events.push(event);
  return events;
}

export function countByType(events: readonly ServiceEvent[]): Partial<Record<EventType, number>> {
  const counts: Partial<Record<EventType, number>> = {};
  for (const { type } of events) counts[type] = (counts[type] ?? 0) + 1;
  return counts;
}
