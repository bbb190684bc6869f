import type { Redis } from 'ioredis';
import type { ServiceEvent } from './event.ts';
import { eventStreamKey } from './stream.ts';

/** An event and its place in the stream, from which reading can go on. */
export interface StreamEntry {
  /** `MS-N`, MS since the epoch by Redis's clock. */
  place: string;
  event: ServiceEvent;
}

export interface ReadOptions {
  /** Events after this place; `0` for all that are kept, `$` for those yet to come. */
  after: string;
  /** Wait for what comes, until `signal` aborts; needs a connection of its own. */
  follow?: boolean;
  signal?: AbortSignal;
}

const AT_ONCE = 500;
/** Shorter than the time after which a silent connection counts as dead (`REDIS_SOCKET_TIMEOUT`). */
const BLOCK_MS = 2000;

type Entry = [place: string, fields: string[]];

/** A tenant's events in their order, without a consumer group: everyone who reads so sees all of them. */
export async function* readEvents(
  redis: Redis,
  prefix: string,
  tenant: string,
  { after, follow = false, signal }: ReadOptions,
): AsyncGenerator<StreamEntry> {
  const key = eventStreamKey(prefix, tenant);
  let place = after === '$' ? await lastPlace(redis, key) : after;
  while (!signal?.aborted) {
    const entries = follow
      ? await next(redis, key, place)
      : await redis.xrange(key, `(${place}`, '+', 'COUNT', AT_ONCE);
    if (!follow && entries.length === 0) return;
    for (const [at, fields] of entries) {
      place = at;
      const event = eventFrom(fields);
      if (event !== undefined) yield { place, event };
    }
  }
}

/** The latest `count` events, newest first. */
export async function latestEvents(
  redis: Redis,
  prefix: string,
  tenant: string,
  count: number,
): Promise<ServiceEvent[]> {
  const entries = await redis.xrevrange(eventStreamKey(prefix, tenant), '+', '-', 'COUNT', count);
  return entries.flatMap(([, fields]) => eventFrom(fields) ?? []);
}

async function lastPlace(redis: Redis, key: string): Promise<string> {
  const [last] = await redis.xrevrange(key, '+', '-', 'COUNT', 1);
  return last?.[0] ?? '0-0';
}

async function next(redis: Redis, key: string, after: string): Promise<Entry[]> {
  const reply = await redis.xread('COUNT', AT_ONCE, 'BLOCK', BLOCK_MS, 'STREAMS', key, after);
  return reply?.[0]?.[1] ?? [];
}

/** Undefined for an entry that somebody else wrote. */
function eventFrom(fields: string[]): ServiceEvent | undefined {
  const data = fields[fields.indexOf('data') + 1];
  try {
    return JSON.parse(data ?? '') as ServiceEvent;
  } catch {
    return undefined;
  }
}
