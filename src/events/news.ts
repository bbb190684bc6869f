import type { Redis } from 'ioredis';
import { LuaScript } from '../redis/luaScript.ts';
import type { ServiceEvent } from './event.ts';
import { eventStreamKey, type StreamEntry, streamEntries } from './stream.ts';

/** A change of a product, or a run of a schedule that failed. That a search has ended is no news. */
export type News =
  | Extract<ServiceEvent, { product: unknown }>
  | Extract<ServiceEvent, { type: 'search.failed' }>;

export interface NewsEntry extends StreamEntry {
  event: News;
}

export function isNews(event: ServiceEvent): event is News {
  return (
    /^(product|watchlist)\./.test(String(event?.type)) ||
    (event?.type === 'search.failed' && event.schedule !== null)
  );
}

/** A place in a stream, such as `1764421800000-0`. */
export function isPlace(text: string | undefined): text is string {
  return text !== undefined && /^\d{1,15}-\d{1,15}$/.test(text);
}

/** Below zero: the first one is older. */
export function comparePlaces(one: string, other: string): number {
  const [ms = 0, n = 0] = one.split('-').map(Number);
  const [otherMs = 0, otherN = 0] = other.split('-').map(Number);
  return ms - otherMs || n - otherN;
}

/**
 * Counts news that came after those that were read. KEYS: hash, stream. ARGV: field of the hash that holds the place up to
 * which they were read, most that are counted, most entries that are looked at.
 */
const UNREAD = new LuaScript(`
local read = redis.pcall('HGET', KEYS[1], ARGV[1])
-- Another program may have written anything.
local ms, n = string.match(type(read) == 'string' and read or '', '^(%d+)%-(%d+)$')
if not ms or #ms > 15 or #n > 15 then read = nil end
local most, among, from = tonumber(ARGV[2]), tonumber(ARGV[3]), '+'
local count, looked = 0, 0
while count < most and looked < among do
  local batch = redis.call('XREVRANGE', KEYS[2], from, read and '(' .. read or '-', 'COUNT', 100)
  for _, entry in ipairs(batch) do
    local type, data = entry[2][4] or '', entry[2][6] or ''
    local failed = type == 'search.failed' and not string.find(data, '"schedule":null', 1, true)
    if failed or string.find(type, '^product%.') or string.find(type, '^watchlist%.') then count = count + 1 end
  end
  if #batch < 100 then break end
  looked, from = looked + 100, '(' .. batch[100][1]
end
return math.min(count, most)`);

/** More than these are shown as `99+`. */
export const MOST_UNREAD = 100;
/** Each entry is about 500 bytes, and the number stands on every page. */
const LOOKED_FOR_UNREAD = 1000;

/** How many news came since, at most `MOST_UNREAD`; one round trip. @param read hash and field of the place up to which they were read */
export async function unreadNews(
  redis: Redis,
  stream: { prefix: string; tenant: string },
  read: { key: string; field: string },
): Promise<number> {
  const keys = [read.key, eventStreamKey(stream.prefix, stream.tenant)];
  return (await UNREAD.run(redis, keys, [read.field, MOST_UNREAD, LOOKED_FOR_UNREAD])) as number;
}

/** News of a range, newest first. */
export interface NewsPage {
  entries: NewsEntry[];
  /** Where to read on away from where it began; undefined: there is nothing further. */
  next: string | undefined;
}

const READ_BATCH = 500;

export interface NewsRange {
  /** Older than this place. Default: the newest. */
  before?: string | undefined;
  /** Or those that follow this place. */
  after?: string | undefined;
  count: number;
  /** Looks at so many events at most; what is further away is read by `next`. */
  among: number;
  /** Chooses those that are wanted. */
  choose: (entries: NewsEntry[]) => NewsEntry[] | Promise<NewsEntry[]>;
}

export async function readNews(
  redis: Redis,
  { prefix, tenant }: { prefix: string; tenant: string },
  { before, after, count, among, choose }: NewsRange,
): Promise<NewsPage> {
  const key = eventStreamKey(prefix, tenant);
  const found: NewsEntry[] = [];
  let place = after ?? before;
  let isEnd = false;
  for (let looked = 0; found.length <= count && looked < among && !isEnd; looked += READ_BATCH) {
    const from = place === undefined ? '+' : `(${place}`;
    const batch = await (after === undefined
      ? redis.xrevrange(key, from, '-', 'COUNT', READ_BATCH)
      : redis.xrange(key, from, '+', 'COUNT', READ_BATCH));
    const news = streamEntries(batch).flatMap(({ place: at, event }) =>
      isNews(event) ? [{ place: at, event }] : [],
    );
    found.push(...(await choose(news)));
    place = batch.at(-1)?.[0] ?? place;
    isEnd = batch.length < READ_BATCH;
  }
  const shown = found.slice(0, count);
  const next = found.length > count ? shown.at(-1)?.place : isEnd ? undefined : place;
  return { entries: after === undefined ? shown : shown.toReversed(), next };
}

/** The places of the oldest and the newest event of a tenant; undefined: there is none. */
export async function placesKept(
  redis: Redis,
  { prefix, tenant }: { prefix: string; tenant: string },
): Promise<{ oldest: string; newest: string } | undefined> {
  const key = eventStreamKey(prefix, tenant);
  const [[first], [last]] = await Promise.all([
    redis.xrange(key, '-', '+', 'COUNT', 1),
    redis.xrevrange(key, '+', '-', 'COUNT', 1),
  ]);
  return first === undefined || last === undefined ? undefined : { oldest: first[0], newest: last[0] };
}
