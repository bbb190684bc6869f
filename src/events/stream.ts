import type { Redis } from 'ioredis';
import { LuaScript } from '../redis/luaScript.ts';
import { keyOf, type SearchRef } from '../results/searchStore.ts';
import type { ServiceEvent } from './event.ts';

/** The stream that a tenant's events are in: `PREFIX:events`, of tenants other than `default` `PREFIX:events:TENANT`. */
export function eventStreamKey(prefix: string, tenant: string): string {
  return tenant === 'default' ? `${prefix}:events` : `${prefix}:events:${tenant}`;
}

/**
 * Appends the events that this search has not published yet and no cool-down holds back. One that a cool-down held back
 * counts as published. Returns how many were added.
 * KEYS: stream; ids that this search has published; then the cool-down keys of products. ARGV: length of the stream; life
 * of the ids (ms); cool-down (ms); life of an event (ms); then for each event its id, type, JSON and the number of its
 * cool-down key (0: none).
 *
 * The stream as a whole ends with its newest event. Older ones are removed by `Retention`.
 */
const APPEND = new LuaScript(`
local length, memory, cooldown = ARGV[1], ARGV[2], tonumber(ARGV[3])
local added = 0
for i = 5, #ARGV, 4 do
  local id, type, data, product = ARGV[i], ARGV[i + 1], ARGV[i + 2], KEYS[tonumber(ARGV[i + 3])]
  if redis.call('SADD', KEYS[2], id) == 1 then
    if not product or cooldown == 0 or redis.call('SET', product, id, 'NX', 'PX', cooldown) then
      redis.call('XADD', KEYS[1], 'MAXLEN', '~', length, '*', 'id', id, 'type', type, 'data', data)
      added = added + 1
    end
  end
end
redis.call('PEXPIRE', KEYS[2], memory)
if added > 0 then redis.call('PEXPIRE', KEYS[1], ARGV[4]) end
return added`);

/**
 * Changes fields of a hash and appends the events that follow from each change. A field that is not as it was read stays as it
 * is, and has no event: another process has changed it, or this very one before it died. KEYS: hash, stream, another hash that
 * must have the field. ARGV: life of the hash (ms), length of the stream, life of an event (ms); then for each change the
 * field, its value before (empty: none) and after, the number of events, and of each its id, type and JSON. Answers how many
 * fields were changed.
 */
const CHANGE = new LuaScript(`
local i, changed, added = 4, 0, 0
while i <= #ARGV do
  local field, before, after, events = ARGV[i], ARGV[i + 1], ARGV[i + 2], tonumber(ARGV[i + 3])
  i = i + 4
  if (redis.call('HGET', KEYS[1], field) or '') == before and redis.call('HEXISTS', KEYS[3], field) == 1 then
    redis.call('HSET', KEYS[1], field, after)
    changed = changed + 1
    for j = i, i + 3 * events - 1, 3 do
      redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[2], '*', 'id', ARGV[j], 'type', ARGV[j + 1], 'data', ARGV[j + 2])
      added = added + 1
    end
  end
  i = i + 3 * events
end
if changed > 0 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
if added > 0 then redis.call('PEXPIRE', KEYS[2], ARGV[3]) end
return changed`);

/** A field of a hash that changes, and the events that say so. */
export interface FieldChange {
  field: string;
  /** Undefined: it was not there. */
  before: string | undefined;
  after: string;
  events: readonly ServiceEvent[];
}

/** Events of one script, so that it blocks Redis for a moment only. */
const APPEND_BATCH = 200;

interface EventStreamOptions {
  redis: Redis;
  prefix: string;
  /** About how many events are kept; older ones go first. */
  kept: number;
  /** How long an event is kept at most, ms. */
  maxAgeMs: number;
  /** After an event about a product's price, how long none follows, ms; 0: no cool-down. */
  cooldownMs: number;
  /** How long a search remembers its events, ms: as long as it may be run again. */
  memoryMs: number;
}

/** Publishes the events of searches. An event that a search publishes again has no effect. */
export class EventStream {
  readonly #options: EventStreamOptions;

  constructor(options: EventStreamOptions) {
    this.#options = options;
  }

  /** Appends those that this search has not published yet, in their order; returns their number. */
  async append(search: SearchRef, events: readonly ServiceEvent[]): Promise<number> {
    const { redis, prefix, kept, maxAgeMs, cooldownMs, memoryMs } = this.#options;
    let added = 0;
    for (let from = 0; from < events.length; from += APPEND_BATCH) {
      const keys = [eventStreamKey(prefix, search.tenant), keyOf(prefix, 'announced', search)];
      const cooldownOf = (event: ServiceEvent) => {
        const key = cooldownKey(prefix, event);
        return key === undefined ? 0 : keys.push(key);
      };
      const args = events
        .slice(from, from + APPEND_BATCH)
        .flatMap((event) => [event.id, event.type, JSON.stringify(event), cooldownOf(event)]);
      const limits = [kept, ...[memoryMs, cooldownMs, maxAgeMs].map(Math.ceil)];
      added += (await APPEND.run(redis, keys, [...limits, ...args])) as number;
    }
    return added;
  }

  /**
   * Changes fields of a hash and appends their events, each field with its events in one step, so that neither is lost and
   * none comes twice. @param within a hash without which a field is not written @returns how many fields were changed
   */
  async change(
    tenant: string,
    { hash, within, lifeMs }: { hash: string; within: string; lifeMs: number },
    changes: readonly FieldChange[],
  ): Promise<number> {
    const { redis, prefix, kept, maxAgeMs } = this.#options;
    let changed = 0;
    for (let from = 0; from < changes.length; from += APPEND_BATCH) {
      const args = changes
        .slice(from, from + APPEND_BATCH)
        .flatMap(({ field, before = '', after, events }) => [
          ...[field, before, after, events.length],
          ...events.flatMap((event) => [event.id, event.type, JSON.stringify(event)]),
        ]);
      const keys = [hash, eventStreamKey(prefix, tenant), within];
      changed += (await CHANGE.run(redis, keys, [
        ...[Math.ceil(lifeMs), kept, Math.ceil(maxAgeMs)],
        ...args,
      ])) as number;
    }
    return changed;
  }
}

/** Only prices have a cool-down, since they may change to and fro. */
function cooldownKey(prefix: string, event: ServiceEvent): string | undefined {
  if (event.type !== 'product.price-dropped' && event.type !== 'product.price-rose') return undefined;
  return `${prefix}:cooldown:${event.tenant}:${event.track}:${event.product.itemId}`;
}

/** An event and its place in the stream, from which reading can go on. */
export interface StreamEntry {
  /** `MS-N`, MS since the epoch by Redis's clock. */
  place: string;
  event: ServiceEvent;
}

const READ_BATCH = 500;
/** Longest wait of one read, below the time after which a silent connection counts as dead (`REDIS_SOCKET_TIMEOUT`). */
const BLOCK_MS = 2000;

/**
 * A tenant's events in their order, without a consumer group: each reader gets all of them.
 * @param options.after events after this place; `0` for all that are kept, `$` for those yet to come
 * @param options.follow waits for further events, until `signal` aborts; needs a connection of its own
 */
export async function* readEvents(
  redis: Redis,
  prefix: string,
  tenant: string,
  { after, follow = false, signal }: { after: string; follow?: boolean; signal?: AbortSignal },
): AsyncGenerator<StreamEntry> {
  const key = eventStreamKey(prefix, tenant);
  let place = after;
  if (after === '$') {
    const [last] = await redis.xrevrange(key, '+', '-', 'COUNT', 1);
    place = last?.[0] ?? '0-0';
  }
  while (!signal?.aborted) {
    const entries = follow
      ? (await redis.xread('COUNT', READ_BATCH, 'BLOCK', BLOCK_MS, 'STREAMS', key, place))?.[0]?.[1]
      : await redis.xrange(key, `(${place}`, '+', 'COUNT', READ_BATCH);
    if (!follow && entries?.length === 0) return;
    yield* streamEntries(entries ?? []);
    place = entries?.at(-1)?.[0] ?? place;
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

/** An event about a product of a track. */
export type ProductEvent = Extract<ServiceEvent, { track: string; product: unknown }>;

/**
 * The latest `count` events about products of one track, newest first.
 * @param among looks at so many of the newest events of the tenant: a track whose events are all older than these has none
 */
export async function latestOfTrack(
  redis: Redis,
  prefix: string,
  { tenant, track }: { tenant: string; track: string },
  { count, among }: { count: number; among: number },
): Promise<ProductEvent[]> {
  const found: ProductEvent[] = [];
  let before = '+';
  for (let seen = 0; seen < among && found.length < count; seen += READ_BATCH) {
    const entries = await redis.xrevrange(
      eventStreamKey(prefix, tenant),
      before,
      '-',
      'COUNT',
      Math.min(READ_BATCH, among - seen),
    );
    for (const [, fields] of entries) {
      const event = eventFrom(fields);
      if (event !== undefined && isOfTrack(event, track)) found.push(event);
    }
    if (entries.length < READ_BATCH) break;
    before = `(${entries.at(-1)?.[0]}`;
  }
  return found.slice(0, count);
}

function isOfTrack(event: ServiceEvent, track: string): event is ProductEvent {
  return String(event?.type).startsWith('product.') && (event as ProductEvent).track === track;
}

/** Entries as Redis answers them, without those that another program wrote. */
export function streamEntries(entries: ReadonlyArray<[place: string, fields: string[]]>): StreamEntry[] {
  return entries.flatMap(([place, fields]) => {
    const event = eventFrom(fields);
    return event === undefined ? [] : [{ place, event }];
  });
}

/** Undefined for an entry that another program wrote. */
function eventFrom(fields: string[]): ServiceEvent | undefined {
  const data = fields[fields.indexOf('data') + 1];
  try {
    return JSON.parse(data ?? '') as ServiceEvent;
  } catch {
    return undefined;
  }
}
